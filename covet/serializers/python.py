"""Objects as plain dictionaries: what the text formats are made of."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from covet.database.orm.implicit import settled
from covet.database.orm.registry import apps
from covet.database.orm.relationships.rels import ManyToManyRel, ManyToOneRel
from covet.database.orm.routers import DEFAULT_DB_ALIAS
from covet.serializers import base

# What a format's own library knows how to write; anything else is written as the field's text.
PROTECTED = (type(None), int, float, decimal.Decimal, dt.datetime, dt.date, dt.time)


class Serializer(base.Serializer):
    """Objects as dictionaries with `model`, `pk` and `fields`."""

    internal_use_only: ClassVar[bool] = True

    def start_serialization(self) -> Any:
        self._current: dict[str, Any] | None = None
        self.objects: list[dict[str, Any]] = []

    def start_object(self, obj: Any) -> Any:
        self._current = {}

    def end_object(self, obj: Any) -> Any:
        self.objects.append(self.get_dump_object(obj))
        self._current = None

    def get_dump_object(self, obj: Any) -> dict[str, Any]:
        """The dictionary of an object whose fields were handled."""
        data: dict[str, Any] = {"model": str(obj._meta)}
        if not self.has_natural_primary_key(obj):
            data["pk"] = self._value_from_field(obj, obj._meta.pk)
        data["fields"] = self._current
        return data

    def _value_from_field(self, obj: Any, field: Any) -> Any:
        if getattr(field, "is_composite", False):
            return [self._value_from_field(obj, part) for part in field]
        value = field.value_from_object(obj)
        return value if isinstance(value, PROTECTED) else field.value_to_string(obj)

    def _set(self, field: Any, value: Any) -> None:
        assert self._current is not None
        self._current[field.name] = value

    def handle_field(self, obj: Any, field: Any) -> Any:
        self._set(field, self._value_from_field(obj, field))

    async def handle_fk_field(self, obj: Any, field: Any) -> None:
        natural = self.uses_natural_key(field)
        self._set(field, await self.related_natural_key(obj, field) if natural else self._value_from_field(obj, field))

    async def handle_m2m_field(self, obj: Any, field: Any) -> None:
        if not field.remote_field.through._meta.auto_created:
            return
        natural = self.uses_natural_key(field)
        self._set(
            field,
            [
                await settled(related.natural_key()) if natural else self._value_from_field(related, related._meta.pk)
                async for related in self.related_objects(obj, field)
            ],
        )

    def getvalue(self) -> Any:
        return self.objects


class Deserializer(base.Deserializer):
    """Reads an iterable of such dictionaries.

    Args:
        object_list: the dictionaries.
        using: the database that natural keys are looked up in.
        ignorenonexistent: skip models and fields that do not exist.
        options: `handle_forward_references` puts off references to objects that are not there yet.
    """

    def __init__(
        self,
        object_list: Any,
        *,
        using: str = DEFAULT_DB_ALIAS,
        ignorenonexistent: bool = False,
        **options: Any,
    ) -> None:
        self.handle_forward_references = bool(options.pop("handle_forward_references", False))
        super().__init__(object_list, **options)
        self.using = using
        self.ignorenonexistent = ignorenonexistent
        self._field_names: dict[Any, set[str]] = {}

    async def objects(self) -> AsyncIterator[base.DeserializedObject]:
        for data in self.stream:
            obj = await self._handle_object(data)
            if obj is not None:
                yield obj

    async def _handle_object(self, obj: Any) -> base.DeserializedObject | None:
        """The object of one dictionary; None where its model is to be ignored."""
        try:
            model = self._get_model_from_node(obj["model"])
        except base.DeserializationError:
            if self.ignorenonexistent:
                return None
            raise
        label, key = obj["model"], obj.get("pk")
        data: dict[str, Any] = {}
        if "pk" in obj:
            try:
                data[model._meta.pk.attname] = model._meta.pk.to_python(key)
            except Exception as error:
                raise base.DeserializationError.WithData(error, label, key, None) from error
        related: dict[str, Any] = {}
        deferred: dict[Any, Any] = {}
        known = self._known_names(model) if self.ignorenonexistent else None
        for name, value in obj["fields"].items():
            if known is not None and name not in known:
                continue
            field = model._meta.get_field(name)
            try:
                await self._read_field(field, value, data, related, deferred)
            except base.M2MDeserializationError as error:
                raise base.DeserializationError.WithData(error.original_exc, label, key, error.pk) from error
            except Exception as error:
                raise base.DeserializationError.WithData(error, label, key, value) from error
        instance = await base.build_instance(model, data, self.using)
        return base.DeserializedObject(instance, related, deferred)

    async def _read_field(
        self, field: Any, value: Any, data: dict[str, Any], related: dict[str, Any], deferred: dict[Any, Any]
    ) -> None:
        """Put one field's value where it belongs."""
        remote = field.remote_field
        if isinstance(remote, ManyToManyRel):
            found = await self._handle_m2m_field_node(field, value)
            place, name = related, field.name
        elif isinstance(remote, ManyToOneRel):
            found = await self._handle_fk_field_node(field, value)
            place, name = data, field.attname
        else:
            data[field.name] = field.to_python(value)
            return
        if found is base.DEFER_FIELD:
            deferred[field] = value
        else:
            place[name] = found

    def _known_names(self, model: Any) -> set[str]:
        if model not in self._field_names:
            self._field_names[model] = {field.name for field in model._meta.get_fields()}
        return self._field_names[model]

    async def _handle_m2m_field_node(self, field: Any, value: Any) -> Any:
        return await base.deserialize_m2m_values(field, value, self.using, self.handle_forward_references)

    async def _handle_fk_field_node(self, field: Any, value: Any) -> Any:
        return await base.deserialize_fk_value(field, value, self.using, self.handle_forward_references)

    @staticmethod
    def _get_model_from_node(model_identifier: Any) -> Any:
        """The model of `app_label.model_name`.

        Raises:
            DeserializationError: there is none.
        """
        try:
            return apps.get_model(model_identifier)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise base.DeserializationError(f"Invalid model identifier: {model_identifier}") from None


class TextDeserializer(Deserializer):
    """Reads dictionaries out of a text format: every error is a `DeserializationError`."""

    async def _handle_object(self, obj: Any) -> base.DeserializedObject | None:
        try:
            return await super()._handle_object(obj)
        except base.DeserializationError:
            raise
        except Exception as error:
            raise base.DeserializationError(f"Error deserializing object: {error}") from error


def text_of(stream_or_string: Any) -> str:
    """All of a stream, bytes or text, as text."""
    value = stream_or_string
    if not isinstance(value, (bytes, str)):
        value = value.read()
    return value.decode() if isinstance(value, bytes) else str(value)
