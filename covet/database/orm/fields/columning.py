"""The column of a field: its DDL, its SQLAlchemy type, and itself as an expression. A part of Field."""

from __future__ import annotations

import functools
from typing import Any

from covet.database.orm.expressions.refs import Col
from covet.database.orm.fields.columns import ddl_check, ddl_suffix, ddl_type, storage
from covet.database.orm.functions.comparison import cast_type
from covet.database.orm.types import VENDORS, Hooked, Storage, Vendor, overrides, vendor_of
from covet.exceptions import NotSupportedError


class Columned:
    """What a field knows of its column."""

    model: Any
    column: Any

    def get_internal_type(self) -> str:
        """The kind of column: the name of the field class that decides its type and lookups."""
        return self.__class__.__name__

    def db_type_parameters(self, connection: Any) -> dict[str, Any]:
        """What the DDL type is filled in with."""
        del connection
        return {name: getattr(self, name, None) for name in ("max_length", "max_digits", "decimal_places")}

    def db_type(self, connection: Any) -> str | None:
        """The column's DDL type on a vendor (`"postgresql"`, an adapter …); None: no column."""
        vendor = vendor_of(connection)
        return ddl_type(self.get_internal_type(), self.db_type_parameters(connection), vendor)

    def rel_db_type(self, connection: Any) -> str | None:
        """The DDL type of a column that refers to this one."""
        return self.db_type(connection)

    def cast_db_type(self, connection: Any) -> str | None:
        """The type to name in CAST."""
        return cast_type(self, connection)

    def db_check(self, connection: Any) -> str | None:
        """The column's CHECK, or None."""
        vendor = vendor_of(connection)
        quote = "`" if vendor in {"mysql", "mariadb"} else '"'
        return ddl_check(self.get_internal_type(), f"{quote}{self.column}{quote}", vendor)

    def db_type_suffix(self, connection: Any) -> str | None:
        """What follows the column's definition."""
        return ddl_suffix(self.get_internal_type(), vendor_of(connection))

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """The DDL type and CHECK of the column."""
        return {"type": self.db_type(connection), "check": self.db_check(connection)}

    def sa_type(self) -> Storage:
        """The SQLAlchemy type: its processors convert between Python and the driver."""
        found: Storage | None = self.__dict__.get("_storage")
        if found is None:
            found = self._make_storage()
            if overrides(self, "get_db_prep_value"):
                found = Hooked(found, self)
            self.__dict__["_storage"] = found
        return found

    def _make_storage(self) -> Storage:
        return storage(self.get_internal_type(), self._spelling(), self)

    def _spelling(self) -> tuple[tuple[str, str], ...]:
        pairs = []
        for vendor in VENDORS:
            parameters = self.db_parameters(Vendor(vendor))
            text = parameters["type"]
            if text is None:
                continue
            text = text.removesuffix(" AUTO_INCREMENT")
            collation = parameters.get("collation")
            if collation:
                quoted = f"`{collation}`" if vendor in {"mysql", "mariadb"} else f'"{collation}"'
                text = f"{text} COLLATE {quoted}"
            pairs.append((vendor, text))
        return tuple(pairs)

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        """The column under a table alias, as an expression."""
        if alias == self.model._meta.db_table and (output_field is None or output_field is self):
            return self.cached_col
        return Col(alias, self, output_field)

    @functools.cached_property
    def cached_col(self) -> Any:
        """The column of the model's own table."""
        return Col(self.model._meta.db_table, self)

    def get_joining_fields(self) -> tuple[Any, ...]:
        """No columns: only relations join."""
        return ()

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        """No condition beside the joined columns."""
        del alias, related_alias

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """The column as SELECT reads it; a custom field may wrap it."""
        del compiler
        return sql, params

    def slice_expression(self, expression: Any, start: int, length: int | None) -> Any:
        """Refused: only text and arrays are cut.

        Raises:
            NotSupportedError: always.
        """
        del expression, start, length
        raise NotSupportedError("This field does not support slicing.")

    def get_db_converters(self, connection: Any) -> list[Any]:
        """The field's own `from_db_value`, where its class has one."""
        del connection
        convert = getattr(self, "from_db_value", None)
        return [] if convert is None else [convert]
