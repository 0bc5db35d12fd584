"""The tables that a project's migrations have made, read from their source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from covet.database.migrations.files import MigrationFile


def managed_tables(files: Iterable[MigrationFile]) -> set[str]:
    """Tables created (or renamed) by `up()` and not dropped by a later one.

    Args:
        files: migrations, in order.
    """
    tables: set[str] = set()
    for each in files:
        for function in _ups(each):
            _follow(function, tables)
    return tables


def made_tables(files: Iterable[MigrationFile]) -> set[str]:
    """Every table that `up()` ever creates, or renames something to."""
    made: set[str] = set()
    for each in files:
        for function in _ups(each):
            tables: set[str] = set()
            _follow(function, tables, forget=False)
            made |= tables
    return made


def _ups(each: MigrationFile) -> list[ast.AsyncFunctionDef]:
    tree = ast.parse(each.path.read_bytes())
    return [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == "up"]


def _follow(function: ast.AsyncFunctionDef, tables: set[str], *, forget: bool = True) -> None:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        names = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if kind == "create_table" and names:
            tables.add(names[0])
        elif kind == "drop_table" and names and forget:
            tables.discard(names[0])
        elif kind == "rename_table" and len(names) > 1:
            if forget:
                tables.discard(names[0])
            tables.add(names[1])
