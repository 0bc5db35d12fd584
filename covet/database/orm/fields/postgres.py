"""Fields that only PostgreSQL has: arrays, hstore, ranges, search vectors, text without case."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, ClassVar, Final, TypeVar

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.values import Value
from covet.database.orm.fields.base import Field
from covet.database.orm.fields.numeric import BigIntegerField, DecimalField, IntegerField
from covet.database.orm.fields.temporal import DateField, DateTimeField
from covet.database.orm.fields.text import CharField, EmailField, TextField
from covet.database.orm.postgres.arrays import IndexTransformFactory, SliceTransform, SliceTransformFactory
from covet.database.orm.postgres.hstore import KeyTransformFactory
from covet.database.orm.postgres.validators import ArrayMaxLengthValidator
from covet.database.orm.postgres_types import Array, HStore, Ranged, Words
from covet.database.orm.ranges import BOUNDS, DateRange, DateTimeRange, DateTimeTZRange, NumericRange, Range
from covet.database.orm.types import Storage
from covet.exceptions import ValidationError
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _

T = TypeVar("T")


def _prefixed(error: ValidationError, prefix: str, code: str, params: dict[str, Any]) -> ValidationError:
    """The error with the item's place in front of its message."""
    if error.error_list == [error]:
        inner = error.params or {}
        message = f"{prefix % params} {error.message % inner}".replace("%", "%%")
        return ValidationError(message, code=code, params={**inner, **params})
    return ValidationError([_prefixed(one, prefix, code, params) for one in error.error_list])


class ArrayField(Field[list[Any]]):
    """A list of values of one field.

    Args:
        base_field: the items' field.
        size: the most items.
        **kwargs: options of `Field`.
    """

    empty_strings_allowed = False
    allow_slicing = True
    default_error_messages: ClassVar[dict[str, Any]] = {
        "item_invalid": _("Item %(nth)s in the array did not validate:"),
        "nested_array_mismatch": _("Nested arrays must have the same length."),
    }

    def __init__(self, base_field: Field[Any], size: int | None = None, **kwargs: Any) -> None:
        self.base_field = base_field
        self.db_collation = getattr(base_field, "db_collation", None)
        self.size = size
        if size:
            self.default_validators = [*self.default_validators, ArrayMaxLengthValidator(size)]  # type: ignore[misc]
        if hasattr(base_field, "from_db_value"):
            self.from_db_value = self._from_db_value
        super().__init__(**kwargs)

    @property
    def model(self) -> Any:
        """The model that the field belongs to.

        Raises:
            AttributeError: it belongs to none yet.
        """
        try:
            return self.__dict__["model"]
        except KeyError:
            raise AttributeError(f"'{self.__class__.__name__}' object has no attribute 'model'") from None

    @model.setter
    def model(self, model: Any) -> None:
        self.__dict__["model"] = model
        self.base_field.model = model

    @property
    def description(self) -> str:
        """The field's description."""
        return f"Array of {self.base_field.description}"

    def set_attributes_from_name(self, name: str) -> None:
        super().set_attributes_from_name(name)
        self.base_field.set_attributes_from_name(name)

    def db_type(self, connection: Any) -> str | None:
        return f"{self.base_field.db_type(connection)}[{self.size or ''}]"

    def cast_db_type(self, connection: Any) -> str | None:
        return f"{self.base_field.cast_db_type(connection)}[{self.size or ''}]"

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return {**super().db_parameters(connection), "collation": self.db_collation}

    def _make_storage(self) -> Storage:
        return Array(self._spelling(), self.base_field.sa_type())

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        if isinstance(value, (list, tuple)):
            prepare = self.base_field.get_prep_value
            return [item if hasattr(item, "resolve_expression") else prepare(item) for item in value]
        return value

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs["base_field"] = self.base_field.clone()
        kwargs["size"] = self.size
        return name, path, args, kwargs

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            return [self.base_field.to_python(item) for item in json.loads(value)]
        return value

    def _from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value is None:
            return value
        convert = self.base_field.from_db_value  # type: ignore[attr-defined]
        return [convert(item, expression, connection) for item in value]

    def value_to_string(self, obj: Any) -> str:
        values: list[str | None] = []
        for item in self.value_from_object(obj):
            if item is None:
                values.append(None)
            else:
                values.append(self.base_field.value_to_string(SimpleNamespace(**{self.base_field.attname: item})))
        return json.dumps(values, ensure_ascii=False)

    def get_transform(self, lookup_name: str) -> Any:
        """A registered transform; a number is an item, two are a slice."""
        found = super().get_transform(lookup_name)
        if found:
            return found
        first, _sep, second = lookup_name.partition("_")
        if first.isdigit() and not _sep:
            return IndexTransformFactory(int(first) + 1, self.base_field)
        if first.isdigit() and second.isdigit():
            return SliceTransformFactory(int(first) + 1, int(second))
        return None

    def slice_expression(self, expression: Any, start: int, length: int | None) -> Any:
        """The items of `expression` from the 1-based `start`."""
        end = None if length is None else start + length - 1
        return SliceTransform(start, end, expression)

    def _item_error(self, error: ValidationError, index: int) -> ValidationError:
        prefix = self.error_messages["item_invalid"]
        return _prefixed(error, prefix, "item_invalid", {"nth": index + 1})

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        for index, item in enumerate(value or ()):
            try:
                self.base_field.validate(item, model_instance)
            except ValidationError as error:
                raise self._item_error(error, index) from error
        if isinstance(self.base_field, ArrayField) and len({len(item) for item in value or ()}) > 1:
            raise ValidationError(self.error_messages["nested_array_mismatch"], code="nested_array_mismatch")

    def run_validators(self, value: Any) -> None:
        super().run_validators(value)
        for index, item in enumerate(value or ()):
            try:
                self.base_field.run_validators(item)
            except ValidationError as error:
                raise self._item_error(error, index) from error


class HStoreField(Field[dict[str, str | None]]):
    """Pairs of text."""

    empty_strings_allowed = False
    description = _("Map of strings to strings/nulls")
    default_error_messages: ClassVar[dict[str, Any]] = {
        "not_a_string": _("The value of “%(key)s” is not a string or null.")
    }

    def db_type(self, connection: Any) -> str | None:
        del connection
        return "hstore"

    def _make_storage(self) -> Storage:
        return HStore(self._spelling())

    def get_transform(self, lookup_name: str) -> Any:
        return super().get_transform(lookup_name) or KeyTransformFactory(lookup_name)

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        for key, item in (value or {}).items():
            if not isinstance(item, str) and item is not None:
                message = self.error_messages["not_a_string"]
                raise ValidationError(message, code="not_a_string", params={"key": key})

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj: Any) -> str:
        return json.dumps(self.value_from_object(obj), ensure_ascii=False)

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        if isinstance(value, dict):
            return {str(key): item if item is None else str(item) for key, item in value.items()}
        if isinstance(value, list):
            return [str(item) for item in value]
        return value


class RangeBoundary(Func):
    """Which bounds belong to a range, as a text of two characters.

    Args:
        inclusive_lower, inclusive_upper: whether they do.
    """

    template = "%(expressions)s"

    def __init__(self, inclusive_lower: bool = True, inclusive_upper: bool = False) -> None:
        self.lower = "[" if inclusive_lower else "("
        self.upper = "]" if inclusive_upper else ")"
        super().__init__(Value(self.lower + self.upper))


class RangeOperators:
    """PostgreSQL's operators of ranges, by name."""

    EQUAL: Final = "="
    NOT_EQUAL: Final = "<>"
    CONTAINS: Final = "@>"
    CONTAINED_BY: Final = "<@"
    OVERLAPS: Final = "&&"
    FULLY_LT: Final = "<<"
    FULLY_GT: Final = ">>"
    NOT_LT: Final = "&>"
    NOT_GT: Final = "&<"
    ADJACENT_TO: Final = "-|-"


class RangeField(Field[Range]):
    """The base of ranges."""

    empty_strings_allowed = False
    base_field: Any = None
    range_type: ClassVar[type[Range]] = Range
    range_name: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "default_bounds" in kwargs:
            raise TypeError(f"Cannot use 'default_bounds' with {type(self).__name__}.")
        kind = type(self).base_field
        if isinstance(kind, type):
            self.base_field = kind()
        super().__init__(*args, **kwargs)

    @property
    def model(self) -> Any:
        """The model that the field belongs to.

        Raises:
            AttributeError: it belongs to none yet.
        """
        try:
            return self.__dict__["model"]
        except KeyError:
            raise AttributeError(f"'{self.__class__.__name__}' object has no attribute 'model'") from None

    @model.setter
    def model(self, model: Any) -> None:
        self.__dict__["model"] = model
        self.base_field.model = model

    def db_type(self, connection: Any) -> str | None:
        del connection
        return self.range_name

    def _make_storage(self) -> Storage:
        return Ranged(self._spelling(), self.base_field.sa_type(), self.range_type)

    def set_attributes_from_name(self, name: str) -> None:
        super().set_attributes_from_name(name)
        self.base_field.set_attributes_from_name(name)

    def _pair(self, value: Any) -> Range:
        return self.range_type(value[0], value[1])

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        if isinstance(value, (list, tuple)):
            return self._pair(value)
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            parts = json.loads(value)
            for end in ("lower", "upper"):
                if end in parts:
                    parts[end] = self.base_field.to_python(parts[end])
            return self.range_type(**parts)
        if isinstance(value, (list, tuple)):
            return self._pair(value)
        return value

    def value_to_string(self, obj: Any) -> Any:
        value = self.value_from_object(obj)
        if value is None:
            return None
        if value.isempty:
            return json.dumps({"empty": True})
        parts: dict[str, Any] = {}
        for end in ("lower", "upper"):
            bound = getattr(value, end)
            one = SimpleNamespace(**{self.base_field.attname: bound})
            parts[end] = None if bound is None else self.base_field.value_to_string(one)
        parts["bounds"] = value.bounds
        return json.dumps(parts)


class ContinuousRangeField(RangeField):
    """A range whose bounds PostgreSQL keeps as given.

    Args:
        *args: options of `Field`.
        default_bounds: those of ranges that come as pairs.
        **kwargs: options of `Field`.

    Raises:
        ValueError: `default_bounds` is none of `[)`, `(]`, `()`, `[]`.
    """

    def __init__(self, *args: Any, default_bounds: str = "[)", **kwargs: Any) -> None:
        if default_bounds not in BOUNDS:
            raise ValueError("default_bounds must be one of '[)', '(]', '()', or '[]'.")
        self.default_bounds = default_bounds
        super().__init__(*args, **kwargs)

    def _pair(self, value: Any) -> Range:
        return self.range_type(value[0], value[1], self.default_bounds)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.default_bounds and self.default_bounds != "[)":
            kwargs["default_bounds"] = self.default_bounds
        return name, path, args, kwargs


class IntegerRangeField(RangeField):
    """A range of integers of 32 bits."""

    base_field = IntegerField
    range_type = NumericRange
    range_name = "int4range"


class BigIntegerRangeField(RangeField):
    """A range of integers of 64 bits."""

    base_field = BigIntegerField
    range_type = NumericRange
    range_name = "int8range"


class DecimalRangeField(ContinuousRangeField):
    """A range of decimal numbers."""

    base_field = DecimalField
    range_type = NumericRange
    range_name = "numrange"


class DateTimeRangeField(ContinuousRangeField):
    """A range of moments."""

    base_field = DateTimeField
    range_type = DateTimeTZRange
    range_name = "tstzrange"


class DateRangeField(RangeField):
    """A range of dates."""

    base_field = DateField
    range_type = DateRange
    range_name = "daterange"


class SearchVectorField(Field[str]):
    """The words of a document, for searching."""

    def db_type(self, connection: Any) -> str | None:
        del connection
        return "tsvector"

    def _make_storage(self) -> Storage:
        return Words(self._spelling())


class SearchQueryField(Field[str]):
    """A search query."""

    def db_type(self, connection: Any) -> str | None:
        del connection
        return "tsquery"

    def _make_storage(self) -> Storage:
        return Words(self._spelling())


class _CIText:
    """Text that compares without case; needs the extension citext."""

    def db_type(self, connection: Any) -> str | None:
        """The DDL type."""
        del connection
        return "citext"

    def get_internal_type(self) -> str:
        """The kind of column."""
        return f"CI{super().get_internal_type()}"  # type: ignore[misc]


class CICharField(_CIText, CharField):
    """Short text without case."""


class CIEmailField(_CIText, EmailField):
    """An e-mail address without case."""


class CITextField(_CIText, TextField):
    """Text without case."""


__all__ = [
    "ArrayField",
    "BigIntegerRangeField",
    "CICharField",
    "CIEmailField",
    "CITextField",
    "DateRange",
    "DateRangeField",
    "DateTimeRange",
    "DateTimeRangeField",
    "DateTimeTZRange",
    "DecimalRangeField",
    "HStoreField",
    "IntegerRangeField",
    "NumericRange",
    "Range",
    "RangeBoundary",
    "RangeField",
    "RangeOperators",
    "SearchQueryField",
    "SearchVectorField",
]
