"""SQL as text: tokens, quoting, splitting and a normal form; called by everything here that reads or writes DDL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

Vendor = Literal["postgresql", "sqlite", "mysql"]
VENDORS: Final[tuple[Vendor, ...]] = ("postgresql", "sqlite", "mysql")
Kind = Literal["space", "string", "name", "word", "number", "mark"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>(?:[eE](?='))?'(?:[^'\\]|''|\\.)*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[A-Za-z_][^\]]*\])
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<mark>::|<=|>=|<>|!=|\|\||->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One piece of SQL text and where it began."""

    kind: Kind
    text: str
    at: int

    @property
    def upper(self) -> str:
        """The text in capitals, for words; anything else unchanged."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def value(self) -> str:
        """The bare identifier or string."""
        if self.kind == "name":
            mark = self.text[0]
            close = "]" if mark == "[" else mark
            return self.text[1:-1].replace(close * 2, close)
        if self.kind == "string" and self.text[0] == "'":
            return self.text[1:-1].replace("''", "'")
        return self.text


def tokens(sql: str) -> Iterator[Token]:
    """Every token of `sql`, white space and comments included."""
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        yield Token("string" if kind == "tag" else kind, match.group(), match.start())  # type: ignore[arg-type]


def words(sql: str) -> list[Token]:
    """The tokens that mean something."""
    return [token for token in tokens(sql) if token.kind != "space"]


def split(sql: str, mark: str = ",") -> list[str]:
    """`sql` cut at every `mark` that stands outside brackets and quotes; empty parts dropped."""
    parts: list[str] = []
    depth = start = 0
    for token in tokens(sql):
        if token.kind != "mark":
            continue
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif token.text == mark and depth == 0:
            parts.append(sql[start : token.at])
            start = token.at + len(mark)
    parts.append(sql[start:])
    return [part.strip() for part in parts if part.strip()]


def statements(sql: str) -> list[str]:
    """The statements of a script."""
    return split(sql, ";")


def quote(name: str, vendor: Vendor = "postgresql") -> str:
    """`name` as a quoted identifier of that database."""
    if vendor == "mysql":
        return "`" + name.replace("`", "``") + "`"
    return '"' + name.replace('"', '""') + '"'


def quoted(names: Iterable[str], vendor: Vendor = "postgresql") -> str:
    """Several identifiers, separated by commas."""
    return ", ".join(quote(name, vendor) for name in names)


def literal(value: object, vendor: Vendor = "postgresql") -> str:
    """A Python value as an SQL literal, for DDL, which takes no parameters.

    Raises:
        TypeError: the value is none of None, bool, int, float, str, bytes and what `str()` writes well.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return ("1" if value else "0") if vendor == "sqlite" else str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'" if vendor == "postgresql" else f"x'{value.hex()}'"
    text = str(value)
    if vendor == "mysql":
        text = text.replace("\\", "\\\\")
    return "'" + text.replace("'", "''") + "'"


def requote(sql: str, vendor: Vendor) -> str:
    """`sql` with its quoted identifiers in that database's quotes."""
    return "".join(quote(token.value, vendor) if token.kind == "name" else token.text for token in tokens(sql))


def normal(sql: str) -> str:
    """A form in which two texts of one meaning are equal: case, spaces, quotes and outer brackets removed."""
    parts: list[str] = []
    for token in words(sql):
        if token.kind == "name":
            parts.append(token.value.lower())
        elif token.kind == "word":
            parts.append(token.text.lower())
        elif token.text == "!=":
            parts.append("<>")
        else:
            parts.append(token.text)
    return " ".join(_bare(parts))


def _bare(parts: list[str]) -> list[str]:
    while len(parts) > 2 and parts[0] == "(" and _closing(parts, 0) == len(parts) - 1:
        parts = parts[1:-1]
    result: list[str] = []
    index = 0
    while index < len(parts):
        if parts[index] == "(":
            end = _closing(parts, index)
            inner = _bare(parts[index + 1 : end])
            called = index > 0 and parts[index - 1] not in _NOT_CALLED and parts[index - 1][-1:].isalnum()
            if called or len(inner) != 1:
                result += ["(", *inner, ")"]
            else:
                result += inner
            index = end + 1
        else:
            result.append(parts[index])
            index += 1
    return result


_NOT_CALLED = frozenset({"and", "or", "not", "when", "then", "else", "check", "as", "where", "between", "like", "is"})


def _closing(parts: list[str], start: int) -> int:
    depth = 0
    for index in range(start, len(parts)):
        if parts[index] == "(":
            depth += 1
        elif parts[index] == ")":
            depth -= 1
            if depth == 0:
                return index
    return len(parts)
