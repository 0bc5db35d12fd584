"""Writes the phases of an unsafe migration as files in its place; what stands around its class is kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from covet.database.migrations.guard.phases import Phases
from covet.database.migrations.source import file_source

_USUAL_HEAD = "from covet.database.migrations import Migration\n"


@dataclass(frozen=True)
class Surroundings:
    """What a migration file says besides its operations.

    Attributes:
        head: the lines above the class.
        names: what they import and define.
        attributes: the class attributes that hold for its parts too.
    """

    head: str
    names: frozenset[str]
    attributes: dict[str, object]

    @classmethod
    def of(cls, text: str) -> Surroundings:
        """Read a file."""
        tree = ast.parse(text)
        place = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Migration")
        lines = text.splitlines(keepends=True)
        attributes = {
            target.id: ast.literal_eval(node.value)
            for node in place.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in {"dependencies", "run_before", "database"}
        }
        names: set[str] = set()
        for node in tree.body[: tree.body.index(place)]:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names |= {(each.asname or each.name).split(".")[0] for each in node.names}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {each.id for each in node.targets if isinstance(each, ast.Name)}
        return cls("".join(lines[: place.lineno - 1]).rstrip() + "\n", frozenset(names - {"Migration"}), attributes)

    def around(self, source: str) -> str:
        """A part's file, with the head that its operations speak of."""
        used = set(re.findall(r"\w+", source))
        return source.replace(_USUAL_HEAD, self.head, 1) if self.names & used else source


def write_phases(path: Path, phases: Phases, *, title: str) -> list[Path]:
    """Write the phases as files in place of an unapplied migration; those behind it move up.

    Args:
        path: the migration that they replace; it is removed.
        phases: the calls.
        title: what the migration does.

    Returns:
        The files.
    """
    around = Surroundings.of(path.read_text("utf-8"))
    digits, _, rest = path.stem.partition("_")
    parts = [
        ("expand", phases.expand, phases.expand_back),
        ("backfill", phases.backfill, []),
        ("contract", phases.contract, phases.contract_back),
    ]
    chosen = [part for part in parts if part[1]]
    stems = [f"{int(digits) + place:0{len(digits)}d}_{rest}_{part[0]}" for place, part in enumerate(chosen)]
    path.unlink()
    _make_room(path, len(chosen) - 1, stems[-1])
    written: list[Path] = []
    for stem, (word, up, down) in zip(stems, chosen, strict=True):
        source = file_source(f"{title} ({word})", up, down, attributes=_attributes(around, stem, stems))
        written.append(path.with_name(f"{stem}.py"))
        written[-1].write_text(around.around(source), "utf-8")
    return written


def _attributes(around: Surroundings, stem: str, stems: Sequence[str]) -> list[tuple[str, object]]:
    """What the first part waits for, what waits for the last one, and what holds for all."""
    kept = {"database", *(["dependencies"] if stem == stems[0] else []), *(["run_before"] if stem == stems[-1] else [])}
    return [("atomic", False), *((name, value) for name, value in around.attributes.items() if name in kept)]


def _make_room(path: Path, shift: int, last: str) -> None:
    """Give the migrations behind this one their new numbers, and the names that they wait for."""
    digits = path.stem.partition("_")[0]
    behind = sorted(
        each for each in path.parent.glob("[0-9]*_*.py") if each.stem.partition("_")[0] > digits and shift > 0
    )
    names = {path.stem: last}
    for each in behind:
        number, _, rest = each.stem.partition("_")
        names[each.stem] = f"{int(number) + shift:0{len(number)}d}_{rest}"
    for each in reversed(behind):
        text = each.read_text("utf-8")
        for old, new in names.items():
            text = re.sub(rf"(['\"]){re.escape(old)}\1", rf"\g<1>{new}\g<1>", text)
        each.rename(each.with_name(f"{names[each.stem]}.py")).write_text(text, "utf-8")
