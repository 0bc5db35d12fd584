"""What only PostgreSQL has: arrays, ranges, full text search, its aggregates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm import Case, CharField, F, IntegerField, Model, Q, Value, When
from covet.database.orm.fields.postgres import (
    ArrayField,
    DateRangeField,
    DateTimeRangeField,
    IntegerRangeField,
    NumericRange,
    SearchVectorField,
)
from covet.database.orm.plan import invalidate
from covet.database.orm.postgres import (
    ArrayAgg,
    ArraySubquery,
    BitOr,
    BoolAnd,
    Corr,
    JSONBAgg,
    RandomUUID,
    SearchHeadline,
    SearchQuery,
    SearchRank,
    SearchVector,
    StringAgg,
)
from covet.portal import run

pytestmark = pytest.mark.postgresql
Shelf = Callable[[Callable[[], Awaitable[None]]], None]


class Item(Model):
    title = CharField(max_length=50)
    n = IntegerField()
    tags = ArrayField(CharField(max_length=20), null=True)
    numbers = ArrayField(IntegerField(), null=True)
    span = IntegerRangeField(null=True)
    days = DateRangeField(null=True)
    when = DateTimeRangeField(null=True)
    words = SearchVectorField(null=True)

    class Meta:
        app_label = "integration_postgres"
        ordering = ["pk"]


@pytest.fixture
def shelf(postgresql_url: str) -> Shelf:
    """Runs a coroutine function where the table holds two items."""

    async def played(body: Callable[[], Awaitable[None]]) -> None:
        connections.configure({"default": postgresql_url})
        invalidate()
        adapter = connections["default"]
        async with adapter.engine.begin() as connection:
            await connection.run_sync(Item.table.create)
        try:
            await Item.objects.create(
                pk=1,
                title="The quick brown fox",
                n=5,
                tags=["a", "b"],
                numbers=[1, 2, 3],
                span=NumericRange(1, 10),
                days=(dt.date(2020, 1, 1), dt.date(2020, 2, 1)),
                when=(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 2, 1, tzinfo=dt.UTC)),
            )
            await Item.objects.create(pk=2, title="A lazy dog", n=50, tags=["b"], numbers=[])
            await body()
        finally:
            async with adapter.engine.begin() as connection:
                await connection.run_sync(Item.table.drop)
            await connections.close_all()
            connections.configure(None)

    def play(body: Callable[[], Awaitable[None]]) -> None:
        with override_settings(DATABASE_ROUTERS=[], VALIDATE_ON_SAVE=False, USE_TZ=True, TIME_ZONE="UTC"):
            run(played(body))

    return play


async def keys(**lookups: Any) -> list[int]:
    return [item.pk for item in await Item.objects.filter(**lookups)]


def test_arrays(shelf: Shelf) -> None:
    async def body() -> None:
        assert await keys(tags__contains=["a"]) == [1]
        assert await keys(tags__contained_by=["a", "b", "c"]) == [1, 2]
        assert await keys(tags__overlap=["a", "z"]) == [1]
        assert await keys(numbers=[1, 2, 3]) == [1]
        assert await keys(numbers=[]) == [2]
        assert await keys(numbers__len=3, numbers__0=1, tags__1="b", numbers__0_2=[1, 2]) == [1]
        assert await keys(numbers__in=[[1, 2, 3], [5]]) == [1]
        assert await keys(numbers__contains=[F("n") - 4]) == [1]
        parts = Item.objects.annotate(first=F("numbers__0"), some=F("numbers")[:2]).values_list("first", "some")
        assert await parts == [(1, [1, 2]), (None, [])]
        one = Value([1], ArrayField(IntegerField()))
        await Item.objects.update(numbers=Case(When(n=50, then=one), default=F("numbers")))
        assert await Item.objects.values_list("numbers", flat=True) == [[1, 2, 3], [1]]

    shelf(body)


def test_ranges_and_values_share_a_lookup(shelf: Shelf) -> None:
    async def body() -> None:
        assert await keys(span__contains=5) == await keys(span__contains=NumericRange(2, 5)) == [1]
        assert await keys(span__contains=10) == []
        assert await keys(span__contains=F("n")) == [1]
        assert await keys(when__contains=dt.datetime(2020, 1, 5, tzinfo=dt.UTC)) == [1]
        assert await keys(days__contains=dt.date(2020, 1, 5)) == [1]
        assert await keys(days__contains=Value("2020-01-05")) == [1]
        assert await keys(n__contained_by=NumericRange(1, 10)) == [1]
        assert await keys(span__overlap=(3, 4), span__startswith=1, span__endswith=10, span__isempty=False) == [1]
        assert await keys(span__fully_lt=(20, 30), span__not_gt=(0, 10), span__adjacent_to=(10, 12)) == [1]

    shelf(body)


def test_full_text_search(shelf: Shelf) -> None:
    async def body() -> None:
        assert await keys(title__search="fox") == [1]
        query = SearchQuery("quick", config="english") & ~SearchQuery("dog", config="english")
        assert await Item.objects.annotate(v=SearchVector("title", config="english")).filter(v=query).count() == 1
        rank = SearchRank(SearchVector("title", weight="A"), SearchQuery("fox"), weights=[0.1, 0.2, 0.4, 1.0])
        ranks = await Item.objects.annotate(r=rank).values_list("r", flat=True)
        assert ranks[0] > ranks[1] == 0.0
        headline = SearchHeadline("title", SearchQuery("fox"), start_sel="<b>", stop_sel="</b>")
        assert await Item.objects.filter(pk=1).annotate(h=headline).values_list("h", flat=True) == [
            "The quick brown <b>fox</b>"
        ]
        await Item.objects.update(words=SearchVector("title"))
        assert await keys(words="lazy") == [2]

    shelf(body)


def test_reals_of_four_bytes_are_as_short_as_they_print(shelf: Shelf) -> None:
    async def body() -> None:
        rows = await connections["default"].run("SELECT 0.44444445::real, ARRAY[0.1::real], $1::real", (2.5,))
        assert list(rows[0]) == [0.44444445, [0.1], 2.5]

    shelf(body)


def test_aggregates(shelf: Shelf) -> None:
    async def body() -> None:
        found = await Item.objects.aggregate(
            numbers=ArrayAgg("n", order_by="-n"),
            some=ArrayAgg("title", filter=Q(n__gt=10)),
            none=ArrayAgg("n", filter=Q(n__lt=0), default=[]),
            text=StringAgg("title", delimiter="; ", order_by="title"),
            json=JSONBAgg("n", order_by="n"),
            all=BoolAnd(Q(n__gt=1)),
            bits=BitOr("n"),
            corr=Corr("n", "n"),
        )
        assert found == {
            "numbers": [50, 5],
            "some": ["A lazy dog"],
            "none": [],
            "text": "A lazy dog; The quick brown fox",
            "json": [5, 50],
            "all": True,
            "bits": 55,
            "corr": 1.0,
        }
        listed = Item.objects.annotate(x=ArraySubquery(Item.objects.order_by("n").values("n")), u=RandomUUID())
        assert await listed.values_list("x", flat=True) == [[5, 50], [5, 50]]

    shelf(body)
