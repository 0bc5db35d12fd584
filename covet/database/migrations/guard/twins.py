"""The safe form of a rename and of another type: a twin beside the column, filled, then in its place."""

from __future__ import annotations

from collections.abc import Mapping

from covet.database.migrations.guard.calls import UNKNOWN, MigrationSource, OperationCall
from covet.database.migrations.source import call
from covet.database.migrations.sqltext import VENDORS, words
from covet.database.migrations.twins.base import BY_HAND, kin
from covet.exceptions import CovetError

KEEP_THE_NAME = (
    "a table has one name: keep it with Meta.db_table; or, on PostgreSQL, write by hand rename_table and "
    'execute(\'CREATE VIEW "old" AS SELECT * FROM "new"\') in one migration, and drop the view when the release before '
    "has gone (bulk_create does not go through a view)"
)


class CannotSplit(CovetError):
    """A migration that no files can make safe: the sequence to do by hand is in the message."""


class ByHand(Exception):
    """One operation that cannot be split, and what to do instead."""


def widens(old: object, new: object) -> bool:
    """Whether every value of a text type fits another one, which the database then changes without a look at the rows.

    >>> widens('VARCHAR(30)', 'VARCHAR(40)'), widens('VARCHAR(30)', 'TEXT'), widens('TEXT', 'VARCHAR(9)')
    (True, True, False)
    """
    if not isinstance(old, str) or not isinstance(new, str) or {kin(_bare(old)), kin(_bare(new))} != {"text"}:
        return False
    before, after = _length(old), _length(new)
    return after is None or (before is not None and after >= before)


def old_type(each: OperationCall, source: MigrationSource) -> object:
    """The type that `down()` gives the column back."""
    name = each.argument(1, "name")
    for back in source.back:
        if back.name == "alter_column" and back.table == each.table and back.argument(1, "name") == name:
            return back.options.get("type")
    return None


def retyped(each: OperationCall, source: MigrationSource) -> tuple[object, object]:
    """The old and the new type of a column.

    Raises:
        ByHand: two releases do not both understand them.
    """
    old, new = old_type(each, source), each.options.get("type")
    if old in (None, UNKNOWN) or new is UNKNOWN:
        raise ByHand("down() does not say the old type: write alter_column(..., type=OLD) there")
    if each.options.get("using") is not None:
        raise ByHand(f"`using` makes other values of the old ones: {BY_HAND}")
    if each.options.get("identity") is not None:
        raise ByHand("a key that counts up: change it in a window without traffic, and say so with # covet: unsafe-ok")
    for vendor in VENDORS:
        before, after = (_bare(str(_for(value, vendor))) for value in (old, new))
        if kin(before) != kin(after):
            raise ByHand(f"a release that reads {before} does not understand {after}: {BY_HAND}")
        if before.lower().endswith("unsigned") != after.lower().endswith("unsigned"):
            raise ByHand("add or drop the CHECK in a migration of its own, and change the type in another one")
    return old, new


def twin_of(name: str) -> str:
    """The name of a column of the new type, while there are two."""
    return f"{name[:56]}__new"


def mentions(each: OperationCall, names: set[str]) -> bool:
    """Whether an operation speaks of a column."""
    found = {token.value for token in words(each.source) if token.kind in {"string", "name", "word"}}
    inner = {token.value for text in list(found) for token in words(text)}
    return bool(names & (found | inner))


def rename_calls(table: str, old: str, new: str) -> dict[str, list[str]]:
    """The calls of a rename, by phase."""
    return {
        "expand": [call("add_twin", table, old, new)],
        "expand_back": [call("drop_twin", table, old, new)],
        "backfill": [call("fill_twin", table, old, new)],
        "contract": [call("drop_twin", table, new, old)],
        "contract_back": [call("add_twin", table, new, old), call("fill_twin", table, new, old)],
    }


def retype_calls(table: str, name: str, old: object, new: object) -> dict[str, list[str]]:
    """The calls of a change of type, by phase."""
    twin = twin_of(name)

    def made(kind: object) -> list[str]:
        return [call("add_twin", table, name, twin, type=kind), call("fill_twin", table, name, twin)]

    return {
        "expand": made(new)[:1],
        "expand_back": [call("drop_twin", table, name, twin)],
        "backfill": made(new)[1:],
        "contract": [call("swap_twin", table, name, twin, type=new)],
        "contract_back": [*made(old), call("swap_twin", table, name, twin, type=old), *made(new)],
    }


def _for(value: object, vendor: str) -> object:
    return value.get(vendor, value.get("default")) if isinstance(value, Mapping) else value


def _bare(kind: str) -> str:
    return kind.partition(" COLLATE ")[0].strip()


def _length(kind: str) -> int | None:
    return next((int(token.text) for token in words(_bare(kind)) if token.kind == "number"), None)
