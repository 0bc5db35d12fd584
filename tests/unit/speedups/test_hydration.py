"""Making instances: both twins do the same to the same rows."""

import copy
import gc
import pickle
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covet._speedups import _hydration_py, select

TWINS = [_hydration_py, select("hydration")]
twins = pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.__name__)


class Guarded:
    """A data descriptor, as a foreign key's column has."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.__dict__["owner_id"]

    def __set__(self, instance: Any, value: Any) -> None:
        raise AssertionError("hydration must go past it")


class Thing:
    owner_id = Guarded()


class Group:
    def __init__(self) -> None:
        self._references: list[Any] = []


ROWS = st.lists(st.tuples(st.integers(), st.text(), st.integers() | st.none()), max_size=20)


def values(instance: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(instance).items() if name != "_state"}


@twins
@given(rows=ROWS)
def test_rows_become_attributes(twin: ModuleType, rows: list[tuple[Any, ...]]) -> None:
    hydrator = twin.Hydrator(Thing, ("id", "name", "owner_id"), 0, 0, converters={1: str.upper})
    things = hydrator.many(rows, "default", None)
    assert [values(thing) for thing in things] == [
        {"id": key, "name": name.upper(), "owner_id": owner} for key, name, owner in rows
    ]
    assert all(thing._state.db == "default" and not thing._state.adding for thing in things)


@twins
def test_joined_rows_are_put_in_both_caches(twin: ModuleType) -> None:
    child = twin.Hydrator(Thing, ("id",), 2, 2, (), "parent", "children")
    hydrator = twin.Hydrator(Thing, ("id", "name"), 0, 0, (child,))
    rows = [(1, "a", 7), (2, "b", None)]
    parents = hydrator.many(rows, "default", None)
    children = child.attach(parents, rows, "default", None)
    assert [None if found is None else found.id for found in children] == [7, None]
    assert parents[0]._state.fields_cache["parent"] is children[0]
    assert parents[1]._state.fields_cache["parent"] is None
    assert children[0]._state.fields_cache["children"] is parents[0]


@twins
def test_members_of_a_group_are_held_weakly(twin: ModuleType) -> None:
    group = Group()
    things = twin.Hydrator(Thing, ("id",), 0, 0).many([(1,), (2,)], "default", group)
    assert [reference() for reference in group._references] == things
    assert all(thing._state.peers is group for thing in things)
    del things
    assert [reference() for reference in group._references] == [None, None]


@twins
def test_annotations_are_attributes(twin: ModuleType) -> None:
    hydrator = twin.Hydrator(Thing, ("id",), 0, 0, extras=(("n", 1),), converters={1: int})
    assert [thing.n for thing in hydrator.many([(1, "5")], "default", None)] == [5]


@twins
def test_state_is_copied_and_pickled_without_its_group(twin: ModuleType) -> None:
    state = twin.ModelState("other", adding=False, peers=Group())
    state.fields_cache["author"] = "someone"
    shallow = copy.copy(state)
    shallow.fields_cache["author"] = "else"
    assert state.fields_cache == {"author": "someone"}
    restored = pickle.loads(pickle.dumps(state))
    assert (restored.db, restored.adding, restored.peers, restored.fields_cache) == (
        "other",
        False,
        None,
        {"author": "someone"},
    )


def test_compiled_instances_share_the_room_for_their_values() -> None:
    made = select("hydration")
    if made is _hydration_py:
        pytest.skip("the extension is not built")
    (thing,) = made.Hydrator(type("Sole", (), {}), ("id", "name"), 0, 0).many([(1, "a")], "default", None)
    assert not [held for held in gc.get_referents(thing) if type(held) is dict], "it has a dictionary of its own"
    assert values(thing) == {"id": 1, "name": "a"}


@twins
@given(rows=ROWS)
def test_an_annotation_groups_instances_and_is_not_theirs(twin: ModuleType, rows: list[tuple[Any, ...]]) -> None:
    extras = (("n", 1), ("whose", 2))
    hydrator = twin.Hydrator(Thing, ("id",), 0, 0, extras=extras, converters={2: str})
    group = Group()
    things, groups = hydrator.keyed(iter(rows) if twin is not _hydration_py else rows, "default", group, 2)
    assert [values(thing) for thing in things] == [{"id": key, "n": name} for key, name, _ in rows]
    wanted: dict[str, list[Any]] = {}
    for thing, row in zip(things, rows, strict=True):
        wanted.setdefault(str(row[2]), []).append(thing)
    assert groups == wanted
    assert list(groups) == list(wanted)
    assert [reference() for reference in group._references] == things


@twins
def test_asking_for_related_objects_makes_no_room_for_them(twin: ModuleType) -> None:
    state = twin.ModelState()
    assert state.holds_related is False
    assert state.__getstate__() == {"db": None, "adding": True, "fields_cache": {}}
    assert state.holds_related is False
    state.fields_cache["owner"] = None
    assert state.holds_related is True
    things = twin.Hydrator(Thing, ("id",), 0, 0).many([(1,)], "default", None)
    assert things[0]._state.holds_related is False


@twins
def test_a_relation_is_read_from_what_the_instance_holds(twin):
    class Relation(twin.CachedRelation):
        _cache_name = "author"

        def _looked_up(self, instance):
            return ("looked up", instance)

    class Post:
        author = Relation()

        def __init__(self):
            self._state = twin.ModelState()

    post = Post()
    assert Post.author is Post.__dict__["author"]
    assert post.author == ("looked up", post)
    post._state.fields_cache["author"] = None
    assert post.author == ("looked up", post)
    post._state.fields_cache["author"] = "Ada"
    assert post.author == "Ada"


@twins
def test_a_relation_is_read_from_any_state(twin):
    class Relation(twin.CachedRelation):
        _cache_name = "author"

        def _looked_up(self, instance):
            return None

    class State:
        def __init__(self):
            self.fields_cache = {"author": "Ada"}

    class Post:
        author = Relation()

        def __init__(self):
            self._state = State()

    assert Post().author == "Ada"
    with pytest.raises(AttributeError, match="_state"):
        Relation().__get__(object(), object)
