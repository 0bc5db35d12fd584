"""Where a QuerySet's meaning is easy to get wrong; each answer was Django's on the same database."""

from __future__ import annotations

import asyncio
import gc
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from covet.database.orm import Count, F, IntegerField, Model, Q, Value
from covet.database.orm.functions import Lower
from covet.exceptions import DatabaseError, FieldError, MissingAwait
from tests.integration.orm.shop import LABEL, Note, Post, Queries, Stage, Tag, User

UNSELECTED = r"^ORDER BY term does not match any column in the result set\.$"
CRAFTED = ["na'me", 'na"me', "name;drop", "na\x00me", "name\n", "name--", "name/*", "na%me", "\ud800"]


class Counted(IntegerField):
    """Counts the saves, and is stored in hundredths."""

    def pre_save(self, instance: Any, add: bool) -> Any:
        del add
        value = getattr(instance, self.attname) + 1
        setattr(instance, self.attname, value)
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        prepared = super().get_db_prep_save(value, connection)
        return prepared * 100 if isinstance(prepared, int) else prepared


class Meter(Model):
    reading = Counted(default=0)

    class Meta:
        app_label = LABEL
        ordering = ["pk"]


async def write(*titles: str) -> list[Any]:
    user = await User.create(username="author")
    return [await Post.create(title=title, author=user) for title in titles]


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_names_are_field_errors(name: str) -> None:
    """`values()` answers with a ValueError in Django: it is one too."""
    for ask in (
        lambda: Post.objects.values(name),
        lambda: Post.objects.values_list(name, flat=True),
        lambda: Post.objects.order_by(name),
        lambda: Post.objects.filter(**{name: 1}),
        lambda: Post.objects.annotate(copy=F(name)),
    ):
        with pytest.raises(FieldError):
            ask()
    for ask in (lambda: Post.objects.values(name), lambda: Post.objects.annotate(**{name: F("title")})):
        with pytest.raises(ValueError, match=r"^Column aliases cannot contain whitespace"):
            ask()
    with pytest.raises(TypeError, match=f"^{re.escape(f'Post() got unexpected keyword arguments: {name!r}')}"):
        Post(**{name: 1})


def test_distinct_on_an_unknown_name_is_a_field_error_on_each_database(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        with pytest.raises(FieldError, match=r"^Cannot resolve keyword 'nope' into field\."):
            await Post.objects.distinct("nope")

    stage.run(body)


@pytest.mark.parametrize("method", ["union", "intersection", "difference"])
@pytest.mark.parametrize("order", ["slug", "-author__username", Lower("title"), F("pk").desc()])
def test_combined_values_are_ordered_by_what_was_selected(stage: Stage, method: str, order: Any) -> None:
    """Another column would decide which rows are equal."""

    async def body(queries: Queries) -> None:
        titles = Post.objects.values_list("title", flat=True)
        combined = getattr(titles, method)(titles)
        with pytest.raises(DatabaseError, match=UNSELECTED):
            await combined.order_by(order)
        with pytest.raises(FieldError, match=r"^Cannot resolve keyword 'nope' into field\."):
            await combined.order_by("nope")
        with pytest.raises(FieldError, match=r"^Cannot resolve keyword 'nope' into field\."):
            await combined.order_by(F("nope"))

    stage.run(body)


def test_values_of_a_combination_may_be_ordered_by_any_column(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write("b", "a")
        combined = Post.objects.filter(title="a").union(Post.objects.filter(title="b"))
        assert await combined.order_by("-title").values_list("slug", flat=True) == ["b", "a"]

    stage.run(body)


def test_combined_rows_can_be_had_in_bulk(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        one, two = await write("one", "two")
        combined = Post.objects.filter(title="one").union(Post.objects.filter(title="two"))
        assert await combined.in_bulk() == {one.pk: one, two.pk: two}

    stage.run(body)


HUGE = 2**70


def test_keys_beyond_the_column_match_what_they_are_compared_with(stage: Stage) -> None:
    """Never the driver's error; nor do rows without a key match."""

    async def body(queries: Queries) -> None:
        one, two = await write("one", "two")
        await Post.objects.filter(pk=one.pk).update(editor=one.author)
        for value in (HUGE, -HUGE, 2**63, str(HUGE)):
            assert await Post.objects.filter(author=value) == []
            assert await Post.objects.filter(author_id=value) == []
            assert await Post.objects.filter(author__in=[value]) == []
            assert await User.objects.filter(posts=value) == []
            assert await Post.objects.exclude(author=value) == [one, two]
            assert await Post.objects.filter(pk__range=(value, value)) == []
        assert await Post.objects.filter(editor__lt=HUGE, editor__gt=-HUGE) == [one]
        assert await Post.objects.filter(editor__lte=HUGE, editor__gte=-HUGE) == [one]
        assert await Post.objects.filter(editor__gt=HUGE) == await Post.objects.filter(editor__lt=-HUGE) == []
        assert await Post.objects.filter(pk__range=(-HUGE, HUGE)) == [one, two]

    stage.run(body)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"pk": 1}, {"pk": "abc"}),
        ({"author": 1}, {"author": object()}),
        ({"pk__in": [1]}, {"pk__in": ["abc"]}),
        ({"created_at": datetime(2020, 1, 1, tzinfo=UTC)}, {"created_at": "abc"}),
        ({"created_at": "2020-01-01T00:00Z"}, {"created_at": "abc"}),
        ({"author__age__gt": 1}, {"author__age__gt": "abc"}),
        ({"author__age__range": (1, 2)}, {"author__age__range": ("abc", 2)}),
    ],
)
def test_a_value_that_does_not_fit_fails_where_it_is_given(good: dict[str, Any], bad: dict[str, Any]) -> None:
    """On a shape that is known already too, without a query."""
    for _ in range(2):
        Post.objects.filter(**good)
        with pytest.raises((TypeError, ValueError)):
            Post.objects.filter(**bad)
        Post.objects.exclude(Q(**good))
        with pytest.raises((TypeError, ValueError)):
            Post.objects.exclude(Q(**bad))


def test_a_class_is_no_row() -> None:
    with pytest.raises(ValueError, match=r'^Cannot query "<class .*User\'>": Must be "User" instance\.$'):
        Post.objects.filter(author=User)


def test_a_new_default_order_is_used_by_the_next_query(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        one, two = await write("one", "two")
        rows = Post.objects.all()
        assert await rows.all() == [one, two]
        before = Post._meta.ordering
        try:
            Post._meta.ordering = ["-title"]
            assert await rows.all() == await one.author.posts.all() == [two, one]
            assert (await rows.first(), await rows.last()) == (two, one)
            Post._meta.ordering = []
            assert not rows.all().ordered
        finally:
            Post._meta.ordering = before
        assert await rows.all() == [one, two]

    stage.run(body)


def test_a_changed_expression_class_is_compiled_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's way to write a function for one database: `Length.as_sqlite = ...`."""

    def shouted(self: Any, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, **{**context, "function": "UPPER"})

    async def body(queries: Queries) -> None:
        await write("One")

        async def lower() -> Any:
            return await Post.objects.values_list(Lower("title"), flat=True).get()

        assert await lower() == "one"
        with monkeypatch.context() as patch:
            for vendor in ("sqlite", "postgresql", "mysql"):
                patch.setattr(Lower, f"as_{vendor}", shouted, raising=False)
            assert await lower() == "ONE"
        assert await lower() == "one"
        with monkeypatch.context() as patch:
            patch.setattr(Lower, "function", "UPPER")
            assert await lower() == "ONE"
        assert await lower() == "one"

    stage.run(body)


WRITES: dict[str, Any] = {
    "save": lambda user, post, tag: user.save(),
    "delete": lambda user, post, tag: user.delete(),
    "refresh_from_db": lambda user, post, tag: user.refresh_from_db(fields=["age"]),
    "create": lambda user, post, tag: User.create(username="other"),
    "add": lambda user, post, tag: tag.posts.add(post),
    "set": lambda user, post, tag: tag.posts.set([post], clear=True),
    "remove": lambda user, post, tag: user.edited.remove(post),
    "clear": lambda user, post, tag: user.edited.clear(),
    "get_or_create": lambda user, post, tag: user.posts.get_or_create(title="other"),
}


@pytest.mark.parametrize("name", WRITES)
def test_forgotten_await_of_a_write_is_told_with_its_place(name: str) -> None:
    """T18."""
    user, post, tag = User(pk=1), Post(pk=1), Tag(pk=1)
    made = WRITES[name](user, post, tag)
    with pytest.raises(MissingAwait, match=rf"^{name}\(\) was not awaited, .*test_semantics\.py:\d+"):
        made.pk
    made = WRITES[name](user, post, tag)
    with pytest.warns(RuntimeWarning, match=rf"^{name}\(\) was never awaited \(.*test_semantics\.py:\d+"):
        made = gc.collect()


def test_queries_and_writes_can_be_tasks(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="author")
        user.age = 30
        await asyncio.create_task(user.save())
        assert (await asyncio.create_task(User.objects.get(age=30))) == user
        async with asyncio.TaskGroup() as group:
            counted = group.create_task(User.objects.count())
            group.create_task(user.posts.create(title="one"))
        assert counted.result() == 1
        assert await asyncio.gather(Post.objects.count(), Note.objects.count()) == [1, 0]
        missing = asyncio.create_task(User.objects.get(age=99))
        with pytest.raises(User.DoesNotExist):
            await missing
        stopped = asyncio.create_task(User.objects.count())
        await asyncio.sleep(0)
        stopped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopped
        assert await User.objects.count() == 1

    stage.run(body)


def test_a_fields_own_way_to_store_is_honoured_by_every_write(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        async def stored() -> list[int]:
            return list(await Meter.objects.values_list("reading", flat=True))

        meter = await Meter.objects.create()
        assert (meter.reading, await stored()) == (1, [100])
        await meter.save()
        await meter.save(update_fields=["reading"])
        assert (meter.reading, await stored()) == (3, [300])
        other = (await Meter.objects.bulk_create([Meter(reading=4)]))[0]
        assert (other.reading, await stored()) == (5, [300, 500])
        await Meter.objects.filter(pk=meter.pk).update(reading=7)
        assert await stored() == [700, 500]
        await Meter.objects.filter(pk=meter.pk).update(reading=Value(8, output_field=Meter._meta.get_field("reading")))
        await Meter.objects.exclude(pk=meter.pk).update(reading=F("reading") + 1)
        assert await stored() == [800, 501]
        meter.reading, other.reading = 1, 2
        await Meter.objects.bulk_update([meter, other], ["reading"])
        assert await stored() == [100, 200]
        await Meter.objects.update_or_create(pk=meter.pk, defaults={"reading": 5})
        assert await stored() == [600, 200]

    stage.run(body)


def test_selected_relation_is_ordered_by_its_key(stage: Stage) -> None:
    """Not by the default order of the rows that it points to, which stands for a relation that is not selected."""

    async def body(queries: Queries) -> None:
        (post,) = await write("one")
        last, first = await Tag.create(name="z"), await Tag.create(name="a")
        await post.tags.add(last, first)
        assert await Post.objects.values_list("tags", flat=True).order_by("tags") == [last.pk, first.pk]
        assert await Post.objects.values_list("tags", flat=True).order_by("-tags") == [first.pk, last.pk]
        assert await Post.objects.values_list("tags__name", flat=True).order_by("tags") == ["a", "z"]
        counted = Post.objects.values("tags").annotate(n=Count("pk")).order_by("tags")
        assert [row["tags"] for row in await counted] == [last.pk, first.pk]

    stage.run(body)


def test_conditions_may_be_pairs_and_nothing_else_that_is_none(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        one, two = await write("one", "two")
        assert await Post.objects.filter(("title", "one"), ["author__age", 20]) == [one]
        assert await Post.objects.exclude(("title", "one")) == [two]
        message = r"^filter\(\) takes Q objects, conditional expressions and keyword arguments, not "
        for wrong in (1, None, True, Post, object()):
            with pytest.raises(TypeError, match=message):
                Post.objects.filter(wrong)
        with pytest.raises(ValueError, match=f"{message}'title'"):
            Post.objects.filter("title")

    stage.run(body)


def test_values_of_an_expression_without_a_name_say_what_to_do() -> None:
    with pytest.raises(
        TypeError, match=r"^values\(\) needs a name for an expression: values\(name=Lower\(F\(title\)\)\)\.$"
    ):
        Post.objects.values(Lower("title"))


def test_annotation_without_a_type_is_refused_where_there_are_no_rows_too(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        for rows in (Post.objects.all(), Post.objects.none(), Post.objects.filter(pk__in=[])):
            with pytest.raises(FieldError, match=r"^Cannot infer type of '\+' expression involving these types: "):
                await rows.annotate(mixed=F("title") + F("pk"))

    stage.run(body)
