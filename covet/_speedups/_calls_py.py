"""A call of an async method that has not been awaited yet, and where it was made: the twin of `calls.pyx`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from typing import Any

PASSED_ON: set[Any] = set()


def passes_on(function: Callable[..., Any]) -> None:
    """Declare a function that only passes a call on: the place that matters is its caller."""
    PASSED_ON.add(function.__code__)


class Call:
    """What an async method was called with.

    Its attributes are private, for one that somebody reads of a query he forgot to await must not be found.

    Attributes:
        _name: the method's name. _method: the method; None once it was awaited or given up.
        _args: its arguments.
        _code, _lasti: the place of the call: a code object, and the index of the instruction in it.
    """

    __slots__ = ("__weakref__", "_args", "_code", "_lasti", "_method", "_name")

    def __init__(self, name: str, method: Any, *args: Any) -> None:
        frame = sys._getframe(1)
        frame = frame.f_back or frame
        if frame.f_code in PASSED_ON:
            frame = frame.f_back or frame
        self._code = frame.f_code
        self._lasti = frame.f_lasti
        self._name = name
        self._method = method
        self._args: Any = args

    def __await__(self) -> Generator[Any, Any, Any]:
        method = self._method
        if method is None:
            raise RuntimeError(f"cannot reuse already awaited {self._name}()")
        self._method = None
        return method(*self._args).__await__()  # type: ignore[no-any-return]

    def _forgotten(self) -> None:
        """Called when it goes away and was never awaited."""

    def __del__(self) -> None:
        if self._method is not None:
            self._forgotten()


def manager_get(call: type[Call]) -> Callable[..., Any]:
    """The `get` of managers: a `call` of their QuerySet's.

    Args:
        call: the class of what it answers with.
    """
    if not issubclass(call, Call):
        raise TypeError(f"{call.__name__} is no Call")

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call("get", self._rows()._get, args, kwargs)

    return get
