"""Decorators of `django.test` that are context managers too."""

from __future__ import annotations

import functools
import inspect
import unittest
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tests.django_suite.shim import namespace


class TestContextDecorator:
    """A context manager that also decorates functions and test classes."""

    def __init__(self, attr_name: str | None = None, kwarg_name: str | None = None) -> None:
        self.attr_name = attr_name
        self.kwarg_name = kwarg_name

    def enable(self) -> Any:
        """Start; the value goes to `attr_name` or `kwarg_name`."""

    def disable(self) -> None:
        """Undo `enable`."""

    def __enter__(self) -> Any:
        return self.enable()

    def __exit__(self, *error: object) -> None:
        self.disable()

    def decorate_class(self, cls: type) -> type:
        set_up = cls.setUp  # type: ignore[attr-defined]

        def setUp(case: Any) -> None:
            value = self.enable()
            case.addCleanup(self.disable)
            if self.attr_name:
                setattr(case, self.attr_name, value)
            set_up(case)

        cls.setUp = setUp  # type: ignore[attr-defined]
        return cls

    def decorate_callable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self as value:
                    return await function(*args, **self._with_value(kwargs, value))

            return awaited

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self as value:
                return function(*args, **self._with_value(kwargs, value))

        return called

    def _with_value(self, kwargs: dict[str, Any], value: Any) -> dict[str, Any]:
        return {**kwargs, self.kwarg_name: value} if self.kwarg_name else kwargs

    def __call__(self, decorated: Any) -> Any:
        return self.decorate_class(decorated) if isinstance(decorated, type) else self.decorate_callable(decorated)


class _Entered(TestContextDecorator):
    """Opens a fresh context manager each time it is enabled; nests."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._open: list[AbstractContextManager[Any]] = []

    def make(self) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def enable(self) -> Any:
        manager = self.make()
        value = manager.__enter__()
        self._open.append(manager)
        return value

    def disable(self) -> None:
        self._open.pop().__exit__(None, None, None)


class override_settings(_Entered):
    """Settings replaced while it is enabled."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def make(self) -> AbstractContextManager[Any]:
        return namespace.subject.override_settings(self.options)

    def decorate_class(self, cls: Any) -> Any:
        cls._overridden_settings = {**(cls._overridden_settings or {}), **self.options}
        return cls


class modify_settings(override_settings):
    """List settings changed by `append`, `prepend` and `remove`."""

    def __init__(self, *args: Any, **operations: Any) -> None:
        super().__init__()
        self.operations = list(args[0] if args else operations.items())

    def make(self) -> AbstractContextManager[Any]:
        settings = namespace.subject.resolve("django.conf", "settings")
        self.options = {}
        for name, changes in self.operations:
            values = list(self.options.get(name, getattr(settings, name, [])))
            self.options[name] = _changed(values, changes)
        return super().make()

    def decorate_class(self, cls: Any) -> Any:
        cls._modified_settings = [*(cls._modified_settings or []), *self.operations]
        return cls


def _changed(values: list[Any], changes: Mapping[str, Any]) -> list[Any]:
    for action, named in changes.items():
        items = [named] if isinstance(named, str) else list(named)
        if action == "append":
            values = values + [item for item in items if item not in values]
        elif action == "prepend":
            values = [item for item in items if item not in values] + values
        elif action == "remove":
            values = [value for value in values if value not in items]
        else:
            raise ValueError(f"unknown action {action!r}; choose one of: append, prepend, remove")
    return values


class isolate_apps(_Entered):
    """Models declared inside register in a registry of their own."""

    def __init__(self, *labels: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.labels = labels

    def make(self) -> AbstractContextManager[Any]:
        return namespace.subject.isolate_apps(self.labels)


class ignore_warnings(_Entered):
    """Warnings that match are not shown and do not fail."""

    def __init__(self, **conditions: Any) -> None:
        super().__init__()
        self.conditions = conditions

    def enable(self) -> None:
        super().enable()
        by_text = "message" in self.conditions or "module" in self.conditions
        (warnings.filterwarnings if by_text else warnings.simplefilter)("ignore", **self.conditions)

    def make(self) -> AbstractContextManager[Any]:
        return warnings.catch_warnings()


class register_lookup(TestContextDecorator):
    """Lookups registered on a field class or instance for a while."""

    def __init__(self, field: Any, *lookups: Any, lookup_name: str | None = None) -> None:
        super().__init__()
        self.field = field
        self.lookups = lookups
        self.lookup_name = lookup_name

    def enable(self) -> None:
        for lookup in self.lookups:
            self.field.register_lookup(lookup, self.lookup_name)

    def disable(self) -> None:
        for lookup in self.lookups:
            self.field._unregister_lookup(lookup, self.lookup_name)


def tag(*tags: str) -> Callable[[Any], Any]:
    """Labels a test; nothing selects by them here."""

    def decorate(decorated: Any) -> Any:
        decorated.tags = {*getattr(decorated, "tags", ()), *tags}
        return decorated

    return decorate


def _has(feature: str) -> bool:
    return bool(getattr(namespace.subject.connection("default").features, feature, False))


def _skip(condition: bool, reason: str) -> Callable[[Any], Any]:
    return unittest.skip(reason) if condition else lambda decorated: decorated


def skipIfDBFeature(*features: str) -> Callable[[Any], Any]:
    return _skip(any(map(_has, features)), f"the database has {' or '.join(features)}")


def skipUnlessDBFeature(*features: str) -> Callable[[Any], Any]:
    return _skip(not all(map(_has, features)), f"the database lacks {' or '.join(features)}")


def skipUnlessAnyDBFeature(*features: str) -> Callable[[Any], Any]:
    return _skip(not any(map(_has, features)), f"the database has none of {', '.join(features)}")
