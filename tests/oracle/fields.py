"""What Django says of the zoo's fields and options, beside what CovetPy says; returns only the differences."""

import datetime
import decimal
import re
import uuid
import warnings
from collections.abc import Callable
from typing import Any

from tests.oracle import zoo
from tests.oracle.process import set_up

VENDORS = ("sqlite", "postgresql")
VALUES: list[Any] = [
    None, "", "a", "abc", "x" * 21, "x" * 300, "a b", "ünï", 0, 1, -1, 3, 2**15, 2**31, 2**63, -(2**63) - 1, 1.5, 1e30,
    float("nan"), True, False, "true", "True", "t", "f", "1", "0", "1.5", "12345678.1234", "abc@example.com", "abc@",
    "http://example.com", "ftp://x", "no url", "s", "l", "z", "2020-02-29", "2021-02-29", "2020-13-01", "2020-1-2",
    "12:30", "12:30:15.123456", "25:00", "2020-02-29 12:30", "2020-02-29T12:30:00Z", "2020-02-29 12:30:61",
    "2020-02-29 12:30:00+02:00", "1 02:03:04", "P1DT2H", "3:4", "12", "-5", "nonsense",
    "550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000", "550e8400", "127.0.0.1",
    "::ffff:10.0.0.1", "2001:DB8::1", "256.0.0.1", "fe80::1%eth0", " 10.0.0.1 ", b"bytes", [], {}, [1], {"a": 1},
    decimal.Decimal("1.5"), decimal.Decimal("NaN"), decimal.Decimal("123456.7891"), datetime.date(2020, 1, 2),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC), datetime.time(1, 2),
    datetime.timedelta(days=1, microseconds=5), uuid.UUID(int=5), object,
]  # fmt: skip

OPTIONS = [
    "name",
    "attname",
    "column",
    "null",
    "blank",
    "unique",
    "primary_key",
    "db_index",
    "db_column",
    "db_comment",
    "max_length",
    "editable",
    "serialize",
    "verbose_name",
    "help_text",
    "choices",
    "flatchoices",
    "is_relation",
    "many_to_one",
    "one_to_one",
    "many_to_many",
    "one_to_many",
    "concrete",
    "unique_for_date",
    "empty_strings_allowed",
    "auto_created",
]
META = [
    "app_label",
    "model_name",
    "object_name",
    "label",
    "label_lower",
    "db_table",
    "db_table_comment",
    "ordering",
    "get_latest_by",
    "unique_together",
    "verbose_name",
    "verbose_name_plural",
    "abstract",
    "proxy",
    "managed",
    "swapped",
    "default_permissions",
    "permissions",
]


def _shown(value: Any) -> str:
    """A value as text in which the frameworks do not differ by their own names."""
    text = repr(value)
    text = re.sub(r"(django\.(db\.models|contrib\.postgres)|covet\.database\.orm)[\w.]*\.(?=\w+)", "", text)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    text = re.sub(r"<(\w+): [\w.]+>", r"<\1>", text)
    return re.sub(r"<function \w+>|<async function \w+>", lambda match: match[0].replace("async ", ""), text)


def _outcome(function: Callable[..., Any], *arguments: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _shown(function(*arguments))
        except Exception as error:
            if hasattr(error, "error_list"):
                return f"invalid {[(one.messages, one.code) for one in error.error_list]}"
            return f"{type(error).__name__}: {error}"


def _pairs() -> list[tuple[Any, Any]]:
    set_up()
    from covet.conf import settings

    settings.configure(
        USE_TZ=True,
        TIME_ZONE="Europe/Vienna",
        SECRET_KEY="only for tests",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    theirs, ours = zoo.framework("django"), zoo.framework("covet")
    for declare in (zoo.plain, zoo.partial):
        declare(theirs)
        declare(ours)
    made = ours.apps.all_models[zoo.LABEL]
    return [(model, made[name]) for name, model in theirs.apps.all_models[zoo.LABEL].items()]


def _compare(found: list[str], what: str, theirs: Any, ours: Any) -> None:
    if theirs != ours:
        found.append(f"{what}: Django {theirs}, CovetPy {ours}")


def declarations() -> list[str]:
    """Differences in options, column types and what `deconstruct` gives."""
    from django.db import connections

    found: list[str] = []
    for theirs, ours in _pairs():
        label = theirs._meta.label
        for name in META:
            _compare(found, f"{label} {name}", _shown(getattr(theirs._meta, name)), _shown(getattr(ours._meta, name)))
        names = [[field.name for field in model._meta.get_fields(include_hidden=True)] for model in (theirs, ours)]
        _compare(found, f"{label} fields", *names)
        related = [
            [(rel.name, rel.get_accessor_name(), rel.field.name) for rel in model._meta.related_objects]
            for model in (theirs, ours)
        ]
        _compare(found, f"{label} related objects", *related)
        indexes = [[(one.name, one.fields) for one in model._meta.indexes] for model in (theirs, ours)]
        _compare(found, f"{label} indexes", *indexes)
        constraints = [[one.name for one in model._meta.constraints] for model in (theirs, ours)]
        _compare(found, f"{label} constraints", *constraints)
        for field in [*theirs._meta.local_fields, *theirs._meta.local_many_to_many]:
            mine = ours._meta.get_field(field.name)
            where = f"{label}.{field.name}"
            for option in OPTIONS:
                _compare(found, f"{where} {option}", _shown(getattr(field, option)), _shown(getattr(mine, option)))
            _compare(found, f"{where} deconstruct", _shown(field.deconstruct()[2:]), _shown(mine.deconstruct()[2:]))
            _compare(found, f"{where} clone", _shown(mine.clone().deconstruct()[1:]), _shown(mine.deconstruct()[1:]))
            for vendor in VENDORS if field.concrete else ():
                connection = connections[vendor]
                for method in ("db_type", "rel_db_type", "db_check", "db_type_suffix"):
                    if hasattr(field, "generated") and field.generated and method != "db_type":
                        continue
                    _compare(
                        found,
                        f"{where} {method} on {vendor}",
                        getattr(field, method)(connection),
                        getattr(mine, method)(vendor),
                    )
    return found


def values() -> list[str]:
    """Differences in how values are converted, prepared, validated and refused."""
    found: list[str] = []
    for theirs, ours in _pairs():
        for field in theirs._meta.local_concrete_fields:
            if field.is_relation or getattr(field, "generated", False):
                continue
            mine = ours._meta.get_field(field.name)
            for value in VALUES:
                where = f"{theirs._meta.label}.{field.name} {value!r:.60}"
                _compare(found, f"{where} to_python", _outcome(field.to_python, value), _outcome(mine.to_python, value))
                # Django leaves the text of a duration to psycopg, and fails on addresses that are no text.
                if field.get_internal_type() not in {"DurationField", "GenericIPAddressField"}:
                    prepared = [_outcome(one.get_prep_value, value) for one in (field, mine)]
                    _compare(found, f"{where} get_prep_value", *prepared)
                _compare(found, f"{where} clean", _outcome(field.clean, value, None), _outcome(mine.clean, value, None))
            _compare(
                found,
                f"{theirs._meta.label}.{field.name} default",
                re.sub(r"[0-9a-f-]{36}", "uuid", _outcome(field.get_default)),
                re.sub(r"[0-9a-f-]{36}", "uuid", _outcome(mine.get_default)),
            )
    return found


def instances() -> list[str]:
    """Differences in making instances: arguments, errors, equality, text."""
    found: list[str] = []
    for theirs, ours in _pairs():
        first = next(field.attname for field in theirs._meta.concrete_fields)
        for arguments, keywords in (
            ((), {}),
            ((1,), {}),
            ((1,), {first: 1}),
            (tuple(range(40)), {}),
            ((), {"nonsense": 1}),
            ((), {"nonsense": 1, "more": 2}),
            ((), {"pk": 5}),
            ((), {first: 5}),
        ):
            where = f"{theirs._meta.label} {arguments[:3]} {keywords}"
            _compare(
                found,
                where,
                _outcome(_instance, theirs, arguments, keywords),
                _outcome(_instance, ours, arguments, keywords),
            )
    return found


def _instance(model: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    made = model(*arguments, **keywords)
    state = {name: value for name, value in vars(made).items() if not name.startswith("_") and name != "identifier"}
    known = not isinstance(made.pk, uuid.UUID)
    shown = sorted((name, _shown(value)) for name, value in state.items() if not isinstance(value, uuid.UUID))
    texts = (str(made), repr(made), made.pk, _hash(made)) if known else ()
    return texts, made == made, made._state.adding, made._state.db, shown


def _hash(made: Any) -> Any:
    try:
        return hash(made)
    except TypeError as error:
        return str(error)
