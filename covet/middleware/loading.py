"""Reading the MIDDLEWARE list: dotted paths, classes and factories, each with the kind of layer it makes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from covet.exceptions import ImproperlyConfigured, choices
from covet.middleware.base import BaseMiddleware

Kind = Literal["hooks", "callable", "asgi"]
HOOKS = ("process_request", "process_response", "process_exception", "process_view", "process_template_response")


@dataclass(slots=True)
class Specification:
    """One entry of the list: the class or factory, its options, and its kind."""

    factory: Any
    kind: Kind
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name, for messages."""
        return f"{self.factory.__module__}.{getattr(self.factory, '__qualname__', self.factory)}"


def load(entries: Iterable[Any]) -> list[Specification]:
    """The specifications of a MIDDLEWARE list.

    Args:
        entries: dotted paths, classes, `(class or path, {options})`, or Starlette's `Middleware` objects.

    Raises:
        ImproperlyConfigured: an entry cannot be imported or is no middleware.
    """
    return [_specification(entry) for entry in entries]


def _specification(entry: Any) -> Specification:
    options: dict[str, Any] = {}
    if isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[1], Mapping):
        entry, options = entry[0], dict(entry[1])
    elif hasattr(entry, "cls") and hasattr(entry, "kwargs"):
        entry, options = entry.cls, dict(entry.kwargs)
    factory = import_middleware(entry) if isinstance(entry, str) else entry
    return Specification(factory, kind_of(factory), options)


def import_middleware(path: str) -> Any:
    """The class or factory at a dotted path.

    Raises:
        ImproperlyConfigured: there is none; the message lists what its module has.
    """
    module_name, _, attribute = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ModuleNotFoundError, ValueError) as error:
        missing = getattr(error, "name", None)
        if missing is not None and not path.startswith(missing):
            raise
        raise ImproperlyConfigured(f"MIDDLEWARE names {path!r}: there is no module {module_name!r}.") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = [name for name, value in vars(module).items() if isinstance(value, type) and not name.startswith("_")]
        raise ImproperlyConfigured(
            f"MIDDLEWARE names {path!r}: {module_name} has no {attribute!r}; "
            f"it has: {', '.join(choices(attribute, names)) or 'no class'}"
        ) from None


def kind_of(factory: Any) -> Kind:
    """Which kind of layer a class or factory makes.

    `asgi`: takes an application, is called with (scope, receive, send). `callable`: takes `get_response`, is called
    with a request. `hooks`: has process_request and the like, and no `__call__`.

    Raises:
        ImproperlyConfigured: it is none of them.
    """
    if isinstance(factory, type):
        call = getattr(factory, "__call__", None)  # noqa: B004 - its signature is what matters
        has_call = any("__call__" in vars(base) for base in factory.__mro__[:-1])
        if has_call and call is not None:
            return "asgi" if len(_required(call)) == 4 else "callable"
        if issubclass(factory, BaseMiddleware) or any(hasattr(factory, hook) for hook in HOOKS):
            return "hooks"
    elif callable(factory):
        names = _required(factory)
        if names:
            return "asgi" if names[0] == "app" else "callable"
    raise ImproperlyConfigured(
        f"MIDDLEWARE has {factory!r}; expected a subclass of BaseMiddleware, a class with __init__(get_response) and "
        f"__call__(request), or an ASGI class with __init__(app) and __call__(scope, receive, send)."
    )


def _required(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        parameter.name
        for parameter in parameters
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}
        and parameter.default is parameter.empty
    ]
