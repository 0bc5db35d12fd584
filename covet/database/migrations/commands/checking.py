"""`covet check --database`: holds the models against the live schema, column by column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from covet.database.adapters.base import Adapter
from covet.database.migrations.accepted import FILE, Accepted
from covet.database.migrations.changes import AddColumn, Change, CreateTable, DropColumn
from covet.database.migrations.comparison import Wanted, compare
from covet.database.migrations.notes import Notes
from covet.database.migrations.session import vendor_of


@dataclass(frozen=True)
class SchemaFinding:
    """One way in which models and database do not agree.

    Attributes:
        code: CV-number; it never changes its meaning.
        level: `error` where queries or inserts will fail, `warning` otherwise.
        message: what is wrong.
        advice: what to do.
    """

    code: str
    level: Literal["error", "warning"]
    message: str
    advice: str


async def check_schema(
    adapter: Adapter, models: Iterable[Any], *, accepted: Accepted | None = None
) -> list[SchemaFinding]:
    """Every difference between models and database.

    A column that is NOT NULL, has no default and that the model lacks breaks every INSERT; it comes first.

    Args:
        adapter: the database.
        models: the model classes.
        accepted: the differences that are as they should be.
    """
    compared = await compare(adapter, Wanted.of(list(models)))
    vendor = vendor_of(adapter.dialect)
    notes = Notes(compared.wanted.schemas[vendor])
    changes, gone = (accepted or Accepted()).split(compared.changes, notes, vendor)
    found = [_finding(change, notes) for change in changes]
    found += [
        SchemaFinding(
            "CV106",
            "warning",
            f"{each.text}: accepted for {each.table}, and no difference any more.",
            f"Remove it from {FILE}, so that it hides nothing later.",
        )
        for each in gone
    ]
    return sorted(found, key=lambda each: (each.level != "error", each.code, each.message))


def _finding(change: Change, notes: Notes) -> SchemaFinding:
    text = notes.lines([change])[0]
    model = notes.model(change.table)
    if isinstance(change, CreateTable):
        return SchemaFinding(
            "CV101", "error", f"{model}: the table {change.table} does not exist.", "Run `covet migration apply`."
        )
    if isinstance(change, AddColumn):
        return SchemaFinding(
            "CV102",
            "error",
            f"{notes.field(change.table, change.column.name)}: {change.table} has no column {change.column.name!r}.",
            "Run `covet migration auto` and `apply`, or name the column with db_column.",
        )
    if isinstance(change, DropColumn):
        column = change.column
        given = column.nullable or column.default is not None or column.counting or column.generated is not None
        if given:
            return SchemaFinding(
                "CV104",
                "warning",
                f"{model}: the model has no field for {change.table}.{column.name}.",
                "Add the field, or drop the column when nobody reads it.",
            )
        return SchemaFinding(
            "CV103",
            "error",
            f"{model}: {change.table}.{column.name} is NOT NULL without a default, and the model has no field for it; "
            "every INSERT will fail.",
            "Add the field to the model (`covet inspectdb` shows it), or give the column a default.",
        )
    return SchemaFinding(
        "CV105",
        "warning",
        f"{text}.",
        "Run `covet migration auto`, correct the model, or accept it (`covet migration adopt --accept`).",
    )
