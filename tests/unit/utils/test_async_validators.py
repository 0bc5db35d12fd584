"""Async functions under pydantic's validators are found, wherever they stand; plain ones are not."""

import functools
import gc
import typing

import pydantic
import pytest
from pydantic import dataclasses

from covet.utils.async_validators import async_validators
from covet_cli.checks import check_schemas


@pytest.fixture(autouse=True)
def _forget():
    yield
    gc.collect()


async def unique(value):
    return value


def plain(value):
    return value


class Checker:
    async def __call__(self, value):
        return value


def names(schema):
    return [name for found, name in async_validators() if found is schema]


def test_field_validators():
    class Signup(pydantic.BaseModel):
        name: str
        age: int

        @pydantic.field_validator("name")
        @classmethod
        async def unique_name(cls, value):
            return value

        @pydantic.field_validator("age", mode="before")
        @classmethod
        def old_enough(cls, value):
            return value

    assert names(Signup) == ["unique_name"]
    (problem,) = [each for each in check_schemas() if "test_field_validators" in each.message]
    assert (problem.code, problem.level) == ("CV006", "error")
    assert problem.message == (
        f"{__name__}.test_field_validators.<locals>.Signup: the validator unique_name is async, and pydantic never "
        "awaits it: the value becomes a coroutine, and nothing is checked."
    )


def test_model_validators():
    class Signup(pydantic.BaseModel):
        name: str

        @pydantic.model_validator(mode="after")
        async def late(self):
            return self

        @pydantic.model_validator(mode="before")
        @classmethod
        async def early(cls, data):
            return data

        @pydantic.model_validator(mode="wrap")
        @classmethod
        async def around(cls, data, handler):
            return handler(data)

    assert names(Signup) == ["around", "early", "late"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_names_of_pydantic_1():
    class Signup(pydantic.BaseModel):
        name: str

        @pydantic.validator("name")
        async def unique_name(cls, value):
            return value

        @pydantic.root_validator(skip_on_failure=True)
        async def all_of_it(cls, values):
            return values

    assert names(Signup) == ["all_of_it", "unique_name"]


def test_annotations_however_deep():
    name = typing.Annotated[str, pydantic.AfterValidator(unique)]

    class Signup(pydantic.BaseModel):
        direct: name
        optional: name | None = None
        listed: list[dict[str, name]] = []
        before: typing.Annotated[int, pydantic.BeforeValidator(functools.partial(unique))] = 1
        called: typing.Annotated[int, pydantic.PlainValidator(Checker())] = 1
        fine: typing.Annotated[int, pydantic.AfterValidator(plain)] = 1

    assert [each.partition(" ")[0] for each in names(Signup)] == ["before", "called", "direct", "listed", "optional"]


def test_subclasses_inherit_what_is_wrong():
    class Base(pydantic.BaseModel):
        name: str

        @pydantic.field_validator("name")
        @classmethod
        async def unique_name(cls, value):
            return value

    class Signup(Base):
        pass

    assert names(Base) == names(Signup) == ["unique_name"]


@dataclasses.dataclass
class Point:
    """At module level: dataclasses are found in modules."""

    x: int

    @pydantic.field_validator("x")
    @classmethod
    async def positive(cls, value):
        return value


def test_dataclasses():
    assert names(Point) == ["positive"]
