"""Objects that can tell what they were made with, so that a migration can write them down."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, overload

C = TypeVar("C", bound=type[Any])


@overload
def deconstructible(cls: C, /) -> C: ...
@overload
def deconstructible(*, path: str | None = None) -> Callable[[C], C]: ...
def deconstructible(cls: Any = None, /, *, path: str | None = None) -> Any:
    """Give a class `deconstruct()`: (import path, arguments, keywords) of the call that made an object.

    Args:
        cls: the class, when used without parentheses.
        path: where users import it from, when that is not where it is defined.
    """

    def decorate(target: Any) -> Any:
        def __new__(kind: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            made = super(target, kind).__new__(kind)
            made._constructor_args = (args, kwargs)
            return made

        def deconstruct(self: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
            kind = type(self)
            where = path if path and kind is target else f"{kind.__module__}.{kind.__name__}"
            module, _, name = where.rpartition(".")
            if not hasattr(import_module(module), name.partition(".")[0]):
                message = (
                    f"Could not find object {name} in {module}.\n"
                    "Please note that you cannot serialize things like inner classes. "
                    "Please move the object into the main module body to use migrations."
                )
                raise ValueError(message)
            args, kwargs = self._constructor_args
            return where, args, kwargs

        target.__new__ = staticmethod(__new__)
        target.deconstruct = deconstruct
        return target

    return decorate if cls is None else decorate(cls)
