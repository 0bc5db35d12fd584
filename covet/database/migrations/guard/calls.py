"""The operations that a migration's `up()` calls, read from its source without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_SILENCE: Final = re.compile(r"#\s*covet:\s*unsafe-ok\s+(?P<reason>\S.*)$")


class Unknown:
    """Stands for an argument that is computed, not written."""

    def __repr__(self) -> str:
        return "..."


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class OperationCall:
    """One call of an operation.

    Attributes:
        name: the operation.
        arguments: positional arguments; UNKNOWN where the source computes one.
        options: keyword arguments.
        line: where it stands.
        source: its source text.
        silenced: the reason of a `# covet: unsafe-ok` comment.
    """

    name: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    line: int
    source: str
    silenced: str | None = None

    @property
    def table(self) -> str:
        """The table it works on."""
        place = 1 if self.name in {"create_index", "drop_index"} else 0
        value = self.argument(place, "table")
        return value if isinstance(value, str) else "?"

    @property
    def is_ddl(self) -> bool:
        """Whether it changes a table, index or constraint that it names."""
        verb, _, thing = self.name.partition("_")
        changes = verb in {"create", "drop", "rename", "alter", "add", "comment"}
        return changes and not thing.startswith(("enum", "extension"))

    def argument(self, place: int, name: str = "") -> Any:
        """A positional argument, or the keyword that may stand for it."""
        if place < len(self.arguments):
            return self.arguments[place]
        return self.options.get(name)


@dataclass(frozen=True)
class MigrationSource:
    """What a migration file says.

    Attributes:
        path: the file.
        calls: the operations of `up()`, in order.
        back: the operations of `down()`.
        is_atomic: whether one transaction holds them all.
    """

    path: Path
    calls: list[OperationCall] = field(default_factory=list)
    back: list[OperationCall] = field(default_factory=list)
    is_atomic: bool = True


def read_source(path: Path) -> MigrationSource:
    """Read a migration file."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    return MigrationSource(path, list(_calls(tree, text, "up")), list(_calls(tree, text, "down")), _is_atomic(tree))


def _is_atomic(tree: ast.Module) -> bool:
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return not any(
        isinstance(node.value, ast.Constant)
        and node.value.value is False
        and any(isinstance(target, ast.Name) and target.id == "atomic" for target in node.targets)
        for node in assigned
    )


def _calls(tree: ast.Module, text: str, function: str) -> Iterator[OperationCall]:
    lines = text.splitlines()
    found: list[OperationCall] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.AsyncFunctionDef) or node.name != function:
            continue
        calls = [each for each in ast.walk(node) if isinstance(each, ast.Call) and _is_operation(each)]
        found += [_call(each, text, lines) for each in calls]
    yield from sorted(found, key=lambda each: each.line)


def _is_operation(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"


def _call(call: ast.Call, text: str, lines: list[str]) -> OperationCall:
    assert isinstance(call.func, ast.Attribute)
    above = lines[call.lineno - 2 : call.lineno - 1] if call.lineno > 1 else []
    around = [line for line in above if line.lstrip().startswith("#")] + lines[call.lineno - 1 : call.end_lineno]
    reasons = [match["reason"].strip() for line in around if (match := _SILENCE.search(line))]
    return OperationCall(
        call.func.attr,
        tuple(_value(each) for each in call.args),
        {each.arg: _value(each.value) for each in call.keywords if each.arg},
        call.lineno,
        ast.get_source_segment(text, call) or "",
        reasons[0] if reasons else None,
    )


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, SyntaxError, TypeError):
        return UNKNOWN
