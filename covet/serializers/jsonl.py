"""JSON Lines: an object a line, so that a file of any size is read and written line by line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from covet.serializers import base
from covet.serializers.python import Serializer as PythonSerializer
from covet.serializers.python import TextDeserializer
from covet.utils.encoders import JSONEncoder


class Serializer(PythonSerializer):
    """Writes a line for each object; options are those of `json.dump`, `indent` apart."""

    internal_use_only: ClassVar[bool] = False

    def _init_options(self) -> None:
        self._current = None
        self.json_kwargs: dict[str, Any] = {name: value for name, value in self.options.items() if name != "indent"}
        self.json_kwargs["separators"] = (",", ": ")
        self.json_kwargs.setdefault("cls", JSONEncoder)
        self.json_kwargs.setdefault("ensure_ascii", False)

    def start_serialization(self) -> Any:
        self._init_options()

    def end_object(self, obj: Any) -> Any:
        json.dump(self.get_dump_object(obj), self.stream, **self.json_kwargs)
        self.stream.write("\n")
        self._current = None

    def getvalue(self) -> Any:
        return base.Serializer.getvalue(self)


class Deserializer(TextDeserializer):
    """Reads line by line; empty lines are skipped.

    Raises:
        DeserializationError: a line is no JSON.
    """

    def __init__(self, stream_or_string: Any, **options: Any) -> None:
        lines = stream_or_string.decode() if isinstance(stream_or_string, bytes) else stream_or_string
        super().__init__(_objects(lines.splitlines() if isinstance(lines, str) else lines), **options)


def _objects(lines: Iterable[Any]) -> Iterator[Any]:
    for line in lines:
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except Exception as error:
            raise base.DeserializationError(f"this line is no JSON: {error}") from error
