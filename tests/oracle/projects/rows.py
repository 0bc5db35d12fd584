"""Rows for every table of a project, written with CovetPy's models and read back with Django's."""

from __future__ import annotations

import datetime
import decimal
import itertools
import uuid
from collections.abc import Iterable
from typing import Any

FIRST = 901
"""Numbers that no row of a project's own migrations has."""
ROWS = 2


async def write(pairs: dict[type, Any]) -> tuple[dict[Any, list[Any]], list[str]]:
    """Two rows in every table: the first with a value in every column, the second with NULL wherever it may be.

    Args:
        pairs: Django's model to ours.

    Returns:
        Our model to its rows, and what could not be written.
    """
    made: dict[Any, list[Any]] = {}
    refused: list[str] = []
    numbers = itertools.count(FIRST)
    for theirs, model in _in_order(pairs):
        made[model] = []
        for number in range(ROWS):
            try:
                made[model].append(await model.objects.create(**_values(theirs, model, number, next(numbers), made)))
            except Exception as error:
                refused.append(f"{model.__name__}: {type(error).__name__}: {error}")
                break
    for model, rows in made.items():
        for field in model._meta.local_many_to_many:
            target = field.remote_field.model
            if rows and made.get(target) and field.remote_field.through._meta.auto_created:
                await getattr(rows[0], field.name).add(*made[target])
    return made, refused


def unread(pairs: Iterable[tuple[type, Any]], ours: dict[Any, list[dict[str, Any]]]) -> list[str]:
    """Rows that Django reads otherwise than CovetPy has them."""
    found: list[str] = []
    for theirs, model in pairs:
        fields = theirs._meta.concrete_fields
        names = [field.attname for field in fields]
        # What a project's own field class makes of a stored value is its affair.
        alike = [field.attname for field in fields if not hasattr(field, "from_db_value") or _is_djangos(field)]
        rows = {str(row["pk"]): row for row in theirs._base_manager.values("pk", *names)}
        for row in ours[model]:
            other = rows.get(str(row["pk"]))
            if other is None:
                found.append(f"{model.__name__} {row['pk']} is not there")
                continue
            # Reading each as an instance runs the project's own from_db_value and __init__.
            theirs._base_manager.get(pk=other["pk"])
            found += [
                f"{model.__name__}.{name}: {row[name]!r}, and Django has {other[name]!r}"
                for name in alike
                if not _same(row[name], other[name])
            ]
    return found


def _is_djangos(field: Any) -> bool:
    return type(field).from_db_value.__module__.startswith("django.")


def empty(models: Iterable[type]) -> list[str]:
    """The tables without a row, Django asked."""
    return [model._meta.db_table for model in models if not model._base_manager.exists()]


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, memoryview) or isinstance(theirs, memoryview):
        ours, theirs = bytes(ours), bytes(theirs)
    return ours == theirs or str(ours) == str(theirs)


def _in_order(pairs: dict[type, Any]) -> list[tuple[type, Any]]:
    """Each table behind those that it cannot do without."""
    done: dict[type, Any] = {}
    entered: set[type] = set()

    def place(theirs: type) -> None:
        if theirs in entered or theirs not in pairs:
            return
        entered.add(theirs)
        for field in theirs._meta.concrete_fields:
            if field.remote_field is not None and not field.null:
                place(field.remote_field.model._meta.concrete_model)
        done[theirs] = pairs[theirs]

    for theirs in pairs:
        place(theirs)
    return list(done.items())


def _values(theirs: type, model: Any, row: int, number: int, made: dict[Any, list[Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    by_name = {field.name: field for field in theirs._meta.concrete_fields}
    for field in model._meta.concrete_fields:
        if (
            field.name not in by_name
            or field.name == "id"
            or field.get_internal_type().endswith("AutoField")
            or field.generated
        ):
            continue
        if field.remote_field is not None:
            if getattr(field.remote_field, "parent_link", False):
                continue
            rows = made.get(field.remote_field.model, [])
            if field.null and (row or not rows):
                values[field.name] = None
            elif len(rows) > row:
                values[field.name] = rows[row]
            else:
                raise LookupError(f"{model.__name__}.{field.name} wants a row of {field.remote_field.model.__name__}")
        elif field.null and row:
            values[field.name] = None
        else:
            values[field.name] = _value(by_name[field.name], field, number)
    return values


def _value(theirs: Any, field: Any, number: int) -> Any:
    choices = [key for key, _ in theirs.flatchoices or () if key not in {"", None}]
    if choices:
        return _plain(choices[number % len(choices)])
    kind = next((cls.__name__ for cls in type(theirs).__mro__ if cls.__name__ in _VALUES), None)
    if kind is None:
        # A class of the project's own: what it stores is a text that it knows.
        return _plain(theirs.get_default()) or f"x{number}"
    value = _VALUES[kind](number)
    if isinstance(value, str) and theirs.max_length:
        return value[-theirs.max_length :]
    return value


def _plain(value: Any) -> Any:
    """A value of a project's own class (a time zone, say) as the text that its column keeps."""
    return value if value is None or isinstance(value, str | int) else str(value)


_MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
_VALUES: dict[str, Any] = {
    "CharField": lambda n: f"it's ä {n}",
    "TextField": lambda n: f"line\nline {n}",
    "SlugField": lambda n: f"slug-{n}",
    "FileField": lambda n: f"folder/file-{n}.txt",
    "ImageField": lambda n: f"folder/file-{n}.png",
    "FilePathField": lambda n: f"folder/file-{n}.txt",
    "URLField": lambda n: f"https://example.org/{n}",
    "EmailField": lambda n: f"person{n}@example.org",
    "BooleanField": lambda n: n % 2 == 1,
    "IntegerField": lambda n: n,
    "BigIntegerField": lambda n: n + 2**40,
    "SmallIntegerField": lambda n: n,
    "PositiveIntegerField": lambda n: n,
    "PositiveBigIntegerField": lambda n: n,
    "PositiveSmallIntegerField": lambda n: n,
    "FloatField": lambda n: n / 4,
    "DecimalField": lambda n: decimal.Decimal(n % 7),
    "DateField": lambda n: datetime.date(2026, 1, n % 28 + 1),
    "DateTimeField": lambda n: _MOMENT + datetime.timedelta(days=n),
    "TimeField": lambda n: datetime.time(3, 4, n % 60),
    "DurationField": lambda n: datetime.timedelta(days=n, microseconds=7),
    "UUIDField": lambda n: uuid.UUID(int=n),
    "JSONField": lambda n: {"number": n, "list": ["ä", None, True]},
    "BinaryField": lambda n: bytes([0, 255, n % 256]),
    "GenericIPAddressField": lambda n: f"10.0.{n % 7}.{n % 11}",
    "IPAddressField": lambda n: f"10.0.{n % 7}.{n % 11}",
}
