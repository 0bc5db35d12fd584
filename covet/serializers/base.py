"""What all serializers share: the walk over objects and their fields, and objects that wait to be saved.

A format's module holds a `Serializer` and a `Deserializer`. What reaches the database is awaited; inside a portal a
deserializer may be iterated without `async` too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from io import StringIO
from typing import Any, ClassVar, Final, Self

from covet.database.orm.implicit import settled
from covet.database.orm.models import Model
from covet.database.orm.relationships.rels import ManyToManyRel, ManyToOneRel
from covet.exceptions import CovetError, ObjectDoesNotExist, SynchronousOnlyOperation
from covet.portal import in_portal, wait

DEFER_FIELD: Final = object()
"""Stands for a value that refers to an object which is not there yet."""


class ProxyModelWarning(Warning):
    """A proxy model was to be written; its rows are those of the model that it stands for."""


class SerializerDoesNotExist(CovetError, KeyError):
    """There is no serializer of that name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class SerializationError(CovetError):
    """Something cannot be serialized."""


class DeserializationError(CovetError):
    """Serialized data cannot be read."""

    @classmethod
    def WithData(cls, original_exc: Any, model: str, fk: Any, field_value: Any) -> Self:  # noqa: N802 - Django's name
        """The error that says which object and which value."""
        return cls(f"{original_exc}: ({model}:pk={fk}) field_value was '{field_value}'")


class M2MDeserializationError(CovetError):
    """One of the objects that a many-to-many field refers to cannot be found or read.

    Attributes:
        original_exc: what went wrong.
        pk: the value that it went wrong with.
    """

    def __init__(self, original_exc: BaseException, pk: Any) -> None:
        super().__init__(original_exc, pk)
        self.original_exc = original_exc
        self.pk = pk


class ProgressBar:
    """A line of dots that grows as objects are written."""

    progress_width: ClassVar[int] = 75

    def __init__(self, output: Any, total_count: int) -> None:
        self.output = output
        self.total_count = total_count
        self.prev_done = 0

    def update(self, count: int) -> None:
        """Show that `count` objects are written."""
        if not self.output:
            return
        done = count * 100 // self.total_count * self.progress_width // 100
        if self.prev_done >= done:
            return
        self.prev_done = done
        start = "" if self.total_count == 1 else "\r"
        self.output.write(f"{start}[{'.' * done}{' ' * (self.progress_width - done)}]")
        if done == self.progress_width:
            self.output.write("\n")
        self.output.flush()


class Serializer:
    """Writes objects; a format overrides the `start_`, `end_` and `handle_` methods, which may be async.

    Attributes:
        internal_use_only: whether the format is no file format.
        stream: what is written to.
        options: what `serialize` was given beyond its own arguments.
        first: whether the first object is being written.
    """

    internal_use_only: ClassVar[bool] = False
    progress_class: ClassVar[type[ProgressBar]] = ProgressBar
    stream_class: ClassVar[type[Any]] = StringIO

    async def serialize(
        self,
        queryset: Any,
        *,
        stream: Any = None,
        fields: Collection[str] | None = None,
        use_natural_foreign_keys: bool = False,
        use_natural_primary_keys: bool = False,
        progress_output: Any = None,
        object_count: int = 0,
        **options: Any,
    ) -> Any:
        """Write every object of `queryset`.

        Args:
            queryset: a QuerySet, or anything with instances in it that can be iterated, asynchronously or not.
            stream: what to write to; text is collected and returned where there is none.
            fields: the names of the fields to write; None for all.
            use_natural_foreign_keys: refer to objects by their `natural_key()` where they have one.
            use_natural_primary_keys: leave out the primary key of objects that have a natural key.
            progress_output: a stream for a progress bar.
            object_count: how many objects there will be, for the progress bar.
            options: options of the format, `indent` for example.
        """
        self.options = options
        self.stream = stream if stream is not None else self.stream_class()
        self.selected_fields = fields
        self.use_natural_foreign_keys = use_natural_foreign_keys
        self.use_natural_primary_keys = use_natural_primary_keys
        progress = self.progress_class(progress_output, object_count)
        await settled(self.start_serialization())
        self.first = True
        count = 0
        async for obj in _each(queryset):
            count += 1
            await self._write(obj)
            progress.update(count)
            self.first = False
        await settled(self.end_serialization())
        return self.getvalue()

    async def _write(self, obj: Any) -> None:
        await settled(self.start_object(obj))
        meta = obj._meta.concrete_model._meta
        fields = [field for field in meta.local_fields if self._is_written(field)]
        await self._load_deferred(obj, fields)
        for field in fields:
            handle = self.handle_field if field.remote_field is None else self.handle_fk_field
            await settled(handle(obj, field))
        for field in meta.local_many_to_many:
            if field.serialize and self._is_selected(field):
                await settled(self.handle_m2m_field(obj, field))
        await settled(self.end_object(obj))

    def _is_written(self, field: Any) -> bool:
        remote = field.remote_field
        is_parent_key = bool(
            self.use_natural_primary_keys and field.primary_key and remote is not None and remote.parent_link
        )
        return (field.serialize or is_parent_key) and self._is_selected(field)

    def _is_selected(self, field: Any) -> bool:
        chosen = self.selected_fields
        return chosen is None or field.name in chosen or field.attname in chosen

    async def _load_deferred(self, obj: Any, fields: Iterable[Any]) -> None:
        """Columns that were left out of the query are loaded at once, not one by one."""
        held = obj.__dict__
        missing = [field.attname for field in fields if field.concrete and field.attname not in held]
        if missing and obj.pk is not None and hasattr(obj, "get_deferred_fields"):
            deferred = obj.get_deferred_fields()
            names = [name for name in missing if name in deferred]
            if names:
                await obj.refresh_from_db(fields=names)

    def start_serialization(self) -> Any:
        """Called first."""
        raise NotImplementedError("subclasses of Serializer must provide a start_serialization() method")

    def end_serialization(self) -> Any:
        """Called last."""

    def start_object(self, obj: Any) -> Any:
        """Called before an object's fields."""
        raise NotImplementedError("subclasses of Serializer must provide a start_object() method")

    def end_object(self, obj: Any) -> Any:
        """Called after an object's fields."""

    def handle_field(self, obj: Any, field: Any) -> Any:
        """Called for each column that is no relation."""
        raise NotImplementedError("subclasses of Serializer must provide a handle_field() method")

    def handle_fk_field(self, obj: Any, field: Any) -> Any:
        """Called for each foreign key."""
        raise NotImplementedError("subclasses of Serializer must provide a handle_fk_field() method")

    def handle_m2m_field(self, obj: Any, field: Any) -> Any:
        """Called for each many-to-many field."""
        raise NotImplementedError("subclasses of Serializer must provide a handle_m2m_field() method")

    def getvalue(self) -> Any:
        """What was written, where the stream can tell."""
        value = getattr(self.stream, "getvalue", None)
        return value() if callable(value) else None

    # -- for the formats ---------------------------------------------------------------------------

    def uses_natural_key(self, field: Any) -> bool:
        """Whether the objects that `field` refers to are named by their natural key."""
        return self.use_natural_foreign_keys and hasattr(field.remote_field.model, "natural_key")

    def has_natural_primary_key(self, obj: Any) -> bool:
        """Whether `obj` is written without its primary key."""
        return self.use_natural_primary_keys and hasattr(obj, "natural_key")

    async def related_natural_key(self, obj: Any, field: Any) -> Any:
        """The natural key of the object that a foreign key refers to; None where it refers to none."""
        descriptor = getattr(type(obj), field.name)
        related = await descriptor.aget(obj) if hasattr(descriptor, "aget") else getattr(obj, field.name)
        return None if related is None else await settled(related.natural_key())

    async def related_objects(self, obj: Any, field: Any) -> AsyncIterator[Any]:
        """The objects of a many-to-many field: those that are prefetched, else from the database."""
        manager = getattr(obj, field.name)
        if field.name in obj.__dict__.get("_prefetched_objects_cache", ()):
            for related in await manager.all():
                yield related
            return
        rows = manager.all() if self.uses_natural_key(field) else manager.select_related(None).only("pk")
        async for related in rows.iterator(chunk_size=2000):
            yield related


async def _each(objects: Any) -> AsyncIterator[Any]:
    if hasattr(objects, "__aiter__"):
        async for obj in objects:
            yield obj
        return
    for obj in objects:
        yield obj


class Deserializer:
    """Reads objects; iterate it with `async for`, inside a portal also with `for`.

    Args:
        stream_or_string: what to read.
        options: options of the format.
    """

    def __init__(self, stream_or_string: Any, **options: Any) -> None:
        self.options = options
        self.stream = StringIO(stream_or_string) if isinstance(stream_or_string, str) else stream_or_string
        self._objects: AsyncIterator[DeserializedObject] | None = None

    def objects(self) -> AsyncIterator[DeserializedObject]:
        """The objects, one after the other; a format provides it."""
        raise NotImplementedError("subclasses of Deserializer must provide an objects() method")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DeserializedObject:
        if self._objects is None:
            self._objects = self.objects()
        return await anext(self._objects)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> DeserializedObject:
        if not in_portal():
            raise SynchronousOnlyOperation(
                "A deserializer may ask the database: write `async for obj in deserialize(...)`."
            )
        try:
            return wait(self.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


class DeserializedObject:
    """An object that was read and is not saved yet.

    Args:
        obj: the instance.
        m2m_data: many-to-many field name to the keys of the objects that it refers to.
        deferred_fields: field to the natural keys of objects that could not be found yet.
    """

    def __init__(
        self, obj: Any, m2m_data: dict[str, Any] | None = None, deferred_fields: dict[Any, Any] | None = None
    ) -> None:
        self.object = obj
        self.m2m_data = m2m_data
        self.deferred_fields = deferred_fields

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.object._meta.label}(pk={self.object.pk})>"

    async def save(self, save_m2m: bool = True, using: str | None = None, **kwargs: Any) -> None:
        """Save the instance as it is, without its own `save()` and without validation, then its many-to-many data.

        Signals are sent with `raw=True`.

        Args:
            save_m2m: whether to relate the objects of its many-to-many fields too.
            using: the database.
            kwargs: as `Model.save_base` takes them.
        """
        await Model.save_base(self.object, using=using, raw=True, **kwargs)
        if self.m2m_data and save_m2m:
            for name, related in self.m2m_data.items():
                await getattr(self.object, name).set(related)
        # Saving again must not relate them again.
        self.m2m_data = None

    async def save_deferred_fields(self, using: str | None = None) -> None:
        """Find the objects that were not there yet, and save again.

        Raises:
            DeserializationError: one is still not there.
        """
        self.m2m_data = {}
        label = str(self.object._meta.label_lower)
        for field, value in (self.deferred_fields or {}).items():
            if isinstance(field.remote_field, ManyToManyRel):
                try:
                    found = await deserialize_m2m_values(field, value, using, handle_forward_references=False)
                except M2MDeserializationError as error:
                    raise DeserializationError.WithData(error.original_exc, label, self.object.pk, error.pk) from error
                self.m2m_data[field.name] = found
            elif isinstance(field.remote_field, ManyToOneRel):
                try:
                    key = await deserialize_fk_value(field, value, using, handle_forward_references=False)
                except Exception as error:
                    raise DeserializationError.WithData(error, label, self.object.pk, value) from error
                setattr(self.object, field.attname, key)
        await self.save(using=using)


# -- from serialized values to objects -----------------------------------------------------------------


async def by_natural_key(model: Any, key: Iterable[Any], using: str | None) -> Any:
    """The object of that natural key.

    Raises:
        ObjectDoesNotExist: there is none.
    """
    manager = model._default_manager.db_manager(using)
    return await settled(manager.get_by_natural_key(*key))


def is_natural_key(model: Any, value: Any) -> bool:
    """Whether `value` is a natural key of `model`, not a primary key."""
    is_composed = hasattr(value, "__iter__") and not isinstance(value, str)
    return is_composed and hasattr(model._default_manager, "get_by_natural_key")


async def build_instance(model: Any, data: dict[str, Any], db: str | None) -> Any:
    """An instance of `data`; without a primary key, the one of the row with the same natural key."""
    key = model._meta.pk.attname
    if data.get(key) is None and hasattr(model, "natural_key") and is_natural_key(model, ()):
        unsaved = model(**data)
        unsaved._state.db = db
        natural_key = await settled(unsaved.natural_key())
        try:
            found = await by_natural_key(model, natural_key, db)
        except model.DoesNotExist:
            pass
        else:
            data[key] = model._meta.pk.to_python(found.pk)
    return model(**data)


async def deserialize_m2m_values(
    field: Any, field_value: Any, using: str | None, handle_forward_references: bool
) -> Any:
    """The primary keys that a many-to-many field's serialized values stand for; `DEFER_FIELD` for later.

    Raises:
        M2MDeserializationError: one cannot be found or read.
    """
    model = field.remote_field.model
    try:
        values = iter(field_value)
    except TypeError as error:
        raise M2MDeserializationError(error, field_value) from error
    keys = []
    for value in values:
        try:
            if is_natural_key(model, value):
                keys.append((await by_natural_key(model, value, using)).pk)
            else:
                keys.append(model._meta.pk.to_python(value))
        except Exception as error:
            if isinstance(error, ObjectDoesNotExist) and handle_forward_references:
                return DEFER_FIELD
            raise M2MDeserializationError(error, value) from error
    return keys


async def deserialize_fk_value(field: Any, field_value: Any, using: str | None, handle_forward_references: bool) -> Any:
    """The column's value that a foreign key's serialized value stands for; `DEFER_FIELD` for later.

    Raises:
        ObjectDoesNotExist: no object has that natural key.
    """
    if field_value is None:
        return None
    model = field.remote_field.model
    name = field.remote_field.field_name
    if not is_natural_key(model, field_value):
        return model._meta.get_field(name).to_python(field_value)
    try:
        found = await by_natural_key(model, field_value, using)
    except ObjectDoesNotExist:
        if handle_forward_references:
            return DEFER_FIELD
        raise
    value = getattr(found, model._meta.get_field(name).attname)
    return value.pk if hasattr(value, "_meta") else value
