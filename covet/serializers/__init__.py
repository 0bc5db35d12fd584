"""Serializing objects: JSON, JSON Lines, XML, YAML and plain Python, in the form of Django's fixtures.

    text = await serializers.serialize("json", Book.objects.all(), indent=2)
    async for obj in serializers.deserialize("json", text):
        await obj.save()

A project adds formats by the setting `SERIALIZATION_MODULES`, a mapping of a format's name to the module that holds
its `Serializer` and `Deserializer`.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

from covet.conf import settings
from covet.serializers import base as base
from covet.serializers.base import (
    DeserializationError,
    DeserializedObject,
    Deserializer,
    M2MDeserializationError,
    ProxyModelWarning,
    SerializationError,
    Serializer,
    SerializerDoesNotExist,
)
from covet.serializers.ordering import sort_dependencies

__all__ = [
    "DeserializationError",
    "DeserializedObject",
    "Deserializer",
    "M2MDeserializationError",
    "ProxyModelWarning",
    "SerializationError",
    "Serializer",
    "SerializerDoesNotExist",
    "deserialize",
    "get_deserializer",
    "get_public_serializer_formats",
    "get_serializer",
    "get_serializer_formats",
    "register_serializer",
    "serialize",
    "sort_dependencies",
    "unregister_serializer",
]

BUILTIN_SERIALIZERS: Final = {
    "xml": "covet.serializers.xml_serializer",
    "python": "covet.serializers.python",
    "json": "covet.serializers.json",
    "yaml": "covet.serializers.pyyaml",
    "jsonl": "covet.serializers.jsonl",
}

# Filled on first use, so that settings and registrations of a project come in time.
_serializers: dict[str, Any] = {}


class BadSerializer:
    """Stands for a format whose module cannot be imported: the error comes when it is used."""

    internal_use_only = False

    def __init__(self, exception: ImportError) -> None:
        self.exception = exception

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise self.exception


def register_serializer(format: str, serializer_module: str, serializers: dict[str, Any] | None = None) -> None:
    """Make a format known.

    Args:
        format: its name.
        serializer_module: the dotted name of the module with its `Serializer` and `Deserializer`.
        serializers: the registry; the global one where none is given.
    """
    if serializers is None:
        serializers = _loaded()
    try:
        module: Any = importlib.import_module(serializer_module)
    except ImportError as error:
        bad = BadSerializer(error)
        module = type("BadSerializerModule", (), {"Serializer": bad, "Deserializer": bad})
    serializers[format] = module


def unregister_serializer(format: str) -> None:
    """Forget a format.

    Raises:
        SerializerDoesNotExist: it is not known.
    """
    _module(format)
    del _serializers[format]


def get_serializer(format: str) -> Any:
    """The `Serializer` class of a format.

    Raises:
        SerializerDoesNotExist: it is not known.
    """
    return _module(format).Serializer


def get_deserializer(format: str) -> Any:
    """The `Deserializer` class of a format.

    Raises:
        SerializerDoesNotExist: it is not known.
    """
    return _module(format).Deserializer


def get_serializer_formats() -> list[str]:
    """The names of all formats."""
    return list(_loaded())


def get_public_serializer_formats() -> list[str]:
    """The names of the formats that files may have."""
    return [name for name, module in _loaded().items() if not module.Serializer.internal_use_only]


async def serialize(format: str, queryset: Any, **options: Any) -> Any:
    """`queryset` in that format, as text; `Serializer.serialize` says which options there are.

    Raises:
        SerializerDoesNotExist: the format is not known.
    """
    serializer = get_serializer(format)()
    await serializer.serialize(queryset, **options)
    return serializer.getvalue()


def deserialize(format: str, stream_or_string: Any, **options: Any) -> Any:
    """The objects in a text or stream, as `DeserializedObject`s that are not saved: iterate it with `async for`.

    Args:
        format: the format's name.
        stream_or_string: what to read.
        options: `using` (the database), `ignorenonexistent` (skip what the models do not have),
            `handle_forward_references` (put off references to what is not there yet).

    Raises:
        SerializerDoesNotExist: the format is not known. DeserializationError: it cannot be read.
    """
    return get_deserializer(format)(stream_or_string, **options)


def _loaded() -> dict[str, Any]:
    global _serializers
    if not _serializers:
        found: dict[str, Any] = {}
        for name, module in {**BUILTIN_SERIALIZERS, **settings.SERIALIZATION_MODULES}.items():
            register_serializer(name, module, found)
        _serializers = found
    return _serializers


def _module(format: str) -> Any:
    known = _loaded()
    if format not in known:
        raise SerializerDoesNotExist(f"there is no serializer {format!r}; choose one of: {', '.join(sorted(known))}")
    return known[format]
