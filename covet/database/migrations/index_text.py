"""CREATE INDEX taken apart, whoever wrote it: SQLAlchemy, PostgreSQL's catalog or SQLite's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from covet.database.migrations.sqltext import Token, Vendor, normal, quote, split, words

_BEHIND_A_KEY: Final = frozenset({"ASC", "DESC", "NULLS", "FIRST", "LAST"})


@dataclass(frozen=True)
class IndexText:
    """What follows the name and the table of an index.

    Attributes:
        items: columns (bare names) and expressions (as written).
        using: the access method, None for the usual one.
        include: columns kept beside the key.
        options: the words between, such as `NULLS NOT DISTINCT` or `WITH (fillfactor=70)`.
        where: the condition.
        is_unique: whether values must differ.
    """

    items: tuple[str, ...]
    using: str | None = None
    include: tuple[str, ...] = ()
    options: str = ""
    where: str | None = None
    is_unique: bool = False

    def made_on(self, vendor: Vendor) -> IndexText | None:
        """The index as that database makes it, as Django does: what it does not know is left out.

        None where all of it is: on MariaDB, which has no indexes on expressions, and where a condition cannot be
        left out because values must differ.
        """
        if vendor == "postgresql":
            return self
        items = tuple(_without_operators(item) for item in self.items)
        where = self.where
        if vendor == "mysql":
            if any("(" in item for item in items) or (self.is_unique and where):
                return None
            where = None
        return replace(self, items=items, using=None, include=(), options="", where=where)

    def says_as_much_as(self, other: IndexText) -> bool:
        """Whether both make the same index."""
        return self._meaning() == other._meaning()

    def _meaning(self) -> tuple[object, ...]:
        items = tuple(normal(item) for item in self.items)
        where = None if self.where is None else normal(self.where)
        return items, self.using, self.include, normal(self.options), where, self.is_unique


def parse_index(sql: str) -> IndexText:
    """Take an index apart; `sql` is a whole CREATE INDEX or begins at USING or the bracket."""
    meaning = words(sql)
    is_unique = any(token.upper == "UNIQUE" for token in meaning[:3])
    using = None
    start = 0
    if meaning[0].upper == "CREATE":
        start = next(i for i, token in enumerate(meaning) if token.kind == "word" and token.upper == "ON") + 1
    for index in range(start, len(meaning)):
        if meaning[index].upper == "USING":
            using = meaning[index + 1].text.lower()
        if meaning[index].text == "(":
            start = index
            break
    end = _closing(meaning, start)
    items = tuple(_item(part) for part in split(sql[meaning[start].at + 1 : meaning[end].at]))
    include: tuple[str, ...] = ()
    rest = sql[meaning[end].at + 1 :]
    where = None
    tail = words(rest)
    place = next((i for i, token in enumerate(tail) if token.upper == "WHERE" and _depth(tail, i) == 0), None)
    if place is not None:
        where = rest[tail[place].at + len("WHERE") :].strip()
        rest = rest[: tail[place].at]
    tail = words(rest)
    if tail and tail[0].upper == "INCLUDE":
        last = _closing(tail, 1)
        include = tuple(_item(part) for part in split(rest[tail[1].at + 1 : tail[last].at]))
        rest = rest[tail[last].at + 1 :]
    return IndexText(items, None if using == "btree" else using, include, rest.strip().rstrip(";"), where, is_unique)


def _item(text: str) -> str:
    meaning = words(text)
    return _name(meaning[0].value) if len(meaning) == 1 else text.strip()


def _name(column: str) -> str:
    """A column as an item: bare, unless that would be an expression to who reads it."""
    return column if column.replace("_", "a").isalnum() else quote(column)


def _without_operators(item: str) -> str:
    """A key without PostgreSQL's operator class."""
    meaning = words(item)
    kept = [
        token
        for place, token in enumerate(meaning)
        if place == 0
        or token.kind != "word"
        or _depth(meaning, place) > 0
        or token.upper in _BEHIND_A_KEY
        or "COLLATE" in {token.upper, meaning[place - 1].upper}
    ]
    if len(kept) == len(meaning):
        return item
    return _name(kept[0].value) if len(kept) == 1 else " ".join(token.text for token in kept)


def _closing(meaning: list[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(meaning)):
        depth += {"(": 1, ")": -1}.get(meaning[index].text, 0)
        if depth == 0:
            return index
    return len(meaning) - 1


def _depth(meaning: list[Token], upto: int) -> int:
    return sum({"(": 1, ")": -1}.get(token.text, 0) for token in meaning[:upto])
