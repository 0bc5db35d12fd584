"""Rows of every kind of column, written and read by Django in a database that CovetPy uses too."""

import datetime as dt
import decimal
import uuid
from typing import Any

from tests.oracle import zoo
from tests.oracle.process import set_up

NAMES = (
    "boolean nullable_boolean char choice slug plain_slug email url text integer small big positive positive_small "
    "positive_big real number date time moment duration identifier document optional_document data address address4 "
    "file path renamed"
).split()


def rows(*, use_tz: bool) -> list[dict[str, Any]]:
    """What is stored: ordinary values, extremes, and nothing where that is allowed."""
    zone = dt.timezone(dt.timedelta(hours=2)) if use_tz else None
    ordinary = {
        "boolean": True, "nullable_boolean": False, "char": "it's \\ \"50%\" ünï", "choice": "l", "slug": "a-b_c",
        "plain_slug": "słúg", "email": "a@b.co", "url": "http://example.com/?q=1", "text": "line\nline 🙂", "integer": 5,
        "small": -7, "big": 2**62, "positive": 8, "positive_small": 9, "positive_big": 10, "real": 1.25,
        "number": decimal.Decimal("1234.567"), "date": dt.date(2024, 2, 29), "time": dt.time(1, 2, 3, 4),
        "moment": dt.datetime(2024, 7, 1, 12, 30, 15, 123456, tzinfo=zone), "duration": dt.timedelta(days=3, seconds=4, microseconds=5),
        "identifier": uuid.UUID(int=2**100 + 7), "document": {"a": [1, 2.5, None, "ü", True], "b": {"c": {}}},
        "optional_document": [1], "data": b"\x00\xff'\\", "address": "2001:db8::1", "address4": "10.0.0.1", "file": "files/a.txt",
        "path": "/tmp/a.txt", "renamed": -1,
    }  # fmt: skip
    extreme = {
        **ordinary,
        "boolean": False, "nullable_boolean": None, "char": "", "slug": "x", "email": "c@d.ef", "url": None, "text": "",
        "integer": -(2**31), "small": None, "big": -(2**63), "positive": 0, "positive_small": 2**15 - 1, "positive_big": 2**63 - 1,
        "real": -1.5e-7, "number": decimal.Decimal("-999999.999"), "date": dt.date(9999, 12, 31), "time": None,
        "moment": dt.datetime(1970, 1, 1, 3, 0, tzinfo=zone), "duration": dt.timedelta(days=-1, seconds=1),
        "identifier": uuid.UUID(int=0), "document": "text", "optional_document": None, "data": None, "address": None,
        "address4": "0.0.0.0",
    }  # fmt: skip
    winter = {
        **ordinary,
        "moment": dt.datetime(2024, 1, 15, 0, 30, tzinfo=dt.UTC if use_tz else None), "time": dt.time(23, 59, 59, 999999),
        "email": "g@h.ij", "big": 0, "duration": dt.timedelta(0), "identifier": uuid.UUID(int=1), "number": decimal.Decimal(0),
        "document": 0, "data": b"", "address": "10.1.2.3", "text": "%s %(x)s :y $1 ?",
    }  # fmt: skip
    return [ordinary, extreme, winter]


def shown(instance: Any) -> list[str]:
    """The values of one row as text."""
    values = []
    for name in NAMES:
        value = getattr(instance, name)
        if isinstance(value, (memoryview, bytearray)):
            value = bytes(value)
        if isinstance(value, uuid.UUID):
            value = str(value)
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            value = f"{value.astimezone(dt.UTC).isoformat()} from {value.utcoffset()}"
        values.append(f"{name}={value.name if name == 'file' else repr(value)}")
    return values


def _model(url: str, use_tz: bool) -> Any:
    set_up(url, use_tz=use_tz)
    framework = zoo.framework("django")
    return zoo.plain(framework)["Everything"]


def write(url: str, use_tz: bool) -> list[list[str]]:
    """Create the table and Django's rows; answers with what Django reads back."""
    model = _model(url, use_tz)
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(model)
    for row in rows(use_tz=use_tz):
        made = model(**row)
        made.save()
        model.objects.filter(pk=made.pk).update(moment=row["moment"], date=row["date"])
    return [shown(each) for each in model.objects.order_by("id")]


def read(url: str, use_tz: bool) -> list[list[str]]:
    """What Django reads."""
    return [shown(each) for each in _model(url, use_tz).objects.order_by("id")]
