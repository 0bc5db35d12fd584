"""What rows that exist get in a new column: the field's default, as plain a value as a migration can write."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from covet.database.migrations.operations.columns import KEEP
from covet.database.orm.naming import split_identifier
from covet.exceptions import CovetError
from covet.utils.duration import duration_microseconds


class NeedsDefault(CovetError):
    """A new column may not be NULL, has no default, and its table has rows."""


AskValue = Callable[[str], Any]
"""Asked for the value of `Model.field` in the rows that exist."""


class Filling:
    """Finds the value for rows that exist.

    Args:
        models: the model classes.
        given: `table.column` or `Model.field` to a value, as the command line has it.
        has_rows: tables that are not empty.
        ask: asked where nothing else says; None refuses.
    """

    def __init__(
        self,
        models: Iterable[Any],
        *,
        given: Mapping[str, Any] | None = None,
        has_rows: Iterable[str] = (),
        ask: AskValue | None = None,
    ) -> None:
        self._fields = {
            (split_identifier(model._meta.db_table)[1], field.column): field
            for model in models
            for field in model._meta.local_concrete_fields
        }
        self._given = dict(given or {})
        self._has_rows = set(has_rows)
        self._ask = ask

    def __call__(self, table: str, column: str) -> Any:
        """The value, or KEEP where none is needed.

        Raises:
            NeedsDefault: nobody knows.
        """
        field = self._fields.get((table, column))
        names = [f"{table}.{column}"]
        if field is not None:
            names += [f"{field.model._meta.object_name}.{field.name}", f"{field.model._meta.label}.{field.name}"]
        for name in names:
            if name in self._given:
                return self._given[name]
        if field is None:
            return KEEP
        if field.has_default():
            return plain(field.get_default(), field)
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            return plain(field.to_python(datetime.datetime.now(datetime.UTC)), field)
        if field.empty_strings_allowed and not field.is_relation:
            return b"" if field.get_internal_type() == "BinaryField" else ""
        if table not in self._has_rows:
            return KEEP
        if self._ask is not None:
            return self._ask(names[1])
        raise NeedsDefault(
            f"{names[1]} may not be NULL, has no default, and {table} has rows. Give the field a default or null=True, "
            f"or say what the rows get: --fill {names[1]}=VALUE"
        )


def plain(value: Any, field: Any) -> Any:
    """A Python value as what `repr` writes and every database reads."""
    value = field.get_prep_value(value) if field.get_internal_type() != "JSONField" else value
    if value is None or isinstance(value, bool | int | float | bytes):
        return value
    if field.get_internal_type() == "JSONField":
        return json.dumps(value)
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
        return moment.isoformat(" ")
    if isinstance(value, datetime.timedelta):
        micros = duration_microseconds(value)
        return {"postgresql": f"{micros} microseconds", "default": micros}
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, decimal.Decimal):
        return str(value)
    return str(value)
