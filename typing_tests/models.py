"""Models as type checkers see them, with no plugin. `python3 dev.py types` holds this file to mypy --strict and pyright."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import assert_type

from covet.database.orm import (
    CASCADE,
    BooleanField,
    CharField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
    Manager,
    Model,
    QuerySet,
    TextField,
)


class Author(Model):
    name = CharField(max_length=100)
    age = IntegerField(null=True)
    is_active = BooleanField(default=True)


class Book(Model):
    title = CharField(max_length=200)
    text = TextField()
    price = DecimalField(max_digits=8, decimal_places=2)
    published = DateTimeField()
    author: ForeignKey[Author] = ForeignKey(Author, on_delete=CASCADE, related_name="books")


class Shelf(Manager["Book"]):
    def cheap(self) -> QuerySet[Book]:
        return self.filter(price__lt=10)


async def fields(author: Author, book: Book) -> None:
    assert_type(author.name, str)
    assert_type(author.is_active, bool)
    assert_type(book.title, str)
    assert_type(book.text, str)
    assert_type(book.price, Decimal)
    assert_type(book.published, dt.datetime)
    assert_type(book.author, Author)
    assert_type(book.author.name, str)
    author.name = "someone"


async def managers() -> None:
    assert_type(Author.objects, Manager[Author])
    assert_type(Author.objects.filter(name="x"), QuerySet[Author])
    assert_type(Author.objects.all().exclude(age=3).order_by("name"), QuerySet[Author])
    assert_type(await Author.objects.filter(name="x"), list[Author])
    assert_type(await Author.objects.get(id=1), Author)
    assert_type(await Author.objects.first(), Author | None)
    assert_type(await Author.objects.filter(age=3).count(), int)
    assert_type(await Author.objects.exists(), bool)
    assert_type(await Author.objects.get_or_create(name="x"), tuple[Author, bool])
    assert_type(await Author.objects.create(name="x"), Author)
    assert_type(await Author.objects.filter(age=3).delete(), tuple[int, dict[str, int]])
    assert_type(await Author.objects.aget(id=1), Author)
    async for author in Author.objects.filter(age__gt=3):
        assert_type(author, Author)
    for book in await Book.objects.select_related("author"):
        assert_type(book, Book)
    assert_type(Shelf().cheap(), QuerySet[Book])
