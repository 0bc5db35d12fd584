"""Models of a small shop, and a stage on which a test's coroutine runs against a real database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm import (
    BooleanField,
    CharField,
    DateTimeField,
    ForeignKey,
    IntegerField,
    Manager,
    ManyToManyField,
    Model,
    OneToOneField,
    PositiveIntegerField,
    SlugField,
    TextField,
)
from covet.database.orm.contenttypes import ContentType, GenericForeignKey, GenericRelation
from covet.database.orm.plan import invalidate
from covet.database.orm.registry import apps
from covet.exceptions import ValidationError
from covet.portal import run
from covet.utils.text import slugify

LABEL = "integration_shop"


class User(Model):
    username = CharField(max_length=100)
    age = IntegerField(default=20)
    bio = TextField(default="")

    class Meta:
        app_label = LABEL
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.username)

    def clean(self) -> None:
        if self.age < 18:
            raise ValueError("User must be 18 or older")


class Profile(Model):
    user = OneToOneField("User", on_delete="CASCADE")
    motto = CharField(max_length=50, default="")

    class Meta:
        app_label = LABEL


class PublishedManager(Manager[Any]):
    async def get_queryset(self) -> Any:
        rows = await super().get_queryset()
        return rows.filter(is_published=True)


class Post(Model):
    author = ForeignKey("User", on_delete="CASCADE", related_name="posts")
    editor = ForeignKey(User, on_delete="SET_NULL", nullable=True, related_name="edited")
    title = CharField(max_length=100)
    slug = SlugField(max_length=100, default="")
    is_published = BooleanField(default=True)
    created_at = DateTimeField(auto_now_add=True)

    objects = Manager()
    published = PublishedManager()

    class Meta:
        app_label = LABEL
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.title)

    async def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            self.slug = slugify(self.title)
        await super().save(*args, **kwargs)


class Tag(Model):
    name = CharField(max_length=50, unique=True)
    posts = ManyToManyField(Post, related_name="tags")

    class Meta:
        app_label = LABEL
        ordering = ["name"]

    def __str__(self) -> str:
        return str(self.name)


class Account(Model):
    owner = ForeignKey(User, on_delete="PROTECT", related_name="accounts")

    class Meta:
        app_label = LABEL


class Licence(Model):
    holder = ForeignKey(User, on_delete="RESTRICT", related_name="licences")

    class Meta:
        app_label = LABEL


class Place(Model):
    name = CharField(max_length=50)

    class Meta:
        app_label = LABEL


class Restaurant(Place):
    serves_pizza = BooleanField(default=False)

    class Meta:
        app_label = LABEL


class Note(Model):
    text = CharField(max_length=50)
    content_type = ForeignKey(ContentType, on_delete="CASCADE")
    object_id = PositiveIntegerField()
    subject = GenericForeignKey()

    class Meta:
        app_label = LABEL
        ordering = ["pk"]


class Car(Model):
    name = CharField(max_length=50)
    notes = GenericRelation(Note, related_query_name="car")

    class Meta:
        app_label = LABEL
        ordering = ["pk"]


class Question(Model):
    text = CharField(max_length=50)

    class Meta:
        app_label = LABEL


class Answer(Model):
    question = ForeignKey(Question, on_delete="CASCADE")
    text = CharField(max_length=50)

    class Meta:
        app_label = LABEL
        order_with_respect_to = "question"


class Validated(Model):
    """Its `clean` is async."""

    name = CharField(max_length=5)

    class Meta:
        app_label = LABEL

    async def clean(self) -> None:  # type: ignore[override]
        if await Validated.objects.filter(name=self.name).exists():
            raise ValidationError("There is one already.")


class Queries(list[str]):
    """The statements sent since the last `clear()`, without those that open and end transactions."""

    def note(self, sql: str, _args: Any, _seconds: float) -> None:
        if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START")):
            self.append(sql)


class Stage:
    """A database with the shop's tables; `run` drives a coroutine in a portal."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, body: Callable[[Queries], Awaitable[None]], **settings: Any) -> None:
        """Make the tables, run `body(queries)` and drop the tables."""
        with override_settings(
            **{"VALIDATE_ON_SAVE": True, "IMPLICIT_LOADING": "batch", "DATABASE_ROUTERS": [], **settings}
        ):
            run(self._played(body))

    async def _played(self, body: Callable[[Queries], Awaitable[None]]) -> None:
        connections.configure({"default": self.url})
        # Plans are kept by alias, and this alias was another database in the test before.
        invalidate()
        adapter = connections["default"]
        ContentType.objects.clear_cache()
        models = [ContentType, *apps.get_app_config(LABEL).get_models(include_auto_created=True)]
        tables = [model.table for model in models if not model._meta.proxy]
        metadata = tables[0].metadata
        async with adapter.engine.begin() as connection:
            await connection.run_sync(metadata.create_all, tables)
        queries = Queries()
        adapter.query_hooks.append(queries.note)
        try:
            await body(queries)
        finally:
            adapter.query_hooks.remove(queries.note)
            async with adapter.engine.begin() as connection:
                await connection.run_sync(metadata.drop_all, tables)
            await connections.close_all()
            connections.configure(None)
