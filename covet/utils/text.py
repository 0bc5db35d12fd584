"""Text: slugs, capital letters, lists and shortened texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from covet.exceptions import SuspiciousFileOperation
from covet.utils.functional import resolve

_NOT_IN_SLUG = re.compile(r"[^\w\s-]")
_GAPS = re.compile(r"[-\s]+")


def slugify(value: Any, allow_unicode: bool = False) -> str:
    """`value` as a word for URLs: lower case, hyphens for gaps, nothing but letters, digits, `-` and `_`.

    Args:
        value: any value; its text is taken.
        allow_unicode: keep letters of all scripts; else what has no ASCII form is dropped.
    """
    text = str(resolve(value))
    if allow_unicode:
        text = unicodedata.normalize("NFKC", text)
    else:
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return _GAPS.sub("-", _NOT_IN_SLUG.sub("", text.lower())).strip("-_")


def capfirst(value: Any) -> Any:
    """`value` with its first letter in upper case."""
    if not value:
        return value
    text = str(resolve(value))
    return text[0].upper() + text[1:]


def get_text_list(items: Sequence[Any], last_word: str = "or") -> str:
    """`a, b or c`."""
    if not items:
        return ""
    if len(items) == 1:
        return str(items[0])
    return f"{', '.join(str(item) for item in items[:-1])} {last_word} {items[-1]}"


def camel_case_to_spaces(value: str) -> str:
    """`camelCase` as `camel case`."""
    return _HUMP.sub(r" \1", value).strip().lower()


_HUMP = re.compile(r"((?<=[a-z])[A-Z]|[A-Z](?![A-Z]|$))")


def get_valid_filename(name: Any) -> str:
    """`name` as a file's name on every system.

    Raises:
        SuspiciousFileOperation: nothing is left of it.
    """
    made = re.sub(r"(?u)[^-\w.]", "", str(name).strip().replace(" ", "_"))
    if made in {"", ".", ".."}:
        raise SuspiciousFileOperation(f"Could not derive file name from '{name}'")
    return made


def phone2numeric(phone: str) -> str:
    """Letters of a telephone number as the digits on its keys."""
    keys = {letter: digit for digit, letters in _KEYS.items() for letter in letters}
    return "".join(keys.get(letter, letter) for letter in phone.lower())


_KEYS = {"2": "abc", "3": "def", "4": "ghi", "5": "jkl", "6": "mno", "7": "pqrs", "8": "tuv", "9": "wxyz"}


class Truncator:
    """Shortens a text to a number of characters or words."""

    def __init__(self, text: Any) -> None:
        self.text = str(resolve(text))

    def chars(self, num: int, truncate: str = "…") -> str:
        """At most `num` characters, the mark included."""
        text = unicodedata.normalize("NFC", self.text)
        if num <= 0:
            return ""
        # Combining marks belong to the character before them.
        places = [place for place, letter in enumerate(text) if not unicodedata.combining(letter)]
        if len(places) <= num:
            return text
        mark = sum(not unicodedata.combining(letter) for letter in truncate)
        return text[: places[max(num - mark, 0)]] + truncate

    def words(self, num: int, truncate: str = "…") -> str:
        """At most `num` words; the mark follows a space."""
        if num <= 0:
            return ""
        words = self.text.split()
        return " ".join(words) if len(words) <= num else " ".join(words[:num]) + f" {truncate}".replace(" …", "…")
