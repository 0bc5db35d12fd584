"""The fixed set of models: declared twice from the same text, and described for the generators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

APP_LABEL: Final = "differential"


@dataclass(frozen=True)
class Described:
    """What the generators know of a model.

    Attributes:
        fields: kind of value by field name.
        nullable: the names of nullable fields and relations.
        forward: the related model's name by foreign key or one-to-one.
        many: the related model's name by what leads to several rows (reverse keys, many-to-many).
    """

    fields: Mapping[str, str]
    nullable: frozenset[str]
    forward: Mapping[str, str]
    many: Mapping[str, str]


MODELS: Final[Mapping[str, Described]] = {
    "Publisher": Described(
        {"id": "int", "name": "str", "founded": "date", "rating": "float", "active": "bool"},
        frozenset({"founded", "rating"}),
        {},
        {"books": "Book", "stores": "Store"},
    ),
    "Author": Described(
        {"id": "int", "name": "str", "age": "int", "bio": "text", "born": "date", "token": "uuid", "score": "decimal"},
        frozenset({"bio", "born", "mentor"}),
        {"mentor": "Author"},
        {"books": "Book", "pupils": "Author", "reviews": "Review"},
    ),
    "Profile": Described(
        {"id": "int", "nick": "str", "verified": "maybe", "extra": "json"},
        frozenset({"verified", "extra"}),
        {"author": "Author"},
        {},
    ),
    "Category": Described(
        {"id": "int", "label": "str", "depth": "int"},
        frozenset({"parent"}),
        {"parent": "Category"},
        {"children": "Category", "books": "Book"},
    ),
    "Tag": Described({"id": "int", "word": "str", "weight": "int"}, frozenset({"weight"}), {}, {"books": "Book"}),
    "Book": Described(
        {
            "id": "int",
            "title": "str",
            "pages": "int",
            "price": "decimal",
            "published": "datetime",
            "length": "duration",
            "in_print": "bool",
        },
        frozenset({"pages", "published", "length", "publisher", "category"}),
        {"author": "Author", "publisher": "Publisher", "category": "Category"},
        {"tags": "Tag", "reviews": "Review", "stores": "Store"},
    ),
    "Review": Described(
        {"id": "int", "stars": "int", "text": "text", "day": "date", "ratio": "float"},
        frozenset({"ratio", "reviewer"}),
        {"book": "Book", "reviewer": "Author"},
        {},
    ),
    "Store": Described(
        {"id": "int", "name": "str", "opened": "datetime", "size": "int"},
        frozenset({"opened"}),
        {"owner": "Publisher"},
        {"books": "Book"},
    ),
}


def declare(models: Any) -> SimpleNamespace:
    """The models on `models`, which is `django.db.models` or `covet.database.orm`.

    The module `__name__` of the caller's side is told apart by `db_table`, which both share.
    """

    def meta(table: str) -> type:
        return type("Meta", (), {"app_label": APP_LABEL, "db_table": f"{APP_LABEL}_{table}"})

    module = f"tests.differential.{models.__name__.partition('.')[0]}_models"

    class Publisher(models.Model):  # type: ignore[misc]
        __module__ = module
        name = models.CharField(max_length=40)
        founded = models.DateField(null=True)
        rating = models.FloatField(null=True)
        active = models.BooleanField(default=True)
        Meta = meta("publisher")

    class Author(models.Model):  # type: ignore[misc]
        __module__ = module
        name = models.CharField(max_length=40)
        age = models.IntegerField()
        bio = models.TextField(null=True)
        born = models.DateField(null=True)
        token = models.UUIDField()
        score = models.DecimalField(max_digits=8, decimal_places=2)
        mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="pupils")
        Meta = meta("author")

    class Profile(models.Model):  # type: ignore[misc]
        __module__ = module
        author = models.OneToOneField(Author, models.CASCADE, related_name="profile")
        nick = models.CharField(max_length=40)
        verified = models.BooleanField(null=True)
        extra = models.JSONField(null=True)
        Meta = meta("profile")

    class Category(models.Model):  # type: ignore[misc]
        __module__ = module
        label = models.CharField(max_length=40)
        depth = models.PositiveSmallIntegerField()
        parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
        Meta = meta("category")

    class Tag(models.Model):  # type: ignore[misc]
        __module__ = module
        word = models.CharField(max_length=40)
        weight = models.SmallIntegerField(null=True)
        Meta = meta("tag")

    class Book(models.Model):  # type: ignore[misc]
        __module__ = module
        title = models.CharField(max_length=40)
        pages = models.PositiveIntegerField(null=True)
        price = models.DecimalField(max_digits=8, decimal_places=2)
        published = models.DateTimeField(null=True)
        length = models.DurationField(null=True)
        in_print = models.BooleanField(default=True)
        author = models.ForeignKey(Author, models.CASCADE, related_name="books")
        publisher = models.ForeignKey(Publisher, models.SET_NULL, null=True, related_name="books")
        category = models.ForeignKey(Category, models.CASCADE, null=True, related_name="books")
        tags = models.ManyToManyField(Tag, related_name="books")
        Meta = meta("book")

    class Review(models.Model):  # type: ignore[misc]
        __module__ = module
        book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
        reviewer = models.ForeignKey(Author, models.SET_NULL, null=True, related_name="reviews")
        stars = models.IntegerField()
        text = models.TextField()
        day = models.DateField()
        ratio = models.FloatField(null=True)
        Meta = meta("review")

    class Store(models.Model):  # type: ignore[misc]
        __module__ = module
        name = models.CharField(max_length=40)
        opened = models.DateTimeField(null=True)
        size = models.BigIntegerField()
        owner = models.ForeignKey(Publisher, models.CASCADE, related_name="stores")
        books = models.ManyToManyField(Book, related_name="stores")
        Meta = meta("store")

    return SimpleNamespace(**{name: value for name, value in locals().items() if name in MODELS})
