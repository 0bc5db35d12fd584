"""Reading XML that may come from anywhere: no DTD, no entities, nothing from outside; one object at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NoReturn
from xml.parsers import expat

from covet.serializers.base import DeserializationError

CHUNK: Final = 65536


class DefusedXmlException(DeserializationError):
    """The XML holds what is not read."""


class DTDForbidden(DefusedXmlException):
    """There is a document type: it could define entities that grow without end."""


class EntitiesForbidden(DefusedXmlException):
    """An entity is defined."""


class ExternalReferenceForbidden(DefusedXmlException):
    """Something outside the document is referred to."""


class Node:
    """An element: its name, its attributes, and what is in it (elements and text, in order)."""

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node | str] = []

    def elements(self, name: str) -> list[Node]:
        """The elements of that name directly in it."""
        return [child for child in self.children if isinstance(child, Node) and child.name == name]

    def has(self, name: str) -> bool:
        """Whether an element of that name is directly in it."""
        return any(isinstance(child, Node) and child.name == name for child in self.children)

    def text(self) -> str:
        """All text in it, however deep."""
        found: list[str] = []
        pending: list[Node | str] = [self]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                found.append(item)
            else:
                pending.extend(reversed(item.children))
        return "".join(found)


def read_elements(stream: Any, name: str) -> Iterator[Node]:
    """The outermost elements called `name`, each as soon as it is complete.

    Raises:
        DefusedXmlException: there is a document type, an entity or an external reference.
        DeserializationError: it is no XML.
    """
    reader = _Reader(name)
    while chunk := stream.read(CHUNK):
        reader.feed(chunk)
        yield from reader.take()
    reader.feed(b"", is_final=True)
    yield from reader.take()


class _Reader:
    """Collects elements out of what expat reports."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._open: list[Node] = []
        self._complete: list[Node] = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _no_dtd
        parser.EntityDeclHandler = _no_entity
        parser.UnparsedEntityDeclHandler = _no_entity
        parser.ExternalEntityRefHandler = _no_reference
        self._parser = parser

    def feed(self, chunk: str | bytes, *, is_final: bool = False) -> None:
        try:
            self._parser.Parse(chunk, is_final)
        except expat.ExpatError as error:
            raise DeserializationError(f"this is no XML: {error}") from error

    def take(self) -> list[Node]:
        taken, self._complete = self._complete, []
        return taken

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != self._wanted:
            return
        node = Node(name, attributes)
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _name: str) -> None:
        if not self._open:
            return
        node = self._open.pop()
        if not self._open:
            self._complete.append(node)

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].children.append(text)


def _no_dtd(name: str, system_id: str | None, public_id: str | None, _has_internal_subset: bool) -> NoReturn:
    raise DTDForbidden(f"a document type is not read: {name!r}, system {system_id!r}, public {public_id!r}")


def _no_entity(name: str, *_definition: Any) -> NoReturn:
    raise EntitiesForbidden(f"the entity {name!r} is not read")


def _no_reference(context: str | None, _base: Any, system_id: str | None, public_id: str | None) -> NoReturn:
    raise ExternalReferenceForbidden(f"{context!r} is not read: system {system_id!r}, public {public_id!r}")
