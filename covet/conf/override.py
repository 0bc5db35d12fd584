"""`override_settings`: other settings for the length of a block or a function; tests use it, products should not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from covet.conf.loader import check, settings

P = ParamSpec("P")
R = TypeVar("R")


class override_settings:  # noqa: N801 - Django's name
    """Changes settings for a `with` or `async with` block, or for a decorated function (sync or async).

    Raises:
        ImproperlyConfigured: a name is a near miss of a known setting, or a value has the wrong type.
    """

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            check(name, value, source="override_settings()")
        self._values = values
        self._saved: list[tuple[dict[str, Any], tuple[str, ...]]] = []

    def enable(self) -> None:
        """Sets the values; `disable` takes them back."""
        known = set(settings.names())
        before = {name: getattr(settings, name) for name in self._values if name in known}
        added = tuple(name for name in self._values if name not in known)
        self._saved.append((before, added))
        settings._replace(self._values)

    def disable(self) -> None:
        """Restores what `enable` replaced."""
        before, added = self._saved.pop()
        settings._replace(before, removed=added)

    def __enter__(self) -> Self:
        self.enable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disable()

    async def __aenter__(self) -> Self:
        self.enable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disable()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Wraps a function, sync or async, so that it runs with these settings."""
        if inspect.iscoroutinefunction(function):
            call = cast("Callable[P, Awaitable[Any]]", function)

            @functools.wraps(function)
            async def awaiting(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self:
                    return await call(*args, **kwargs)

            return cast("Callable[P, R]", awaiting)

        @functools.wraps(function)
        def calling(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return calling
