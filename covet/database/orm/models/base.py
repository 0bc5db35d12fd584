"""Model: instances of rows; construction, identity, state and the way to and from pickles."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import difflib
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import sqlalchemy as sa

from covet.database.orm.checks.models import check_model
from covet.database.orm.fields.late import late
from covet.database.orm.managers import Manager
from covet.database.orm.models import constraint_checks
from covet.database.orm.models.construction import DEFERRED, Deferred, fill
from covet.database.orm.models.metaclass import ModelBase
from covet.database.orm.models.validation import Validating
from covet.database.orm.persistence.base import Persistence
from covet.database.orm.queryset.pending import pending
from covet.database.orm.registry import apps
from covet.database.orm.shape import Param
from covet.database.orm.signals import post_init, pre_init
from covet.database.orm.state import ModelState
from covet.database.orm.tables import table_of
from covet.exceptions import MultipleObjectsReturned, ObjectDoesNotExist, choices
from covet.utils.functional import resolve


class Model(Validating, Persistence, metaclass=ModelBase):
    """The base of every model.

    Keyword arguments are fields, relations or properties; positional ones are fields in order.

    Raises:
        TypeError: an argument is no field, or a field is given twice.
        IndexError: more positional arguments than fields.
    """

    if TYPE_CHECKING:
        objects: ClassVar[Manager[Self]]
        DoesNotExist: ClassVar[type[ObjectDoesNotExist]]
        MultipleObjectsReturned: ClassVar[type[MultipleObjectsReturned]]
        _direct_hydration: ClassVar[bool]

    _state: ModelState

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        meta = cls._meta
        if meta.abstract:
            raise TypeError("Abstract models cannot be instantiated.")
        if pre_init.has_listeners(cls):
            pre_init.send(sender=cls, args=args, kwargs=kwargs)
        self._state = ModelState()
        fill(self, meta, args, kwargs)
        super().__init__()
        if post_init.has_listeners(cls):
            post_init.send(sender=cls, instance=self)

    @classmethod
    def from_db(cls, db: str | None, field_names: Sequence[str], values: Sequence[Any]) -> Self:
        """The instance of a row; fields that are not named stay deferred."""
        concrete = cls._meta.concrete_fields
        if len(values) != len(concrete):
            given = dict(zip(field_names, values, strict=True))
            values = [given.get(field.attname, DEFERRED) for field in concrete]
        made = cls(*values)
        made._state.adding = False
        made._state.db = db
        return made

    @classmethod
    @pending
    async def create(cls, **kwargs: Any) -> Self:
        """Make an instance and save it."""
        return await cls._default_manager.create(**kwargs)  # type: ignore[no-any-return]

    # --- identity -----------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__}: {self}>"

    def __str__(self) -> str:
        return f"{self.__class__.__name__} object ({self.pk})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        if self._meta.concrete_model is not other._meta.concrete_model:
            return False
        key = self.pk
        if key is None:
            return self is other
        return bool(key == other.pk)

    def __hash__(self) -> int:
        key = self.pk
        if key is None or (type(key) is tuple and None in key):
            raise TypeError("Model instances without primary key value are unhashable")
        return hash(key)

    def _get_pk_val(self, meta: Any = None) -> Any:
        return getattr(self, (meta or self._meta).pk.attname)

    def _set_pk_val(self, value: Any) -> None:
        meta = self._meta
        for link in meta.parents.values():
            if link and link != meta.pk:
                setattr(self, link.target_field.attname, value)
        setattr(self, meta.pk.attname, value)

    pk = property(_get_pk_val, _set_pk_val, doc="The primary key, whatever its name.")

    def _is_pk_set(self, meta: Any = None) -> bool:
        value = self._get_pk_val(meta)
        return not (value is None or (isinstance(value, tuple) and any(part is None for part in value)))

    def __await__(self) -> Any:
        """Itself: `await post.author` works whether or not the author was loaded before."""
        return self
        yield

    # --- queries ------------------------------------------------------------------------------

    def _shape(self, out: list[Any]) -> Hashable:
        out.append(self)
        return ("M", self._meta.concrete_model)

    def _freeze(self, out: list[Any]) -> Param:
        out.append(self)
        return Param(len(out) - 1)

    # --- attributes ---------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Reached only on a miss. What the class defines failed by itself: let it say why once more.
        if name[:1] != "_":
            if getattr(type(self), name, None) is not None:
                return object.__getattribute__(self, name)
            raise MissingAttribute(name=name, obj=self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def serializable_value(self, field_name: str) -> Any:
        """The raw value of a field (a foreign key's own), or of any other attribute."""
        try:
            field = self._meta.get_field(field_name)
        except Exception:  # noqa: BLE001 - no field: an attribute, then
            return getattr(self, field_name)
        return getattr(self, field.attname)

    def _get_FIELD_display(self, field: Any) -> Any:  # noqa: N802 - Django's name
        """The label of the field's value."""
        value = getattr(self, field.attname)
        pairs = dict(_hashable_pairs(field.flatchoices))
        label = pairs.get(_hashable(value), value)
        return _text(label)

    def get_deferred_fields(self) -> set[str]:
        """Names of the attributes that were not loaded."""
        held = self.__dict__
        return {field.attname for field in self._meta.concrete_fields if field.attname not in held}

    def prepare_database_save(self, field: Any) -> Any:
        """The key that a foreign key to this instance stores.

        Raises:
            ValueError: the instance has not been saved.
        """
        if self.pk is None:
            raise ValueError(f"Unsaved model instance {self!r} cannot be used in an ORM query.")
        return getattr(self, field.remote_field.get_related_field().attname)

    # --- copies -------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_state"] = copy.copy(state["_state"])
        state["_state"].fields_cache = state["_state"].fields_cache.copy()
        views = [(name, bytes(value)) for name, value in state.items() if isinstance(value, memoryview)]
        if views:
            state["_memoryviews"] = views
            for name, _value in views:
                state.pop(name)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        for name, value in state.pop("_memoryviews", ()):
            state[name] = memoryview(value)
        self.__dict__.update(state)

    def __reduce__(self) -> Any:
        meta = self._meta
        return unpickle_instance, ((meta.app_label, meta.object_name),), self.__getstate__()

    @classmethod
    def check(cls, **options: Any) -> list[Any]:
        """Problems of the declaration; `covet check` asks."""
        found: list[Any] = []
        own = (field for field in cls._meta.private_fields if field.model is cls)
        for field in (*cls._meta.local_fields, *cls._meta.local_many_to_many, *own):
            found.extend(field.check(**options))
        found.extend(check_model(cls))
        return found


class MissingAttribute(AttributeError):
    """An instance has no such attribute; names those it has, the nearest first."""

    def __str__(self) -> str:
        # Found out only when shown: `hasattr` asks often and never looks.
        kind: Any = type(self.obj)
        fields = [field.name for field in kind._meta.get_fields() if not getattr(field, "hidden", False)]
        known = {name for name in dir(kind) if not name.startswith("_")} | set(fields)
        wanted = str(self.name)
        near = difflib.get_close_matches(wanted, known, n=3)
        listed = [*near, *(name for name in choices(wanted, fields) if name not in near)]
        return f"{kind.__name__!r} object has no attribute {self.name!r}; choose one of: {', '.join(listed)}"


_SHOWN_AS_IS = (type(None), int, float, decimal.Decimal, dt.datetime, dt.date, dt.time)


def _text(label: Any) -> Any:
    """A label as text; values without a label keep their type."""
    label = resolve(label)
    return label if isinstance(label, _SHOWN_AS_IS) else str(label)


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
    return value


def _hashable_pairs(pairs: Any) -> Any:
    for value, label in pairs:
        yield _hashable(value), label


def unpickle_instance(model_id: Any) -> Any:
    """An empty instance of the model; its state follows."""
    model = apps.get_model(*model_id) if isinstance(model_id, tuple) else model_id
    return model.__new__(model)


def _load_field(app_label: str, model_name: str, field_name: str) -> Any:
    return apps.get_model(app_label, model_name)._meta.get_field(field_name)


late.load_field = _load_field


def _table(cls: Any) -> sa.Table:
    return table_of(cls)


ModelBase.table = property(_table, doc="The SQLAlchemy table.")  # type: ignore[attr-defined]

__all__ = ["DEFERRED", "Deferred", "Model", "constraint_checks"]
