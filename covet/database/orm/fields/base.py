"""Field: one column of a model, its options, conversions and validation; every field class derives from it."""

from __future__ import annotations

import collections.abc
import copy
import functools
import uuid
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from covet.conf import settings
from covet.database.orm.expressions.outputs import register_output
from covet.database.orm.expressions.refs import Col
from covet.database.orm.expressions.values import DatabaseDefault, Value
from covet.database.orm.fields.attributes import DeferredAttribute
from covet.database.orm.fields.choices import BLANK_CHOICE_DASH, flatten_choices, normalize_choices
from covet.database.orm.fields.columns import ddl_check, ddl_suffix, ddl_type, storage
from covet.database.orm.fields.late import late
from covet.database.orm.functions.comparison import cast_type
from covet.database.orm.lookups.registry import RegisterLookupMixin
from covet.database.orm.types import VENDORS, Hooked, Storage, Vendor, vendor_of
from covet.exceptions import NotSupportedError, ValidationError
from covet.utils import validators as checks
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _

T = TypeVar("T")


class NOT_PROVIDED:  # noqa: N801 - Django's name
    """Stands for an option that was not given, where None means something."""


def return_none() -> None:
    """The default of a field that has none."""


class Field(RegisterLookupMixin, Generic[T]):
    """One attribute of a model, usually one column.

    Args:
        verbose_name: what people call it; made from the name when not given.
        name: the attribute's name, when it differs from the one it is assigned to.
        primary_key: whether it is the primary key.
        max_length: the longest text.
        unique: no two rows share a value.
        blank: whether validation accepts an empty value; never changes the column.
        null, nullable: whether the column accepts NULL (two names of one option).
        db_index: whether the column is indexed.
        rel: the relation object, for relation fields.
        default: a value, or a callable that makes one.
        editable, serialize, help_text, auto_created: as in Django.
        unique_for_date, unique_for_month, unique_for_year: a date field's name.
        choices: the allowed values: pairs, groups, a mapping, an enumeration or a callable.
        db_column: the column's name. db_tablespace: its index's tablespace.
        validators: further callables that raise ValidationError.
        error_messages: texts that replace the default ones, by code.
        db_comment: the column's comment.
        db_default: a value or expression that the database fills in.
    """

    empty_strings_allowed = True
    empty_values: ClassVar[Sequence[Any]] = list(checks.EMPTY_VALUES)
    creation_counter: ClassVar[int] = 0
    auto_creation_counter: ClassVar[int] = -1
    default_validators: ClassVar[Sequence[Callable[[Any], Any]]] = []
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_choice": _("Value %(value)r is not a valid choice."),
        "null": _("This field cannot be null."),
        "blank": _("This field cannot be blank."),
        "unique": _("%(model_name)s with this %(field_label)s already exists."),
        "unique_for_date": _("%(field_label)s must be unique for %(date_field_label)s %(lookup_type)s."),
    }
    description: Any = _("Field of type: %(field_type)s")
    descriptor_class: ClassVar[type[Any]] = DeferredAttribute
    non_db_attrs: ClassVar[tuple[str, ...]] = (
        "blank",
        "choices",
        "db_column",
        "editable",
        "error_messages",
        "help_text",
        "limit_choices_to",
        "on_delete",
        "related_name",
        "related_query_name",
        "validators",
        "verbose_name",
    )

    hidden = False
    many_to_many: bool | None = None
    many_to_one: bool | None = None
    one_to_many: bool | None = None
    one_to_one: bool | None = None
    related_model: Any = None
    generated = False
    allow_slicing = False

    model: Any
    name: str
    attname: str
    column: Any = None
    concrete: bool

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        register_output(cls)

    def __init__(  # noqa: PLR0913 - Django's signature
        self,
        verbose_name: Any = None,
        name: str | None = None,
        primary_key: bool = False,
        max_length: int | None = None,
        unique: bool = False,
        blank: bool = False,
        null: bool = False,
        db_index: bool = False,
        rel: Any = None,
        default: Any = NOT_PROVIDED,
        editable: bool = True,
        serialize: bool = True,
        unique_for_date: str | None = None,
        unique_for_month: str | None = None,
        unique_for_year: str | None = None,
        choices: Any = None,
        help_text: Any = "",
        db_column: str | None = None,
        db_tablespace: str | None = None,
        auto_created: bool = False,
        validators: Iterable[Callable[[Any], Any]] = (),
        error_messages: dict[str, Any] | None = None,
        db_comment: str | None = None,
        db_default: Any = NOT_PROVIDED,
        nullable: bool | None = None,
    ) -> None:
        self.name = name  # type: ignore[assignment] # set when the field joins a model
        self.verbose_name = verbose_name
        self._verbose_name = verbose_name
        self.primary_key = primary_key
        self.max_length = max_length
        self._unique = unique
        self.blank = blank
        self.null = null if nullable is None else nullable
        self.remote_field = rel
        self.is_relation = rel is not None
        self.default = default
        self.db_default = db_default
        self.editable = editable
        self.serialize = serialize
        self.unique_for_date = unique_for_date
        self.unique_for_month = unique_for_month
        self.unique_for_year = unique_for_year
        self.choices = choices
        self.help_text = help_text
        self.db_index = db_index
        self.db_column = db_column
        self.db_comment = db_comment
        self._db_tablespace = db_tablespace
        self.auto_created = auto_created
        if auto_created:
            self.creation_counter = Field.auto_creation_counter  # type: ignore[misc]
            Field.auto_creation_counter -= 1
        else:
            self.creation_counter = Field.creation_counter  # type: ignore[misc]
            Field.creation_counter += 1
        self._validators = list(validators)
        self._error_messages = error_messages

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: T) -> None: ...

    # --- what it is ---------------------------------------------------------------------------

    def __str__(self) -> str:
        model = getattr(self, "model", None)
        return f"{model._meta.label}.{self.name}" if model is not None else super().__str__()

    def __repr__(self) -> str:
        path = f"{self.__class__.__module__}.{self.__class__.__qualname__}"
        name = getattr(self, "name", None)
        return f"<{path}: {name}>" if name is not None else f"<{path}>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Field):
            return self.creation_counter == other.creation_counter and getattr(self, "model", None) == getattr(
                other, "model", None
            )
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Field):
            return NotImplemented
        mine, theirs = hasattr(self, "model"), hasattr(other, "model")
        if self.creation_counter != other.creation_counter or not (mine or theirs):
            return self.creation_counter < other.creation_counter
        if mine != theirs:
            return not mine
        return self._place() < other._place()

    def __gt__(self, other: object) -> bool:
        return other.__lt__(self) if isinstance(other, Field) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self < other or self == other if isinstance(other, Field) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return other < self or self == other if isinstance(other, Field) else NotImplemented

    def _place(self) -> tuple[str, str]:
        return self.model._meta.app_label, self.model._meta.model_name

    def __hash__(self) -> int:
        return hash(self.creation_counter)

    def __copy__(self) -> Self:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        for name in ("cached_col", "_storage", "_shape_key", "_get_default"):
            made.__dict__.pop(name, None)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Only what belongs to the field itself is copied deeply: its relation, of which no two fields share one.
        made = copy.copy(self)
        if self.remote_field is not None:
            made.remote_field = copy.copy(self.remote_field)
            if getattr(self.remote_field, "field", None) is self:
                made.remote_field.field = made
        memo[id(self)] = made
        return made

    def __reduce__(self) -> Any:
        model = getattr(self, "model", None)
        if model is None:
            state = self.__dict__.copy()
            for name in ("_get_default", "_storage", "cached_col"):
                state.pop(name, None)
            return _empty, (type(self),), state
        return late.load_field, (model._meta.app_label, model._meta.object_name, self.name)

    def get_internal_type(self) -> str:
        """The kind of column: the name of the field class that decides its type and lookups."""
        return self.__class__.__name__

    @property
    def nullable(self) -> bool:
        """Another name of `null`."""
        return self.null

    @property
    def unique(self) -> bool:
        """Whether no two rows share a value; a primary key never does."""
        return self._unique or self.primary_key

    @property
    def db_tablespace(self) -> str:
        """The tablespace of the column's index."""
        return self._db_tablespace or settings.DEFAULT_INDEX_TABLESPACE

    @property
    def db_returning(self) -> bool:
        """Whether an INSERT answers with the column's value."""
        return self.has_db_default()

    @property
    def referenced_fields(self) -> frozenset[Any]:
        """The fields that a generated one is computed from."""
        return frozenset()

    @property
    def error_messages(self) -> dict[str, Any]:
        """Texts by code: the class's, its bases' and the given ones."""
        found = self.__dict__.get("_messages")
        if found is None:
            found = {}
            for cls in reversed(self.__class__.__mro__):
                found.update(vars(cls).get("default_error_messages", {}))
            found.update(self._error_messages or {})
            self.__dict__["_messages"] = found
        return found

    # --- choices ------------------------------------------------------------------------------

    @property
    def choices(self) -> Any:
        """A list of `(value, label)` pairs and `(group, pairs)`, or None."""
        return self._choices

    @choices.setter
    def choices(self, value: Any) -> None:
        self._choices = normalize_choices(value)
        self.__dict__.pop("_flat", None)
        if isinstance(self._choices, collections.abc.Iterator):
            self._choices = list(self._choices)

    @property
    def flatchoices(self) -> list[tuple[Any, Any]]:
        """The choices without groups."""
        return list(flatten_choices(self.choices))

    def get_choices(
        self,
        include_blank: bool = True,
        blank_choice: Any = BLANK_CHOICE_DASH,
        limit_choices_to: Any = None,
        ordering: Sequence[str] = (),
    ) -> list[Any]:
        """The choices for a form, a blank one first; for a relation, its related objects."""
        if self.choices is not None:
            choices = list(self.choices)
            if include_blank:
                values = [value for value, _label in self.flatchoices]
                if not any(value in (None, "") for value in values):
                    choices = [*blank_choice, *choices]
            return choices
        related = self.remote_field.model
        limit_choices_to = limit_choices_to or self.get_limit_choices_to()  # type: ignore[attr-defined]
        remote = self.remote_field
        attribute = remote.get_related_field().attname if hasattr(remote, "get_related_field") else "pk"
        rows = related._default_manager.complex_filter(limit_choices_to)
        if ordering:
            rows = rows.order_by(*ordering)
        return (list(blank_choice) if include_blank else []) + [(getattr(row, attribute), str(row)) for row in rows]

    # --- joining a model ----------------------------------------------------------------------

    def set_attributes_from_name(self, name: str) -> None:
        """Take the attribute's name for everything that has none of its own."""
        self.name = self.name or name
        self.attname, self.column = self.get_attname_column()
        self.concrete = self.column is not None
        if self.verbose_name is None and self.name:
            self.verbose_name = self.name.replace("_", " ")

    def get_attname(self) -> str:
        """The name of the attribute that holds the column's value."""
        return self.name

    def get_attname_column(self) -> tuple[str, Any]:
        """(attribute, column); column None when nothing is stored."""
        attname = self.get_attname()
        return attname, self.db_column or attname

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        """Become the field `name` of the model `cls`."""
        self.set_attributes_from_name(name)
        self.model = cls
        cls._meta.add_field(self, private=private_only)
        if self.column:
            setattr(cls, self.attname, self.descriptor_class(self))
        if self.choices is not None:
            display = f"get_{self.name}_display"
            if display not in cls.__dict__:
                setattr(cls, display, functools.partialmethod(cls._get_FIELD_display, field=self))

    # --- columns ------------------------------------------------------------------------------

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
            if type(self).get_db_prep_value is not Field.get_db_prep_value and _is_foreign(type(self)):
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

    # --- values -------------------------------------------------------------------------------

    def to_python(self, value: Any) -> Any:
        """`value` in the field's Python type.

        Raises:
            ValidationError: it cannot be.
        """
        return value

    def get_prep_value(self, value: Any) -> Any:
        """`value` as a query parameter, before the database's own format."""
        return resolve(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """`value` in the database's format, for those who override it; the type's processors do the work."""
        del connection
        return value if prepared else self.get_prep_value(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """`value` as INSERT and UPDATE store it; expressions stay."""
        if hasattr(value, "as_sql") or hasattr(value, "resolve_expression"):
            return value
        return self.get_db_prep_value(value, connection=connection, prepared=False)

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """The value that saving stores, set on the instance first where the field makes it."""
        del add
        return getattr(model_instance, self.attname)

    def has_default(self) -> bool:
        """Whether `default` was given."""
        return self.default is not NOT_PROVIDED

    def has_db_default(self) -> bool:
        """Whether `db_default` was given."""
        return self.db_default is not NOT_PROVIDED

    def get_pk_value_on_save(self, instance: Any) -> Any:
        """The key that a row without one is saved under: the default's, or None."""
        del instance
        return self.get_default() if self.has_default() else None

    def get_default(self) -> Any:
        """The value of an instance that was not given one."""
        return self._get_default()

    @functools.cached_property
    def _get_default(self) -> Callable[[], Any]:
        if self.has_default():
            default = self.default
            return default if callable(default) else lambda: default
        if self.has_db_default():
            return lambda: DatabaseDefault(self._db_default_expression, output_field=self)
        if not self.empty_strings_allowed or self.null:
            return return_none
        return str

    @functools.cached_property
    def _db_default_expression(self) -> Any:
        value = self.db_default
        return value if hasattr(value, "resolve_expression") else Value(value, self)

    def value_from_object(self, obj: Any) -> Any:
        """The field's value on an instance."""
        return getattr(obj, self.attname)

    def value_to_string(self, obj: Any) -> str:
        """The value as serializers write it."""
        return str(self.value_from_object(obj))

    def save_form_data(self, instance: Any, data: Any) -> None:
        """Set the field from a form's cleaned data."""
        setattr(instance, self.name, data)

    def get_filter_kwargs_for_object(self, obj: Any) -> dict[str, Any]:
        """The lookup that finds rows with the same value as `obj`."""
        return {self.name: getattr(obj, self.attname)}

    # --- validation ---------------------------------------------------------------------------

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The class's validators and the given ones."""
        return [*self.default_validators, *self._validators]

    def run_validators(self, value: Any) -> None:
        """Call every validator on a value that is not empty.

        Raises:
            ValidationError: with the messages of all that refuse.
        """
        if value in self.empty_values:
            return
        errors: list[Any] = []
        for validator in self.validators:
            try:
                validator(value)
            except ValidationError as error:
                code = getattr(error, "code", None)
                if code in self.error_messages:
                    error.message = self.error_messages[code]
                errors.extend(error.error_list)
        if errors:
            raise ValidationError(errors)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Check choices, null and blank.

        Raises:
            ValidationError: the value is not acceptable.
        """
        del model_instance
        if not self.editable:
            return
        if self.choices is not None and value not in self.empty_values:
            if any(value == option for option, _label in self.flatchoices):
                return
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": value})
        if value is None and not self.null:
            raise ValidationError(self.error_messages["null"], code="null")
        if not self.blank and value in self.empty_values:
            raise ValidationError(self.error_messages["blank"], code="blank")

    def clean(self, value: Any, model_instance: Any) -> Any:
        """`value` converted, checked and validated.

        Raises:
            ValidationError: it is not acceptable.
        """
        value = self.to_python(value)
        self.validate(value, model_instance)
        self.run_validators(value)
        return value

    def check(self, **options: Any) -> list[Any]:
        """Problems of the declaration; `covet check` asks."""
        del options
        return []

    # --- taking apart -------------------------------------------------------------------------

    def clone(self) -> Self:
        """A field of the same options that belongs to no model."""
        _name, _path, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """(name, import path, positional arguments, keyword arguments) that make an equal field."""
        keywords = {name: value for name, value in self._given_options() if value is not _SAME}
        return self.name, import_path(type(self)), [], keywords

    def _given_options(self) -> Iterable[tuple[str, Any]]:
        given = {
            "choices": self._choices,
            "error_messages": self._error_messages,
            "unique": self._unique,
            "validators": self._validators,
            "verbose_name": self._verbose_name,
            "db_tablespace": self._db_tablespace,
        }
        for name, default in _DEFAULTS.items():
            value = given.get(name, _SAME) if name in given else getattr(self, name)
            if name == "choices" and isinstance(value, collections.abc.Iterable) and not hasattr(value, "func"):
                value = list(value)
            elif name == "choices" and hasattr(value, "func"):
                value = value.func
            unchanged = value == default if name in {"choices", "validators"} else value is default
            yield name, _SAME if unchanged else value


_SAME = object()

_DEFAULTS: dict[str, Any] = {
    "verbose_name": None,
    "primary_key": False,
    "max_length": None,
    "unique": False,
    "blank": False,
    "null": False,
    "db_index": False,
    "default": NOT_PROVIDED,
    "db_default": NOT_PROVIDED,
    "editable": True,
    "serialize": True,
    "unique_for_date": None,
    "unique_for_month": None,
    "unique_for_year": None,
    "choices": None,
    "help_text": "",
    "db_column": None,
    "db_comment": None,
    "db_tablespace": None,
    "auto_created": False,
    "validators": [],
    "error_messages": None,
}


def _empty(cls: type[Any]) -> Any:
    return object.__new__(cls)


register_output(Field)


def import_path(cls: type[Any]) -> str:
    """The dotted path that users import `cls` by: our own classes are found in `covet.database.orm`."""
    module = cls.__module__
    if (module.startswith("covet.database.orm.fields.") and not module.endswith(".postgres")) or module in {
        "covet.database.orm.relationships",
        "covet.database.orm.indexes",
        "covet.database.orm.constraints",
    }:
        module = "covet.database.orm"
    return f"{module}.{cls.__qualname__}"


def _is_foreign(cls: type[Any]) -> bool:
    """Whether `get_db_prep_value` was overridden by a class that is not one of ours."""
    owner = next(base for base in cls.__mro__ if "get_db_prep_value" in vars(base))
    return not owner.__module__.startswith("covet.")


def warn_naive(message: str) -> None:
    """Warn that a naive datetime met USE_TZ."""
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def canonical_uuid(value: Any) -> uuid.UUID:
    """A UUID out of an int, a text or anything whose text is one."""
    return uuid.UUID(**{"int" if isinstance(value, int) else "hex": value})
