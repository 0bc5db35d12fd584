"""Results as a Markdown table with each target beside its figure, and a plot (SVG) without a plotting library."""

import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

Results = dict[str, Any]


def _ratio(results: Results, workload: str, stack: str, field: str, over: str = "covet") -> float | None:
    try:
        return float(results["load"][workload][stack][field]) / float(results["load"][workload][over][field])
    except (KeyError, ZeroDivisionError):
        return None


def _micro(results: Results, name: str, field: str) -> float | None:
    figure = results.get("micro", {}).get(name)
    return None if figure is None else float(figure[field])


def _memory(results: Results, stack: str) -> float | None:
    try:
        return float(results["load"]["memory"][stack]["mb"])
    except KeyError:
        return None


def targets(results: Results) -> list[tuple[str, str, float | None, bool | None]]:
    """(what, target, figure, met) for every target; a figure that was not measured is None."""
    rows: list[tuple[str, float | None, str, float]] = [
        ("get(pk=…) over raw asyncpg fetchrow, µs", _micro(results, "get", "over_us"), "<=", 3.0),
        ("10,000 rows into instances, over asyncpg records", _micro(results, "10,000 rows", "ratio"), "<=", 1.25),
    ]
    for workload, limit in (("row", 1.35), ("rows", 1.25), ("complex", 1.3), ("m2m", 1.5)):
        over = _ratio(results, workload, "floor", "app_us")
        rows.append((f"app CPU over the floor: {workload}", None if over is None else 1 / over, "<=", limit))
    for workload, limit in (
        ("row", 7.1),
        ("rows", 7.1),
        ("complex", 7.1),
        ("fortunes", 7.1),
        ("m2m", 9.0),
        ("insert", 5.0),
        ("update", 6.0),
    ):
        rows.append(
            (
                f"app + database CPU, Django over ours: {workload}",
                _ratio(results, workload, "django", "both_us"),
                ">=",
                limit,
            )
        )
    p99 = [value for workload in ("row", "rows", "complex") if (value := _ratio(results, workload, "django", "p99_ms"))]
    rows.append(
        ("p99 at 64 clients, Django over ours (least of row, rows, complex)", min(p99) if p99 else None, ">=", 4.0)
    )
    rows.append(
        (
            "bulk insert of 10,000 with keys, wall, Django over ours",
            _micro(results, "bulk insert 10,000", "ratio"),
            ">=",
            4.0,
        )
    )
    sockets = results.get("sockets", {})
    rows.append(("WebSocket broadcast to 200, Channels over ours", sockets.get("broadcast_ratio"), ">=", 20.0))
    rows.append(("WebSocket echo, Channels over ours", sockets.get("echo_ratio"), ">=", 8.0))
    rows.append(("10,000 idle WebSockets, kB each", sockets.get("idle_kb"), "<=", 25.0))
    ours, django = _memory(results, "covet"), _memory(results, "django")
    rows.append(
        ("memory of all workers, ours over Django's", None if not ours or not django else ours / django, "<=", 1.0)
    )
    for name, workload in (
        ("20 reads in one request", "queries"),
        ("annotate(Count) as one would write it", "natural"),
    ):
        rows.append(
            (f"app + database CPU, Django over ours: {name}", _ratio(results, workload, "django", "both_us"), "", 0.0)
        )
    judged: list[tuple[str, str, float | None, bool | None]] = []
    for name, figure, sign, limit in rows:
        if not sign:
            judged.append((name, "none", figure, None))
            continue
        met = None if figure is None else figure <= limit if sign == "<=" else figure >= limit
        judged.append((name, f"{'at most' if sign == '<=' else 'at least'} {limit:g}", figure, met))
    return judged


def markdown(results: Results) -> str:
    """The report."""
    lines = ["## Targets", "", "| what | target | measured | met |", "|---|---|---|---|"]
    for name, target, figure, met in targets(results):
        shown = "not measured" if figure is None else f"{figure:.2f}"
        lines.append(f"| {name} | {target} | {shown} | {'–' if met is None else 'yes' if met else '**no**'} |")
    load = results.get("load", {})
    stacks = [stack for stack in results.get("stacks", {}) if any(stack in load.get(name, {}) for name in load)]
    for title, field, digits in (
        ("App CPU, µs a request", "app_us", 0),
        ("App and database CPU, µs a request", "both_us", 0),
        ("Requests a second", "rate", 0),
        ("p50, ms", "p50_ms", 2),
        ("p99, ms", "p99_ms", 2),
        ("CPUs used by other processes meanwhile", "foreign", 2),
        ("Answers that failed", "errors", 0),
    ):
        if not load or (field == "errors" and not _errors(load)):
            continue
        lines += ["", f"### {title}", "", "| workload | " + " | ".join(stacks) + " |", "|---" * (len(stacks) + 1) + "|"]
        for workload, cells in load.items():
            if workload == "memory":
                continue
            shown = [f"{cells[stack][field]:.{digits}f}" if stack in cells else "–" for stack in stacks]
            lines.append(f"| {workload} | " + " | ".join(shown) + " |")
    if "memory" in load:
        lines += ["", "### Memory of all processes of a stack, MB (proportional)", "", "| stack | MB |", "|---|---|"]
        lines += [f"| {stack} | {load['memory'][stack]['mb']:.0f} |" for stack in stacks if stack in load["memory"]]
    if "micro" in results:
        lines += [
            "",
            "### In process, µs of CPU a call",
            "",
            "| operation | ours | raw asyncpg | over | ratio |",
            "|---|---|---|---|---|",
        ]
        for name, figure in results["micro"].items():
            if "ours_us" in figure:
                lines.append(
                    f"| {name} | {figure['ours_us']:.1f} | {figure['raw_us']:.1f} | {figure['over_us']:.1f} | {figure['ratio']:.2f} |"
                )
    if "sockets" in results:
        lines += ["", "### WebSockets, µs of the server's CPU a message", "", "| | covet | channels |", "|---|---|---|"]
        found = results["sockets"]
        lines += [
            f"| {kind} | {found[f'covet_{kind}_us']:.1f} | {found[f'channels_{kind}_us']:.1f} |"
            for kind in ("echo", "broadcast")
        ]
        lines += [
            "",
            f"{found['idle_alive']:,.0f} of {found['idle_clients']:,.0f} idle connections stayed open, {found['idle_kb']:.1f} kB each.",
        ]
    if "workloads" in results:
        lines += ["", "### Workloads", ""]
        lines += [f"- **{name}**: {about}" for name, about in results["workloads"].items()]
    if "stacks" in results:
        lines += ["", "### Configurations", ""]
        lines += [f"- **{name}**: {about}" for name, about in results["stacks"].items()]
    if "machine" in results:
        lines += ["", f"Measured on {results['machine']}, in {results['minutes']:.0f} minutes."]
    return "\n".join(lines) + "\n"


def _errors(load: dict[str, Any]) -> float:
    return sum(cell["errors"] for name, cells in load.items() if name != "memory" for cell in cells.values())


def layers_table(layers: list[tuple[str, float]]) -> str:
    """The layers of a request."""
    return (
        "\n".join(["| layer | µs of CPU |", "|---|---|", *(f"| {name} | {value:.1f} |" for name, value in layers)])
        + "\n"
    )


def refresh(page: Path, parts: dict[str, str]) -> None:
    """Put the parts between their marks in a page: `<!-- NAME -->` and `<!-- end of NAME -->`.

    Raises:
        ValueError: the page lacks a mark.
    """
    text = page.read_text()
    for name, part in parts.items():
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda found, part=part: f"{found[1]}\n{part}\n{found[2]}", text)
        if count != 1:
            raise ValueError(f"{page} has {count} places for {name!r}, expected one")
    page.write_text(text)


def plot(results: Results) -> str:
    """Bars of app + database CPU a request, as a ratio to ours."""
    load = results.get("load", {})
    names = [name for name in load if name not in ("memory", "plaintext", "json", "natural") and "covet" in load[name]]
    stacks = ("floor", "covet", "fastapi", "tortoise", "piccolo", "django", "django-asgi", "django-defaults")
    colours = ["#9aa5b1", "#0f766e", "#60a5fa", "#a78bfa", "#f472b6", "#f59e0b", "#d97706", "#92400e"]
    height, gap, left, width = 13, 12, 90, 760
    values: list[tuple[str, list[tuple[str, float, str]]]] = []
    for name in names:
        bars = [
            (stack, load[name][stack]["both_us"] / load[name]["covet"]["both_us"], colour)
            for stack, colour in zip(stacks, colours, strict=True)
            if stack in load[name]
        ]
        values.append((name, bars))
    largest = max((ratio for _, bars in values for _, ratio, _ in bars), default=1.0)
    scale = (width - left - 130) / largest
    parts: list[str] = []
    y = 30
    for name, bars in values:
        parts.append(
            f'<text x="{left - 8}" y="{y + height * len(bars) / 2 + 4}" text-anchor="end" font-weight="600">{escape(name)}</text>'
        )
        for stack, ratio, colour in bars:
            parts.append(
                f'<rect x="{left}" y="{y}" width="{ratio * scale:.1f}" height="{height - 2}" fill="{colour}"/>'
            )
            parts.append(
                f'<text x="{left + ratio * scale + 5:.1f}" y="{y + height - 4}" fill="#475569">{escape(stack)} {ratio:.1f}</text>'
            )
            y += height
        y += gap
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" font-family="system-ui, sans-serif" font-size="11">'
        f'<rect width="{width}" height="{y}" fill="#ffffff"/>'
        '<text x="10" y="18" font-size="13" font-weight="700">App + database CPU a request, relative to CovetPy (less is better)</text>'
    )
    return head + "".join(parts) + "</svg>\n"


def write(results: Results, folder: Path, page: Path | None = None) -> None:
    """results.json, performance table and plot into `folder`; the tables into `page` too, if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    (folder / "results.md").write_text(markdown(results))
    (folder / "results.svg").write_text(plot(results))
    if page is not None:
        refresh(page, {"results": markdown(results), "layers": layers_table(results["layers"])})
