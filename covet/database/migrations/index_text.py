"""CREATE INDEX taken apart, whoever wrote it: SQLAlchemy, PostgreSQL's catalog or SQLite's."""

from __future__ import annotations

from dataclasses import dataclass

from covet.database.migrations.sqltext import Token, split, words


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
    return meaning[0].value if len(meaning) == 1 else text.strip()


def _closing(meaning: list[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(meaning)):
        depth += {"(": 1, ")": -1}.get(meaning[index].text, 0)
        if depth == 0:
            return index
    return len(meaning) - 1


def _depth(meaning: list[Token], upto: int) -> int:
    return sum({"(": 1, ")": -1}.get(token.text, 0) for token in meaning[:upto])
