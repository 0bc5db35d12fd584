"""The methods that ask the database and write nothing. Each returns an awaitable; each has Django's a-name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from covet.database.connections import connections
from covet.database.orm.aggregates import Count
from covet.database.orm.compiler import ops
from covet.database.orm.compiler.statements import Plan, check_lock, prepare
from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.hydration import converted, is_direct
from covet.database.orm.plan import Node
from covet.database.orm.queryset.building import Building
from covet.database.orm.queryset.core import FLAT, INSTANCES, TUPLES
from covet.database.orm.queryset.late import late
from covet.database.orm.queryset.pending import Pending
from covet.database.orm.shape import FALSE, NONE, PLAIN, SLOT, TRUE, EmptyResult, FullResult, freeze, shape_of
from covet.exceptions import FieldError, NotSupportedError
from covet.portal import in_portal, wait

M = TypeVar("M")
MAX_GET_RESULTS = 21
_COUNT = Count("*")
_COUNTED = "count"


class Terminals(Building[M]):
    """Reading."""

    # -- one row -----------------------------------------------------------------

    def get(self, *args: Any, **kwargs: Any) -> Pending[M]:
        """The one row that meets the conditions.

        Raises:
            Model.DoesNotExist: there is none. Model.MultipleObjectsReturned: there are several.
        """
        return Pending("get", self._get, args, kwargs)

    async def aget(self, *args: Any, **kwargs: Any) -> M:
        """`get` under Django's async name."""
        return await self._get(args, kwargs)

    async def _get(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> M:
        node: Node | None = None
        values: tuple[Any, ...] = ()
        if len(kwargs) == 1 and not args:
            ((name, value),) = kwargs.items()
            if type(value) in PLAIN and (node := self._node.singles.get(name)) is not None:
                node.used = True
                values = (*self._values, value)
        if node is None:
            node, values = self._get_node(args, kwargs)
        conf = self._conf
        alias = conf.db if conf.db is not None else self.db
        adapter = connections[alias]
        plan = node.rows.get(alias)
        if plan is not None and plan.is_simple and not conf.prefetch and not conf.known and not plan.binder.expanded:
            try:
                params = plan.binder.bind(values)
            except (EmptyResult, FullResult):
                rows: Any = await self._run(node, plan, alias, values)
            else:
                rows = await adapter.run(plan.sql, params)
            if len(rows) == 1 and is_direct(plan.layout.model):
                return plan.layout.one(rows[0], alias, None)  # type: ignore[no-any-return]
        else:
            plan, sql, params = prepare(node, "rows", adapter, values)
            check_lock(plan, adapter)
            rows = await adapter.run(sql, params) if plan.binder is not None else []
        found = len(rows)
        if found == 1:
            results = self._decode(plan, rows, alias)
            if conf.prefetch:
                await late.prefetch(results, *conf.prefetch)
            return results[0]  # type: ignore[no-any-return]
        model: Any = self.model
        name = model._meta.object_name
        if not found:
            raise model.DoesNotExist(f"{name} matching query does not exist.")
        many = (
            str(found) if found < MAX_GET_RESULTS or node.plans.get("unlimited") else f"more than {MAX_GET_RESULTS - 1}"
        )
        raise model.MultipleObjectsReturned(f"get() returned more than one {name} -- it returned {many}!")

    async def _run(self, node: Node, plan: Plan, alias: str, values: tuple[Any, ...]) -> Sequence[Any]:
        """The rows of a plan one of whose values can match nothing, or everything."""
        adapter = connections[alias]
        del plan
        variant, sql, params = prepare(node, "rows", adapter, values)
        return await adapter.run(sql, params) if variant.binder is not None else []

    def _get_node(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Node, tuple[Any, ...]]:
        """The shape of `filter(…)` without order, limited to what tells one from many."""
        values: list[Any] = []
        node = self._node
        key: Hashable = None
        if not args:
            parts: list[Hashable] = ["get"]
            for name, value in kwargs.items():
                if type(value) in PLAIN:
                    values.append(value)
                    parts.append((name, SLOT))
                elif value is None:
                    parts.append((name, NONE))
                elif type(value) is bool:
                    parts.append((name, TRUE if value else FALSE))
                else:
                    break
            else:
                key = tuple(parts)
                child = node.children.get(key)
                if child is not None:
                    child.used = True
                    if len(parts) == 2 and values:
                        node.singles[name] = child
                    return child, (*self._values, *values)
        if self._facts.combinator and (args or kwargs):
            raise NotSupportedError(
                f"Calling QuerySet.get(...) with filters after {self._facts.combinator}() is not supported."
            )
        rows: Any = self.filter(*args, **kwargs) if args or kwargs else self._chain()
        facts = rows._facts
        if not facts.sliced and not facts.distinct_fields:
            rows = rows._step("unordered", (), lambda _: ops.ClearOrder(force=False))
        if not facts.combinator and not facts.sliced:
            rows = rows._sliced(None, MAX_GET_RESULTS)
        else:
            rows._node.plans["unlimited"] = True
        if key is not None:
            node.keep(key, rows._node)
        return rows._node, rows._values

    def first(self) -> Pending[M | None]:
        """The first row by the QuerySet's order (else by primary key); None when there is none."""
        return Pending("first", self._edge, False)

    def last(self) -> Pending[M | None]:
        """The last row, as `first`."""
        return Pending("last", self._edge, True)

    async def afirst(self) -> M | None:
        """`first` under Django's async name."""
        return await self._edge(False)

    async def alast(self) -> M | None:
        """`last` under Django's async name."""
        return await self._edge(True)

    async def _edge(self, backwards: bool) -> M | None:
        rows: Any = self
        facts = self._facts
        if not facts.ordered:
            self._check_order_of_groups("last" if backwards else "first")
            if backwards and facts.sliced:
                raise TypeError("Cannot reverse a query once a slice has been taken.")
            rows = self.order_by("-pk" if backwards else "pk")
        elif backwards:
            rows = self.reverse()
        held: list[Any] | None = rows._result_cache
        found = await rows._sliced(None, 1) if held is None else held
        return found[0] if found else None

    def _check_order_of_groups(self, method: str) -> None:
        if not self._facts.grouped:
            return
        query = self.query
        if not isinstance(query.group_by, tuple):
            return
        key = set(self.model._meta.pk_fields)  # type: ignore[attr-defined]
        if not key.issubset(getattr(column, "target", None) for column in _columns(query.group_by)):
            raise TypeError(
                f"Cannot use QuerySet.{method}() on an unordered queryset performing aggregation. "
                "Add an ordering with order_by()."
            )

    def latest(self, *fields: Any) -> Pending[M]:
        """The row with the greatest value of `fields` (else of `Meta.get_latest_by`)."""
        return Pending("latest", self._extreme, fields, True)

    def earliest(self, *fields: Any) -> Pending[M]:
        """The row with the least value of `fields` (else of `Meta.get_latest_by`)."""
        return Pending("earliest", self._extreme, fields, False)

    async def alatest(self, *fields: Any) -> M:
        """`latest` under Django's async name."""
        return await self._extreme(fields, True)

    async def aearliest(self, *fields: Any) -> M:
        """`earliest` under Django's async name."""
        return await self._extreme(fields, False)

    async def _extreme(self, fields: tuple[Any, ...], latest: bool) -> M:
        if fields:
            order_by = fields
        else:
            by = self.model._meta.get_latest_by  # type: ignore[attr-defined]
            order_by = tuple(by) if by and not isinstance(by, str) else (by,) if by else ()
        if not order_by:
            raise ValueError(
                "earliest() and latest() require either fields as positional arguments or 'get_latest_by' in the "
                "model's Meta."
            )
        if self._facts.sliced:
            raise TypeError("Cannot change a query once a slice has been taken.")
        rows: Any = self.order_by(*order_by)
        if latest:
            rows = rows.reverse()
        return await rows._sliced(None, 1)._get((), {})  # type: ignore[no-any-return]

    def in_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> Pending[dict[Any, M]]:
        """Rows by the value of a unique field."""
        return Pending("in_bulk", self._in_bulk, id_list, field_name)

    async def ain_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, M]:
        """`in_bulk` under Django's async name."""
        return await self._in_bulk(id_list, field_name)

    async def _in_bulk(self, id_list: Iterable[Any] | None, field_name: str) -> dict[Any, M]:
        if self._facts.sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with in_bulk().")
        if self._conf.kind != INSTANCES:
            raise TypeError("in_bulk() cannot be used with values() or values_list().")
        opts: Any = self.model._meta  # type: ignore[attr-defined]
        unique = {constraint.fields[0] for constraint in opts.total_unique_constraints if len(constraint.fields) == 1}
        if (
            field_name != "pk"
            and not opts.get_field(field_name).unique
            and field_name not in unique
            and self._facts.distinct_fields != (field_name,)
        ):
            raise ValueError(f"in_bulk()'s field_name must be a unique field but {field_name!r} isn't.")
        rows: Any = self._chain()
        if id_list is not None:
            wanted = list(id_list)
            if not wanted:
                return {}
            rows = rows.filter(**{f"{field_name}__in": wanted})
        return {getattr(row, field_name): row for row in await rows}

    # -- facts about rows -------------------------------------------------------------

    def count(self) -> Pending[int]:
        """How many rows there are."""
        return Pending("count", self._count)

    async def acount(self) -> int:
        """`count` under Django's async name."""
        return await self._count()

    async def _count(self) -> int:
        if self._result_cache is not None:
            return len(self._result_cache)
        node = self._node.children.get(_COUNTED)
        if node is None:
            rows: Any = self._step(_COUNTED, (), lambda _: ops.Items((("__count", _COUNT),)))
            node = rows._node
        adapter = connections[self.db]
        plan, sql, args = prepare(node, "aggregate", adapter, self._values)
        if plan.binder is None:
            return 0
        found = await adapter.run(sql, args)
        return int(found[0][0] or 0) if found else 0

    def exists(self) -> Pending[bool]:
        """Whether there is any row."""
        return Pending("exists", self._exists)

    async def aexists(self) -> bool:
        """`exists` under Django's async name."""
        return await self._exists()

    async def _exists(self) -> bool:
        if self._result_cache is not None:
            return bool(self._result_cache)
        adapter = connections[self.db]
        plan, sql, args = prepare(self._node, "exists", adapter, self._values)
        return plan.binder is not None and bool(await adapter.run(sql, args))

    def contains(self, obj: Any) -> Pending[bool]:
        """Whether the instance is among the rows."""
        return Pending("contains", self._contains, obj)

    async def acontains(self, obj: Any) -> bool:
        """`contains` under Django's async name."""
        return await self._contains(obj)

    async def _contains(self, obj: Any) -> bool:
        self._refuse_combined("contains")
        if self._conf.kind != INSTANCES:
            raise TypeError("Cannot call QuerySet.contains() after .values() or .values_list().")
        meta = getattr(obj, "_meta", None)
        if meta is None:
            raise TypeError("'obj' must be a model instance.")
        if meta.concrete_model != self.model._meta.concrete_model:  # type: ignore[attr-defined]
            return False
        if obj.pk is None:
            raise ValueError("QuerySet.contains() cannot be used on unsaved objects.")
        if self._result_cache is not None:
            return obj in self._result_cache
        return await self.filter(pk=obj.pk)._exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> Pending[dict[str, Any]]:
        """Values computed over all rows."""
        return Pending("aggregate", self._aggregate_checked, args, kwargs)

    async def aaggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """`aggregate` under Django's async name."""
        return await self._aggregate_checked(args, kwargs)

    async def _aggregate_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._facts.distinct_fields:
            raise NotImplementedError("aggregate() + distinct(fields) not implemented.")
        items: dict[str, Any] = {}
        invalid = [str(value) for value in (*args, *kwargs.values()) if not hasattr(value, "resolve_expression")]
        if invalid:
            raise TypeError(f"QuerySet.aggregate() received non-expression(s): {', '.join(invalid)}.")
        for arg in args:
            try:
                items[arg.default_alias] = arg
            except (AttributeError, TypeError):
                raise TypeError("Complex aggregates require an alias") from None
        items.update(kwargs)
        if not items:
            return {}
        return await self._aggregated(items)

    async def _aggregated(self, items: dict[str, Any]) -> dict[str, Any]:
        def describe(values: list[Any]) -> Hashable:
            return tuple((name, shape_of(value, values)) for name, value in items.items())

        def make(out: list[Any]) -> Any:
            return ops.Items(tuple((name, freeze(value, out)) for name, value in items.items()))

        rows = self._shaped("aggregate", describe, make)
        adapter = connections[self.db]
        plan, sql, args = prepare(rows._node, "aggregate", adapter, rows._values)
        if plan.binder is None:
            return plan.empty_row(rows._values)
        found: Sequence[Any] = await adapter.run(sql, args)
        if plan.converters:
            found = converted(found, plan.converters)
        if not found:
            return plan.empty_row(rows._values)
        return dict(zip(plan.names, found[0], strict=False))

    def explain(self, *, format: str | None = None, **options: Any) -> Pending[str]:
        """The database's plan of the query, as text."""
        return Pending("explain", self._explain, format, options)

    async def aexplain(self, *, format: str | None = None, **options: Any) -> str:
        """`explain` under Django's async name."""
        return await self._explain(format, options)

    async def _explain(self, format_: str | None, options: dict[str, Any]) -> str:
        from covet.database.orm.queryset.explaining import explain_prefix, explain_text  # noqa: PLC0415 - rarely used

        adapter = connections[self.db]
        plan, sql, args = prepare(self._node, "rows", adapter, self._values)
        if plan.binder is None:
            return ""
        prefix = explain_prefix(adapter, format_, options)
        rows = await adapter.run(f"{prefix} {sql}", args)
        return explain_text(rows, format_)

    # -- many rows ---------------------------------------------------------------------

    def iterator(self, chunk_size: int | None = None) -> Rows:
        """Rows in chunks through a server-side cursor, without a cache: `async for row in qs.iterator()`."""
        if chunk_size is None:
            if self._conf.prefetch:
                raise ValueError("chunk_size must be provided when using QuerySet.iterator() after prefetch_related().")
        elif chunk_size <= 0:
            raise ValueError("Chunk size must be strictly positive.")
        return Rows(self, chunk_size or 2000)

    def aiterator(self, chunk_size: int = 2000) -> Rows:
        """`iterator` under Django's async name; its `chunk_size` is looked at when iteration begins, as Django does."""
        return Rows(self, chunk_size)

    async def _chunks(self, chunk_size: int) -> AsyncIterator[list[Any]]:
        if chunk_size <= 0:
            raise ValueError("Chunk size must be strictly positive.")
        alias = self.db
        adapter = connections[alias]
        plan: Plan
        plan, sql, args = prepare(self._node, "rows", adapter, self._values)
        if plan.binder is None:
            return
        check_lock(plan, adapter)
        async for rows in adapter.stream(sql, args, chunk_size=chunk_size):
            results = self._decode(plan, rows, alias)
            if self._conf.prefetch:
                await late.prefetch(results, *self._conf.prefetch)
            yield results

    @property
    def ordered(self) -> bool:
        """Whether the rows come in a stated order."""
        return self._facts.ordered


def _columns(expressions: Sequence[Any]) -> Iterator[Any]:
    """Expressions, with a composite key's columns in its place."""
    for expression in expressions:
        yield from expression.get_cols() if isinstance(expression, ColPairs) else (expression,)


class Rows:
    """What `iterator()` returns: asynchronously iterable; inside a portal, synchronously too."""

    def __init__(self, queryset: Terminals[Any], chunk_size: int) -> None:
        self._queryset = queryset
        self._chunk_size = chunk_size

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self._queryset._chunks(self._chunk_size):
            for row in chunk:
                yield row

    def __iter__(self) -> Iterator[Any]:
        if not in_portal():
            raise TypeError("iterator() is asynchronous: write `async for row in qs.iterator()`.")
        chunks: Any = self._queryset._chunks(self._chunk_size)
        try:
            while True:
                try:
                    yield from wait(chunks.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            wait(chunks.aclose())


__all__ = ["FLAT", "TUPLES", "FieldError", "Rows", "Terminals"]
