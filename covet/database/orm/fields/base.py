"""Field: one column of a model, its options, conversions and validation; every field class derives from it."""

from __future__ import annotations

import copy
import functools
import uuid
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from covet.conf import settings
from covet.database.orm.expressions.outputs import register_output
from covet.database.orm.expressions.values import DatabaseDefault, Value
from covet.database.orm.fields.attributes import DeferredAttribute
from covet.database.orm.fields.columning import Columned
from covet.database.orm.fields.deconstruction import NOT_PROVIDED, Deconstructed
from covet.database.orm.fields.late import late
from covet.database.orm.fields.validating import Validated
from covet.database.orm.lookups.registry import RegisterLookupMixin
from covet.utils import validators as checks
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _

T = TypeVar("T")


def return_none() -> None:
    """The default of a field that has none."""


class Field(Columned, Validated, Deconstructed, RegisterLookupMixin, Generic[T]):
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

    @property
    def has_pre_save(self) -> bool:
        """Whether `pre_save` may do more than read the attribute."""
        return type(self).pre_save is not Field.pre_save

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


def _empty(cls: type[Any]) -> Any:
    return object.__new__(cls)


register_output(Field)


def warn_naive(message: str) -> None:
    """Warn that a naive datetime met USE_TZ."""
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def canonical_uuid(value: Any) -> uuid.UUID:
    """A UUID out of an int, a text or anything whose text is one."""
    return uuid.UUID(**{"int" if isinstance(value, int) else "hex": value})
