"""Tables: a model as SQLAlchemy metadata, every name and type what Django's schema editor makes of it.

Built when first asked for, for the vendor of the default database. Queries and `metadata.create_all()`
take them; schema migrations read the models themselves.
"""

from __future__ import annotations

import re
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from covet.database.orm.constraints import CheckConstraint, ExclusionConstraint, UniqueConstraint
from covet.database.orm.ddl import condition_sql, default_sql, expression_sql, index_item_sql
from covet.database.orm.fields.columns import AUTO
from covet.database.orm.naming import index_name, split_identifier
from covet.database.orm.registry import apps
from covet.database.orm.vendor import default_vendor

metadata: sa.MetaData = apps.metadata
_TABLES: Final = "_covet_tables"
# MySQL indexes these only by a prefix, so Django leaves the index out.
_UNINDEXED: Final = re.compile(r"^(tiny|medium|long)?(text|blob)|^json", re.IGNORECASE)


def table_of(model: Any, vendor: str | None = None) -> sa.Table:
    """The model's table on a vendor; a proxy's is that of its concrete model."""
    concrete = model._meta.concrete_model or model
    vendor = vendor or default_vendor()
    tables: dict[str, sa.Table] | None = concrete.__dict__.get(_TABLES)
    if tables is None:
        tables = {}
        setattr(concrete, _TABLES, tables)
    if vendor not in tables:
        _Builder(concrete, vendor).build(tables)
    return tables[vendor]


class _Builder:
    """Makes one model's table for one vendor."""

    def __init__(self, model: Any, vendor: str) -> None:
        self.model = model
        self.meta = model._meta
        self.vendor = vendor
        self.spelling = "mariadb" if vendor == "mysql" else vendor
        self.schema, self.name = _schema_and_name(self.meta.db_table)
        self.table: sa.Table

    def build(self, tables: dict[str, sa.Table]) -> None:
        """Make the table and put it into `tables` before what it refers to is made: models go in circles."""
        registry: sa.MetaData = self.meta.apps.metadata
        key = f"{self.schema}.{self.name}" if self.schema else self.name
        # Two models may share a table (unmanaged ones do), and two vendors may be asked for.
        home = sa.MetaData() if key in registry.tables else registry
        fields = list(self.meta.local_concrete_fields)
        comment = (self.meta.db_table_comment or None) if self.vendor != "sqlite" else None
        numbered = any(field.primary_key and field.get_internal_type() in AUTO for field in fields)
        columns = [self.column(field) for field in fields]
        self.table = tables[self.vendor] = sa.Table(
            self.name, home, *columns, schema=self.schema, comment=comment, sqlite_autoincrement=numbered
        )
        for field in fields:
            self.add_field_constraints(field)
            self.add_field_indexes(field)
        for names in self.meta.unique_together:
            self.add_unique_together(names)
        for constraint in self.meta.constraints:
            self.add_constraint(constraint)
        for index in self.meta.indexes:
            self.add_index(index)

    def quote(self, name: str) -> str:
        """The name as SQL."""
        return f"`{name}`" if self.vendor == "mysql" else '"' + name.replace('"', '""') + '"'

    def column(self, field: Any) -> sa.Column[Any]:
        """The column of a field."""
        extra: list[Any] = []
        is_auto = field.get_internal_type() in AUTO
        if is_auto and self.vendor == "postgresql":
            extra.append(sa.Identity(always=False))
        server_default: Any = None
        if getattr(field, "generated", False):
            extra.append(
                sa.Computed(_raw(expression_sql(self.model, field.expression, self.vendor)), persisted=field.db_persist)
            )
        elif field.has_db_default():
            server_default = _raw(default_sql(self.model, field, self.vendor))
        check = field.db_check(self.spelling)
        if check is not None:
            extra.append(sa.CheckConstraint(sa.text(check.replace(":", "\\:"))))
        in_key = field.column in {part.column for part in self.meta.pk_fields}
        return sa.Column(
            field.column,
            field.sa_type(),
            *extra,
            primary_key=in_key,
            # A generated column is never NOT NULL, whatever the field says: Django's are not.
            nullable=(bool(field.null) or field.generated) and not in_key,
            autoincrement=is_auto,
            server_default=server_default,
            comment=(field.db_comment or None) if self.vendor != "sqlite" else None,
        )

    def add_field_constraints(self, field: Any) -> None:
        """UNIQUE and FOREIGN KEY of one field."""
        column = self.table.c[field.column]
        if field.unique and not field.primary_key:
            self.table.append_constraint(sa.UniqueConstraint(column))
        if field.remote_field is None or not getattr(field, "db_constraint", False):
            return
        target = field.target_field
        other = table_of(target.model, self.vendor)
        _schema, other_name = _schema_and_name(target.model._meta.db_table)
        name = index_name(self.name, (field.column,), f"_fk_{other_name}_{target.column}", vendor=self.spelling)
        action = getattr(field.remote_field.on_delete, "on_delete_sql", None)
        defers = self.vendor != "mysql"
        self.table.append_constraint(
            sa.ForeignKeyConstraint(
                [column],
                [other.c[target.column]],
                name=name,
                ondelete=action if isinstance(action, str) else None,
                deferrable=True if defers else None,
                initially="DEFERRED" if defers else None,
            )
        )

    def add_field_indexes(self, field: Any) -> None:
        """The index of one field, and PostgreSQL's second one for LIKE."""
        kind = str(field.sa_type().spelled(self.spelling))
        column = self.table.c[field.column]
        indexed = field.db_index and not field.unique
        if self.vendor == "mysql" and (
            _UNINDEXED.match(kind) or (field.remote_field and getattr(field, "db_constraint", False))
        ):
            # InnoDB makes the index of a foreign key by itself.
            indexed = False
        if indexed:
            sa.Index(index_name(self.name, (field.column,), vendor=self.spelling), column)
        if self.vendor != "postgresql" or not (field.db_index or field.unique):
            return
        operators = next((word for word in ("varchar", "text") if kind.startswith(word)), None)
        if operators and "[" not in kind:
            name = index_name(self.name, (field.column,), "_like")
            sa.Index(name, column, postgresql_ops={column.key: f"{operators}_pattern_ops"})

    def add_unique_together(self, names: Any) -> None:
        """One group of `unique_together`: an index on SQLite, a constraint elsewhere."""
        columns = [self.table.c[self.meta.get_field(name).column] for name in names]
        name = index_name(self.name, [column.name for column in columns], "_uniq", vendor=self.spelling)
        if self.vendor == "sqlite":
            sa.Index(name, *columns, unique=True)
        else:
            self.table.append_constraint(sa.UniqueConstraint(*columns, name=name))

    def add_constraint(self, constraint: Any) -> None:
        """One of Meta.constraints."""
        if isinstance(constraint, CheckConstraint):
            text = condition_sql(self.model, constraint.condition, self.vendor)
            self.table.append_constraint(sa.CheckConstraint(_raw(text), name=constraint.name))
        elif isinstance(constraint, UniqueConstraint):
            self.add_unique(constraint)
        elif isinstance(constraint, ExclusionConstraint):
            self.add_exclusion(constraint)

    def add_unique(self, constraint: UniqueConstraint) -> None:
        """A unique constraint; an index where only that can say it; nothing where the database cannot."""
        partial = constraint.condition is not None
        special = constraint.expressions or constraint.include or constraint.opclasses
        if self.vendor == "mysql" and (partial or constraint.expressions):
            return
        if self.vendor != "postgresql" and (
            constraint.deferrable or constraint.include or constraint.nulls_distinct is not None
        ):
            return
        options: dict[str, Any] = {}
        if constraint.nulls_distinct is not None:
            options["postgresql_nulls_not_distinct"] = not constraint.nulls_distinct
        if not partial and not special:
            if constraint.deferrable is not None:
                options.update(deferrable=True, initially=constraint.deferrable.name)
            columns = [self.table.c[self.meta.get_field(name).column] for name in constraint.fields]
            self.table.append_constraint(sa.UniqueConstraint(*columns, name=constraint.name, **options))
            return
        if constraint.expressions:
            items = [self.item(expression) for expression in constraint.expressions]
        else:
            names = [self.quote(self.meta.get_field(name).column) for name in constraint.fields]
            items = self.with_opclasses(names, constraint.opclasses)
        self.index(constraint.name, items, constraint, unique=True, **options)

    def add_exclusion(self, constraint: ExclusionConstraint) -> None:
        """An exclusion constraint (PostgreSQL)."""
        if self.vendor != "postgresql":
            return
        items = ", ".join(f"{self.item(one)} WITH {operator}" for one, operator in constraint.expressions)
        text = f"EXCLUDE USING {constraint.index_type} ({items})"
        if constraint.include:
            text += f" INCLUDE ({', '.join(self.quote(self.meta.get_field(one).column) for one in constraint.include)})"
        if constraint.condition is not None:
            text += f" WHERE ({expression_sql(self.model, constraint.condition, self.vendor)})"
        if constraint.deferrable is not None:
            text += f" DEFERRABLE INITIALLY {constraint.deferrable.name}"
        # SQLAlchemy's own ExcludeConstraint knows neither INCLUDE nor operator classes.
        statement = f"ALTER TABLE {self.quote(self.name)} ADD CONSTRAINT {self.quote(constraint.name)} {text}"
        after: Any = sa.DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call, unused-ignore]
        sa.event.listen(self.table, "after_create", after)

    def add_index(self, index: Any) -> None:
        """One of Meta.indexes."""
        if self.vendor == "mysql" and (index.condition is not None or index.expressions):
            return
        if index.method not in {"", "btree"} and self.vendor != "postgresql":
            return
        if index.expressions:
            items = [self.item(expression) for expression in index.expressions]
        else:
            pairs = index.column_fields(self.model)
            names = self.with_opclasses([self.quote(field.column) for field, _order in pairs], index.opclasses)
            items = [f"{name} {order}".strip() for name, (_field, order) in zip(names, pairs, strict=True)]
        options: dict[str, Any] = {}
        if self.vendor == "postgresql":
            if index.method:
                options["postgresql_using"] = index.method
            if index.with_parameters():
                options["postgresql_with"] = index.with_parameters()
        self.index(str(index.name), items, index, **options)

    def index(self, name: str, items: list[str], declared: Any, **options: Any) -> None:
        """An index of written-out items, with the declaration's condition and further columns."""
        if declared.condition is not None:
            condition = _raw(expression_sql(self.model, declared.condition, self.vendor))
            options[f"{self.vendor}_where"] = condition
        if declared.include and self.vendor == "postgresql":
            options["postgresql_include"] = [self.meta.get_field(one).column for one in declared.include]
        sa.Index(name, *(_raw(item) for item in items), _table=self.table, **options)

    def item(self, expression: Any) -> str:
        """One expression of an index; its order and operator class stand outside its brackets."""
        return index_item_sql(self.model, expression, self.vendor)

    def with_opclasses(self, names: list[str], opclasses: Any) -> list[str]:
        """Names with PostgreSQL's operator classes behind them."""
        if not opclasses or self.vendor != "postgresql":
            return names
        return [f"{name} {opclass}".strip() for name, opclass in zip(names, opclasses, strict=True)]


def _raw(text: str) -> ColumnElement[Any]:
    return sa.literal_column(text)


def _schema_and_name(db_table: str) -> tuple[str | None, str]:
    schema, name = split_identifier(db_table)
    return schema or None, name


__all__ = ["default_vendor", "metadata", "table_of"]
