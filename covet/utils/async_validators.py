"""Async functions under pydantic's own validators, which pydantic never awaits: the value becomes a coroutine.

The command line's checks ask for them. pydantic is looked at only where a project has imported it.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

DECORATORS: Final = ("validators", "field_validators", "root_validators", "model_validators")
MARKERS: Final = ("AfterValidator", "BeforeValidator", "PlainValidator", "WrapValidator")


def async_validators() -> list[tuple[type, str]]:
    """Every schema that was imported and the name of each async function that is to validate it."""
    found: list[tuple[type, str]] = []
    for schema in schemas():
        found += [(schema, name) for name in sorted({*_decorated(schema), *_annotated(schema)})]
    return sorted(found, key=lambda each: (each[0].__module__, each[0].__qualname__, each[1]))


def schemas() -> list[type]:
    """Pydantic's models that exist, and its dataclasses that modules hold."""
    pydantic = sys.modules.get("pydantic")
    base = getattr(pydantic, "BaseModel", None)
    if base is None:
        return []
    found: dict[type, None] = dict.fromkeys(_subclasses(base))
    for module in list(sys.modules.values()):
        for value in list(getattr(module, "__dict__", {}).values()):
            if isinstance(value, type) and "__pydantic_decorators__" in vars(value) and dataclasses.is_dataclass(value):
                found[value] = None
    return [schema for schema in found if not schema.__module__.startswith("pydantic")]


def _subclasses(base: Any) -> Iterator[type]:
    each: type
    for each in base.__subclasses__():
        yield each
        yield from _subclasses(each)


def _decorated(schema: type) -> Iterator[str]:
    """Async functions under `@field_validator`, `@model_validator` and pydantic 1's names for them."""
    decorators = getattr(schema, "__pydantic_decorators__", None)
    for kind in DECORATORS:
        for name, decorator in getattr(decorators, kind, {}).items():
            if _is_async(decorator.func):
                yield name


def _annotated(schema: type) -> Iterator[str]:
    """Async functions in `Annotated[…, AfterValidator(…)]`, however deep in a field's type."""
    fields: Any = getattr(schema, "__pydantic_fields__", {})
    for name, field in fields.items():
        for marker in (*field.metadata, *_metadata(field.annotation, set())):
            if type(marker).__name__ in MARKERS and _is_async(marker.func):
                yield f"{name} ({_name(marker.func)})"


def _metadata(annotation: Any, seen: set[int]) -> Iterable[Any]:
    if id(annotation) in seen:
        return
    seen.add(id(annotation))
    yield from getattr(annotation, "__metadata__", ())
    # A `type` statement's alias keeps its meaning there.
    inner = getattr(annotation, "__value__", None)
    for part in (inner, *get_args(annotation)):
        if part is not None:
            yield from _metadata(part, seen)


def _is_async(function: Any) -> bool:
    while (inner := _inner(function)) is not None:
        function = inner
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return True
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(type(function).__call__)


def _inner(function: Any) -> Any:
    """What a method, a decorator, a partial or pydantic's own shim for pydantic 1 stands for."""
    for name in ("__func__", "__wrapped__", "func"):
        if (inner := getattr(function, name, None)) is not None:
            return inner
    if getattr(function, "__module__", "").startswith("pydantic."):
        cells = (cell.cell_contents for cell in getattr(function, "__closure__", None) or ())
        return next((each for each in cells if callable(each)), None)
    return None


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
