"""XML, in the form that Django's fixtures have."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final
from xml.sax.saxutils import XMLGenerator

from covet.conf import settings
from covet.database.orm.implicit import settled
from covet.database.orm.registry import apps
from covet.database.orm.relationships.rels import ManyToManyRel, ManyToOneRel
from covet.database.orm.routers import DEFAULT_DB_ALIAS
from covet.exceptions import ObjectDoesNotExist
from covet.serializers import base
from covet.serializers.xml_reading import (
    DefusedXmlException,
    DTDForbidden,
    EntitiesForbidden,
    ExternalReferenceForbidden,
    Node,
    read_elements,
)

__all__ = [
    "DTDForbidden",
    "DefusedXmlException",
    "Deserializer",
    "EntitiesForbidden",
    "ExternalReferenceForbidden",
    "Serializer",
]

# XML 1.0 has no way to write them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0B-\x0C\x0E-\x1F]")


class UnserializableContentError(ValueError):
    """XML cannot hold that character."""


class _Writer(XMLGenerator):
    """Writes elements with their attributes in the order of their names."""

    def element(self, name: str, /, text: str | None = None, **attributes: str) -> None:
        """A whole element."""
        self.open(name, **attributes)
        if text is not None:
            self.characters(text)
        self.endElement(name)

    def open(self, name: str, /, **attributes: str) -> None:
        """The start of an element."""
        self.startElement(name, dict(sorted(attributes.items())))  # type: ignore[arg-type]

    def characters(self, content: Any) -> None:
        if content and _CONTROL.search(content):
            raise UnserializableContentError("Control characters are not supported in XML 1.0")
        super().characters(content)


class Serializer(base.Serializer):
    """Writes an `<object>` for each object; `indent` is the only option."""

    def indent(self, level: int) -> None:
        """A new line, as far in as `level` says."""
        width = self.options.get("indent")
        if width is not None:
            self.xml.ignorableWhitespace("\n" + " " * width * level)

    def start_serialization(self) -> Any:
        encoding = self.options.get("encoding", settings.DEFAULT_CHARSET)
        self.xml = _Writer(self.stream, encoding)
        self.xml.startDocument()
        self.xml.open("django-objects", version="1.0")

    def end_serialization(self) -> Any:
        self.indent(0)
        self.xml.endElement("django-objects")
        self.xml.endDocument()

    def start_object(self, obj: Any) -> Any:
        if not hasattr(obj, "_meta"):
            raise base.SerializationError(f"Non-model object ({type(obj)}) encountered during serialization")
        self.indent(1)
        attributes = {"model": str(obj._meta)}
        if not self.has_natural_primary_key(obj) and obj.pk is not None:
            attributes["pk"] = obj._meta.pk.value_to_string(obj)
        self.xml.open("object", **attributes)

    def end_object(self, obj: Any) -> Any:
        self.indent(1)
        self.xml.endElement("object")

    def handle_field(self, obj: Any, field: Any) -> Any:
        self.indent(2)
        kind = field.get_internal_type()
        self.xml.open("field", name=field.name, type=kind)
        if getattr(obj, field.name) is None:
            self.xml.element("None")
        else:
            value = field.value_to_string(obj)
            if kind == "JSONField":
                value = json.dumps(value, cls=field.encoder)
            try:
                self.xml.characters(value)
            except UnserializableContentError as error:
                message = f"{type(obj).__name__}.{field.name} (pk:{obj.pk}) contains unserializable characters"
                raise ValueError(message) from error
        self.xml.endElement("field")

    async def handle_fk_field(self, obj: Any, field: Any) -> None:
        self._open_relation(field)
        key = getattr(obj, field.attname)
        if key is None:
            self.xml.element("None")
        elif self.uses_natural_key(field):
            self._write_natural(await self.related_natural_key(obj, field))
        else:
            self.xml.characters(str(key))
        self.xml.endElement("field")

    async def handle_m2m_field(self, obj: Any, field: Any) -> None:
        if not field.remote_field.through._meta.auto_created:
            return
        self._open_relation(field)
        natural = self.uses_natural_key(field)
        async for related in self.related_objects(obj, field):
            if natural:
                self.xml.open("object")
                self._write_natural(await settled(related.natural_key()))
                self.xml.endElement("object")
            else:
                self.xml.element("object", pk=str(related.pk))
        self.xml.endElement("field")

    def _write_natural(self, key: Any) -> None:
        for part in key:
            self.xml.element("natural", str(part))

    def _open_relation(self, field: Any) -> None:
        self.indent(2)
        kind, to = type(field.remote_field).__name__, str(field.remote_field.model._meta)
        self.xml.open("field", name=field.name, rel=kind, to=to)


class Deserializer(base.Deserializer):
    """Reads one `<object>` after the other.

    Args:
        stream_or_string: the XML.
        using: the database that natural keys are looked up in.
        ignorenonexistent: skip fields that do not exist.
        options: `handle_forward_references` puts off references to objects that are not there yet.
    """

    def __init__(
        self,
        stream_or_string: Any,
        *,
        using: str = DEFAULT_DB_ALIAS,
        ignorenonexistent: bool = False,
        **options: Any,
    ) -> None:
        self.handle_forward_references = bool(options.pop("handle_forward_references", False))
        if isinstance(stream_or_string, bytes):
            stream_or_string = stream_or_string.decode()
        super().__init__(stream_or_string, **options)
        self.db = using
        self.ignore = ignorenonexistent

    async def objects(self) -> AsyncIterator[base.DeserializedObject]:
        for node in read_elements(self.stream, "object"):
            yield await self._handle_object(node)

    async def _handle_object(self, node: Node) -> base.DeserializedObject:
        model = self._get_model_from_node(node, "model")
        data: dict[str, Any] = {}
        if "pk" in node.attributes:
            data[model._meta.pk.attname] = model._meta.pk.to_python(node.attributes["pk"])
        related: dict[str, Any] = {}
        deferred: dict[Any, Any] = {}
        known = {field.name for field in model._meta.get_fields()} if self.ignore else None
        for child in node.elements("field"):
            name = child.attributes.get("name")
            if not name:
                raise base.DeserializationError("<field> node is missing the 'name' attribute")
            if known is not None and name not in known:
                continue
            field = model._meta.get_field(name)
            if isinstance(field.remote_field, ManyToManyRel):
                await self._read_many(child, field, related, deferred)
            elif isinstance(field.remote_field, ManyToOneRel):
                await self._read_one(child, field, data, deferred)
            else:
                data[field.name] = _value(child, field)
        return base.DeserializedObject(await base.build_instance(model, data, self.db), related, deferred)

    async def _read_one(self, node: Node, field: Any, data: dict[str, Any], deferred: dict[Any, Any]) -> None:
        if node.has("None"):
            data[field.attname] = None
            return
        value: Any = _natural(node) or node.text().strip()
        found = await base.deserialize_fk_value(field, value, self.db, self.handle_forward_references)
        if found is base.DEFER_FIELD:
            deferred[field] = value
        else:
            data[field.attname] = found

    async def _read_many(self, node: Node, field: Any, related: dict[str, Any], deferred: dict[Any, Any]) -> None:
        values = [_natural(child) or child.attributes.get("pk", "") for child in node.elements("object")]
        try:
            found = await base.deserialize_m2m_values(field, values, self.db, self.handle_forward_references)
        except base.M2MDeserializationError as error:
            if isinstance(error.original_exc, ObjectDoesNotExist):
                raise
            raise base.DeserializationError(f"{field.name}: {error.original_exc}") from error
        if found is base.DEFER_FIELD:
            deferred[field] = values
        else:
            related[field.name] = found

    def _get_model_from_node(self, node: Node, attribute: str) -> Any:
        label = node.attributes.get(attribute)
        if not label:
            raise base.DeserializationError(f"<{node.name}> node is missing the required '{attribute}' attribute")
        try:
            return apps.get_model(label)
        except (LookupError, TypeError, ValueError):
            message = f"<{node.name}> node has invalid model identifier: '{label}'"
            raise base.DeserializationError(message) from None


def _natural(node: Node) -> list[str]:
    return [child.text().strip() for child in node.elements("natural")]


def _value(node: Node, field: Any) -> Any:
    if node.has("None"):
        return None
    value = field.to_python(node.text().strip())
    return json.loads(value, cls=field.decoder) if field.get_internal_type() == "JSONField" else value
