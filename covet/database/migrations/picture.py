"""Pictures of a graph of migrations: text for a terminal, SVG for everything else."""

from __future__ import annotations

from html import escape

from covet.database.migrations.files import Key
from covet.database.migrations.graph import Graph

_WIDTH, _HEIGHT, _GAP, _LANE = 230, 34, 60, 70


def terminal(graph: Graph) -> str:
    """One line for each migration, in order: `●` applied, `○` pending; arrows name other apps' migrations."""
    lines: list[str] = []
    for each in graph.order:
        mark = "●" if each.key in graph.applied else "○"
        others = [f"{app}/{name}" for app, name in graph.waits[each.key] if app != each.app]
        arrow = f"  ← {', '.join(others)}" if others else ""
        lines.append(f"{mark} {each.title}{arrow}")
    return "\n".join(lines)


def svg(graph: Graph) -> str:
    """Boxes from left to right, a lane for each app, an arrow from what each waits for."""
    depth: dict[Key, int] = {}
    for each in graph.order:
        depth[each.key] = 1 + max((depth[key] for key in graph.waits[each.key]), default=-1)
    apps = sorted({each.app for each in graph.order})
    place = {
        each.key: (20 + depth[each.key] * (_WIDTH + _GAP), 40 + apps.index(each.app) * _LANE) for each in graph.order
    }
    width = 40 + (1 + max(depth.values(), default=0)) * (_WIDTH + _GAP)
    height = 60 + max(len(apps), 1) * _LANE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
    ]
    for each in graph.order:
        x, y = place[each.key]
        for key in graph.waits[each.key]:
            left, top = place[key]
            parts.append(
                f'<path d="M{left + _WIDTH} {top + _HEIGHT // 2} C{left + _WIDTH + _GAP // 2} {top + _HEIGHT // 2} '
                f'{x - _GAP // 2} {y + _HEIGHT // 2} {x} {y + _HEIGHT // 2}" fill="none" stroke="#667" '
                'marker-end="url(#tip)"/>'
            )
        colour = "#d8f0dc" if each.key in graph.applied else "#f4f4f6"
        parts.append(
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{colour}" stroke="#667"/>'
            f'<text x="{x + 10}" y="{y + 21}">{escape(each.title)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])
