"""Prefetching: the related objects of many instances in one query a relation.

QuerySets call it after a fetch, descriptors for implicit batches; it asks relations how their objects
are found (`get_prefetch_querysets`) and never builds a query itself.
"""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from covet._speedups import select
from covet.database.orm.hydration import by_key
from covet.database.orm.queryset.late import late
from covet.exceptions import FieldDoesNotExist, ObjectDoesNotExist

if TYPE_CHECKING:
    from covet._speedups import _prefetched_py as speedups
else:
    speedups = select("prefetched")

LOOKUP_SEP = "__"
Prefetched = speedups.Prefetched
hand_out = speedups.hand_out
held_by = speedups.held_by
holding = speedups.holding
manager_for = speedups.manager_for


class Prefetch:
    """One lookup of `prefetch_related`, with the QuerySet to fetch with and where to put the result.

    Args:
        lookup: the relation's path, as `prefetch_related` takes it.
        queryset: what to fetch with instead of the relation's own QuerySet.
        to_attr: put a plain list (or the one object) there instead of into the relation.

    Raises:
        ValueError: the QuerySet does not make model instances.
    """

    def __init__(self, lookup: str, queryset: Any = None, to_attr: str | None = None) -> None:
        self.prefetch_through = lookup
        self.prefetch_to = lookup
        if queryset is not None and not _makes_instances(queryset):
            message = "Prefetch querysets cannot use raw(), values(), and values_list()."
            raise ValueError(message)
        if to_attr:
            self.prefetch_to = LOOKUP_SEP.join([*lookup.split(LOOKUP_SEP)[:-1], to_attr])
        self.queryset = queryset
        self.to_attr = to_attr

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self.queryset is not None:
            # A pickled Prefetch stands for what was fetched; it must not fetch.
            queryset = self.queryset._chain()
            queryset._result_cache = []
            queryset._prefetch_done = True
            state["queryset"] = queryset
        return state

    def add_prefix(self, prefix: str) -> None:
        """Make it a lookup of what `prefix` leads to."""
        self.prefetch_to = f"{prefix}{LOOKUP_SEP}{self.prefetch_to}"
        self.prefetch_through = f"{prefix}{LOOKUP_SEP}{self.prefetch_through}"

    def get_current_prefetch_to(self, level: int) -> str:
        """The path up to and including `level`."""
        return LOOKUP_SEP.join(self.prefetch_to.split(LOOKUP_SEP)[: level + 1])

    def get_current_to_attr(self, level: int) -> tuple[str, bool]:
        """The attribute that `level` goes to, and whether it is a `to_attr`."""
        parts = self.prefetch_to.split(LOOKUP_SEP)
        return parts[level], bool(self.to_attr) and level == len(parts) - 1

    def get_current_queryset(self, level: int) -> Any:
        """`get_current_querysets` of a single QuerySet; deprecated, as in Django."""
        warnings.warn(
            "Prefetch.get_current_queryset() is deprecated. Use get_current_querysets() instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        querysets = self.get_current_querysets(level)
        return querysets[0] if querysets is not None else None

    def get_current_querysets(self, level: int) -> list[Any] | None:
        """The QuerySet to fetch `level` with, in a list; None for the relation's own."""
        if self.queryset is not None and self.get_current_prefetch_to(level) == self.prefetch_to:
            return [self.queryset]
        return None

    def __eq__(self, other: object) -> bool:
        return self.prefetch_to == other.prefetch_to if isinstance(other, Prefetch) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.prefetch_to))


def _makes_instances(queryset: Any) -> bool:
    return bool(getattr(queryset, "_yields_instances", not hasattr(queryset, "raw_query")))


class Source(NamedTuple):
    """How the related objects of one relation are fetched and matched: what `get_prefetch_querysets` returns."""

    queryset: Any
    related_key: Callable[[Any], Any]
    instance_key: Callable[[Any], Any]
    single: bool
    cache_name: str
    is_descriptor: bool
    # The annotation that is the key, where the rows need not keep it.
    key_name: str | None = None


def normalize_prefetch_lookups(lookups: Iterable[Any], prefix: str | None = None) -> list[Prefetch]:
    """The lookups as `Prefetch` objects, under `prefix`."""
    normal = []
    for lookup in lookups:
        made = lookup if isinstance(lookup, Prefetch) else Prefetch(lookup)
        if prefix:
            made.add_prefix(prefix)
        normal.append(made)
    return normal


async def prefetch_related_objects(model_instances: Sequence[Any], *related_lookups: Any) -> None:
    """Load relations of instances that are already here.

    Args:
        model_instances: instances of one model.
        related_lookups: paths, or `Prefetch` objects.

    Raises:
        AttributeError: a path names nothing.
        ValueError: a path ends in something that cannot be prefetched, or is given twice with different QuerySets.
    """
    if model_instances:
        await _Run(model_instances).follow(normalize_prefetch_lookups(reversed(related_lookups)))


async def aprefetch_related_objects(model_instances: Sequence[Any], *related_lookups: Any) -> None:
    """`prefetch_related_objects` under Django's async name."""
    await prefetch_related_objects(model_instances, *related_lookups)


class _Run:
    """One call of `prefetch_related_objects`: what was fetched so far, by path."""

    def __init__(self, instances: Sequence[Any]) -> None:
        self.instances = instances
        self.done: dict[str, list[Any]] = {}
        self.automatic: set[Prefetch] = set()
        self.followed: set[Any] = set()
        self.pending: list[Prefetch] = []

    async def follow(self, lookups: list[Prefetch]) -> None:
        """Fetch all of `lookups` (last first) and what they bring with them."""
        self.pending = lookups
        while self.pending:
            lookup = self.pending.pop()
            if lookup.prefetch_to not in self.done:
                await self._follow_one(lookup)
            elif lookup.queryset is not None:
                message = (
                    f"'{lookup.prefetch_to}' lookup was already seen with a different queryset. "
                    "You may need to adjust the ordering of your lookups."
                )
                raise ValueError(message)

    async def _follow_one(self, lookup: Prefetch) -> None:
        objects: list[Any] = list(self.instances)
        steps = lookup.prefetch_through.split(LOOKUP_SEP)
        for level, name in enumerate(steps):
            if not objects:
                return
            path = lookup.get_current_prefetch_to(level)
            if path in self.done:
                objects = self.done[path]
                continue
            if not _can_hold(objects):
                return
            to_attr = lookup.get_current_to_attr(level)[0]
            relation = _Relation(objects[0], name, to_attr)
            if not relation.found:
                message = (
                    f"Cannot find '{name}' on {type(objects[0]).__name__} object, '{lookup.prefetch_through}' is an "
                    "invalid parameter to prefetch_related()"
                )
                raise AttributeError(message)
            if level == len(steps) - 1 and relation.fetcher is None:
                message = (
                    f"'{lookup.prefetch_through}' does not resolve to an item that supports prefetching - this is an "
                    "invalid parameter to prefetch_related()."
                )
                raise ValueError(message)
            missing = [] if relation.fetcher is None else relation.lacking(objects)
            if missing:
                objects = await self._fetch(missing, relation, lookup, level)
            else:
                objects = list(_held(objects, name))

    async def _fetch(self, instances: list[Any], relation: _Relation, lookup: Prefetch, level: int) -> list[Any]:
        objects, further = await prefetch_one_level(instances, relation.fetcher, lookup, level)
        path = lookup.get_current_prefetch_to(level)
        # A recursive relation's own lookups would be followed for ever.
        if not (path in self.done and lookup in self.automatic and relation.descriptor in self.followed):
            self.done[path] = objects
            more = normalize_prefetch_lookups(reversed(further), path)
            self.automatic.update(more)
            self.pending.extend(more)
        self.followed.add(relation.descriptor)
        return objects


class _Relation:
    """What the attribute `name` of an instance is to prefetching.

    Attributes:
        fetcher: what has `get_prefetch_querysets`: the class's descriptor or the instance's manager.
        descriptor: the class's attribute. found: whether there is such an attribute at all.
        cached_as: its name among an instance's prefetched objects; None where it is kept elsewhere.
        is_fetched: whether an instance has its related objects already, where they are kept elsewhere.
    """

    __slots__ = ("cached_as", "descriptor", "fetcher", "found", "is_fetched")

    def __init__(self, instance: Any, name: str, to_attr: str) -> None:
        cls = type(instance)
        self.fetcher: Any = None
        self.cached_as: str | None = None
        self.is_fetched: Callable[[Any], bool] = functools.partial(_has_attribute, name=to_attr)
        self.descriptor: Any = getattr(cls, name, None)
        if self.descriptor is None:
            self.found = hasattr(instance, name)
            return
        self.found = True
        if hasattr(self.descriptor, "get_prefetch_querysets"):
            self.fetcher = self.descriptor
            if name == to_attr:
                self.is_fetched = self.descriptor.is_cached
            return
        value = getattr(instance, name)
        if hasattr(value, "get_prefetch_querysets"):
            self.fetcher = value
        if name == to_attr:
            self.cached_as = name
        elif isinstance(getattr(cls, to_attr, None), functools.cached_property):
            self.is_fetched = functools.partial(_is_computed, name=to_attr)

    def lacking(self, objects: list[Any]) -> list[Any]:
        """Those that do not have their related objects yet."""
        name = self.cached_as
        if name is not None:
            return [obj for obj in objects if name not in obj._prefetched_objects_cache]
        is_fetched = self.is_fetched
        return [obj for obj in objects if not is_fetched(obj)]


def _has_attribute(instance: Any, name: str) -> bool:
    return hasattr(instance, name)


def _is_computed(instance: Any, name: str) -> bool:
    return name in instance.__dict__


def _can_hold(objects: list[Any]) -> bool:
    for obj in objects:
        if "_prefetched_objects_cache" not in getattr(obj, "__dict__", ()):
            try:
                obj._prefetched_objects_cache = {}
            except (AttributeError, TypeError):
                # Not an instance (an immutable to_attr result, say): nothing can be prefetched below it.
                return False
    return True


def _held(objects: list[Any], name: str) -> Iterator[Any]:
    """What `name` of each object already is."""
    for obj in objects:
        prefetched = getattr(obj, "_prefetched_objects_cache", {})
        if name in prefetched:
            yield from prefetched[name]
            continue
        try:
            value = getattr(obj, name)
        except ObjectDoesNotExist:
            continue
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


async def prefetch_one_level(
    instances: list[Any], fetcher: Any, lookup: Prefetch, level: int
) -> tuple[list[Any], list[Any]]:
    """Fetch one relation of `instances` and hand each its objects.

    Returns:
        All related objects, and the lookups that their QuerySet wants followed.
    """
    given = fetcher.get_prefetch_querysets(instances, lookup.get_current_querysets(level))
    source = Source(*(await given if inspect.iscoroutine(given) else given))
    link = getattr(fetcher, "link", None)
    if source.key_name is None or source.queryset._prefetch_related_lookups:
        rows, further = await fetch_rows(source.queryset, first=link is not None)
        groups = by_key(rows, source.related_key)
    else:
        rows, groups = await source.queryset._fetch_keyed(source.key_name)
        further = []
    if link is not None and getattr(link, "links_nothing", False):
        link = None
    to_attr, as_attr = lookup.get_current_to_attr(level)
    if as_attr:
        _refuse_field_name(type(instances[0]), to_attr)
    leaf = len(lookup.prefetch_through.split(LOOKUP_SEP)) - 1 == level
    queryset = lookup.queryset if leaf else None
    if link is None and not source.single and not as_attr:
        hand_out(instances, groups, source.instance_key, source.cache_name, queryset)
        return rows, further
    for instance in instances:
        found = groups.get(source.instance_key(instance), [])
        if link is not None:
            for one in found:
                link(one, instance)
        if source.single:
            _set_one(instance, found[0] if found else None, source, to_attr if as_attr else None)
        elif as_attr:
            setattr(instance, to_attr, found)
        else:
            instance._prefetched_objects_cache[source.cache_name] = Prefetched(found, queryset)
    return rows, further


async def fetch_rows(queryset: Any, *, first: bool) -> tuple[list[Any], list[Any]]:
    """The rows of a QuerySet (or of a list that is here already), and the lookups to be followed from them.

    Args:
        queryset: the QuerySet.
        first: follow its own lookups now, before the rows are linked to what they belong to; else they are
            left to be followed with the outer ones, for all levels at once.
    """
    further = [copy.copy(lookup) for lookup in getattr(queryset, "_prefetch_related_lookups", ())]
    if not hasattr(queryset, "_fetch_all"):
        return list(queryset), further
    if further and not first:
        queryset._prefetch_related_lookups = ()
    await queryset._fetch_all()
    return list(queryset._result_cache), further


def _set_one(instance: Any, found: Any, source: Source, to_attr: str | None) -> None:
    if to_attr is not None:
        setattr(instance, to_attr, found)
    elif source.is_descriptor:
        setattr(instance, source.cache_name, found)
    else:
        instance._state.fields_cache[source.cache_name] = found


def _refuse_field_name(model: Any, to_attr: str) -> None:
    try:
        model._meta.get_field(to_attr)
    except FieldDoesNotExist:
        return
    message = f"to_attr={to_attr} conflicts with a field on the {model.__name__} model."
    raise ValueError(message)


late.prefetch = prefetch_related_objects
