"""What the twins of every database share: their names, what a type is kin to, and the refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from covet.database.migrations.sqltext import quote, tokens, words
from covet.exceptions import NotSupportedError

Run = Callable[[str], Awaitable[int]]

_KIN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("smallint", "integer", "int", "bigint", "mediumint", "tinyint"), "integer"),
    **dict.fromkeys(
        ("varchar", "character varying", "text", "citext", "longtext", "mediumtext", "tinytext", "nvarchar"), "text"
    ),
    **dict.fromkeys(("numeric", "decimal"), "decimal"),
    **dict.fromkeys(("real", "double precision", "double", "float"), "float"),
}

BY_HAND: Final = (
    "do it by hand: add a field under another name, have one release write both, fill it with backfill(), have the "
    "next release read it, then drop the old one"
)
"""The sequence for what no trigger can keep apart from the code."""


class NoTwin(NotSupportedError):
    """A column that cannot have a twin: what to do by hand is in the message."""

    def __init__(self, table: str, column: str, reason: str) -> None:
        super().__init__(f"{table}.{column} cannot be changed beside two releases: {reason}; {BY_HAND}.")
        self.table, self.column = table, column


class Twins(Protocol):
    """How one database keeps two columns in step."""

    async def check(self, table: str, main: str, kind: str | None) -> None:
        """Refuse a column that cannot have a twin."""

    async def add(self, table: str, main: str, twin: str, kind: str | None) -> None:
        """Add the twin and the triggers."""

    async def key(self, table: str, main: str, twin: str) -> str | None:
        """The column that orders the batches of filling; None where there is no twin to fill."""

    async def settle(self, table: str, main: str, twin: str) -> None:
        """Give the filled twin what the column has: indexes, keys, checks, NOT NULL."""

    async def drop(self, table: str, keep: str, gone: str) -> None:
        """Leave one of the two."""

    async def swap(self, table: str, main: str, twin: str, kind: str) -> None:
        """Put the twin in the column's place, under its name."""


def kin(kind: str) -> str:
    """The types that the same Python values go into share a name; any other type is its own.

    >>> kin('VARCHAR(30)'), kin('bigint unsigned'), kin('uuid')
    ('text', 'integer', 'uuid')
    """
    base = kind.lower().split("(")[0].removesuffix(" unsigned").strip()
    if base == "tinyint" and kind.lower().startswith("tinyint(1)"):
        return "boolean"
    return _KIN.get(base, kind.lower())


def check_kin(table: str, column: str, old: str, new: str) -> None:
    """Refuse a change to a type whose values are other ones to Python.

    Raises:
        NoTwin: the two releases, which both know the column by one name, would not understand each other.
    """
    if kin(old) != kin(new):
        raise NoTwin(table, column, f"values of {new} are others than those of {old} to a release that reads them")


def mark(table: str, main: str, twin: str) -> str:
    """The name of the triggers; the order of the two columns matters."""
    return f"covet_twin_{_digest(table, main, twin)}"


def twin_name(table: str, twin: str, of: str) -> str:
    """The name, for the time being, of the twin's copy of an index or constraint."""
    return f"covet_twin_{_digest(table, twin, of)}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def renamed(sql: str, old: str, new: str) -> str:
    """SQL in the database's own words, with a column under its new name."""
    found = list(tokens(sql))
    parts: list[str] = []
    for place, token in enumerate(found):
        before = found[place - 1].text if place else ""
        after = found[place + 1].text if place + 1 < len(found) else ""
        # A word that is called or cast to is a function or a type.
        is_column = token.kind == "name" or (token.kind == "word" and before != "::" and after != "(")
        if is_column and token.value == old:
            parts.append(quote(new, "mysql" if token.text.startswith("`") else "postgresql"))
        else:
            parts.append(token.text)
    return "".join(parts)


def only_key(rows: Sequence[str], table: str, column: str) -> str:
    """The one column of a primary key; the batches go by it.

    Raises:
        NoTwin: there is none, or it is the column itself.
    """
    if len(rows) != 1:
        raise NoTwin(table, column, "the batches need a primary key of one column")
    if rows[0] == column:
        raise NoTwin(table, column, "it is the primary key, which other tables point to")
    return rows[0]


def refuse_shared(
    table: str, column: str, columns: Collection[str], triggers: Collection[str], definitions: Iterable[str]
) -> None:
    """Refuse a column that an index or constraint holds together with another one that has a twin now.

    Raises:
        NoTwin: there is one.
    """
    tied = {name for one in columns for two in columns if mark(table, one, two) in triggers for name in (one, two)}
    for definition in definitions:
        others = tied & {token.value for token in words(definition)} - {column}
        if others:
            raise NoTwin(table, column, f"an index or constraint holds it with {min(others)}, which has a twin already")
