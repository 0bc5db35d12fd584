"""EXPLAIN in each database's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.exceptions import NotSupportedError

_FORMATS = {
    "postgresql": ("JSON", "TEXT", "XML", "YAML"),
    "mysql": ("JSON", "TEXT", "TRADITIONAL", "TREE"),
    "sqlite": (),
}
_OPTIONS = frozenset(
    {
        "ANALYZE",
        "BUFFERS",
        "COSTS",
        "GENERIC_PLAN",
        "MEMORY",
        "SETTINGS",
        "SERIALIZE",
        "SUMMARY",
        "TIMING",
        "VERBOSE",
        "WAL",
    }
)


def explain_prefix(adapter: Any, format_: str | None, options: dict[str, Any]) -> str:
    """The words before the statement.

    Raises:
        NotSupportedError, ValueError: an unknown format or option; lists the choices.
    """
    vendor = adapter.vendor
    for option in options:
        if not option.replace("_", "").isalnum():
            raise ValueError(f"Invalid option name: {option!r}.")
    name = None if format_ is None else format_.upper()
    known = _FORMATS[vendor]
    if name is not None and name not in known:
        listed = f" Allowed formats: {', '.join(sorted(known))}" if known else ""
        if not known:
            raise ValueError(f"{name} is not a recognized format. SQLite does not support any formats.")
        raise ValueError(f"{name} is not a recognized format.{listed}")
    if vendor == "sqlite":
        if options:
            raise ValueError(f"Unknown options: {', '.join(sorted(options))}")
        return "EXPLAIN QUERY PLAN"
    unknown = sorted(
        option
        for option in options
        if option.upper() not in _OPTIONS or (vendor == "mysql" and option.upper() != "ANALYZE")
    )
    if unknown:
        raise ValueError(f"Unknown options: {', '.join(unknown)}")
    if vendor == "mysql":
        if options.get("analyze"):
            if adapter.features.is_mariadb:
                return "ANALYZE FORMAT=JSON" if name == "JSON" else "ANALYZE"
            return "EXPLAIN ANALYZE"
        return f"EXPLAIN FORMAT={name}" if name and name not in ("TEXT", "TRADITIONAL") else "EXPLAIN"
    words = [f"{option.upper()} {'true' if value else 'false'}" for option, value in options.items()]
    if name:
        words.append(f"FORMAT {name}")
    return f"EXPLAIN ({', '.join(words)})" if words else "EXPLAIN"


def explain_text(rows: Sequence[Any], format_: str | None) -> str:
    """The rows of an EXPLAIN as one text."""
    del format_
    lines = [" ".join("" if value is None else str(value) for value in row) for row in rows]
    return "\n".join(lines)


__all__ = ["NotSupportedError", "explain_prefix", "explain_text"]
