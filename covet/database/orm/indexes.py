"""Indexes as `Meta.indexes` declares them: of columns or expressions, partial, covering, of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from covet.database.orm.expressions.base import Expression
from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.ordering import OrderBy
from covet.database.orm.expressions.refs import F
from covet.database.orm.naming import INDEX_NAME_LENGTH, model_index_name
from covet.exceptions import FieldDoesNotExist, FieldError, choices


class Index:
    """An index.

    Args:
        *expressions: what to index, when that is not columns: `Lower('title').desc()`.
        fields: field names; a leading `-` makes that column descending.
        name: its name; made as Django makes it when not given.
        db_tablespace: its tablespace.
        opclasses: PostgreSQL's operator classes, one for each field.
        condition: a Q that the indexed rows meet.
        include: names of further fields kept in the index.

    Raises:
        ValueError, TypeError: options that do not go together.
    """

    suffix: ClassVar[str] = "idx"
    max_name_length: ClassVar[int] = INDEX_NAME_LENGTH
    method: ClassVar[str] = ""

    def __init__(
        self,
        *expressions: Any,
        fields: Sequence[str] = (),
        name: str | None = None,
        db_tablespace: str | None = None,
        opclasses: Sequence[str] = (),
        condition: Any = None,
        include: Sequence[str] | None = None,
    ) -> None:
        kind = type(self).__name__
        if opclasses and not name:
            raise ValueError("An index must be named to use opclasses.")
        if not isinstance(condition, (type(None),)) and not getattr(condition, "conditional", False):
            raise ValueError(f"{kind}.condition must be a Q instance.")
        if condition is not None and not name:
            raise ValueError("An index must be named to use condition.")
        if not isinstance(fields, (list, tuple)):
            raise ValueError(f"{kind}.fields must be a list or tuple.")
        if not isinstance(opclasses, (list, tuple)):
            raise ValueError(f"{kind}.opclasses must be a list or tuple.")
        if not expressions and not fields:
            raise ValueError("At least one field or expression is required to define an index.")
        if expressions and fields:
            raise ValueError(f"{kind}.fields and expressions are mutually exclusive.")
        if expressions and not name:
            raise ValueError("An index must be named to use expressions.")
        if expressions and opclasses:
            raise ValueError(
                f"{kind}.opclasses cannot be used with expressions. Use "
                "django.contrib.postgres.indexes.OpClass() instead.".replace(
                    "django.contrib.postgres.indexes", "covet.database.orm.indexes"
                )
            )
        if opclasses and len(fields) != len(opclasses):
            raise ValueError(f"{kind}.fields and {kind}.opclasses must have the same number of elements.")
        if fields and not all(isinstance(field, str) for field in fields):
            raise ValueError(f"{kind}.fields must contain only strings with field names.")
        if include and not name:
            raise ValueError("A covering index must be named.")
        if not isinstance(include, (type(None), list, tuple)):
            raise ValueError(f"{kind}.include must be a list or tuple.")
        self.fields = list(fields)
        self.fields_orders = [(name[1:], "DESC") if name.startswith("-") else (name, "") for name in self.fields]
        self.name: Any = name or ""
        self.db_tablespace = db_tablespace
        self.opclasses = opclasses
        self.condition = condition
        self.include = tuple(include) if include else ()
        self.expressions = tuple(F(one) if isinstance(one, str) else one for one in expressions)

    @property
    def contains_expressions(self) -> bool:
        """Whether it indexes expressions."""
        return bool(self.expressions)

    def with_parameters(self) -> dict[str, Any]:
        """PostgreSQL's storage parameters, the WITH clause."""
        return {}

    def column_fields(self, model: Any) -> list[tuple[Any, str]]:
        """(field, order) of each indexed column.

        Raises:
            FieldError: a name is no field of the model; names the choices.
        """
        return [(self._field(model, name), order) for name, order in self.fields_orders]

    def _field(self, model: Any, name: str) -> Any:
        try:
            return model._meta.get_field(name)
        except FieldDoesNotExist:
            known = [field.name for field in model._meta.get_fields() if getattr(field, "concrete", False)]
            message = (
                f"{type(self).__name__} of {model._meta.object_name} names {name!r}, which is no field; "
                f"choose of: {', '.join(choices(name, known))}"
            )
            raise FieldError(message) from None

    def set_name_with_model(self, model: Any) -> None:
        """Give it the name that Django would."""
        pairs = self.column_fields(model)
        columns = [field.column for field, _order in pairs]
        orders = [order for _field, order in pairs]
        self.name = model_index_name(model._meta.db_table, columns, orders, self.suffix)
        if len(self.name) > self.max_name_length:
            raise ValueError("Index too long for multiple database support. Is self.suffix longer than 3 characters?")

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """(import path, arguments, keywords) that make an equal index."""
        keywords: dict[str, Any] = {"name": self.name}
        if self.fields:
            keywords["fields"] = self.fields
        for option in ("db_tablespace", "opclasses", "condition", "include"):
            value = getattr(self, option)
            if value is not None and value != () and value != []:
                keywords[option] = value
        return _path(type(self)), self.expressions, keywords

    def clone(self) -> Self:
        """An equal index."""
        _where, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs)

    def __repr__(self) -> str:
        parts = [
            ("fields", repr(self.fields) if self.fields else ""),
            ("expressions", repr(self.expressions) if self.expressions else ""),
            ("name", repr(self.name) if self.name else ""),
            ("db_tablespace", "" if self.db_tablespace is None else repr(self.db_tablespace)),
            ("condition", "" if self.condition is None else str(self.condition)),
            ("include", repr(self.include) if self.include else ""),
            ("opclasses", repr(self.opclasses) if self.opclasses else ""),
        ]
        return f"<{type(self).__qualname__}:{''.join(f' {name}={text}' for name, text in parts if text)}>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Index) and self.__class__ == other.__class__:
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.name))


def _path(cls: type[Any]) -> str:
    module = "covet.database.orm" if cls in (Index,) else cls.__module__
    return f"{module}.{cls.__name__}"


class IndexExpression(Func):
    """An expression as an index holds it, with collation, operator class and order around it."""

    template = "%(expressions)s"
    wrapper_classes: ClassVar[tuple[type[Any], ...]] = (OrderBy,)


class OpClass(Func):
    """An operator class of PostgreSQL for one expression of an index."""

    template = "%(expressions)s %(name)s"
    constraint_validation_compatible = False

    def __init__(self, expression: Any, name: str) -> None:
        super().__init__(expression, name=name)


class PostgresIndex(Index):
    """An index of a kind that PostgreSQL has; a longer suffix may make its name longer."""

    parameters: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.max_name_length = Index.max_name_length - len(Index.suffix) + len(cls.suffix)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        for name in self.parameters:
            if getattr(self, name) is not None:
                kwargs[name] = getattr(self, name)
        return path, args, kwargs

    def with_parameters(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.parameters}
        return {name: _setting(value) for name, value in given.items() if value is not None}


def _setting(value: Any) -> Any:
    return ("on" if value else "off") if isinstance(value, bool) else value


class BTreeIndex(PostgresIndex):
    """PostgreSQL's usual index, with its parameters."""

    suffix = "btree"
    method = "btree"
    parameters = ("fillfactor", "deduplicate_items")

    def __init__(
        self, *expressions: Any, fillfactor: int | None = None, deduplicate_items: bool | None = None, **kwargs: Any
    ) -> None:
        self.fillfactor = fillfactor
        self.deduplicate_items = deduplicate_items
        super().__init__(*expressions, **kwargs)


class GinIndex(PostgresIndex):
    """An index of what a value contains: arrays, documents, words."""

    suffix = "gin"
    method = "gin"
    parameters = ("fastupdate", "gin_pending_list_limit")

    def __init__(
        self,
        *expressions: Any,
        fastupdate: bool | None = None,
        gin_pending_list_limit: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.fastupdate = fastupdate
        self.gin_pending_list_limit = gin_pending_list_limit
        super().__init__(*expressions, **kwargs)


class GistIndex(PostgresIndex):
    """A generalised search tree: ranges, geometry, nearest neighbours."""

    suffix = "gist"
    method = "gist"
    parameters = ("buffering", "fillfactor")

    def __init__(
        self, *expressions: Any, buffering: bool | None = None, fillfactor: int | None = None, **kwargs: Any
    ) -> None:
        self.buffering = buffering
        self.fillfactor = fillfactor
        super().__init__(*expressions, **kwargs)


class SpGistIndex(PostgresIndex):
    """A space-partitioned search tree."""

    suffix = "spgist"
    method = "spgist"
    parameters = ("fillfactor",)

    def __init__(self, *expressions: Any, fillfactor: int | None = None, **kwargs: Any) -> None:
        self.fillfactor = fillfactor
        super().__init__(*expressions, **kwargs)


class BrinIndex(PostgresIndex):
    """An index of ranges of blocks, for big tables in natural order."""

    suffix = "brin"
    method = "brin"
    parameters = ("autosummarize", "pages_per_range")

    def __init__(
        self, *expressions: Any, autosummarize: bool | None = None, pages_per_range: int | None = None, **kwargs: Any
    ) -> None:
        if pages_per_range is not None and pages_per_range <= 0:
            raise ValueError("pages_per_range must be None or a positive integer")
        self.autosummarize = autosummarize
        self.pages_per_range = pages_per_range
        super().__init__(*expressions, **kwargs)


class HashIndex(PostgresIndex):
    """An index for equality alone."""

    suffix = "hash"
    method = "hash"
    parameters = ("fillfactor",)

    def __init__(self, *expressions: Any, fillfactor: int | None = None, **kwargs: Any) -> None:
        self.fillfactor = fillfactor
        super().__init__(*expressions, **kwargs)


class BloomIndex(PostgresIndex):
    """A signature of many columns, for equality in any combination."""

    suffix = "bloom"
    method = "bloom"
    parameters = ("length", "columns")

    def __init__(
        self, *expressions: Any, length: int | None = None, columns: Sequence[int] = (), **kwargs: Any
    ) -> None:
        super().__init__(*expressions, **kwargs)
        if len(self.fields) > 32:
            raise ValueError("Bloom indexes support a maximum of 32 fields.")
        if not isinstance(columns, (list, tuple)):
            raise ValueError("BloomIndex.columns must be a list or tuple.")
        if len(columns) > len(self.fields):
            raise ValueError("BloomIndex.columns cannot have more values than fields.")
        if not all(0 < column <= 4095 for column in columns):
            raise ValueError("BloomIndex.columns must contain integers from 1 to 4095.")
        if length is not None and not 0 < length <= 4096:
            raise ValueError("BloomIndex.length must be None or an integer from 1 to 4096.")
        self.length = length
        self.columns = columns

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = Index.deconstruct(self)
        if self.length is not None:
            kwargs["length"] = self.length
        if self.columns:
            kwargs["columns"] = self.columns
        return path, args, kwargs

    def with_parameters(self) -> dict[str, Any]:
        found: dict[str, Any] = {} if self.length is None else {"length": self.length}
        for position, bits in enumerate(self.columns, start=1):
            found[f"col{position}"] = bits
        return found


__all__ = [
    "BTreeIndex",
    "BloomIndex",
    "BrinIndex",
    "Expression",
    "GinIndex",
    "GistIndex",
    "HashIndex",
    "Index",
    "IndexExpression",
    "OpClass",
    "PostgresIndex",
    "SpGistIndex",
]
