"""How each database writes the comparison of a lookup."""

from __future__ import annotations

from typing import Final

_COMPARE: Final = {"exact": "= %s", "gt": "> %s", "gte": ">= %s", "lt": "< %s", "lte": "<= %s"}
_ESCAPE: Final = "LIKE %s ESCAPE '\\'"

OPERATORS: Final[dict[str, dict[str, str]]] = {
    "postgresql": {
        **_COMPARE,
        "iexact": "= UPPER(%s)",
        "contains": "LIKE %s",
        "icontains": "LIKE UPPER(%s)",
        "startswith": "LIKE %s",
        "istartswith": "LIKE UPPER(%s)",
        "endswith": "LIKE %s",
        "iendswith": "LIKE UPPER(%s)",
        "regex": "~ %s",
        "iregex": "~* %s",
    },
    "sqlite": {
        **_COMPARE,
        "iexact": _ESCAPE,
        "contains": _ESCAPE,
        "icontains": _ESCAPE,
        "startswith": _ESCAPE,
        "istartswith": _ESCAPE,
        "endswith": _ESCAPE,
        "iendswith": _ESCAPE,
        "regex": "REGEXP %s",
        "iregex": "REGEXP '(?i)' || %s",
    },
    "mysql": {
        **_COMPARE,
        "iexact": "LIKE %s",
        "contains": "LIKE BINARY %s",
        "icontains": "LIKE %s",
        "startswith": "LIKE BINARY %s",
        "istartswith": "LIKE %s",
        "endswith": "LIKE BINARY %s",
        "iendswith": "LIKE %s",
        "regex": "REGEXP BINARY %s",
        "iregex": "REGEXP %s",
    },
}

# The right side is an expression: its wildcards are escaped in SQL.
PATTERN_ESCAPE: Final[dict[str, str]] = {
    "postgresql": r"REPLACE(REPLACE(REPLACE({}, E'\\', E'\\\\'), E'%%', E'\\%%'), E'_', E'\\_')",
    "sqlite": r"REPLACE(REPLACE(REPLACE({}, '\', '\\'), '%%', '\%%'), '_', '\_')",
    "mysql": r"REPLACE(REPLACE(REPLACE({}, '\\', '\\\\'), '%%', '\%%'), '_', '\_')",
}


def _affixes(template: str) -> dict[str, str]:
    before, after = "'%%' || ", " || '%%'"
    return {
        "contains": template.format(before, after),
        "startswith": template.format("", after),
        "endswith": template.format(before, ""),
    }


def _pattern_operators() -> dict[str, dict[str, str]]:
    plain = _affixes("LIKE {}{{}}{}")
    upper = _affixes("LIKE {}UPPER({{}}){}")
    sqlite = {name: f"{text} ESCAPE '\\'" for name, text in plain.items()}
    concat = {
        "contains": "CONCAT('%%', {}, '%%')",
        "startswith": "CONCAT({}, '%%')",
        "endswith": "CONCAT('%%', {})",
    }
    return {
        "postgresql": {**plain, **{f"i{name}": text for name, text in upper.items()}},
        "sqlite": {**sqlite, **{f"i{name}": text.replace("{}", "UPPER({})") for name, text in sqlite.items()}},
        "mysql": {
            **{name: f"LIKE BINARY {text}" for name, text in concat.items()},
            **{f"i{name}": f"LIKE {text}" for name, text in concat.items()},
        },
    }


PATTERN_OPERATORS: Final[dict[str, dict[str, str]]] = _pattern_operators()

_TEXTUAL: Final = frozenset(
    {"iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex"}
)
_FOLDED: Final = frozenset({"iexact", "icontains", "istartswith", "iendswith"})


def left_side(vendor: str, lookup_name: str | None, internal_type: str) -> str:
    """The template of the compared expression: PostgreSQL compares text only with text."""
    if vendor == "postgresql":
        template = "%s"
        if lookup_name in _TEXTUAL:
            if internal_type in {"IPAddressField", "GenericIPAddressField"}:
                template = "HOST(%s)"
            elif internal_type in {"CICharField", "CIEmailField", "CITextField"}:
                template = "%s::citext"
            else:
                template = "%s::text"
        if lookup_name in _FOLDED:
            template = f"UPPER({template})"
        return template
    # MariaDB's JSON is text: a text in it would be compared with its quotes.
    return "JSON_UNQUOTE(%s)" if vendor == "mysql" and internal_type == "JSONField" else "%s"


INTEGER_RANGES: Final[dict[str, tuple[int, int]]] = {
    "SmallIntegerField": (-32768, 32767),
    "IntegerField": (-2147483648, 2147483647),
    "BigIntegerField": (-9223372036854775808, 9223372036854775807),
    "PositiveBigIntegerField": (0, 9223372036854775807),
    "PositiveSmallIntegerField": (0, 32767),
    "PositiveIntegerField": (0, 2147483647),
    "SmallAutoField": (-32768, 32767),
    "AutoField": (-2147483648, 2147483647),
    "BigAutoField": (-9223372036854775808, 9223372036854775807),
}


def integer_range(vendor: str, internal_type: str) -> tuple[int, int] | None:
    """The smallest and largest value that a column of that type can hold; None when any."""
    if internal_type not in INTEGER_RANGES:
        return None
    if vendor == "sqlite":
        # A column of SQLite holds any 64-bit integer whatever its declared type; CHECKs keep positive ones so.
        low, high = INTEGER_RANGES["BigIntegerField"]
        return (0 if internal_type.startswith("Positive") else low), high
    low, high = INTEGER_RANGES[internal_type]
    if vendor == "mysql" and internal_type.startswith("Positive"):
        return 0, {"PositiveSmallIntegerField": 65535, "PositiveIntegerField": 4294967295}.get(
            internal_type, 18446744073709551615
        )
    return low, high
