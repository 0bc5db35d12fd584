"""Models of a small library, for tests of expressions and lookups."""

from __future__ import annotations

from typing import Any

from covet.database.orm import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    FloatField,
    ForeignKey,
    IntegerField,
    JSONField,
    Model,
    TimeField,
    UUIDField,
)

LABEL = "integration_library"


class Author(Model):
    name = CharField(max_length=50)
    age = IntegerField(null=True)
    rate = FloatField(default=1.0)

    class Meta:
        app_label = LABEL
        ordering = ["pk"]


class Book(Model):
    title = CharField(max_length=50)
    author = ForeignKey(Author, on_delete="CASCADE", related_name="books", null=True)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    pages = IntegerField(default=0)
    in_print = BooleanField(default=True)
    published = DateField(null=True)
    added = DateTimeField(null=True)
    opens = TimeField(null=True)
    loan = DurationField(null=True)
    code = UUIDField(null=True)
    data = JSONField(null=True)

    class Meta:
        app_label = LABEL
        ordering = ["pk"]


MODELS: tuple[Any, ...] = (Author, Book)
