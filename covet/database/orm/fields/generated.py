"""Columns that the database computes, and keys of several columns."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from covet.database.orm.expressions.refs import Col, ColPairs, F
from covet.database.orm.fields.base import Field
from covet.database.orm.fields.deconstruction import NOT_PROVIDED
from covet.exceptions import FieldDoesNotExist


def referenced_names(expression: Any) -> Iterator[str]:
    """The names that an expression or condition refers to."""
    if isinstance(expression, F):
        yield expression.name.split("__")[0]
    elif hasattr(expression, "children"):
        for child in expression.children:
            if isinstance(child, tuple):
                yield child[0].split("__")[0]
                yield from referenced_names(child[1])
            else:
                yield from referenced_names(child)
    elif hasattr(expression, "get_source_expressions"):
        for source in expression.get_source_expressions():
            yield from referenced_names(source)


class GeneratedField(Field[Any]):
    """A column whose value the database computes from the others.

    Args:
        expression: what it is computed from.
        output_field: a field: the column's type.
        db_persist: True stores it, False computes it when it is read (where the database can).
        **kwargs: options of `Field`.

    Raises:
        ValueError: a default is given, or it would be editable.
    """

    generated = True

    def __init__(self, *, expression: Any, output_field: Any, db_persist: bool | None = None, **kwargs: Any) -> None:
        if kwargs.setdefault("editable", False):
            raise ValueError("GeneratedField cannot be editable.")
        if not kwargs.setdefault("blank", True):
            raise ValueError("GeneratedField must be blank.")
        if kwargs.get("default", NOT_PROVIDED) is not NOT_PROVIDED:
            raise ValueError("GeneratedField cannot have a default.")
        if kwargs.get("db_default", NOT_PROVIDED) is not NOT_PROVIDED:
            raise ValueError("GeneratedField cannot have a database default.")
        if db_persist not in {True, False}:
            raise ValueError("GeneratedField.db_persist must be True or False.")
        self.expression = expression
        self.output_field = output_field
        self.db_persist = db_persist
        super().__init__(**kwargs)

    @property
    def db_returning(self) -> bool:
        """An INSERT answers with the computed value."""
        return True

    @functools.cached_property
    def cached_col(self) -> Any:
        return Col(self.model._meta.db_table, self, self.output_field)

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        if alias == self.model._meta.db_table and (output_field is None or output_field is self):
            return self.cached_col
        return Col(alias, self, self.output_field if output_field is None or output_field is self else output_field)

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        # Lookups are those of the type.
        for lookup_name, lookup in self.output_field.get_class_lookups().items():
            self.register_lookup(lookup, lookup_name=lookup_name)

    @functools.cached_property
    def referenced_fields(self) -> frozenset[Any]:
        """The fields that it is computed from."""
        found = set()
        for name in referenced_names(self.expression):
            try:
                found.add(self.model._meta.get_field(self.model._meta.pk.name if name == "pk" else name))
            except FieldDoesNotExist:
                continue
        return frozenset(found)

    def get_transform(self, lookup_name: str) -> Any:
        return super().get_transform(lookup_name) or self.output_field.get_transform(lookup_name)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["blank"], kwargs["editable"]
        kwargs["db_persist"] = self.db_persist
        kwargs["expression"] = self.expression
        kwargs["output_field"] = self.output_field
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return str(self.output_field.get_internal_type())

    def to_python(self, value: Any) -> Any:
        return self.output_field.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return self.output_field.get_prep_value(value)

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return dict(self.output_field.db_parameters(connection))

    def db_type(self, connection: Any) -> str | None:
        return self.output_field.db_type(connection)  # type: ignore[no-any-return]

    def db_type_parameters(self, connection: Any) -> dict[str, Any]:
        return dict(self.output_field.db_type_parameters(connection))

    def _make_storage(self) -> Any:
        return self.output_field.sa_type()


class CompositeAttribute:
    """The values of a composite key as a tuple."""

    def __init__(self, field: Any) -> None:
        self.field = field

    @property
    def attnames(self) -> list[str]:
        """The attributes of its parts."""
        return [self.field.model._meta.get_field(name).attname for name in self.field.field_names]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return tuple(getattr(instance, name) for name in self.attnames)

    def __set__(self, instance: Any, values: Any) -> None:
        names = self.attnames
        if values is None:
            values = (None,) * len(names)
        if not isinstance(values, (list, tuple)):
            raise ValueError(f"{self.field.name!r} must be a list or a tuple.")
        if len(names) != len(values):
            raise ValueError(f"{self.field.name!r} must have {len(names)} elements.")
        for name, value in zip(names, values, strict=True):
            setattr(instance, name, value)


class CompositePrimaryKey(Field[tuple[Any, ...]]):
    """A primary key of several columns, named `pk`.

    Args:
        *names: the names of its fields.
        **kwargs: options of `Field`.

    Raises:
        ValueError: fewer than two names, a name twice, or an option that a key cannot have.
    """

    descriptor_class = CompositeAttribute
    is_composite = True

    def __init__(self, *names: str, **kwargs: Any) -> None:
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            raise ValueError("CompositePrimaryKey args must be unique strings.")
        if len(names) < 2:
            raise ValueError("CompositePrimaryKey must include at least two fields.")
        if kwargs.get("default", NOT_PROVIDED) is not NOT_PROVIDED:
            raise ValueError("CompositePrimaryKey cannot have a default.")
        if kwargs.get("db_default", NOT_PROVIDED) is not NOT_PROVIDED:
            raise ValueError("CompositePrimaryKey cannot have a database default.")
        if kwargs.get("db_column") is not None:
            raise ValueError("CompositePrimaryKey cannot have a db_column.")
        if kwargs.setdefault("editable", False):
            raise ValueError("CompositePrimaryKey cannot be editable.")
        if not kwargs.setdefault("primary_key", True):
            raise ValueError("CompositePrimaryKey must be a primary key.")
        if not kwargs.setdefault("blank", True):
            raise ValueError("CompositePrimaryKey must be blank.")
        self.field_names = names
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, _args, kwargs = super().deconstruct()
        for option in ("editable", "primary_key", "blank"):
            kwargs.pop(option, None)
        return name, path, list(self.field_names), kwargs

    @functools.cached_property
    def fields(self) -> tuple[Any, ...]:
        """Its fields."""
        return tuple(self.model._meta.get_field(name) for name in self.field_names)

    @functools.cached_property
    def columns(self) -> tuple[str, ...]:
        """Its columns."""
        return tuple(field.column for field in self.fields)

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        cls._meta.pk = self
        setattr(cls, self.attname, self.descriptor_class(self))

    def get_attname_column(self) -> tuple[str, Any]:
        return self.get_attname(), None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.field_names)

    def __bool__(self) -> bool:
        return True

    @functools.cached_property
    def cached_col(self) -> Any:
        return ColPairs(self.model._meta.db_table, self.fields, self.fields, self)

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        if alias == self.model._meta.db_table and output_field is None:
            return self.cached_col
        return ColPairs(alias, self.fields, self.fields, output_field or self)

    def get_pk_value_on_save(self, instance: Any) -> tuple[Any, ...]:
        """The key that an INSERT stores."""
        values = []
        for field in self.fields:
            value = field.value_from_object(instance)
            values.append(field.get_default() if value is None else value)
        return tuple(values)

    def value_to_string(self, obj: Any) -> str:
        return json.dumps([field.value_to_string(obj) for field in self.fields], ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            # as `value_to_string` wrote it
            value = json.loads(value)
        if isinstance(value, (list, tuple)):
            return tuple(field.to_python(part) for field, part in zip(self.fields, value, strict=True))
        return value

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return tuple(field.get_prep_value(part) for field, part in zip(self.fields, value, strict=True))
        return value

    def db_type(self, connection: Any) -> str | None:
        del connection
        return None
