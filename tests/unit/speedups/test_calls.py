"""Calls that wait to be awaited: both twins know the same place."""

import asyncio
import gc
from types import ModuleType
from typing import Any

import pytest

from covet._speedups import _calls_py, select

twins = pytest.mark.parametrize("twin", [_calls_py, select("calls")], ids=lambda twin: twin.__name__)


async def double(number: int) -> int:
    return 2 * number


def query(twin: ModuleType) -> Any:
    return twin.Call("double", double, 21)


def line(call: Any) -> int:
    return next(number for start, stop, number in call._code.co_lines() if start <= call._lasti < stop)


@twins
def test_a_call_knows_who_made_it(twin: ModuleType) -> None:
    made = query(twin)
    assert made._code is test_a_call_knows_who_made_it.__code__
    assert line(made) == made._code.co_firstlineno + 2
    assert (made._name, made._args) == ("double", (21,))
    made._method = None


@twins
def test_a_function_that_passes_on_is_passed_over(twin: ModuleType) -> None:
    def through() -> Any:
        return query(twin)

    twin.passes_on(through)
    made = through()
    assert made._code is test_a_function_that_passes_on_is_passed_over.__code__
    made._method = None


@twins
def test_a_call_is_awaited_once(twin: ModuleType) -> None:
    async def body() -> None:
        made = query(twin)
        assert await made == 42
        with pytest.raises(RuntimeError, match=r"cannot reuse already awaited double\(\)"):
            await made

    asyncio.run(body())


@twins
def test_what_is_never_awaited_is_told(twin: ModuleType) -> None:
    told = []

    class Told(twin.Call):
        __slots__ = ()

        def _forgotten(self) -> None:
            told.append((self._name, line(self) - self._code.co_firstlineno))

    def call() -> Any:
        return Told("double", double, 1)

    asyncio.run(double(1))
    call()
    gc.collect()
    assert told == [("double", 14)]
    kept = call()
    kept._method = None
    del kept
    gc.collect()
    assert len(told) == 1


@twins
def test_no_public_name_is_in_the_way_of_a_models_fields(twin: ModuleType) -> None:
    """A forgotten await is told when any field is read: `name` and `code` are common ones."""
    assert [name for name in dir(twin.Call) if not name.startswith("_")] == []
