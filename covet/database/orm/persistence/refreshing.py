"""Loading an instance anew, loading what was deferred, and walking to its neighbours by a date or an order."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from covet.database.adapters.changes import plain_name
from covet.database.orm.aggregates import Max
from covet.database.orm.implicit import settled
from covet.database.orm.peers import MISSING, peers_of, shared
from covet.database.orm.query import Q
from covet.database.orm.queryset.pending import pending
from covet.database.transaction import transaction

LOOKUP_SEP = "__"


class Refreshing:
    """`refresh_from_db()` and its kin."""

    _meta: Any
    _state: Any
    pk: Any

    def _is_pk_set(self, meta: Any = None) -> bool:
        """Whether there is a primary key; see `Model`."""
        raise AttributeError

    @pending
    async def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """Load the instance's values from the database again.

        Args:
            using: the alias; where the instance came from by default.
            fields: load these only; names of prefetched relations are forgotten.
            from_queryset: the QuerySet to find the row in (locked, or of a manager that sees more).

        Raises:
            ObjectDoesNotExist: the row is gone (the model's own `DoesNotExist`).
            ValueError: a name crosses a relation.
        """
        names = self._refreshed_names(fields)
        if names is not None and not names:
            return
        meta = self._meta
        if from_queryset is None:
            from_queryset = type(self)._base_manager.db_manager(using, hints={"instance": self})  # type: ignore[attr-defined]
        elif using is not None:
            from_queryset = from_queryset.using(using)
        rows = from_queryset.filter(pk=self.pk)
        if names is not None:
            rows = rows.only(*names)
        else:
            held = self.__dict__
            loaded = [field.attname for field in meta.concrete_fields if field.attname in held]
            if len(loaded) < len(meta.concrete_fields):
                rows = rows.only(*loaded)
        fresh = await rows.get()
        self._take_over(fresh, names)

    async def arefresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """`refresh_from_db` under Django's async name."""
        await self.refresh_from_db(*args, **kwargs)

    def _refreshed_names(self, fields: Iterable[str] | None) -> list[str] | None:
        if fields is None:
            self.__dict__["_prefetched_objects_cache"] = {}
            return None
        names = list(dict.fromkeys(fields))
        prefetched = self.__dict__.get("_prefetched_objects_cache", {})
        for name in list(names):
            if name in prefetched:
                del prefetched[name]
                names.remove(name)
        crossing = [name for name in names if LOOKUP_SEP in name]
        if crossing:
            message = f'Found "{LOOKUP_SEP}" in fields argument. Relations and transforms are not allowed in fields.'
            raise ValueError(message)
        return names

    def _take_over(self, fresh: Any, names: list[str] | None) -> None:
        values = fresh.__dict__
        for field in self._meta.concrete_fields:
            if field.attname not in values:
                continue
            setattr(self, field.attname, values[field.attname])
            if field.is_relation:
                if field.is_cached(fresh):
                    field.set_cached_value(self, field.get_cached_value(fresh))
                elif field.is_cached(self):
                    field.delete_cached_value(self)
        for relation in self._meta.related_objects:
            if (names is None or relation.name in names) and relation.is_cached(self):
                relation.delete_cached_value(self)
        for field in self._meta.private_fields:
            if (names is None or field.name in names) and field.is_relation and field.is_cached(self):
                field.delete_cached_value(self)
        self._state.db = fresh._state.db

    async def _load_deferred(self, name: str) -> None:
        """Load a deferred value: for all peers that lack it, in one query.

        An overridden `refresh_from_db` is obeyed, for this instance alone.
        """
        if type(self).refresh_from_db is not Refreshing.refresh_from_db:
            await settled(self.refresh_from_db(fields=[name]))
            return
        found = await shared(
            self,
            f"{name}.deferred",
            self.pk,
            members=functools.partial(self._lacking, name),
            fetch=functools.partial(self._fetch_for, name),
            tables=_tables_of(type(self)),
        )
        if found is MISSING:
            await self.refresh_from_db(fields=[name])
        else:
            self.__dict__[name] = found

    def _lacking(self, name: str) -> list[Any]:
        """The peers for whom a deferred value is wanted too."""
        db, kind = self._state.db, type(self)
        return [
            peer
            for peer in peers_of(self)
            if type(peer) is kind and name not in peer.__dict__ and peer._state.db == db and peer.pk is not None
        ]

    async def _fetch_for(self, name: str, peers: list[Any]) -> dict[Any, Any]:
        cls: Any = type(self)
        manager = cls._base_manager.db_manager(self._state.db, hints={"instance": self})
        return dict(await manager.filter(pk__in=[peer.pk for peer in peers]).values_list("pk", name))

    async def _get_next_or_previous_by_FIELD(self, field: Any, is_next: bool, **kwargs: Any) -> Any:  # noqa: N802 - Django's name
        """The neighbour by a date field; ties are broken by the primary key.

        Args:
            field: the DateField.
            is_next: forwards, else backwards.
            kwargs: further conditions.

        Raises:
            ValueError: the instance has not been saved.
            ObjectDoesNotExist: there is none (the model's own `DoesNotExist`).
        """
        if not self._is_pk_set():
            message = "get_next/get_previous cannot be used on unsaved objects."
            raise ValueError(message)
        comparison, direction = ("gt", "") if is_next else ("lt", "-")
        value = getattr(self, field.attname)
        beyond = Q.create([(field.name, value), (f"pk__{comparison}", self.pk)], connector=Q.AND)
        condition = Q.create([beyond, (f"{field.name}__{comparison}", value)], connector=Q.OR)
        cls: Any = type(self)
        rows = (
            cls._default_manager.using(self._state.db)
            .filter(**kwargs)
            .filter(condition)
            .order_by(f"{direction}{field.name}", f"{direction}pk")
        )
        found = await rows.first()
        if found is None:
            message = f"{cls._meta.object_name} matching query does not exist."
            raise cls.DoesNotExist(message)
        return found

    async def _get_next_or_previous_in_order(self, is_next: bool) -> Any:
        """The neighbour among those with the same `order_with_respect_to`.

        Raises:
            ObjectDoesNotExist: there is none (the model's own `DoesNotExist`).
        """
        cache = f"__{'next' if is_next else 'previous'}_order_cache"
        if cache in self.__dict__:
            return self.__dict__[cache]
        cls: Any = type(self)
        comparison, direction = ("gt", "") if is_next else ("lt", "-")
        siblings = cls._default_manager.using(self._state.db).filter(**_siblings(self))
        rows = siblings.filter(**{f"_order__{comparison}": self.__dict__["_order"]}).order_by(f"{direction}_order")
        found = await rows[:1].get()
        self.__dict__[cache] = found
        return found

    async def _set_next_order(self, cls: Any, using: str) -> None:
        """Give the instance the place behind its last sibling."""
        siblings = cls._base_manager.using(using).filter(**_siblings(self))
        last = (await siblings.aggregate(last=Max("_order")))["last"]
        self.__dict__["_order"] = 0 if last is None else last + 1


async def set_order(ordered: Any, instance: Any, id_list: Sequence[Any], using: str | None = None) -> None:
    """Give the related objects of `instance` the order of `id_list`; `set_<model>_order` calls it.

    Args:
        ordered: the model with `order_with_respect_to`.
        instance: what they are ordered with respect to.
        id_list: the primary keys.
        using: the alias.
    """
    rows = ordered._base_manager.db_manager(using).filter(**_ordered_with(ordered, instance))
    placed = [ordered(pk=key, _order=position) for position, key in enumerate(id_list)]
    async with transaction(using=rows.db, savepoint=False):
        await rows.bulk_update(placed, ["_order"])


def get_order(ordered: Any, instance: Any) -> Any:
    """The primary keys of the related objects in order, a QuerySet; `get_<model>_order` calls it."""
    rows = ordered._default_manager.filter(**_ordered_with(ordered, instance))
    return rows.order_by("_order").values_list(ordered._meta.pk.name, flat=True)


def _ordered_with(ordered: Any, instance: Any) -> dict[str, Any]:
    """The filter for what `instance` orders."""
    relation = ordered._meta.order_with_respect_to
    forward = getattr(relation, "get_forward_related_filter", None)
    return {relation.name: instance} if forward is None else dict(forward(instance))


def _siblings(instance: Any) -> dict[str, Any]:
    """The filter for what is ordered together with `instance`."""
    relation = instance._meta.order_with_respect_to
    own = getattr(relation, "get_filter_kwargs_for_object", None)
    return {relation.name: getattr(instance, relation.attname)} if own is None else dict(own(instance))


def _tables_of(model: Any) -> tuple[str, ...]:
    return tuple([plain_name(each._meta.db_table) for each in (model, *model._meta.all_parents)])
