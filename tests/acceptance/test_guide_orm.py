"""The guide's chapters on models and QuerySets, block by block, on each database."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import covet
from covet.conf import override_settings
from covet.database import get_adapter
from covet.database.connections import connections
from covet.database.orm import Index, Model, QuerySet
from covet.database.orm.aggregates import Avg, Count
from covet.database.orm.fields import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    EmailField,
    IntegerField,
    JSONField,
    TextField,
    URLField,
    UUIDField,
)
from covet.database.orm.managers import ModelManager
from covet.database.orm.query import F, Q
from covet.database.orm.relationships import ForeignKey, ManyToManyField, OneToOneField
from covet.database.orm.tables import table_of
from covet.database.transaction import transaction
from covet.exceptions import MissingAwait, ValidationError
from covet.utils.text import slugify
from covet.utils.timezone import now


class User(Model):
    username = CharField(max_length=150, unique=True)
    email = EmailField(unique=True)
    first_name = CharField(max_length=30, nullable=True, default="")
    last_name = CharField(max_length=150, nullable=True, default="")
    is_active = BooleanField(default=True)
    is_staff = BooleanField(default=False)
    age = IntegerField(nullable=True)
    date_joined = DateTimeField(auto_now_add=True)
    last_login = DateTimeField(nullable=True)

    class Meta:
        app_label = "guide"
        db_table = "guide_auth_user"
        ordering = ["-date_joined"]
        verbose_name = "User"
        verbose_name_plural = "Users"
        indexes = [Index(fields=["first_name", "last_name"]), Index(fields=["-age"])]

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        """Get user's full name."""
        return f"{self.first_name} {self.last_name}".strip()

    def clean(self) -> None:
        """Custom validation logic."""
        if self.age is not None and self.age < 18:
            raise ValueError("User must be 18 or older")
        if "admin" in self.username.lower() and not self.is_staff:
            raise ValueError("Admin username requires staff status")


class PublishedManager(ModelManager):
    async def get_queryset(self) -> QuerySet[Any]:
        """Return only published posts."""
        qs = await super().get_queryset()
        return qs.filter(status="published")


class Post(Model):
    author = ForeignKey("User", on_delete="CASCADE", related_name="posts", nullable=True)
    title = CharField(max_length=200)
    slug = CharField(max_length=200, unique=True)
    content = TextField(default="")
    status = CharField(max_length=20, default="draft")
    views = IntegerField(default=0)
    likes = IntegerField(default=0)
    created_at = DateTimeField(auto_now_add=True)
    published_at = DateTimeField(nullable=True)

    objects = ModelManager()
    published = PublishedManager()

    class Meta:
        app_label = "guide"
        db_table = "guide_blog_post"

    async def save(self, *args: Any, **kwargs: Any) -> None:
        """Save post with auto-generated slug."""
        if not self.slug:
            self.slug = slugify(self.title)
        await super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Get post URL."""
        return f"/posts/{self.slug}/"


class Tag(Model):
    name = CharField(max_length=50, unique=True)
    posts = ManyToManyField(Post, related_name="tags")

    class Meta:
        app_label = "guide"


class Comment(Model):
    post = ForeignKey(Post, on_delete="CASCADE", related_name="comments")
    text = TextField()

    class Meta:
        app_label = "guide"


class Account(Model):
    user = OneToOneField(User, on_delete="CASCADE", related_name="account")
    balance = DecimalField(max_digits=12, decimal_places=2, default=0)
    visits = BigIntegerField(default=0)
    born = DateField(nullable=True)
    options = JSONField(default=dict)
    site = URLField(default="", blank=True)
    key = UUIDField(nullable=True)

    class Meta:
        app_label = "guide"


MODELS = (User, Post, Tag, Comment, Account)
Body = Callable[[], Awaitable[None]]
Guide = Callable[[Body], None]


@pytest.fixture
def guide(database_url: str) -> Iterator[Guide]:
    """Runs a coroutine function over the guide's tables, filled with a little."""

    async def played(body: Body) -> None:
        connections.configure({"default": database_url})
        adapter = connections["default"]
        tables = [table_of(model, adapter.vendor) for model in (*MODELS, Tag.posts.through)]
        async with adapter.engine.begin() as connection:
            await connection.run_sync(tables[0].metadata.create_all, tables)
        try:
            await fill()
            await body()
        finally:
            async with adapter.engine.begin() as connection:
                await connection.run_sync(tables[0].metadata.drop_all, tables)
            await connections.close_all()
            connections.configure(None)

    def play(body: Body) -> None:
        with override_settings(DATABASE_ROUTERS=[], VALIDATE_ON_SAVE=True, USE_TZ=True, TIME_ZONE="UTC"):
            covet.run(played(body))

    return play


async def fill() -> None:
    alice = await User.create(username="alice", email="alice@example.com", age=30, first_name="Alice", last_name="A")
    bob = await User.create(username="bob", email="admin.bob@example.com", age=70, is_active=False)
    for number in range(4):
        await Post.create(
            title=f"Django post {number}",
            author=alice if number else bob,
            status="published" if number % 2 else "draft",
            views=number * 10,
            likes=number * 4,
        )


async def names(queryset: Any) -> list[str]:
    return sorted(user.username for user in await queryset)


def test_create_get_and_full_name(guide: Guide) -> None:
    """Promises 39, 41, 52, 56."""

    async def body() -> None:
        user = await User.objects.get(id=1)
        assert (str(user), user.get_full_name(), user.pk) == ("alice", "Alice A", user.id)
        with pytest.raises(User.DoesNotExist, match="User matching query does not exist"):
            await User.objects.get(username="nobody")
        post = await Post.create(title="To be deleted")
        assert (await post.delete())[0] == 1

    guide(body)


def test_basic_queries_as_written(guide: Guide) -> None:
    """Promises 55, 56."""

    async def body() -> None:
        assert len(await User.objects.all()) == 2
        assert await names(User.objects.filter(is_active=True)) == ["alice"]
        assert await names(User.objects.exclude(is_active=True)) == ["bob"]
        assert await User.objects.filter(is_active=True).count() == 1
        assert await User.objects.filter(email="alice@example.com").exists()
        assert [user.username for user in await User.objects.order_by("-username")] == ["bob", "alice"]

    guide(body)


def test_complex_queries_as_written(guide: Guide) -> None:
    """Promises 57, 58."""

    async def body() -> None:
        assert await names(User.objects.filter(Q(is_active=True) | Q(is_staff=True))) == ["alice"]
        assert await names(User.objects.filter(~Q(is_active=True) & Q(age__gt=60))) == ["bob"]
        posts = await Post.objects.filter(views__gt=F("likes") * 2).order_by("id")
        assert [post.views for post in posts] == [10, 20, 30]
        stats = await User.objects.aggregate(total=Count("id"), avg_age=Avg("age"))
        assert stats == {"total": 2, "avg_age": 50}
        users = await User.objects.annotate(post_count=Count("posts")).filter(post_count__gt=2)
        assert [(user.username, user.post_count) for user in users] == [("alice", 3)]

    guide(body)


@pytest.mark.parametrize(
    ("lookups", "expected"),
    [
        ({"username": "alice"}, ["alice"]),
        ({"username__iexact": "ALICE"}, ["alice"]),
        ({"username__contains": "lic"}, ["alice"]),
        ({"username__icontains": "LIC"}, ["alice"]),
        ({"email__startswith": "admin"}, ["bob"]),
        ({"email__endswith": "@example.com"}, ["alice", "bob"]),
        ({"age__gte": 18, "age__lt": 65}, ["alice"]),
        ({"age__gt": 30, "age__lte": 70}, ["bob"]),
        ({"age__range": [29, 31]}, ["alice"]),
        ({"id__in": [1, 2, 3, 4]}, ["alice", "bob"]),
        ({"last_login__isnull": True}, ["alice", "bob"]),
        ({"date_joined__year": now().year, "date_joined__month": now().month}, ["alice", "bob"]),
    ],
)
def test_lookups_as_written(guide: Guide, lookups: dict[str, Any], expected: list[str]) -> None:
    """Promise 59."""

    async def body() -> None:
        assert await names(User.objects.filter(**lookups)) == expected

    guide(body)


def test_custom_manager_narrows(guide: Guide) -> None:
    """Promises 53, 54."""

    async def body() -> None:
        assert await Post.objects.count() == 4
        assert {post.status for post in await Post.published.all()} == {"published"}
        assert await Post.published.filter(views__gt=10).count() == 1
        rows = await (await Post.published.get_queryset())
        assert len(rows) == 2

    guide(body)


def test_save_makes_the_slug(guide: Guide) -> None:
    """Promises 49, 50."""

    async def body() -> None:
        post = Post(title="Hello World")
        await post.save()
        assert (post.slug, post.get_absolute_url()) == ("hello-world", "/posts/hello-world/")

    guide(body)


def test_clean_refuses_on_save(guide: Guide) -> None:
    """Promise 51."""

    async def body() -> None:
        user = User(username="carol", email="carol@example.com", age=16)
        with pytest.raises(ValueError, match="User must be 18 or older") as caught:
            await user.save()
        assert str(caught.value) == "User must be 18 or older"
        with pytest.raises(ValueError, match="Admin username requires staff status"):
            await User.create(username="administrator", email="root@example.com", age=40)
        with pytest.raises(ValidationError):
            await User.create(username="dave", email="not an address", age=40)

    guide(body)


def test_relations_as_written(guide: Guide) -> None:
    """Promises 47, 48, 60."""

    async def body() -> None:
        user = await User.objects.get(id=1)
        assert len(await user.posts.all()) == 3
        assert len(await user.posts.all().limit(2)) == 2
        tag = await Tag.create(name="python")
        await tag.posts.add(*await Post.objects.all())
        seen: list[str] = []
        adapter = connections["default"]
        hook = lambda sql, _args, _seconds: seen.append(sql)  # noqa: E731
        adapter.query_hooks.append(hook)
        posts = await Post.objects.select_related("author").prefetch_related("tags", "comments")
        assert sorted(post.author.username for post in posts) == ["alice", "alice", "alice", "bob"]
        assert [tag.name for post in posts for tag in post.tags.all()] == ["python"] * 4
        adapter.query_hooks.remove(hook)
        assert len(seen) == 3

    guide(body)


def test_limit_offset_and_slices_agree(guide: Guide) -> None:
    """Promise 61."""

    async def body() -> None:
        posts = Post.objects.order_by("id")
        assert [post.views for post in await posts.limit(2)] == [0, 10]
        assert [post.views for post in await posts.offset(1).limit(2)] == [10, 20]
        assert [post.views for post in await posts.limit(2).offset(1)] == [10, 20]
        assert [post.views for post in await posts[1:3]] == [10, 20]
        with pytest.raises(TypeError, match=r"await qs.offset\(0\).first\(\)"):
            posts[0]

    guide(body)


def test_bulk_operations_as_written(guide: Guide) -> None:
    """Promises 62, 63, 64."""

    async def body() -> None:
        users = [User(username=f"user{n}", email=f"user{n}@example.com", is_active=False) for n in range(3)]
        made = await User.objects.bulk_create(users)
        assert all(user.pk for user in made)
        assert await User.objects.filter(is_active=False).update(is_active=True) == 4
        await User.objects.filter(username__startswith="user").update(last_login=now() - dt.timedelta(days=9))
        result = await User.objects.filter(last_login__lt=now() - dt.timedelta(days=1)).delete()
        assert result == (3, {"guide.User": 3})

    guide(body)


def test_raw_and_execute_take_dollar_placeholders(guide: Guide) -> None:
    """Promises 65, 66."""

    async def body() -> None:
        users = await User.objects.raw("SELECT * FROM guide_auth_user WHERE age > $1", [60])
        assert [user.username for user in users] == ["bob"]
        adapter = await get_adapter("default")
        await adapter.execute("UPDATE guide_auth_user SET is_active = $1 WHERE age < $2", [False, 60])
        assert await User.objects.filter(is_active=False).count() == 2

    guide(body)


def test_transactions_as_written(guide: Guide) -> None:
    """Promises 67, 69, 70, 71."""

    @transaction
    async def rename(user: User, name: str) -> None:
        user.first_name = name
        await user.save()
        if name == "boom":
            raise RuntimeError(name)

    async def body() -> None:
        user = await User.objects.get(id=1)
        await rename(user, "Al")
        with pytest.raises(RuntimeError):
            await rename(user, "boom")
        assert (await User.objects.get(id=1)).first_name == "Al"
        async with transaction():
            locked = await User.objects.select_for_update().get(id=1)
            locked.age = 31
            await locked.save()
        async with transaction() as tx:
            user.age = 99
            await user.save()
            await tx.rollback()
        assert (await User.objects.get(id=1)).age == 31

    guide(body)


def test_gathered_queries_overlap(guide: Guide) -> None:
    """Promise 68."""

    async def body() -> None:
        users, posts, count = await asyncio.gather(
            User.objects.all(), Post.objects.filter(views__gt=5), Post.objects.count()
        )
        assert (len(users), len(posts), count) == (2, 3, 4)

    guide(body)


def test_pitfalls_name_their_fix(guide: Guide) -> None:
    """Promise 113: pitfalls 1, 3 and 4."""

    async def body() -> None:
        user = User.objects.get(id=1)
        with pytest.raises(MissingAwait, match="write `await` before it"):
            user.username
        with pytest.raises(TypeError, match="async with"), transaction():  # type: ignore[attr-defined]
            pass
        users = User.objects.filter(is_active=True)
        assert await users.count() == 1

    guide(body)
