"""The core of a QuerySet: its shape, its values, its settings, and the evaluation."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Generator, Hashable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

from covet.conf import settings
from covet.database.connections import connections
from covet.database.orm.compiler.ops import FrozenQuery, replay
from covet.database.orm.compiler.query import Query
from covet.database.orm.compiler.statements import Plan, check_lock, prepare
from covet.database.orm.hydration import (
    as_dicts,
    as_firsts,
    as_named,
    as_tuples,
    by_key,
    converted,
    hydrate,
    hydrate_keyed,
    is_direct,
    row_class,
)
from covet.database.orm.plan import Node, Operation, root_of
from covet.database.orm.queryset.guards import guards_of
from covet.database.orm.queryset.late import late
from covet.database.orm.routers import router
from covet.database.orm.shape import Unplannable
from covet.exceptions import EmptyResultSet, SynchronousOnlyOperation
from covet.portal import in_portal, wait

M = TypeVar("M")
Make = Callable[[list[Any]], Operation]
REPR_LIMIT = 20
INSTANCES, DICTS, TUPLES, FLAT, NAMED = "instances", "dicts", "tuples", "flat", "named"


class Settings:
    """What a QuerySet carries beside its shape; changed by copying."""

    __slots__ = ("db", "fields", "for_write", "hints", "kind", "known", "prefetch", "sticky")

    def __init__(self) -> None:
        self.db: str | None = None
        self.hints: dict[str, Any] = {}
        self.prefetch: tuple[Any, ...] = ()
        self.known: dict[Any, dict[Any, Any]] = {}
        self.kind = INSTANCES
        self.fields: tuple[str, ...] | None = None
        self.for_write = False
        self.sticky = False

    def evolve(self, **changes: Any) -> Settings:
        """A copy with these changes."""
        # Written out: this runs once or twice for every query, and copy.copy costs ten times as much.
        evolved = Settings.__new__(Settings)
        evolved.db = self.db
        evolved.fields = self.fields
        evolved.for_write = self.for_write
        evolved.hints = self.hints
        evolved.kind = self.kind
        evolved.known = self.known
        evolved.prefetch = self.prefetch
        evolved.sticky = self.sticky
        for name, value in changes.items():
            setattr(evolved, name, value)
        return evolved


DEFAULTS = Settings()
_HOUSE = "covet.database.orm."


class Facts:
    """What is asked of a shape again and again, worked out once."""

    __slots__ = (
        "annotations",
        "combinator",
        "distinct",
        "distinct_fields",
        "empty",
        "grouped",
        "locked",
        "ordered",
        "sliced",
        "values",
    )

    def __init__(self, query: Query) -> None:
        self.sliced = query.is_sliced
        self.combinator = query.combinator
        self.distinct = query.distinct
        self.distinct_fields = query.distinct_fields
        self.empty = query.is_empty()
        self.grouped = query.group_by is not None
        self.locked = query.lock is not None
        self.values = query.values_mode
        self.annotations = frozenset(query.annotations)
        self.ordered = bool(
            self.empty
            or query.order_by
            or query.extra_order_by
            or (query.default_ordering and query.get_meta().ordering and query.group_by is None)
        )


class Core(Generic[M]):
    """The machinery under QuerySet's methods."""

    model: type[M]
    _node: Node
    _result_cache: list[Any] | None = None
    _prefetch_done = False
    awaits_to_queryset = False
    # Whether it is of a class of the project's own, which may keep something on its instances.
    _is_extended = False
    # Where the rows of a related manager may come from: a batch for the instance's peers.
    _related_source: Any = None

    def __init__(self, model: Any = None, query: Any = None, using: str | None = None, hints: Any = None) -> None:
        self.model = model
        if isinstance(query, FrozenQuery):
            self._node = query.node
        elif model is not None:
            self._node = root_of(model)
        self._values: tuple[Any, ...] = ()
        self._conf = DEFAULTS if using is None and not hints else DEFAULTS.evolve(db=using, hints=dict(hints or {}))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith(_HOUSE):
            cls._is_extended = True

    # -- chaining -----------------------------------------------------------

    def _clone(self) -> Self:
        """The same query, not evaluated."""
        clone = self.__class__.__new__(self.__class__)
        clone.model = self.model
        clone._node = self._node
        clone._values = self._values
        clone._conf = self._conf
        if self._is_extended and len(self.__dict__) > _LEAST_STATE:
            clone.__dict__.update(self._extra_state)
        return clone

    @property
    def _extra_state(self) -> dict[str, Any]:
        """Attributes that a subclass put on the QuerySet itself: they travel with it."""
        return {name: value for name, value in self.__dict__.items() if name not in _OWN_STATE}

    def _chain(self) -> Self:
        """A clone that the next operation will change."""
        clone = self._clone()
        if self._conf.sticky:
            clone._conf = self._conf.evolve(sticky=False)
        return clone

    def _evolve(self, **changes: Any) -> Self:
        clone = self._chain()
        clone._conf = clone._conf.evolve(**changes)
        return clone

    def _step(self, key: Hashable, values: Sequence[Any], make: Make) -> Self:
        """The QuerySet after one more operation.

        Args:
            key: the operation's structure.
            values: its values, in order.
            make: freezes the operation, collecting its values in the given list; called only where the
                shape is new.
        """
        clone = self._chain()
        clone._node = self._reached(key, values, make)
        if values:
            clone._values = (*self._values, *values)
        return clone

    def _reached(self, key: Hashable, values: Sequence[Any], make: Make) -> Node:
        """The shape after one more operation; see `_step`."""
        child = self._node.children.get(key) if key is not None else None
        if child is None:
            return self._grow(key, values, make)
        child.used = True
        for guard in child.guards:
            if type(values[guard.position]) not in guard.trusted:
                guard.check(values[guard.position])
        return child

    def _grow(self, key: Hashable, values: Sequence[Any], make: Make) -> Node:
        """A new shape, checked: names must exist, and the first values must fit."""
        child = self._node.grow(key, make([]), len(values))
        if key is None:
            child.transient = True
        query = replay(child, Query(self.model))
        if values:
            child.guards = guards_of(query, child.start, values)
            for guard in child.guards:
                guard.check(values[guard.position])
        if key is not None:
            self._node.keep(key, child)
        return child

    def _shaped(self, name: str, describe: Callable[[list[Any]], Hashable], make: Make) -> Self:
        """`_step` for operations whose structure may have a part without a key: those are compiled each time."""
        return self._step(*self._described(name, describe, make))

    def _described(
        self, name: str, describe: Callable[[list[Any]], Hashable], make: Make
    ) -> tuple[Hashable, Sequence[Any], Make]:
        """What `_step` takes; the key is None where there is none."""
        values: list[Any] = []
        try:
            key: Hashable = (name, describe(values))
            hash(key)
        except (Unplannable, TypeError) as error:
            if isinstance(error, TypeError) and "unhashable" not in str(error):
                raise
            values = []
            operation = make(values)
            return None, values, lambda _: operation
        return key, values, make

    @property
    def _facts(self) -> Facts:
        facts = self._node.plans.get("facts")
        if facts is None:
            facts = self._node.plans["facts"] = Facts(self.query)
        return facts

    @property
    def query(self) -> Query:
        """The resolved query, for inspection; changing it changes nothing.

        It pickles without rows, and a QuerySet that is given it asks the same again.
        """
        query = replay(self._node, Query(self.model))
        query.describe = self._sql_text
        conf = self._conf
        query.recipe = query_of, (type(self), self.model, self._node, self._values, conf.kind, conf.fields)
        return query

    @query.setter
    def query(self, query: Query) -> None:
        recipe = getattr(query, "recipe", None)
        if recipe is None:
            raise TypeError(f"a QuerySet's query must be that of another QuerySet; got {query!r}")
        _, self.model, self._node, self._values, kind, fields = recipe[1]
        self._conf = self._conf.evolve(kind=kind, fields=fields)
        self._result_cache = None

    def _sql_text(self) -> str:
        """The SQL of this QuerySet with its values written in, for people."""
        adapter = connections[self.db]
        plan, sql, args = prepare(self._node, "rows", adapter, self._values)
        if plan.binder is None:
            raise EmptyResultSet
        return _interpolated(sql, args)

    # -- as a part of another query --------------------------------------------

    def _shape(self, out: list[Any]) -> Hashable:
        out.extend(self._values)
        if self._node.transient:
            raise Unplannable
        return ("Q", self._node)

    def _freeze(self, out: list[Any]) -> FrozenQuery:
        start = len(out)
        out.extend(self._values)
        return FrozenQuery(self._node, start, self._conf.db)

    def resolve_expression(self, *_args: Any, **_kwargs: Any) -> Query:
        """The query itself (an un-frozen QuerySet met by a Query: a structural part)."""
        if self._values:
            raise TypeError("A QuerySet with values must be frozen before it is resolved.")
        return self.query

    # -- settings under Django's names --------------------------------------------

    @property
    def db(self) -> str:
        """The alias this QuerySet will use."""
        conf = self._conf
        if conf.db is not None:
            return conf.db
        if not router.routers and not conf.hints:
            return "default"
        ask = router.db_for_write if conf.for_write else router.db_for_read
        return ask(self.model, **conf.hints)

    @property
    def _db(self) -> str | None:
        return self._conf.db

    @_db.setter
    def _db(self, alias: str | None) -> None:
        self._conf = self._conf.evolve(db=alias)

    @property
    def _for_write(self) -> bool:
        return self._conf.for_write

    @_for_write.setter
    def _for_write(self, value: bool) -> None:
        self._conf = self._conf.evolve(for_write=value)

    @property
    def _hints(self) -> dict[str, Any]:
        return self._conf.hints

    @property
    def _fields(self) -> tuple[str, ...] | None:
        return self._conf.fields

    @property
    def _yields_instances(self) -> bool:
        """Whether rows come as instances (what a prefetch needs)."""
        return self._conf.kind == INSTANCES

    @property
    def _prefetch_related_lookups(self) -> tuple[Any, ...]:
        return self._conf.prefetch

    @_prefetch_related_lookups.setter
    def _prefetch_related_lookups(self, lookups: tuple[Any, ...]) -> None:
        self._conf = self._conf.evolve(prefetch=tuple(lookups))

    @property
    def _known_related_objects(self) -> dict[Any, dict[Any, Any]]:
        return self._conf.known

    @_known_related_objects.setter
    def _known_related_objects(self, known: dict[Any, dict[Any, Any]]) -> None:
        self._conf = self._conf.evolve(known=known)

    def _add_hints(self, **hints: Any) -> None:
        self._conf = self._conf.evolve(hints={**self._conf.hints, **hints})

    def _next_is_sticky(self) -> Self:
        """The next filter's multi-valued joins may be shared by the one after it."""
        self._conf = self._conf.evolve(sticky=True)
        return self

    # -- evaluation ------------------------------------------------------------------

    async def _fetch_all(self) -> None:
        """Fill the result cache, and run the prefetches."""
        if self._result_cache is None:
            self._result_cache = await self._fetch()
        if not self._prefetch_done and self._conf.prefetch:
            await self._prefetch_related_objects()

    async def _prefetch_related_objects(self) -> None:
        assert self._result_cache is not None
        await late.prefetch(self._result_cache, *self._conf.prefetch)
        self._prefetch_done = True

    async def _fetch(self) -> list[Any]:
        if self._related_source is not None:
            shared: list[Any] | None = await self._related_source.rows()
            if shared is not None:
                return shared
        alias = self.db
        adapter = connections[alias]
        plan, sql, args = prepare(self._node, "rows", adapter, self._values)
        if plan.binder is None:
            return []
        check_lock(plan, adapter)
        return self._decode(plan, await adapter.run(sql, args), alias)

    async def _fetch_keyed(self, name: str) -> tuple[list[Any], dict[Any, list[Any]]]:
        """The rows, and the same by their annotation `name`, which they do not carry where that can be had.

        An attribute that few instances have costs each of them a dictionary: they share the room for their usual ones.
        """
        conf, alias = self._conf, self.db
        adapter = connections[alias]
        plan, sql, args = prepare(self._node, "rows", adapter, self._values)
        layout = plan.layout
        if layout is not None and is_direct(layout.model) and not (layout.related or plan.merges or conf.known):
            check_lock(plan, adapter)
            return hydrate_keyed(layout, await adapter.run(sql, args), alias, name)
        await self._fetch_all()
        rows: list[Any] = self._result_cache or []
        return rows, by_key(rows, attrgetter(name))

    def _decode(self, plan: Plan, rows: Sequence[Any], alias: str) -> list[Any]:
        """Rows as what this QuerySet yields."""
        if plan.converters:
            rows = converted(rows, plan.converters)
        if plan.merges:
            rows = [_merged(row, plan.merges) for row in rows]
        conf = self._conf
        if conf.kind == INSTANCES:
            assert plan.layout is not None
            instances = hydrate(plan.layout, rows, alias)
            if conf.known:
                self._attach_known(instances)
            return instances
        names = plan.names
        width = len(names)
        if conf.kind == DICTS:
            return as_dicts(rows, names)
        if conf.kind == FLAT:
            return as_firsts(rows)
        if conf.kind == NAMED:
            return as_named(rows, row_class(names), width)
        return as_tuples(rows, width)

    def _attach_known(self, instances: list[Any]) -> None:
        """Results reached through an instance know that instance without asking for it."""
        for field, known in self._conf.known.items():
            names = [local.attname for local in _local_fields(field)]
            for instance in instances:
                if field.is_cached(instance):
                    continue
                key: Any = tuple(getattr(instance, name) for name in names)
                related = known.get(key[0] if len(key) == 1 else key)
                if related is not None:
                    field.set_cached_value(instance, related)

    def __await__(self) -> Generator[Any, Any, list[M]]:
        return self._evaluated().__await__()

    async def _evaluated(self) -> list[Any]:
        await self._fetch_all()
        assert self._result_cache is not None
        return self._result_cache

    async def __aiter__(self) -> AsyncIterator[M]:
        await self._fetch_all()
        assert self._result_cache is not None
        for item in self._result_cache:
            yield item

    def _loaded(self, what: str) -> list[Any]:
        """The results, for a sync protocol: waits inside a portal, explains outside.

        Raises:
            SynchronousOnlyOperation: not evaluated, and there is nothing to wait with.
        """
        if self._result_cache is None or (not self._prefetch_done and self._conf.prefetch):
            if not in_portal() or settings.IMPLICIT_LOADING == "raise":
                name = getattr(self.model, "__name__", "?")
                raise SynchronousOnlyOperation(
                    f"This QuerySet of {name} is not evaluated, so it cannot be {what}: write `await` before it "
                    f"(rows = await {name}.objects.all()) or use `async for`."
                )
            wait(self._fetch_all())
        assert self._result_cache is not None
        return self._result_cache

    def __iter__(self) -> Iterator[M]:
        return iter(self._loaded("iterated"))

    def __len__(self) -> int:
        return len(self._loaded("measured with len()"))

    def __bool__(self) -> bool:
        return bool(self._loaded("tested for truth"))

    def __repr__(self) -> str:
        if self._result_cache is None:
            return f"<{type(self).__name__} of {getattr(self.model, '__name__', self.model)}, not evaluated>"
        shown: list[Any] = list(self._result_cache[: REPR_LIMIT + 1])
        if len(shown) > REPR_LIMIT:
            shown[-1] = "...(remaining elements truncated)..."
        return f"<{type(self).__name__} {shown!r}>"

    def __class_getitem__(cls, *_args: Any) -> Any:
        return cls

    # -- copies ------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = self._clone()
        copied._result_cache = None
        del memo
        return copied

    def __getstate__(self) -> dict[str, Any]:
        """Pickling keeps the results: evaluates first, where that can be waited for."""
        state = self.__dict__.copy()
        state["_result_cache"] = list(self._loaded("pickled"))
        state["_prefetch_done"] = True
        conf = self._conf
        state["_conf"] = {"kind": conf.kind, "fields": conf.fields, "db": conf.db, "prefetch": conf.prefetch}
        state.pop("_related_source", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        conf = state.pop("_conf")
        self.__dict__.update(state)
        self._conf = DEFAULTS.evolve(**conf)


def query_of(queryset_class: Any, model: Any, node: Node, values: tuple[Any, ...], kind: str, fields: Any) -> Query:
    """The query of a QuerySet that is made anew: how a pickled query is read."""
    rows = queryset_class(model)
    rows._node, rows._values = node, values
    rows._conf = DEFAULTS.evolve(kind=kind, fields=fields)
    query: Query = rows.query
    return query


_OWN_STATE = frozenset({"model", "_node", "_values", "_conf", "_result_cache", "_prefetch_done", "_related_source"})

# model, _node, _values and _conf: what every QuerySet has.
_LEAST_STATE = 4


def _interpolated(sql: str, args: Sequence[Any]) -> str:
    """The statement with its arguments in their places; not quoted, as Django prints it."""
    remaining = iter(args)
    if "$1" in sql:
        return re.sub(
            r"\$(\d+)(::[A-Za-z0-9_ ()\[\],]*?(?=[\s),]|$))?", lambda match: str(args[int(match[1]) - 1]), sql
        )
    return re.sub(r"\?|%s", lambda _: str(next(remaining, "?")), sql)


def _local_fields(field: Any) -> list[Any]:
    pairs = getattr(field, "related_fields", None)
    return [local for local, _ in pairs] if pairs else [field]


def _merged(row: Sequence[Any], merges: tuple[tuple[int, int], ...]) -> tuple[Any, ...]:
    """The row with the columns of each composite key as one tuple."""
    values = list(row)
    for start, width in reversed(merges):
        values[start : start + width] = [tuple(values[start : start + width])]
    return tuple(values)
