"""Placeholders: `$1` and `%s` in a caller's SQL, rewritten to what the driver takes; values are never put in.

The adapters' public methods call it; compiled queries never pass through here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from covet.exceptions import ProgrammingError

DOLLAR: Final = "dollar"
QMARK: Final = "qmark"
FORMAT: Final = "format"

# Everything in which a placeholder is only text comes first: strings, quoted names, comments, dollar quotes.
_TOKEN = re.compile(
    r"""
    (?P<text>
        (?:\b[eE]'(?:[^'\\]|\\.|'')*')
      | '(?:[^']|'')*'
      | "(?:[^"]|"")*"
      | `[^`]*`
      | --[^\n]*
      | /\*.*?\*/
      | (?<![\w$])\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)\$
      | (?<![\w$])\$\$.*?\$\$
    )
  | (?<![\w$])\$(?P<number>\d+)
  | (?P<percent>%s)
  | %%
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=2048)
def translate(sql: str, style: str) -> tuple[str, tuple[int, ...] | None]:
    """Rewrite `sql` for `style`; the second part says which argument goes where, None for as given.

    Raises:
        ProgrammingError: `$1` and `%s` are mixed.
    """
    matches = [match for match in _TOKEN.finditer(sql) if match["number"] or match["percent"]]
    numbered = any(match["number"] for match in matches)
    positional = any(match["percent"] for match in matches)
    if numbered and positional:
        raise ProgrammingError("use either $1 or %s placeholders in one statement, not both")
    pieces: list[str] = []
    order: list[int] = []
    end = 0
    for match in matches:
        pieces.append(_literal(sql[end : match.start()], style, positional=positional))
        order.append(int(match["number"]) - 1 if numbered else len(order))
        pieces.append({DOLLAR: f"${order[-1] + 1}", QMARK: "?", FORMAT: "%s"}[style])
        end = match.end()
    pieces.append(_literal(sql[end:], style, positional=positional))
    in_order = style == DOLLAR or order == list(range(len(order)))
    return "".join(pieces), None if in_order else tuple(order)


def _literal(text: str, style: str, *, positional: bool) -> str:
    """The text between placeholders: beside `%s`, `%%` stands for a percent sign, as in every DB-API driver."""
    if style == FORMAT:
        return text if positional else text.replace("%", "%%")
    return text.replace("%%", "%") if positional else text


def arrange(sql: str, args: Sequence[Any], style: str) -> tuple[str, Sequence[Any]]:
    """`sql` and `args` as the driver of `style` takes them.

    Raises:
        ProgrammingError: a placeholder has no argument.
    """
    written, order = translate(sql, style)
    if order is None:
        return written, args
    try:
        return written, tuple([args[index] for index in order])
    except IndexError:
        raise ProgrammingError(f"the statement needs {max(order) + 1} arguments, {len(args)} given") from None
