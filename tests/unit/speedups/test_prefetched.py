"""Handing prefetched rows out, and managers of one instance: both twins do the same."""

import copy
import pickle
from operator import attrgetter
from types import ModuleType
from typing import Any

import pytest

from covet._speedups import _prefetched_py, select

twins = pytest.mark.parametrize("twin", [_prefetched_py, select("prefetched")], ids=lambda twin: twin.__name__)


class Thing:
    def __init__(self, number: int) -> None:
        self.number = number
        self._prefetched_objects_cache: dict[str, Any] = {}


class RelatedManager:
    cache_name = "parts"
    model = Thing
    instance: Any

    def __init__(self) -> None:
        raise AssertionError("it is made without")


class Rows:
    model: Any
    _result_cache: Any
    _origin: Any


@twins
def test_each_instance_gets_its_group(twin: ModuleType) -> None:
    things = [Thing(1), Thing(2), Thing(1)]
    twin.hand_out(things, {1: ["a", "b"]}, attrgetter("number"), "parts", "given")
    held = [thing._prefetched_objects_cache["parts"] for thing in things]
    assert [list(each) for each in held] == [["a", "b"], [], ["a", "b"]]
    assert all(type(each) is twin.Prefetched and each.queryset == "given" for each in held)


@twins
def test_an_instance_without_a_cache_is_an_error(twin: ModuleType) -> None:
    thing = Thing(1)
    del thing._prefetched_objects_cache
    with pytest.raises(AttributeError, match="_prefetched_objects_cache"):
        twin.hand_out([thing], {}, attrgetter("number"), "parts", None)


@twins
def test_prefetched_rows_are_a_sequence_that_can_be_copied(twin: ModuleType) -> None:
    held = twin.Prefetched([1, 2, 3], "given")
    assert (len(held), held[0], held[1:], list(held)) == (3, 1, [2, 3], [1, 2, 3])
    for again in (pickle.loads(pickle.dumps(held)), copy.deepcopy(held)):
        assert (type(again), again.rows, again.queryset) == (twin.Prefetched, [1, 2, 3], "given")
        assert again.rows is not held.rows


@twins
def test_a_manager_knows_its_instance_and_what_that_holds(twin: ModuleType) -> None:
    thing = Thing(1)
    manager = twin.manager_for(RelatedManager, thing)
    assert type(manager) is RelatedManager
    assert manager.instance is thing
    assert twin.held_by(manager) is None
    held = thing._prefetched_objects_cache["parts"] = twin.Prefetched([1])
    assert twin.held_by(manager) is held
    thing._prefetched_objects_cache["parts"] = None
    assert twin.held_by(manager) is None
    del thing._prefetched_objects_cache
    assert twin.held_by(manager) is None


@twins
def test_held_rows_know_whom_to_ask(twin: ModuleType) -> None:
    manager = twin.manager_for(RelatedManager, Thing(1))
    held = twin.Prefetched([1, 2], "given")
    rows = twin.holding(manager, Rows, held)
    assert type(rows) is Rows
    assert (rows.model, rows._result_cache, rows._origin) == (Thing, held.rows, (manager, "given"))
