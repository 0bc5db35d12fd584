"""raw(): instances out of SQL written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import Any

from covet.database.connections import connections
from covet.database.orm.compiler.statements import converter_of
from covet.database.orm.queryset.late import late
from covet.database.orm.routers import router
from covet.exceptions import FieldDoesNotExist, SynchronousOnlyOperation
from covet.portal import in_portal, wait


class RawQuerySet:
    """Rows of a statement as instances of a model; columns that are no field become attributes.

    Args:
        sql: the statement, with `$1` or `%s` for each of `params` (or `%(name)s` for a mapping).
        translations: column name to field name.
    """

    _prefetch_related_lookups: tuple[Any, ...] = ()
    _yields_instances = False

    def __init__(
        self,
        sql: str,
        model: Any = None,
        params: Any = (),
        translations: dict[str, str] | None = None,
        using: str | None = None,
        hints: dict[str, Any] | None = None,
    ) -> None:
        self.raw_query = sql
        self.model = model
        self.params = params if params is not None else ()
        self.translations = translations or {}
        self._db = using
        self._hints = hints or {}
        self._result_cache: list[Any] | None = None
        self._columns: list[str] = []

    @property
    def db(self) -> str:
        """The alias it runs on."""
        return self._db or router.db_for_read(self.model, **self._hints)

    @property
    def columns(self) -> list[str]:
        """The names of the fields its columns went to, once it has run."""
        return [self.translations.get(name, name) for name in self._columns]

    def using(self, alias: str | None) -> RawQuerySet:
        """The same statement on another database."""
        copied = RawQuerySet(self.raw_query, self.model, self.params, self.translations, alias, self._hints)
        copied._prefetch_related_lookups = self._prefetch_related_lookups
        return copied

    def prefetch_related(self, *lookups: Any) -> RawQuerySet:
        """Load these relations in one query each; None forgets all."""
        copied = self.using(self._db)
        copied._prefetch_related_lookups = () if lookups == (None,) else (*self._prefetch_related_lookups, *lookups)
        return copied

    def __repr__(self) -> str:
        params = self.params
        if isinstance(params, dict):
            shown = self.raw_query % dict(params) if params else self.raw_query
        else:
            shown = self.raw_query % tuple(params) if params and "%s" in self.raw_query else self.raw_query
        return f"<{type(self).__name__}: {shown}>"

    async def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._result_cache = await self._fetch()
            if self._prefetch_related_lookups:
                await late.prefetch(self._result_cache, *self._prefetch_related_lookups)

    async def _fetch(self) -> list[Any]:
        alias = self.db
        adapter = connections[alias]
        sql, params = self._positional()
        rows = await adapter.fetch(sql, params)
        if not rows:
            return []
        self._columns = list(rows[0].keys())
        return self._instances(rows, alias, adapter)

    def _positional(self) -> tuple[str, Sequence[Any]]:
        params: Any = self.params
        if isinstance(params, dict):
            order: list[Any] = []

            class Collect(dict[str, Any]):
                def __getitem__(self, name: str) -> str:
                    order.append(params[name])
                    return "%s"

            return self.raw_query % Collect(), order
        return self.raw_query, tuple(params)

    def _instances(self, rows: Sequence[Any], alias: str, adapter: Any) -> list[Any]:
        opts = self.model._meta
        by_column = {field.column: field for field in opts.concrete_fields}
        translated = {column: opts.get_field(name) for column, name in self.translations.items() if _has(opts, name)}
        targets: list[tuple[int, Any]] = []
        annotations: list[tuple[int, str]] = []
        for index, column in enumerate(self._columns):
            field = translated.get(column) or by_column.get(column) or by_column.get(column.lower())
            if field is None:
                annotations.append((index, column))
            else:
                targets.append((index, field))
        if opts.pk.attname not in {field.attname for _, field in targets}:
            raise FieldDoesNotExist("Raw query must include the primary key")
        order = {field.attname: position for position, field in enumerate(opts.concrete_fields)}
        targets.sort(key=lambda target: order[target[1].attname])
        loaders = [
            (index, field.attname, converter_of(field.get_col(opts.db_table), adapter)) for index, field in targets
        ]
        names = [name for _, name, _ in loaders]
        instances: list[Any] = []
        for row in rows:
            values = [row[index] if load is None else load(row[index]) for index, _, load in loaders]
            instance = self.model.from_db(alias, names, values)
            for index, column in annotations:
                setattr(instance, column, row[index])
            instances.append(instance)
        return instances

    def __await__(self) -> Generator[Any, Any, list[Any]]:
        return self._evaluated().__await__()

    async def _evaluated(self) -> list[Any]:
        await self._fetch_all()
        assert self._result_cache is not None
        return self._result_cache

    async def __aiter__(self) -> AsyncIterator[Any]:
        for row in await self._evaluated():
            yield row

    def _loaded(self) -> list[Any]:
        if self._result_cache is None:
            if not in_portal():
                raise SynchronousOnlyOperation(
                    "This raw query is not evaluated: write `await` before it or use `async for`."
                )
            wait(self._fetch_all())
        assert self._result_cache is not None
        return self._result_cache

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def __bool__(self) -> bool:
        return bool(self._loaded())

    def __getitem__(self, key: Any) -> Any:
        return self._loaded()[key]

    async def iterator(self, chunk_size: int = 2000) -> AsyncIterator[Any]:
        """The rows, one by one."""
        del chunk_size
        for row in await self._evaluated():
            yield row


def _has(opts: Any, name: str) -> bool:
    try:
        opts.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
