"""The rules of the zero-downtime guard: what blocks a busy table, and what the release before cannot live with.

Locks and rewrites are PostgreSQL's, as its manual describes them for ALTER TABLE and CREATE INDEX; MariaDB's
in-place changes differ in detail and not in the advice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from covet.database.migrations.guard.calls import UNKNOWN, MigrationSource, OperationCall
from covet.database.migrations.guard.twins import old_type, widens
from covet.database.migrations.sqltext import normal

_VOLATILE = re.compile(r"DEFAULT\s+\(?\s*(random|gen_random_uuid|uuid_generate|clock_timestamp|nextval)", re.IGNORECASE)
_STORED = re.compile(r"GENERATED\s+ALWAYS\s+AS\s*\(.*\)\s*(STORED|PERSISTENT)?", re.IGNORECASE | re.DOTALL)
_WIDENING = re.compile(r"^(TEXT|VARCHAR)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Unsafe:
    """One operation that a live system would feel.

    Attributes:
        code: MG-number; it never changes its meaning.
        call: the operation.
        problem: what would happen.
        advice: the safe sequence.
    """

    code: str
    call: OperationCall
    problem: str
    advice: str


Rule = Callable[[OperationCall, MigrationSource], "tuple[str, str, str] | None"]


def _definition(call: OperationCall) -> str:
    value = call.argument(2, "definition")
    if isinstance(value, dict):
        value = value.get("postgresql", value.get("default", ""))
    return value if isinstance(value, str) else ""


def _new_column(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    del source
    if call.name != "add_column":
        return None
    text = _definition(call)
    required = re.search(r"\bNOT\s+NULL\b", text, re.IGNORECASE) and not re.search(r"\bDEFAULT\b", text, re.IGNORECASE)
    if _VOLATILE.search(text) or (_STORED.search(text) and "IDENTITY" not in text.upper()):
        return (
            "MG101",
            "every row is rewritten while nobody can read the table",
            "add the column without it, fill it in batches, and set the default afterwards",
        )
    if required and call.options.get("fill") is not None:
        return (
            "MG102",
            "the rows that exist get their value at once, but the release before inserts rows without this column, and "
            "is refused",
            "keep a DEFAULT until that release is gone (`covet migration check --write`), or for good (db_default)",
        )
    if required:
        return (
            "MG102",
            "the release before inserts rows without this column, and is refused",
            "add it nullable or with a DEFAULT; fill it in batches; set NOT NULL when every release writes it",
        )
    return None


def _removed(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    del source
    if call.name == "drop_column":
        return (
            "MG103",
            "the release before still reads this column",
            "first release code without the field, then drop the column in a later migration",
        )
    if call.name == "drop_table":
        return (
            "MG104",
            "the release before still reads this table",
            "first release code without the model, then drop the table in a later migration",
        )
    return None


def _renamed(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    del source
    if call.name not in {"rename_column", "rename_table"}:
        return None
    return (
        "MG105",
        "one of two releases that run side by side does not know the name",
        "keep the name in the database with db_column or db_table; or add the new one, write both, fill, drop the old",
    )


def _altered(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    if call.name != "alter_column":
        return None
    kind = call.options.get("type")
    if isinstance(kind, dict):
        kind = kind.get("postgresql", kind.get("default"))
    old = old_type(call, source)
    was = str(call.options.get("was") or "")
    harmless = isinstance(kind, str) and _WIDENING.match(kind) and not was and (old is None or widens(old, kind))
    if kind is not None and not harmless:
        return (
            "MG106",
            "every row is rewritten while nobody can read the table",
            "add a column of the new type, write both, fill it in batches, then change over and drop the old one",
        )
    if call.options.get("nullable") is False and not _is_proved(call, source):
        return (
            "MG107",
            "the whole table is read under a lock that nobody passes, and the release before may still write NULL",
            "add CHECK (column IS NOT NULL) unvalidated, validate it, set NOT NULL, drop the check",
        )
    return None


def _is_proved(call: OperationCall, source: MigrationSource) -> bool:
    """Whether a validated CHECK says already that a column holds no NULL; PostgreSQL then reads no row."""
    column = str(call.argument(1, "name"))
    before = [each for each in source.calls if each.line < call.line and each.table == call.table]
    validated = {each.argument(1, "name") for each in before if each.name == "validate_constraint"}
    meaning = normal(f'CHECK ("{column}" IS NOT NULL)')
    return any(
        each.name == "add_constraint"
        and each.argument(1, "name") in validated
        and normal(str(each.argument(2, "definition"))) == meaning
        for each in before
    )


def _indexed(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    if call.name == "create_index" and not call.options.get("concurrently"):
        if call.options.get("vendors") not in (None, UNKNOWN) and "postgresql" not in call.options["vendors"]:
            return None
        return (
            "MG108",
            "nobody can write to the table until the index is built",
            "create_index(..., concurrently=True) in a migration with atomic = False",
        )
    if call.name == "create_index" and source.is_atomic:
        return ("MG109", "an index cannot be built concurrently inside a transaction", "set atomic = False")
    if call.name == "add_unique" and call.options.get("index") is None:
        return (
            "MG110",
            "nobody can read or write the table until its index is built",
            "create a unique index concurrently, then attach it with add_unique(..., index=NAME)",
        )
    return None


def _constrained(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    del source
    if call.options.get("validate") is False:
        return None
    if call.name == "add_foreign_key":
        return (
            "MG111",
            "both tables are locked against writes while every row is checked",
            "add_foreign_key(..., validate=False), then validate_constraint in a migration of its own",
        )
    text = str(call.argument(2, "definition")).upper()
    if call.name == "add_constraint" and ("CHECK" in text or "FOREIGN" in text):
        return (
            "MG112",
            "the table is locked while every row is checked",
            "add_constraint(..., validate=False), then validate_constraint in a migration of its own",
        )
    return None


def _filled(call: OperationCall, source: MigrationSource) -> tuple[str, str, str] | None:
    schema = [each for each in source.calls if each.name.startswith(("add_", "alter_", "drop_", "rename_"))]
    if call.name in {"run_python", "backfill"} and source.is_atomic and schema:
        return (
            "MG113",
            "the locks of the schema changes are held while rows are rewritten",
            "put the data into a migration of its own, with atomic = False",
        )
    return None


RULES: tuple[Rule, ...] = (_new_column, _removed, _renamed, _altered, _indexed, _constrained, _filled)


def check(source: MigrationSource, fresh: Collection[str] = ()) -> list[Unsafe]:
    """What is unsafe in a migration; silenced operations are left out.

    Args:
        source: the migration.
        fresh: tables that no release uses yet; nothing on them is unsafe.
    """
    made = set(fresh) | {call.table for call in source.calls if call.name == "create_table"}
    found: list[Unsafe] = []
    for call in source.calls:
        if call.silenced or call.table in made:
            continue
        for rule in RULES:
            verdict = rule(call, source)
            if verdict is not None:
                found.append(Unsafe(verdict[0], call, verdict[1], verdict[2]))
                break
    return found
