"""Column types that only PostgreSQL has: arrays, hstore, ranges, words for searching."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from covet.database.adapters.postgresql.ranges import is_driver_range, to_driver
from covet.database.orm.ranges import Range
from covet.database.orm.types import Processor, Spelling, Storage, sql_literal

_PAIR: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*(?:"((?:[^"\\]|\\.)*)"|NULL)', re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class Array(Storage):
    """An array of values of one type.

    Args:
        spelling: as in `Storage`. item: the items' type.
    """

    def __init__(self, spelling: Spelling, item: Storage) -> None:
        super().__init__(spelling)
        self.item = item

    def native(self, vendor: str) -> TypeEngine[Any]:
        if vendor == "postgresql":
            item = self.item.item if isinstance(self.item, Array) else self.item
            return postgresql.ARRAY(item)
        return super().native(vendor)

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """Every item converted."""
        return _each(self.item.bind_processor(dialect))

    def literal_processor(self, dialect: Dialect) -> Processor:
        """`ARRAY[...]` of the items' literals."""
        item = self.item.literal_processor(dialect)
        spelling = self.spelled("postgresql") or ""

        def literal(value: Any) -> str:
            return "NULL" if value is None else f"ARRAY[{', '.join(item(each) for each in value)}]::{spelling}"

        return literal

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        """Every item converted."""
        return _each(self.item.result_processor(dialect, coltype))


def _each(convert: Processor | None) -> Processor | None:
    if convert is None:
        return None

    def process(value: Any) -> Any:
        if value is None or isinstance(value, (str, bytes)):
            return value
        return [convert(item) for item in value]

    return process


class HStore(Storage):
    """Pairs of text; the driver takes and gives them as text."""

    def native(self, vendor: str) -> TypeEngine[Any]:
        return postgresql.HSTORE() if vendor == "postgresql" else super().native(vendor)

    def binder(self, vendor: str) -> Processor | None:
        return hstore_text if vendor == "postgresql" else json.dumps

    def loader(self, vendor: str) -> Processor | None:
        return parse_hstore if vendor == "postgresql" else json.loads


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def hstore_text(value: Any) -> Any:
    """A mapping in hstore's text form; text passes."""
    if not isinstance(value, dict):
        return value
    pairs = (f"{_quoted(key)}=>{'NULL' if item is None else _quoted(item)}" for key, item in value.items())
    return ",".join(pairs)


def parse_hstore(value: Any) -> Any:
    """A mapping out of hstore's text form; mappings pass."""
    if not isinstance(value, str):
        return value
    found: dict[str, str | None] = {}
    for match in _PAIR.finditer(value):
        item = match[2]
        found[_ESCAPED.sub(r"\1", match[1])] = None if item is None else _ESCAPED.sub(r"\1", item)
    return found


class Ranged(Storage):
    """A range.

    Args:
        spelling: as in `Storage`. bound: the type of the bounds. range_type: the class in Python.
    """

    def __init__(self, spelling: Spelling, bound: Storage, range_type: type[Range]) -> None:
        super().__init__(spelling)
        self.bound = bound
        self.range_type = range_type

    def native(self, vendor: str) -> TypeEngine[Any]:
        name = self.spelled(vendor)
        return _RANGES[name]() if vendor == "postgresql" and name in _RANGES else super().native(vendor)

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """The driver's range."""
        convert = self.bound.bind_processor(dialect)

        def bind(value: Any) -> Any:
            if not isinstance(value, Range):
                return value
            lower, upper = value.lower, value.upper
            if convert is not None:
                lower, upper = convert(lower), convert(upper)
            return to_driver(lower, upper, lower_inc=value.lower_inc, upper_inc=value.upper_inc, empty=value.isempty)

        return bind

    def literal_processor(self, dialect: Dialect) -> Processor:
        """The range's text form."""
        bound = self.bound.literal_processor(dialect)

        def text(value: Any) -> str:
            return "" if value is None else f'"{bound(value).strip(chr(39))}"'

        def literal(value: Any) -> str:
            if not isinstance(value, Range):
                return sql_literal(value, "postgresql")
            if value.isempty:
                return "'empty'"
            bounds = value.bounds or "[)"
            return f"'{bounds[0]}{text(value.lower)},{text(value.upper)}{bounds[1]}'"

        return literal

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        """Our own range."""
        convert = self.bound.result_processor(dialect, coltype)
        kind = self.range_type

        def load(value: Any) -> Any:
            if not is_driver_range(value):
                return value
            found = kind.of(value)
            if convert is None or found.isempty:
                return found
            return kind(convert(found.lower), convert(found.upper), found.bounds or "[)")

        return load


_RANGES: Final[dict[str, type[TypeEngine[Any]]]] = {
    "int4range": postgresql.INT4RANGE,
    "int8range": postgresql.INT8RANGE,
    "numrange": postgresql.NUMRANGE,
    "daterange": postgresql.DATERANGE,
    "tstzrange": postgresql.TSTZRANGE,
}


class Words(Storage):
    """A `tsvector` or `tsquery`."""

    def native(self, vendor: str) -> TypeEngine[Any]:
        if vendor != "postgresql":
            return super().native(vendor)
        return postgresql.TSQUERY() if self.spelled(vendor) == "tsquery" else postgresql.TSVECTOR()
