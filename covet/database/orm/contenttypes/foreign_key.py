"""GenericForeignKey: a relation to a row of any model, held in a content type and a key."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from covet.database.orm.contenttypes.checks import check_generic_foreign_key
from covet.database.orm.contenttypes.models import ContentType, content_type_key
from covet.database.orm.fields.base import Field
from covet.database.orm.implicit import load_now
from covet.database.orm.peers import MISSING, peers_of, shared
from covet.database.orm.prefetch import Source
from covet.database.orm.related.access import add_awaitable
from covet.database.orm.related.deprecated import OldPrefetchName
from covet.database.orm.relationships.paths import FieldCacheMixin
from covet.exceptions import ObjectDoesNotExist
from covet.portal import in_portal, wait


class GenericForeignKey(FieldCacheMixin, Field[Any]):
    """A relation to any model.

    Args:
        ct_field: the foreign key to ContentType.
        fk_field: the field that holds the other row's primary key.
        for_concrete_model: a proxy is stored as the model whose table it shares.
    """

    many_to_many = False
    many_to_one = True
    one_to_many = False
    one_to_one = False
    related_model = None

    def __init__(
        self, ct_field: str = "content_type", fk_field: str = "object_id", for_concrete_model: bool = True
    ) -> None:
        super().__init__(editable=False)
        self.ct_field = ct_field
        self.fk_field = fk_field
        self.for_concrete_model = for_concrete_model
        self.is_relation = True

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = True, **kwargs: Any) -> None:
        del private_only
        super().contribute_to_class(cls, name, private_only=True, **kwargs)
        descriptor = GenericForeignKeyDescriptor(self)
        setattr(cls, name, descriptor)
        if not cls._meta.abstract:
            add_awaitable(cls, name, descriptor.aget)

    def check(self, **options: Any) -> list[Any]:
        return [*super().check(**options), *check_generic_foreign_key(self)]

    def get_attname_column(self) -> tuple[str, Any]:
        attname, _column = super().get_attname_column()
        return attname, None

    @property
    def cache_name(self) -> str:
        """The key of the cached object."""
        return self.name

    @functools.cached_property
    def ct_attname(self) -> str:
        """The attribute that holds the content type's id."""
        return str(self.model._meta.get_field(self.ct_field).attname)

    def get_filter_kwargs_for_object(self, obj: Any) -> dict[str, Any]:
        """The filter for rows that refer to what `obj` refers to."""
        return {self.fk_field: getattr(obj, self.fk_field), self.ct_attname: getattr(obj, self.ct_attname)}

    def get_forward_related_filter(self, obj: Any) -> dict[str, Any]:
        """The filter for rows that refer to `obj`."""
        return {self.fk_field: obj.pk, self.ct_attname: self._key_of(obj)}

    def _key_of(self, obj: Any) -> Any:
        return content_type_key(obj, for_concrete_model=self.for_concrete_model, using=obj._state.db)

    async def get_content_type(
        self,
        obj: Any = None,
        id: Any = None,
        using: str | None = None,
        model: Any = None,
    ) -> Any:
        """The content type of an object, of a model, or of that id.

        Raises:
            ValueError: none of them is given.
        """
        if obj is not None:
            manager = ContentType.objects.db_manager(obj._state.db)
            return await manager.get_for_model(obj, for_concrete_model=self.for_concrete_model)
        if id is not None:
            return await ContentType.objects.db_manager(using).get_for_id(id)
        if model is not None:
            manager = ContentType.objects.db_manager(using)
            return await manager.get_for_model(model, for_concrete_model=self.for_concrete_model)
        message = "Impossible arguments to GFK.get_content_type!"
        raise ValueError(message)

    async def settle(self, instance: Any) -> None:
        """Fill in the content type of an object that was assigned where none could be asked for; saving calls it."""
        related = self.get_cached_value(instance, default=None)
        if related is not None and getattr(instance, self.ct_attname) is None:
            content_type = await self.get_content_type(obj=related)
            setattr(instance, self.ct_attname, content_type.pk)
            setattr(instance, self.fk_field, related.pk)
            self.set_cached_value(instance, related)


class GenericForeignKeyDescriptor(OldPrefetchName):
    """`item.content_object`: the cached object, or it is loaded, for all peers in one query for each model."""

    def __init__(self, field: GenericForeignKey) -> None:
        self.field = field

    def __getattr__(self, name: str) -> Any:
        # Django hands out the field itself here.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.field, name)

    def __str__(self) -> str:
        return str(self.field)

    def __eq__(self, other: object) -> bool:
        return self.field is (other.field if isinstance(other, GenericForeignKeyDescriptor) else other)

    def __hash__(self) -> int:
        return hash(self.field)

    def is_cached(self, instance: Any) -> bool:
        """Whether the related object, or its absence, is known."""
        return self.field.is_cached(instance)

    async def get_prefetch_querysets(self, instances: Sequence[Any], querysets: list[Any] | None = None) -> Source:
        """The related objects of `instances`, fetched: one query for each model.

        Raises:
            ValueError: two QuerySets are of one model.
        """
        field = self.field
        given: dict[Any, Any] = {}
        for queryset in querysets or ():
            content_type = await field.get_content_type(model=queryset.model, using=queryset.db)
            if content_type.pk in given:
                message = "Only one queryset is allowed for each content type."
                raise ValueError(message)
            given[content_type.pk] = queryset
        wanted: dict[Any, dict[Any, None]] = {}
        for instance in instances:
            type_id, key = getattr(instance, field.ct_attname), getattr(instance, field.fk_field)
            if type_id is not None and key is not None:
                wanted.setdefault(type_id, {})[key] = None
        alias = instances[0]._state.db if instances else None
        types = await ContentType.objects.db_manager(alias).get_for_ids(wanted)
        found: list[Any] = []
        models: dict[Any, Any] = {}
        for type_id, keys in wanted.items():
            model = types[type_id].model_class() if type_id in types else None
            models[type_id] = model
            rows = given.get(type_id)
            if rows is None:
                if model is None:
                    continue
                rows = types[type_id].get_all_objects_for_this_type(pk__in=_keys(model, keys))
                rows = rows.using(alias)
            else:
                rows = rows.filter(pk__in=_keys(rows.model, keys))
            await rows._fetch_all()
            found.extend(rows._result_cache)

        def key_of(instance: Any) -> Any:
            model = models.get(getattr(instance, field.ct_attname))
            return None if model is None else (str(getattr(instance, field.fk_field)), model)

        return Source(found, _own_key, key_of, True, field.cache_name, False)

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        related = self._cached(instance)
        if related is not MISSING:
            return related
        name = self.field.name
        advice = f"use `prefetch_related({name!r})` in the query, or `await` the attribute `a{name}`"
        return load_now(instance, name, self._load, advice)

    async def aget(self, instance: Any) -> Any:
        """What reading the attribute gives, awaited."""
        related = self._cached(instance)
        return await self._load(instance) if related is MISSING else related

    def _cached(self, instance: Any) -> Any:
        """The cached object while it is still the one that the columns name; MISSING when one must be loaded."""
        field = self.field
        related = field.get_cached_value(instance, default=MISSING)
        type_id = getattr(instance, field.ct_attname, None)
        if related is None:
            return None
        if related is not MISSING:
            if type_id is None:
                # Assigned where its content type could not be asked for: `settle` will.
                return related
            known = ContentType.objects.known_for_model(
                related, for_concrete_model=field.for_concrete_model, using=instance._state.db or related._state.db
            )
            if known is not None and known.pk != type_id:
                return MISSING
            key = related._meta.pk.to_python(getattr(instance, field.fk_field))
            return related if key == related.pk else MISSING
        if type_id is None:
            field.set_cached_value(instance, None)
            return None
        return MISSING

    async def _load(self, instance: Any) -> Any:
        field = self.field
        key = (getattr(instance, field.ct_attname), str(getattr(instance, field.fk_field)))
        related = await shared(
            instance,
            field.cache_name,
            key,
            members=functools.partial(self._lacking, instance),
            fetch=self._fetch_for,
            tables=None,
        )
        if related is MISSING:
            related = await self._load_one(instance)
        field.set_cached_value(instance, related)
        return related

    async def _load_one(self, instance: Any) -> Any:
        field, using = self.field, instance._state.db
        content_type = await field.get_content_type(id=getattr(instance, field.ct_attname), using=using)
        if content_type.model_class() is None:
            return None
        try:
            return await content_type.get_object_for_this_type(using=using, pk=getattr(instance, field.fk_field))
        except ObjectDoesNotExist:
            return None

    def _lacking(self, instance: Any) -> list[Any]:
        field, db = self.field, instance._state.db
        return [
            peer
            for peer in peers_of(instance)
            if peer.__dict__.get(field.ct_attname) is not None
            and peer._state.db == db
            and isinstance(peer, field.model)
            and not field.is_cached(peer)
        ]

    async def _fetch_for(self, instances: list[Any]) -> dict[Any, Any]:
        source = await self.get_prefetch_querysets(instances)
        by_key = {source.related_key(row): row for row in source.queryset}
        field = self.field
        return {
            (getattr(one, field.ct_attname), str(getattr(one, field.fk_field))): by_key.get(source.instance_key(one))
            for one in instances
        }

    def __set__(self, instance: Any, value: Any) -> None:
        field = self.field
        known = key = None
        if value is not None:
            known = ContentType.objects.known_for_model(
                value, for_concrete_model=field.for_concrete_model, using=value._state.db
            )
            if known is None and in_portal():
                known = wait(field.get_content_type(obj=value))
            key = value.pk
        setattr(instance, field.ct_field, known)
        setattr(instance, field.fk_field, key)
        field.set_cached_value(instance, value)


def _own_key(related: Any) -> tuple[str, Any]:
    return related._meta.pk.value_to_string(related), type(related)


def _keys(model: Any, keys: Any) -> list[Any]:
    """Keys out of a text column, say, as the model's own."""
    return [model._meta.pk.to_python(key) for key in keys]
