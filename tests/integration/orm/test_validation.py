"""`full_clean()` where it asks the database: duplicates, references, conditions, with Django's messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm import (
    CASCADE,
    CharField,
    CheckConstraint,
    DateField,
    ExclusionConstraint,
    F,
    FileField,
    ForeignKey,
    IntegerField,
    Model,
    Q,
    UniqueConstraint,
)
from covet.database.orm.fields.postgres import DateRangeField
from covet.database.orm.functions import Lower
from covet.database.orm.plan import invalidate
from covet.database.orm.registry import Apps
from covet.exceptions import ValidationError
from covet.portal import run

registry = Apps()


class Hall(Model):
    name = CharField(max_length=20, unique=True)

    class Meta:
        app_label = "validation"
        apps = registry


class Concert(Model):
    hall = ForeignKey(Hall, CASCADE)
    title = CharField(max_length=20, unique_for_date="day")
    day = DateField()
    seats = IntegerField(default=10)
    sold = IntegerField(default=0)
    state = CharField(max_length=5, default="open")

    class Meta:
        app_label = "validation"
        apps = registry
        unique_together = [("hall", "day")]
        constraints = [
            CheckConstraint(condition=Q(sold__lte=F("seats")), name="not_oversold"),
            UniqueConstraint(
                fields=["hall"], condition=Q(state="now"), name="one_now", violation_error_message="One at a time."
            ),
        ]

    async def clean(self) -> None:
        if self.title == "forbidden":
            raise ValidationError("Not here.")


class Nickname(Model):
    text = CharField(max_length=20)

    class Meta:
        app_label = "validation"
        apps = registry
        constraints = [UniqueConstraint(Lower("text"), name="nickname_ci")]


def _is_pdf(file: Any) -> None:
    if not file.name.endswith(".pdf"):
        raise ValidationError(f"{file.name} is no PDF.")


class Score(Model):
    sheet = FileField(validators=[_is_pdf])

    class Meta:
        app_label = "validation"
        apps = registry


class Booking(Model):
    days = DateRangeField()

    class Meta:
        app_label = "validation_postgresql"
        apps = registry
        constraints = [ExclusionConstraint(name="no_overlap", expressions=[("days", "&&")])]


def _play(url: str, body: Callable[[], Awaitable[None]], *models: Any) -> None:
    async def work() -> None:
        connections.configure({"default": url})
        invalidate()
        adapter = connections["default"]
        tables = [model.table for model in models]
        async with adapter.engine.begin() as connection:
            await connection.run_sync(tables[0].metadata.create_all, tables)
        try:
            await body()
        finally:
            async with adapter.engine.begin() as connection:
                await connection.run_sync(tables[0].metadata.drop_all, tables)
            await connections.close_all()
            connections.configure(None)
            for model in models:
                vars(model).get("_covet_tables", {}).clear()
            registry.metadata.clear()

    with override_settings(VALIDATE_ON_SAVE=False):
        run(work())


async def _errors(instance: Any, **options: Any) -> dict[str, list[str]]:
    try:
        await instance.full_clean(**options)
    except ValidationError as error:
        return error.message_dict
    return {}


def test_duplicates_and_references_are_asked_for(database_url: str) -> None:
    """Promise 46."""

    async def body() -> None:
        hall = await Hall.create(name="Blue")
        day = dt.date(2024, 5, 1)
        concert = await Concert.create(hall=hall, title="Opening", day=day)
        assert await _errors(concert) == {}
        assert await _errors(Hall(name="Blue")) == {"name": ["Hall with this Name already exists."]}
        assert await _errors(Concert(hall=hall, title="Other", day=day)) == {
            "__all__": ["Concert with this Hall and Day already exists."]
        }
        red = await Hall.create(name="Red")
        assert await _errors(Concert(hall=red, title="Opening", day=day)) == {
            "title": ["Title must be unique for Day date."]
        }
        assert await _errors(Concert(hall_id=999, title="Lost", day=day)) == {
            "hall": ["hall instance with id 999 is not a valid choice."]
        }
        assert await _errors(Concert(hall=hall, title="Other", day=day), validate_unique=False) == {}

    _play(database_url, body, Hall, Concert)


def test_constraints_are_checked(database_url: str) -> None:
    async def body() -> None:
        hall = await Hall.create(name="Blue")
        day = dt.date(2024, 5, 1)
        oversold = Concert(hall=hall, title="Full", day=day, sold=11)
        assert await _errors(oversold) == {"__all__": ["Constraint “not_oversold” is violated."]}
        assert await _errors(oversold, exclude=["sold"]) == {}
        await Concert.create(hall=hall, title="First", day=day, state="now")
        second = Concert(hall=hall, title="Second", day=dt.date(2024, 5, 2), state="now")
        assert await _errors(second) == {"__all__": ["One at a time."]}
        second.state = "open"
        assert await _errors(second) == {}

    _play(database_url, body, Hall, Concert)


def test_unique_expressions_compare_as_they_are_stored(database_url: str) -> None:
    if database_url.startswith("mysql"):
        pytest.skip("MariaDB has no indexes over expressions")

    async def body() -> None:
        one = await Nickname.create(text="Emma")
        assert await _errors(Nickname(text="EMMA")) == {"__all__": ["Constraint “nickname_ci” is violated."]}
        one.text = "eMMa"
        assert await _errors(one) == {}

    _play(database_url, body, Nickname)


@pytest.mark.postgresql
def test_excluded_overlaps_are_found(postgresql_url: str) -> None:
    async def body() -> None:
        may = (dt.date(2024, 5, 1), dt.date(2024, 6, 1))
        await Booking.create(days=may)
        overlapping = Booking(days=(dt.date(2024, 5, 31), dt.date(2024, 7, 1)))
        assert await _errors(overlapping) == {"__all__": ["Constraint “no_overlap” is violated."]}
        assert await _errors(Booking(days=(dt.date(2024, 6, 1), dt.date(2024, 7, 1)))) == {}

    _play(postgresql_url, body, Booking)


def test_clean_may_be_async_and_all_messages_come_together(sqlite_url: str) -> None:
    async def body() -> None:
        found = await _errors(Concert(title="forbidden", day="never", seats="x"))
        assert found == {
            "hall": ["This field cannot be null."],
            "day": ["“never” value has an invalid date format. It must be in YYYY-MM-DD format."],
            "seats": ["“x” value must be an integer."],
            "__all__": ["Not here."],
        }

    _play(sqlite_url, body, Hall, Concert)


def test_saving_hands_validators_the_file_and_not_its_name(sqlite_url: str) -> None:
    async def body() -> None:
        with override_settings(VALIDATE_ON_SAVE=True):
            await Score.objects.create(sheet="a/waltz.pdf")
            with pytest.raises(ValidationError, match=r"a/waltz\.txt is no PDF"):
                await Score.objects.create(sheet="a/waltz.txt")

    _play(sqlite_url, body, Score)
