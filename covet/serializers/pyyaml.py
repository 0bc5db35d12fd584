"""YAML, where PyYAML is installed; only plain data is written and read (`SafeDumper`, `SafeLoader`)."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any, ClassVar

import yaml

from covet.serializers import base
from covet.serializers.python import Serializer as PythonSerializer
from covet.serializers.python import TextDeserializer, text_of

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SafeDumper(_Dumper):  # type: ignore[misc]
    """Plain data, with decimals as text and mappings in their own order."""


SafeDumper.add_representer(
    decimal.Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", str(value))
)
SafeDumper.add_representer(dict, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value.items()))


class Serializer(PythonSerializer):
    """Writes a YAML list at the end; options are those of `yaml.dump`."""

    internal_use_only: ClassVar[bool] = False

    def _value_from_field(self, obj: Any, field: Any) -> Any:
        value = super()._value_from_field(obj, field)
        # YAML has dates, but no times of day.
        return str(value) if isinstance(value, dt.time) else value

    def end_serialization(self) -> Any:
        self.options.setdefault("allow_unicode", True)
        yaml.dump(self.objects, self.stream, Dumper=SafeDumper, **self.options)

    def getvalue(self) -> Any:
        return base.Serializer.getvalue(self)


class Deserializer(TextDeserializer):
    """Reads a YAML list, whole.

    Raises:
        DeserializationError: it is no YAML, or more than plain data.
    """

    def __init__(self, stream_or_string: Any, **options: Any) -> None:
        try:
            objects = yaml.load(text_of(stream_or_string), Loader=_Loader)  # noqa: S506 - a SafeLoader
        except Exception as error:
            raise base.DeserializationError(f"this is no YAML of plain data: {error}") from error
        super().__init__(objects, **options)
