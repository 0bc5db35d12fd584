"""Managers: where queries on a model start. `Model.objects`, custom managers, and managers made of QuerySets."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from covet.database.orm.options.base import ManagerFactory
from covet.database.orm.queryset.pending import Pending, manager_get, passes_on
from covet.database.orm.queryset.queryset import QuerySet, late_manager
from covet.database.orm.routers import router

if TYPE_CHECKING:
    from covet.database.orm.typed import ManagerMethods

M = TypeVar("M")
_KEPT = frozenset({"as_manager", "resolve_expression"})


@functools.cache
def awaitable_class(queryset_class: type[QuerySet[Any]]) -> type[QuerySet[Any]]:
    """The class of what a base manager's `get_queryset()` returns.

    Awaiting it gives a plain QuerySet, so that `qs = await super().get_queryset()` works; whatever is
    chained on it is a plain QuerySet, whose await gives rows.
    """

    class Unawaited(queryset_class):  # type: ignore[misc, valid-type]
        awaits_to_queryset = True

        def _clone(self) -> Any:
            plain = super()._clone()
            plain.__class__ = queryset_class
            return plain

        def __await__(self) -> Generator[Any, Any, Any]:
            if False:
                yield
            return self._chain()

    Unawaited.__name__ = queryset_class.__name__
    Unawaited.__qualname__ = queryset_class.__qualname__
    Unawaited.__module__ = queryset_class.__module__
    return Unawaited


class BaseManager(Generic[M]):
    """A manager without queries of its own; `from_queryset` gives it a QuerySet's."""

    creation_counter: ClassVar[int] = 0
    auto_created = False
    use_in_migrations = False
    is_plain = True
    _queryset_class: ClassVar[type[QuerySet[Any]]] = QuerySet
    _constructor_args: tuple[tuple[Any, ...], dict[str, Any]]
    _built_with_as_manager = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made._constructor_args = (args, kwargs)
        return made

    def __init__(self) -> None:
        self.creation_counter = BaseManager.creation_counter  # type: ignore[misc]
        BaseManager.creation_counter += 1
        self.model: Any = None
        self.name: str | None = None
        self._db: str | None = None
        self._hints: dict[str, Any] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.is_plain = cls.get_queryset is BaseManager.get_queryset
        cls._is_async = inspect.iscoroutinefunction(cls.get_queryset)

    _is_async: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.__getstate__() == other.__getstate__()

    def __hash__(self) -> int:
        return id(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_root"}

    def __class_getitem__(cls, *_args: Any) -> Any:
        return cls

    @classmethod
    def from_queryset(cls, queryset_class: Any, class_name: str | None = None) -> Any:
        """A manager class with the methods of `queryset_class`."""
        name = class_name or f"{cls.__name__}From{queryset_class.__name__}"
        return type(
            name,
            (cls,),
            {
                "_queryset_class": queryset_class,
                **cls._get_queryset_methods(queryset_class),
                "__module__": cls.__module__,
            },
        )

    @classmethod
    def _get_queryset_methods(cls, queryset_class: Any) -> dict[str, Any]:
        """The QuerySet's methods as methods of the manager class."""
        return _proxies(cls, queryset_class)

    def deconstruct(self) -> tuple[bool, str | None, str | None, tuple[Any, ...], dict[str, Any]]:
        """(made by as_manager, manager path, QuerySet path, args, kwargs), as migrations write it."""
        if self._built_with_as_manager:
            queryset = self._queryset_class
            return True, None, f"{queryset.__module__}.{queryset.__name__}", (), {}
        self._refuse_unfindable()
        args, kwargs = self._constructor_args
        return False, f"{type(self).__module__}.{type(self).__name__}", None, args, kwargs

    def _refuse_unfindable(self) -> None:
        name, module = type(self).__name__, type(self).__module__
        if not hasattr(sys.modules.get(module), name):
            raise ValueError(
                f"Could not find manager {name} in {module}.\nPlease note that you need to inherit from managers you "
                "dynamically generated with 'from_queryset()'."
            )

    def check(self, **kwargs: Any) -> list[Any]:
        """Nothing to complain of."""
        del kwargs
        return []

    def contribute_to_class(self, cls: Any, name: str) -> None:
        """Become the manager `name` of a model class."""
        self.name = self.name or name
        self.model = cls
        setattr(cls, name, ManagerDescriptor(self))
        cls._meta.add_manager(self)

    def _set_creation_counter(self) -> None:
        self.creation_counter = BaseManager.creation_counter  # type: ignore[misc]
        BaseManager.creation_counter += 1

    def db_manager(self, using: str | None = None, hints: dict[str, Any] | None = None) -> Self:
        """The same manager on another database."""
        chosen = copy.copy(self)
        chosen._db = using or self._db
        chosen._hints = hints or self._hints
        return chosen

    @property
    def db(self) -> str:
        """The alias it reads from."""
        return self._db or router.db_for_read(self.model, **self._hints)

    def get_queryset(self) -> Any:
        """Where every query of this manager starts; override it (as `def` or `async def`) to narrow it."""
        cls: Any = self._queryset_class
        return awaitable_class(cls)(model=self.model, using=self._db, hints=self._hints)

    def all(self) -> QuerySet[M]:
        """Every row."""
        rows = self.get_queryset() if not self._is_async else self._rows()
        return rows.all() if getattr(rows, "awaits_to_queryset", True) else rows  # type: ignore[no-any-return]

    def _rows(self) -> Any:
        """The QuerySet to chain on: now, or recorded until an async `get_queryset` has been awaited."""
        if not self._is_async:
            if not self.is_plain or self._db is not None or self._hints:
                return self.get_queryset()
            # Most queries start here: the QuerySet of a plain manager is made once.
            root = self.__dict__.get("_root")
            if root is None or root.model is not self.model:
                root = self.__dict__["_root"] = self._queryset_class(model=self.model)
            return root
        coroutine: Any = self.get_queryset()
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value
        coroutine.close()
        return RecordedQuerySet(self)


class RecordedQuerySet:
    """A chain on a manager whose `get_queryset` waits for something: replayed when it is evaluated."""

    def __init__(self, manager: Any, calls: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = ()) -> None:
        self._manager = manager
        self._calls = calls
        self.model = manager.model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._manager._queryset_class, name, None)
        if found is None:
            raise AttributeError(f"{self._manager._queryset_class.__name__} has no method {name!r}")

        def call(*args: Any, **kwargs: Any) -> Any:
            if name in TERMINALS:
                return Pending(name, self._run, name, args, kwargs)
            return RecordedQuerySet(self._manager, (*self._calls, (name, args, kwargs)))

        return call

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int):
            raise TypeError(f"An index needs the row now: write `await qs.offset({key}).first()`.")
        return RecordedQuerySet(self._manager, (*self._calls, ("__getitem__", (key,), {})))

    async def resolve(self) -> Any:
        """The QuerySet, once the manager's `get_queryset` has been awaited."""
        rows = await self._manager.get_queryset()
        for name, args, kwargs in self._calls:
            rows = getattr(rows, name)(*args, **kwargs)
        return rows

    async def _run(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return await getattr(await self.resolve(), name)(*args, **kwargs)

    async def _evaluated(self) -> list[Any]:
        return await (await self.resolve())._chain()  # type: ignore[no-any-return]

    def __await__(self) -> Generator[Any, Any, list[Any]]:
        return self._evaluated().__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        for row in await self._evaluated():
            yield row


def _proxies(manager_class: Any, queryset_class: Any) -> dict[str, Any]:
    """Methods that pass a call on to the manager's QuerySet."""
    methods: dict[str, Any] = {}
    for name, method in inspect.getmembers(queryset_class, predicate=callable):
        if name in _KEPT or isinstance(method, type):
            continue
        if hasattr(manager_class, name):
            own = getattr(manager_class, name)
            replaced = name not in ("get", "all") or own is not getattr(object, name, None)
            if replaced and not getattr(own, "is_proxy", False):
                continue
        queryset_only = getattr(method, "queryset_only", None)
        if queryset_only or (queryset_only is None and name.startswith("_") and name not in _INTERNAL):
            continue
        methods[name] = _proxy(name, method)
    return methods


_INTERNAL = frozenset({"_insert", "_update", "_raw_delete"})


def _proxy(name: str, method: Callable[..., Any]) -> Any:
    if method is QuerySet.get:
        # The commonest query of all goes straight to its coroutine.
        get: Any = manager_get(Pending)
        functools.update_wrapper(get, method)
        get.is_proxy = True
        return get

    def proxy(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._rows(), name)(*args, **kwargs)

    passes_on(proxy)
    functools.update_wrapper(proxy, method)
    proxy.is_proxy = True  # type: ignore[attr-defined]
    return proxy


if TYPE_CHECKING:

    class Manager(BaseManager[M], ManagerMethods[M]):
        """The default manager: every QuerySet method, on every row."""

else:

    class Manager(BaseManager.from_queryset(QuerySet), Generic[M]):
        """The default manager: every QuerySet method, on every row."""


ModelManager = Manager


class EmptyManager(Manager[Any]):
    """A manager that has no rows."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def get_queryset(self) -> Any:
        """No rows."""
        return super().get_queryset().none()


class ManagerDescriptor:
    """`Model.objects`: the manager through the class, an explanation through an instance."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self._by_owner: dict[Any, tuple[Any, Any]] = {}

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is not None:
            raise AttributeError(f"Manager isn't accessible via {owner.__name__} instances")
        opts = owner._meta
        known = self._by_owner.get(owner)
        if known is not None and known[0] is opts.__dict__.get("managers_map"):
            return known[1]
        if opts.abstract:
            raise AttributeError(f"Manager isn't available; {owner.__name__} is abstract")
        if opts.swapped:
            raise AttributeError(f"Manager isn't available; '{opts.label}' has been swapped for '{opts.swapped}'")
        managers = opts.managers_map
        manager = managers[self.manager.name]
        if not opts.swappable:
            # Valid as long as the options keep the same map: a new manager makes a new one.
            self._by_owner[owner] = (managers, manager)
        return manager


def _make_manager(queryset_class: Any) -> Any:
    return Manager.from_queryset(queryset_class)()


late_manager.make = _make_manager
ManagerFactory.make = Manager
TERMINALS = frozenset(
    name
    for base in [
        "get",
        "first",
        "last",
        "latest",
        "earliest",
        "in_bulk",
        "count",
        "exists",
        "contains",
        "aggregate",
        "explain",
        "create",
        "get_or_create",
        "update_or_create",
        "bulk_create",
        "bulk_update",
        "update",
        "delete",
    ]
    for name in (base, f"a{base}")
)
