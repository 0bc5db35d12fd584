"""Fields for columns: which field class stands for what a database has. `inspectdb` and frozen models ask."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

from covet.database.migrations.sqltext import Vendor, words
from covet.database.migrations.states.base import ColumnState, TableState
from covet.database.migrations.wording import foreign_key

_INTEGERS: Final = {
    "smallint": "SmallIntegerField",
    "integer": "IntegerField",
    "int": "IntegerField",
    "mediumint": "IntegerField",
    "bigint": "BigIntegerField",
    "tinyint": "SmallIntegerField",
}
_POSITIVE: Final = {
    "SmallIntegerField": "PositiveSmallIntegerField",
    "IntegerField": "PositiveIntegerField",
    "BigIntegerField": "PositiveBigIntegerField",
}
_AUTO: Final = {"SmallIntegerField": "SmallAutoField", "IntegerField": "AutoField", "BigIntegerField": "BigAutoField"}
_SIMPLE: Final = {
    "boolean": "BooleanField",
    "bool": "BooleanField",
    "tinyint(1)": "BooleanField",
    "text": "TextField",
    "longtext": "TextField",
    "mediumtext": "TextField",
    "double precision": "FloatField",
    "double": "FloatField",
    "real": "FloatField",
    "float": "FloatField",
    "date": "DateField",
    "jsonb": "JSONField",
    "json": "JSONField",
    "uuid": "UUIDField",
    "char(32)": "UUIDField",
    "inet": "GenericIPAddressField",
    "char(39)": "GenericIPAddressField",
    "bytea": "BinaryField",
    "blob": "BinaryField",
    "longblob": "BinaryField",
    "interval": "DurationField",
    "citext": "CITextField",
    "hstore": "HStoreField",
    "tsvector": "SearchVectorField",
    "int4range": "IntegerRangeField",
    "int8range": "BigIntegerRangeField",
    "numrange": "DecimalRangeField",
    "tstzrange": "DateTimeRangeField",
    "daterange": "DateRangeField",
}
POSTGRESQL: Final = frozenset({"ArrayField", "CITextField", "HStoreField", "SearchVectorField"})
"""Field classes of PostgreSQL's own types; ranges besides."""


@dataclass
class FieldText:
    """A field as source would declare it.

    Attributes:
        name: the attribute.
        kind: the field class's name.
        options: its keyword arguments, as Python values.
        to: the table that a relation points to.
        base: what an array is made of.
        remark: what a person should look at.
    """

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    to: str | None = None
    base: FieldText | None = None
    remark: str = ""

    @property
    def module(self) -> str:
        """The package of `covet.database.orm` that has the class."""
        if self.kind in {"ForeignKey", "OneToOneField"}:
            return "relationships"
        special = self.kind in POSTGRESQL or self.kind.endswith("RangeField")
        return "fields.postgres" if special else "fields"

    def source(self) -> str:
        """The field as a call; a relation's target comes first, as its class."""
        arguments = [f"{key}={value!r}" for key, value in self.options.items()]
        if self.to is not None:
            arguments.insert(0, repr(self.to))
        if self.base is not None:
            arguments.insert(0, self.base.source())
        return f"{self.kind}({', '.join(arguments)})"


def field_text(table: TableState, column: ColumnState, vendor: Vendor) -> FieldText:
    """The field that stands for a column."""
    key = next((foreign_key(each) for each in table.of_kind("f") if each.columns == (column.name,)), None)
    is_key = table.primary_key == (column.name,)
    unique = any(each.columns == (column.name,) and each.kind == "u" for each in table.constraints)
    if key is not None:
        found = _relation(column, key.table, unique=unique or is_key)
        if key.others and key.others != ("id",):
            found.options["to_field"] = key.others[0]
    else:
        found = _plain(column, vendor)
        if unique:
            found.options["unique"] = True
    if is_key:
        found.options["primary_key"] = True
        found.options.pop("unique", None)
    if column.nullable and not is_key:
        found.options["null"] = True
    if column.comment:
        found.options["db_comment"] = column.comment
    if found.name != column.name and f"{found.name}_id" != column.name:
        found.options["db_column"] = column.name
    indexed = any(each.columns == (column.name,) and not each.is_unique for each in table.indexes)
    if indexed and key is None and not unique and not is_key:
        found.options["db_index"] = True
    return found


def attribute(column: str) -> str:
    """A column's name as a Python attribute that Django accepts too."""
    name = re.sub(r"\W", "_", column).lower().strip("_")
    name = re.sub(r"_+", "_", name) or "field"
    if name[0].isdigit():
        name = f"number_{name}"
    return f"{name}_field" if keyword.iskeyword(name) else name


def class_name(table: str) -> str:
    """A table's name as a class."""
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", table) if part) or "Table"
    return f"Model{name}" if name[0].isdigit() else name


def _relation(column: ColumnState, table: str, *, unique: bool) -> FieldText:
    name = attribute(column.name.removesuffix("_id"))
    kind = "OneToOneField" if unique else "ForeignKey"
    return FieldText(name, kind, {"on_delete": "DO_NOTHING"}, to=table)


def _plain(column: ColumnState, vendor: Vendor) -> FieldText:
    name = attribute(column.name)
    text = column.type.lower()
    if text.endswith("[]"):
        item = _plain(replace(column, type=text.removesuffix("[]"), counting=False), vendor)
        return FieldText(name, "ArrayField", base=item, remark=item.remark)
    simple = _SIMPLE.get(text)
    if simple is not None:
        return FieldText(name, simple)
    base = text.split("(")[0].removesuffix(" unsigned").strip()
    numbers = [int(token.text) for token in words(text) if token.kind == "number"]
    if base in _INTEGERS:
        kind = _INTEGERS[base]
        kind = _AUTO[kind] if column.counting else _POSITIVE[kind] if text.endswith("unsigned") else kind
        if column.counting and vendor == "sqlite":
            kind = "BigAutoField"
        return FieldText(name, kind)
    if base in {"varchar", "character varying", "char", "character", "nvarchar", "bpchar"}:
        options = {"max_length": numbers[0]} if numbers else {}
        return FieldText(name, "CharField" if options else "TextField", options)
    if base in {"numeric", "decimal"}:
        remark = "" if len(numbers) == 2 else "the database keeps no precision; check these digits"
        digits = numbers if len(numbers) == 2 else [10, 5]
        return FieldText(name, "DecimalField", {"max_digits": digits[0], "decimal_places": digits[1]}, remark=remark)
    if base.startswith(("timestamp", "datetime")):
        return FieldText(name, "DateTimeField")
    if base.startswith("time"):
        return FieldText(name, "TimeField")
    return FieldText(name, "TextField", remark=f"the column's type is {column.type}, for which there is no field")
