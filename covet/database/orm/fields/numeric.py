"""Numbers: integers with their ranges, automatic keys, floats, decimals and truth values."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from covet.database.orm.fields.base import Field
from covet.database.orm.fields.columns import INTEGER_RANGES, integer_range
from covet.database.orm.fields.deconstruction import NOT_PROVIDED
from covet.database.orm.fields.values import BoolValue, DecimalValue, FloatValue, IntValue
from covet.database.orm.shape import UNCHANGED
from covet.database.orm.types import vendor_of
from covet.database.orm.vendor import default_vendor
from covet.exceptions import ValidationError
from covet.utils import validators as checks
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _

N = TypeVar("N")


def _prepared(field: Any, convert: Callable[[Any], Any], value: Any) -> Any:
    """`value` converted for the database, the error naming the field."""
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError) as error:
        if hasattr(value, "prepare_database_save"):
            message = (
                f"Tried to update field {field} with a model instance, {value!r}. Use a value compatible with "
                f"{type(field).__name__}."
            )
            raise TypeError(message) from error
        message = f"Field '{field.name}' expected a number but got {value!r}."
        kind = ValueError if isinstance(error, OverflowError) else type(error)
        raise kind(message) from error


class IntegerField(Field[IntValue]):
    """A whole number of 32 bits."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: IntegerField[int | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: IntegerField[int | None], *args: Any, nullable: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: IntegerField[int], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("“%(value)s” value must be an integer.")}
    description = _("Integer")

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The given validators, and those of the range that every supported database holds."""
        found = [*self.default_validators, *self._validators]
        least, greatest = integer_range(self.get_internal_type(), default_vendor())
        if least is not None and not _limits(found, checks.MinValueValidator, least, lambda mine, ours: mine >= ours):
            found.append(checks.MinValueValidator(least))
        if greatest is not None and not _limits(
            found, checks.MaxValueValidator, greatest, lambda mine, ours: mine <= ours
        ):
            found.append(checks.MaxValueValidator(greatest))
        return found

    def get_internal_type(self) -> str:
        return "IntegerField"

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return None if value is None else _prepared(self, int, value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(value, connection, prepared)

    def to_python(self, value: Any) -> Any:
        if value is None:
            return value
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None


UNCHANGED[IntegerField.get_prep_value] = int


def _limits(found: list[Any], kind: type[Any], limit: int, within: Callable[[Any, int], bool]) -> bool:
    for validator in found:
        if isinstance(validator, kind):
            mine = validator.limit_value
            if within(mine() if callable(mine) else mine, limit):
                return True
    return False


class BigIntegerField(IntegerField[IntValue]):
    """A whole number of 64 bits."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: BigIntegerField[int | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: BigIntegerField[int | None], *args: Any, nullable: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: BigIntegerField[int], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    description = _("Big (8 byte) integer")
    MAX_BIGINT = INTEGER_RANGES["BigIntegerField"][1]

    def get_internal_type(self) -> str:
        return "BigIntegerField"


class SmallIntegerField(IntegerField[IntValue]):
    """A whole number of 16 bits."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: SmallIntegerField[int | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(
            self: SmallIntegerField[int | None], *args: Any, nullable: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: SmallIntegerField[int], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    description = _("Small integer")

    def get_internal_type(self) -> str:
        return "SmallIntegerField"


class PositiveIntegerRelDbTypeMixin:
    """Foreign keys to a positive integer are plain integers where there are no unsigned ones."""

    integer_field_class: ClassVar[Any]

    def rel_db_type(self, connection: Any) -> str | None:
        """The DDL type of a column that refers to this one."""
        if vendor_of(connection) in {"mysql", "mariadb"}:
            return self.db_type(connection)  # type: ignore[attr-defined, no-any-return]
        return self.integer_field_class().db_type(connection=connection)  # type: ignore[no-any-return]


class PositiveIntegerField(PositiveIntegerRelDbTypeMixin, IntegerField[IntValue]):
    """A whole number of 32 bits, zero or more."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: PositiveIntegerField[int | None], *args: Any, null: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(
            self: PositiveIntegerField[int | None], *args: Any, nullable: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: PositiveIntegerField[int], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    description = _("Positive integer")
    integer_field_class = IntegerField

    def get_internal_type(self) -> str:
        return "PositiveIntegerField"


class PositiveBigIntegerField(PositiveIntegerRelDbTypeMixin, BigIntegerField[IntValue]):
    """A whole number of 64 bits, zero or more."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: PositiveBigIntegerField[int | None], *args: Any, null: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(
            self: PositiveBigIntegerField[int | None], *args: Any, nullable: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: PositiveBigIntegerField[int], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    description = _("Positive big integer")
    integer_field_class = BigIntegerField

    def get_internal_type(self) -> str:
        return "PositiveBigIntegerField"


class PositiveSmallIntegerField(PositiveIntegerRelDbTypeMixin, SmallIntegerField[IntValue]):
    """A whole number of 16 bits, zero or more."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: PositiveSmallIntegerField[int | None], *args: Any, null: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(
            self: PositiveSmallIntegerField[int | None], *args: Any, nullable: Literal[True], **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: PositiveSmallIntegerField[int], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    description = _("Positive small integer")
    integer_field_class = SmallIntegerField

    def get_internal_type(self) -> str:
        return "PositiveSmallIntegerField"


class AutoFieldMixin:
    """A primary key that the database numbers."""

    db_returning = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["blank"] = True
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """The field taken apart; `blank` goes without saying."""
        name, path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        del kwargs["blank"]
        kwargs["primary_key"] = True
        return name, path, args, kwargs

    def validate(self, value: Any, model_instance: Any) -> None:
        """Nothing: the database makes the value."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """The key as the database stores it."""
        return value if prepared else self.get_prep_value(value)  # type: ignore[attr-defined]

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        """Become the model's one automatic key.

        Raises:
            ValueError: it has one already.
        """
        if cls._meta.auto_field:
            message = f"Model {cls._meta.label} can't have more than one auto-generated field."
            raise ValueError(message)
        super().contribute_to_class(cls, name, private_only)  # type: ignore[misc]
        cls._meta.auto_field = self


class _AutoFieldMeta(type):
    """Every automatic key is an instance of AutoField, as Django's are."""

    def __instancecheck__(cls, instance: object) -> bool:
        return cls.__subclasscheck__(type(instance))

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls.__name__ == "AutoField" and cls.__module__ == __name__:
            return AutoFieldMixin in getattr(subclass, "__mro__", ())
        return super().__subclasscheck__(subclass)


class AutoField(AutoFieldMixin, IntegerField[IntValue], metaclass=_AutoFieldMeta):
    """An automatic key of 32 bits."""

    def get_internal_type(self) -> str:
        return "AutoField"

    def rel_db_type(self, connection: Any) -> str | None:
        return IntegerField().db_type(connection=connection)


class BigAutoField(AutoFieldMixin, BigIntegerField[IntValue]):
    """An automatic key of 64 bits."""

    def get_internal_type(self) -> str:
        return "BigAutoField"

    def rel_db_type(self, connection: Any) -> str | None:
        return BigIntegerField().db_type(connection=connection)


class SmallAutoField(AutoFieldMixin, SmallIntegerField[IntValue]):
    """An automatic key of 16 bits."""

    def get_internal_type(self) -> str:
        return "SmallAutoField"

    def rel_db_type(self, connection: Any) -> str | None:
        return SmallIntegerField().db_type(connection=connection)


class FloatField(Field[FloatValue]):
    """A floating point number."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: FloatField[float | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: FloatField[float | None], *args: Any, nullable: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: FloatField[float], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("“%(value)s” value must be a float.")}
    description = _("Floating point number")

    def get_internal_type(self) -> str:
        return "FloatField"

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return None if value is None else _prepared(self, float, value)

    def to_python(self, value: Any) -> Any:
        if value is None:
            return value
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None


class DecimalField(Field[DecimalValue]):
    """A decimal number.

    Args:
        verbose_name, name: as in `Field`.
        max_digits: all digits. decimal_places: those after the point.
        **kwargs: options of `Field`.
    """

    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("“%(value)s” value must be a decimal number.")}
    description = _("Decimal number")

    @overload
    def __init__(
        self: DecimalField[decimal.Decimal | None],
        verbose_name: Any = None,
        name: str | None = None,
        max_digits: int | None = None,
        decimal_places: int | None = None,
        *,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: DecimalField[decimal.Decimal | None],
        verbose_name: Any = None,
        name: str | None = None,
        max_digits: int | None = None,
        decimal_places: int | None = None,
        *,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: DecimalField[decimal.Decimal],
        verbose_name: Any = None,
        name: str | None = None,
        max_digits: int | None = None,
        decimal_places: int | None = None,
        **kwargs: Any,
    ) -> None: ...

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        max_digits: int | None = None,
        decimal_places: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.max_digits = max_digits
        self.decimal_places = decimal_places
        super().__init__(verbose_name, name, **kwargs)

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The given validators and that of the digits."""
        found = [*self.default_validators, *self._validators]
        return [*found, checks.DecimalValidator(self.max_digits, self.decimal_places)]

    @functools.cached_property
    def context(self) -> decimal.Context:
        """The precision that floats are read with."""
        return decimal.Context(prec=self.max_digits) if self.max_digits is not None else decimal.Context()

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for option in ("max_digits", "decimal_places"):
            if getattr(self, option) is not None:
                kwargs[option] = getattr(self, option)
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "DecimalField"

    def to_python(self, value: Any) -> Any:
        if value is None:
            return value
        try:
            if isinstance(value, float):
                number = self.context.create_decimal_from_float(value)
            else:
                number = decimal.Decimal(value)
        except (decimal.InvalidOperation, TypeError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None
        if not number.is_finite():
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value})
        return number

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(resolve(value))

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql") or hasattr(value, "resolve_expression"):
            return value
        return self.get_db_prep_value(self.to_python(value), connection)


class BooleanField(Field[BoolValue]):
    """A truth value."""

    if TYPE_CHECKING:

        @overload
        def __init__(self: BooleanField[bool | None], *args: Any, null: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: BooleanField[bool | None], *args: Any, nullable: Literal[True], **kwargs: Any) -> None: ...
        @overload
        def __init__(self: BooleanField[bool], *args: Any, **kwargs: Any) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("“%(value)s” value must be either True or False."),
        "invalid_nullable": _("“%(value)s” value must be either True, False, or None."),
    }
    description = _("Boolean (Either True or False)")

    def get_internal_type(self) -> str:
        return "BooleanField"

    def to_python(self, value: Any) -> Any:
        if self.null and value in self.empty_values:
            return None
        if value in (True, False):
            return bool(value)
        if value in ("t", "True", "1"):
            return True
        if value in ("f", "False", "0"):
            return False
        code = "invalid_nullable" if self.null else "invalid"
        raise ValidationError(self.error_messages[code], code="invalid", params={"value": value})

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return None if value is None else self.to_python(value)


class NullBooleanField(BooleanField["bool | None"]):
    """A truth value or NULL, as older projects declare it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["null"] = True
        kwargs["blank"] = True
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["null"], kwargs["blank"]
        return name, path, args, kwargs


__all__ = [
    "NOT_PROVIDED",
    "AutoField",
    "AutoFieldMixin",
    "BigAutoField",
    "BigIntegerField",
    "BooleanField",
    "DecimalField",
    "FloatField",
    "IntegerField",
    "NullBooleanField",
    "PositiveBigIntegerField",
    "PositiveIntegerField",
    "PositiveIntegerRelDbTypeMixin",
    "PositiveSmallIntegerField",
    "SmallAutoField",
    "SmallIntegerField",
]
