"""Column and constraint definitions: the text of a migration, put into the words of one database.

A migration is written once, in PostgreSQL's (mostly the standard's) type names; `Migration` hands each
definition here before it reaches SQLite or MariaDB. Text in the database's own words passes unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from covet.database.migrations.sqltext import Vendor, quote, requote, tokens, words

Definition = str | Mapping[str, str]
"""Text for every database, or one text for each vendor with `default` for the others."""

_CLAUSES = frozenset(
    {
        "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "COLLATE", "GENERATED", "AS",
        "CONSTRAINT", "AUTO_INCREMENT", "AUTOINCREMENT", "COMMENT", "CHARACTER", "VIRTUAL", "STORED", "PERSISTENT",
        "DEFERRABLE", "INITIALLY", "ON", "INVISIBLE",
    }
)  # fmt: skip
_GENERATED = re.compile(r"^\s*GENERATED\s+ALWAYS\s+AS\s*\(", re.IGNORECASE)
_COUNTING = re.compile(r"^\s*(SMALLINT|INTEGER|INT|BIGINT)\s+PRIMARY\s+KEY(?:\s+AUTO_?INCREMENT)?\s*$", re.IGNORECASE)


class Native(NamedTuple):
    """A type's name on the two databases that do not have PostgreSQL's."""

    sqlite: str
    mysql: str


# Django's own column types, so that a table made here equals one made there.
_TYPES: dict[str, Native] = {
    "boolean": Native("bool", "bool"),
    "double precision": Native("real", "double precision"),
    "numeric": Native("decimal", "numeric"),
    "text": Native("text", "longtext"),
    "varchar": Native("varchar", "varchar"),
    "timestamp with time zone": Native("datetime", "datetime(6)"),
    "timestamptz": Native("datetime", "datetime(6)"),
    "timestamp": Native("datetime", "datetime(6)"),
    "time": Native("time", "time(6)"),
    "interval": Native("bigint", "bigint"),
    "uuid": Native("char(32)", "uuid"),
    "jsonb": Native("text", "json"),
    "inet": Native("char(39)", "char(39)"),
    "bytea": Native("BLOB", "longblob"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """The database that a definition is written for."""

    vendor: Vendor
    native_uuid: bool = True

    def quote(self, name: str) -> str:
        """`name` in this database's quotes."""
        return quote(name, self.vendor)


def choose(definition: Definition, vendor: Vendor) -> str:
    """The text of a definition for one vendor.

    Raises:
        KeyError: the mapping names neither the vendor nor `default`.
    """
    if isinstance(definition, str):
        return definition
    if vendor in definition:
        return definition[vendor]
    if "default" in definition:
        return definition["default"]
    raise KeyError(f"No definition for {vendor!r}; the mapping has: {', '.join(sorted(definition))}")


def parts(definition: str) -> tuple[str, str]:
    """The type of a column definition, and the clauses behind it."""
    depth = 0
    for token in tokens(definition):
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0 and token.upper in _CLAUSES and token.kind == "word":
            return definition[: token.at].strip(), definition[token.at :].strip()
    return definition.strip(), ""


def column_type(text: str, target: Target) -> str:
    """A neutral type in one database's words.

    >>> column_type('TIMESTAMP WITH TIME ZONE', Target('sqlite'))
    'datetime'
    """
    name, arguments, unsigned = _type_parts(text)
    if target.vendor == "postgresql":
        return f"{name}{arguments}" if unsigned else text
    native = _TYPES.get(name.lower())
    if native is None:
        return text
    if name.lower() == "uuid" and target.vendor == "mysql":
        return "uuid" if target.native_uuid else "char(32)"
    if name.lower() == "varchar" and not arguments and target.vendor == "mysql":
        return "longtext"
    own: str = native.sqlite if target.vendor == "sqlite" else native.mysql
    keeps = own in {"varchar", "numeric"} and "(" not in own
    return f"{own}{arguments}" if keeps else own


def _type_parts(text: str) -> tuple[str, str, bool]:
    name = " ".join(text.split())
    unsigned = name.lower().endswith(" unsigned")
    if unsigned:
        name = name[:-9]
    opened = name.find("(")
    if opened >= 0 and name.endswith(")"):
        return name[:opened].strip(), name[opened:], unsigned
    return name, "", unsigned


def column(name: str, definition: Definition, target: Target) -> str:
    """The column `name` as CREATE TABLE or ADD COLUMN wants it.

    `INTEGER PRIMARY KEY` (SMALLINT and BIGINT too) counts up on every database, as it does on SQLite:
    an identity column on PostgreSQL, AUTO_INCREMENT on MariaDB.
    """
    text = choose(definition, target.vendor)
    counting = _COUNTING.match(text)
    quoted_name = target.quote(name)
    if counting:
        kind = counting.group(1)
        return (
            f"{quoted_name} "
            + {
                "postgresql": f"{kind} NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY",
                "sqlite": "integer NOT NULL PRIMARY KEY AUTOINCREMENT",
                "mysql": f"{kind} AUTO_INCREMENT NOT NULL PRIMARY KEY",
            }[target.vendor]
        )
    kind, clauses = parts(text)
    body = f"{quoted_name} {column_type(kind, target)}"
    if clauses:
        body += " " + clauses_for(clauses, target)
    return body + _implied_check(name, kind, target)


def clauses_for(clauses: str, target: Target) -> str:
    """The clauses behind a column's type, in one database's words."""
    if target.vendor == "sqlite":
        return _without_identity(requote(clauses, target.vendor))
    if target.vendor == "mysql":
        text = _without_identity(_without_deferral(requote(clauses, target.vendor)))
        # A generated column cannot be declared NULL or NOT NULL there.
        return re.sub(r"\s+(NOT\s+)?NULL$", "", text, flags=re.I) if _GENERATED.match(text) else text
    return clauses


def constraint(definition: Definition, target: Target) -> str | None:
    """A table constraint in one database's words; None where that database has no such thing.

    A mapping without `default` speaks only of the databases that it names.
    """
    if not isinstance(definition, str) and target.vendor not in definition and "default" not in definition:
        return None
    text = choose(definition, target.vendor)
    meaning = [token.upper for token in words(text)[:4]]
    if target.vendor != "postgresql" and "EXCLUDE" in meaning:
        return None
    if target.vendor == "mysql":
        return _without_deferral(requote(text, "mysql"))
    return text


def _implied_check(name: str, kind: str, target: Target) -> str:
    base, _, unsigned = _type_parts(kind)
    if unsigned and target.vendor != "mysql":
        return f" CHECK ({target.quote(name)} >= 0)"
    if base.lower() == "jsonb" and target.vendor == "sqlite":
        return f" CHECK ((JSON_VALID({target.quote(name)}) OR {target.quote(name)} IS NULL))"
    return ""


def _without_deferral(text: str) -> str:
    return re.sub(r"\s+(?:NOT\s+)?DEFERRABLE(?:\s+INITIALLY\s+(?:DEFERRED|IMMEDIATE))?", "", text, flags=re.IGNORECASE)


def _without_identity(text: str) -> str:
    return re.sub(r"\s*GENERATED\s+(?:BY\s+DEFAULT|ALWAYS)\s+AS\s+IDENTITY(?:\s*\([^)]*\))?", "", text, flags=re.I)
