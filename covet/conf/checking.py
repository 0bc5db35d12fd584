"""Holding values against declared types, and parsing environment strings into them; pure, used by `conf.loader`."""

from __future__ import annotations

import difflib
import json
import os
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

NEAR_MISS = 0.85
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the hint alone."""
    return get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)


def accepts(value: object, hint: Any) -> bool:
    """Whether `value` may stand where `hint` is declared (containers are checked one level deep)."""
    return any(_accepts_one(value, option) for option in alternatives(hint))


def _accepts_one(value: object, hint: Any) -> bool:
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    origin = get_origin(hint) or hint
    if origin is Literal:
        return any(value is choice or (type(value) is type(choice) and value == choice) for choice in get_args(hint))
    if origin is Sequence:
        return isinstance(value, (list, tuple, set, frozenset)) and all(accepts(item, _item(hint)) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if origin is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin)


def _item(hint: Any) -> Any:
    arguments = get_args(hint)
    return arguments[0] if arguments else Any


def describe(hint: Any) -> str:
    """The hint in the words of a settings file: `a list of str or None`."""
    return " or ".join(dict.fromkeys(_describe_one(option) for option in alternatives(hint)))


def _describe_one(hint: Any) -> str:
    origin = get_origin(hint) or hint
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(hint))
    if origin is Sequence:
        item = _item(hint)
        return "a list" if item is Any else f"a list of {describe(item)}"
    if origin is Mapping:
        return "a dict"
    if origin is os.PathLike:
        return "a path"
    if origin is type(None):
        return "None"
    return str(getattr(origin, "__name__", origin))


def parse(text: str, hint: Any) -> object:
    """An environment variable's text as a value for `hint`.

    Raises:
        ValueError: the text has no reading as that type.
    """
    options = alternatives(hint)
    if type(None) in options and text.lower() in {"", "none"}:
        return None
    for option in options:
        if option is not type(None):
            return _parse_one(text, option)
    return text


def _parse_one(text: str, hint: Any) -> object:
    origin = get_origin(hint) or hint
    if origin is bool:
        return _parse_bool(text)
    if origin in {int, float}:
        return origin(text)
    if origin is Sequence and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    if origin in {Sequence, Mapping} or (hint is Any and text[:1] in {"{", "["}):
        return json.loads(text)
    return text


def _parse_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in TRUE | FALSE:
        raise ValueError(f"expected one of 1, true, yes, on, 0, false, no, off; got {text!r}")
    return lowered in TRUE


def near_miss(name: str, known: Iterable[str]) -> list[str]:
    """The known names that `name` was probably meant to be; empty when it is a name of the project's own."""
    return difflib.get_close_matches(name, known, n=3, cutoff=NEAR_MISS)
