"""JSON: one list of objects."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from covet.serializers import base
from covet.serializers.python import Serializer as PythonSerializer
from covet.serializers.python import TextDeserializer, text_of
from covet.utils.encoders import DjangoJSONEncoder, JSONEncoder

__all__ = ["Deserializer", "DjangoJSONEncoder", "JSONEncoder", "Serializer"]


class Serializer(PythonSerializer):
    """Writes a JSON list, an object at a time; options are those of `json.dump`."""

    internal_use_only: ClassVar[bool] = False

    def _init_options(self) -> None:
        self._current = None
        self.json_kwargs: dict[str, Any] = dict(self.options)
        if self.options.get("indent"):
            self.json_kwargs["separators"] = (",", ": ")
        self.json_kwargs.setdefault("cls", JSONEncoder)
        self.json_kwargs.setdefault("ensure_ascii", False)

    def start_serialization(self) -> Any:
        self._init_options()
        self.stream.write("[")

    def end_serialization(self) -> Any:
        self.stream.write("\n]\n" if self.options.get("indent") else "]")

    def end_object(self, obj: Any) -> Any:
        indent = self.options.get("indent")
        if not self.first:
            self.stream.write("," if indent else ", ")
        if indent:
            self.stream.write("\n")
        json.dump(self.get_dump_object(obj), self.stream, **self.json_kwargs)
        self._current = None

    def getvalue(self) -> Any:
        return base.Serializer.getvalue(self)


class Deserializer(TextDeserializer):
    """Reads a JSON list, whole.

    Raises:
        DeserializationError: it is no JSON.
    """

    def __init__(self, stream_or_string: Any, **options: Any) -> None:
        try:
            objects = json.loads(text_of(stream_or_string))
        except Exception as error:
            raise base.DeserializationError(f"this is no JSON: {error}") from error
        super().__init__(objects, **options)
