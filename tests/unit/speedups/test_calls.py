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


class Rows:
    def __init__(self, model: Any) -> None:
        self.model = model

    async def _get(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self, args, kwargs


class Manager:
    """As much of a manager as `get` looks at."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(model=int, _db=None, _hints={}, **state)
        self.asked = 0

    def _rows(self) -> Rows:
        self.asked += 1
        return Rows("asked")


@twins
def test_get_of_a_manager_is_a_call_of_its_rows(twin: ModuleType) -> None:
    get = twin.manager_get(twin.Call)
    manager = Manager()
    made = get(manager, 1, id=2)
    assert (made._name, made._code) == ("get", test_get_of_a_manager_is_a_call_of_its_rows.__code__)
    assert line(made) == made._code.co_firstlineno + 4
    rows, args, kwargs = asyncio.run(awaited(made))
    assert (rows.model, args, kwargs) == ("asked", (1,), {"id": 2})
    twin.passes_on(passing)
    made = passing(get, manager)
    assert made._code is test_get_of_a_manager_is_a_call_of_its_rows.__code__
    made._method = None
    with pytest.raises(TypeError, match="int is no Call"):
        twin.manager_get(int)


def passing(get: Any, manager: Any) -> Any:
    return get(manager)


async def awaited(call: Any) -> Any:
    return await call


def test_get_of_a_plain_manager_starts_from_its_root() -> None:
    get = select("calls").manager_get(select("calls").Call)
    plain = Manager(_root=Rows(int))
    for manager, starts_there in (
        (plain, True),
        (Manager(_root=Rows(str)), False),
        (changed(Manager(_root=Rows(int)), _db="other"), False),
        (changed(Manager(_root=Rows(int)), _hints={"instance": 1}), False),
    ):
        rows, _, _ = asyncio.run(awaited(get(manager, id=1)))
        if select("calls") is not _calls_py:
            assert (rows.model != "asked") is starts_there
            assert manager.asked == (not starts_there)


def changed(manager: Manager, **state: Any) -> Manager:
    manager.__dict__.update(state)
    return manager
