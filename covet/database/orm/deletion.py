"""Deleting with what depends on it: the collector gathers in batches, then deletes in a safe order.

The database has no ON DELETE of its own (Django's tables have none), so cascades happen here. Instances
and QuerySets call `Collector`; relations name one of the `on_delete` functions.
"""

from __future__ import annotations

import inspect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final

from covet.database.connections import connections
from covet.database.orm.on_delete import CASCADE, DO_NOTHING, PROTECT, RESTRICT, SET, SET_DEFAULT, SET_NULL
from covet.database.orm.query import Q
from covet.database.orm.queryset.late import late
from covet.database.orm.queryset.queryset import QuerySet
from covet.database.orm.signals import post_delete, pre_delete
from covet.database.transaction import transaction
from covet.exceptions import ProtectedError, RestrictedError

__all__ = [
    "CASCADE",
    "DO_NOTHING",
    "PROTECT",
    "RESTRICT",
    "SET",
    "SET_DEFAULT",
    "SET_NULL",
    "Collector",
    "ProtectedError",
    "RestrictedError",
    "relations_to_delete",
]

BATCH: Final = 10_000
"""Instances named in one query: a list is one parameter, so only the packet's size matters."""


def relations_to_delete(meta: Any) -> Iterator[Any]:
    """The relations by which other rows refer to this model's."""
    return (
        relation
        for relation in meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete and (relation.one_to_one or relation.one_to_many)
    )


class Collector:
    """Gathers everything that one deletion reaches, and deletes it.

    Args:
        using: the database alias.
        origin: the instance or QuerySet on which delete was called; signals pass it on.
    """

    def __init__(self, using: str, origin: Any = None) -> None:
        self.using = using
        self.origin = origin
        self.data: dict[Any, dict[Any, Any]] = {}
        self.field_updates: dict[tuple[Any, Any], list[Any]] = defaultdict(list)
        self.restricted_objects: dict[Any, dict[Any, set[Any]]] = defaultdict(lambda: defaultdict(set))
        self.fast_deletes: list[Any] = []
        self.dependencies: dict[Any, set[Any]] = defaultdict(set)

    def defers_constraints(self) -> bool:
        """Whether the database checks foreign keys at the end of a transaction."""
        return bool(connections[self.using].features.can_defer_constraint_checks)

    def add(
        self, objs: Sequence[Any], source: Any = None, *, nullable: bool = False, reverse_dependency: bool = False
    ) -> list[Any]:
        """Note instances of one model for deletion; those that were not noted before."""
        if not objs:
            return []
        model = type(objs[0])
        instances = self.data.setdefault(model, {})
        new = [obj for obj in objs if obj not in instances]
        instances.update((obj, None) for obj in new)
        if source is not None and not nullable:
            # A nullable reference is set to NULL first, so it orders nothing.
            self.add_dependency(source, model, reverse_dependency=reverse_dependency)
        return new

    def add_dependency(self, model: Any, dependency: Any, *, reverse_dependency: bool = False) -> None:
        """Rows of `dependency` must be deleted before those of `model` (or after, reversed)."""
        if reverse_dependency:
            model, dependency = dependency, model
        self.dependencies[model._meta.concrete_model].add(dependency._meta.concrete_model)
        self.data.setdefault(dependency, {})

    def add_field_update(self, field: Any, value: Any, objs: Any) -> None:
        """Note that `field` of `objs` is set to `value` before anything is deleted."""
        self.field_updates[field, value].append(objs)

    def add_restricted_objects(self, field: Any, objs: Iterable[Any]) -> None:
        """Note objects that refuse the deletion unless they are deleted too."""
        found = list(objs)
        if found:
            self.restricted_objects[type(found[0])][field].update(found)

    def can_fast_delete(self, objs: Any, from_field: Any = None) -> bool:
        """Whether one DELETE does it: no signals, no cascades, no parents.

        Args:
            objs: a QuerySet, an instance or a model.
            from_field: the relation by which `objs` is reached.
        """
        if from_field is not None and from_field.remote_field.on_delete is not CASCADE:
            return False
        if hasattr(objs, "_meta"):
            model = objs._meta.model
        elif hasattr(objs, "model") and hasattr(objs, "_raw_delete"):
            model = objs.model
        else:
            return False
        if _has_listeners(model):
            return False
        meta = model._meta
        return (
            all(link == from_field for link in meta.concrete_model._meta.parents.values())
            and all(relation.field.remote_field.on_delete is DO_NOTHING for relation in relations_to_delete(meta))
            and not any(hasattr(field, "bulk_related_objects") for field in meta.private_fields)
        )

    async def collect(
        self,
        objs: Any,
        source: Any = None,
        nullable: bool = False,
        collect_related: bool = True,
        source_attr: str | None = None,
        reverse_dependency: bool = False,
        keep_parents: bool = False,
        fail_on_restricted: bool = True,
    ) -> None:
        """Gather `objs` (one model's) and all that depends on them.

        Args:
            objs: a list of instances or a QuerySet.
            source: the model that led here, which must outlive `objs` no longer than they do.
            nullable: the reference to `source` can be NULL.
            collect_related: follow relations.
            source_attr: the name of the relation that led here.
            reverse_dependency: `objs` must be deleted after `source`'s rows.
            keep_parents: leave the rows of multi-table parents.
            fail_on_restricted: decide about RESTRICT here, at the outermost call.

        Raises:
            ProtectedError: PROTECT refuses.
            RestrictedError: RESTRICT refuses.
        """
        if self.can_fast_delete(objs):
            self.fast_deletes.append(objs)
            return
        await _evaluate(objs)
        new = self.add(objs, source, nullable=nullable, reverse_dependency=reverse_dependency)
        if not new:
            return
        model = type(new[0])
        if not keep_parents:
            for link in model._meta.concrete_model._meta.parents.values():
                if link:
                    await self.collect(
                        await _parents(new, link),
                        source=model,
                        source_attr=link.remote_field.related_name,
                        collect_related=False,
                        reverse_dependency=True,
                        fail_on_restricted=False,
                    )
        if not collect_related:
            return
        await self._collect_related(model, new, keep_parents=keep_parents)
        for field in model._meta.private_fields:
            if hasattr(field, "bulk_related_objects"):
                related = field.bulk_related_objects(new, self.using)
                if inspect.iscoroutine(related):
                    related = await related
                await self.collect(related, source=model, nullable=True, fail_on_restricted=False)
        if fail_on_restricted and self.restricted_objects:
            await self._release_restricted()
            self._refuse_restricted(model)

    async def _collect_related(self, model: Any, objs: list[Any], *, keep_parents: bool) -> None:
        kept = set(model._meta.all_parents) if keep_parents else set()
        fast: dict[Any, list[Any]] = defaultdict(list)
        protected: dict[str, list[Any]] = defaultdict(list)
        for relation in relations_to_delete(model._meta):
            if relation.model in kept:
                continue
            field = relation.field
            on_delete = field.remote_field.on_delete
            if on_delete is DO_NOTHING:
                continue
            related_model = relation.related_model
            if self.can_fast_delete(related_model, from_field=field):
                fast[related_model].append(field)
                continue
            for batch in self.get_del_batches(objs, [field]):
                related = self._narrowed(self.related_objects(related_model, [field], batch))
                if not getattr(on_delete, "lazy_sub_objs", False):
                    await _evaluate(related)
                    if not related:
                        continue
                try:
                    done = on_delete(self, field, related, self.using)
                    if inspect.isawaitable(done):
                        await done
                except ProtectedError as error:
                    protected[f"'{field.model.__name__}.{field.name}'"] += error.protected_objects
        if protected:
            raise ProtectedError(
                f"Cannot delete some instances of model {model.__name__!r} because they are referenced through "
                f"protected foreign keys: {', '.join(protected)}.",
                {obj for found in protected.values() for obj in found},
            )
        for related_model, fields in fast.items():
            self.fast_deletes.extend(
                self.related_objects(related_model, fields, batch) for batch in self.get_del_batches(objs, fields)
            )

    def _narrowed(self, related: Any) -> Any:
        """The rows with only the columns that further relations refer to, when nobody else looks at them."""
        model = related.model
        if _has_listeners(model) or getattr(related, "_select_related", None):
            return related
        referenced = {
            target.attname
            for relation in relations_to_delete(model._meta)
            for target in relation.field.foreign_related_fields
        }
        return related.only(*sorted(referenced))

    async def _release_restricted(self) -> None:
        """Forget restricted objects that are deleted too."""
        for related_model, fields in self.restricted_objects.items():
            leaving = set(self.data.get(related_model, ()))
            held = [obj.pk for objs in fields.values() for obj in objs if obj not in leaving]
            for rows in self.fast_deletes:
                if held and rows.model is related_model:
                    leaving.update(await rows.filter(pk__in=held))
            for objs in fields.values():
                objs -= leaving

    def _refuse_restricted(self, model: Any) -> None:
        names: list[str] = []
        refusing: set[Any] = set()
        for related_model, fields in self.restricted_objects.items():
            for field, objs in fields.items():
                if objs:
                    names.append(f"'{related_model.__name__}.{field.name}'")
                    refusing |= objs
        if refusing:
            raise RestrictedError(
                f"Cannot delete some instances of model {model.__name__!r} because they are referenced through "
                f"restricted foreign keys: {', '.join(names)}.",
                refusing,
            )

    def get_del_batches(self, objs: Sequence[Any], fields: Sequence[Any]) -> list[Sequence[Any]]:
        """`objs` in parts that fit into one query's parameters."""
        del fields
        if len(objs) <= BATCH:
            return [objs]
        return [objs[start : start + BATCH] for start in range(0, len(objs), BATCH)]

    def related_objects(self, related_model: Any, related_fields: Sequence[Any], objs: Sequence[Any]) -> Any:
        """The QuerySet of what refers to `objs` by any of the fields."""
        conditions = Q.create([(f"{field.name}__in", objs) for field in related_fields], connector=Q.OR)
        return related_model._base_manager.using(self.using).filter(conditions)

    def instances_with_model(self) -> Iterator[tuple[Any, Any]]:
        """Every gathered instance with its model."""
        for model, instances in self.data.items():
            for instance in instances:
                yield model, instance

    def sort(self) -> None:
        """Order the models so that none is deleted before what depends on it; cycles stay as they are."""
        ordered: list[Any] = []
        concrete: set[Any] = set()
        models = list(self.data)
        while len(ordered) < len(models):
            progress = False
            for model in models:
                if model in ordered:
                    continue
                if not (self.dependencies.get(model._meta.concrete_model) or set()) - concrete:
                    ordered.append(model)
                    concrete.add(model._meta.concrete_model)
                    progress = True
            if not progress:
                return
        self.data = {model: self.data[model] for model in ordered}

    async def delete(self) -> tuple[int, dict[str, int]]:
        """Delete all that was gathered, in one transaction.

        Returns:
            The number of rows, and that number by model label.
        """
        for model, found in self.data.items():
            self.data[model] = dict.fromkeys(sorted(found, key=attrgetter("pk")))
        self.sort()
        alone = self._only_instance()
        if alone is not None:
            model = type(alone)
            count = await self._delete_rows(model, [alone])
            setattr(alone, model._meta.pk.attname, None)
            return count, {model._meta.label: count}
        counts: Counter[str] = Counter()
        async with transaction(using=self.using, savepoint=False):
            await self._announce(pre_delete)
            for rows in self.fast_deletes:
                count = await rows._raw_delete(using=self.using)
                if count:
                    counts[rows.model._meta.label] += count
            await self._update_fields()
            for model, gathered in self.data.items():
                instances = list(reversed(gathered))
                count = await self._delete_rows(model, instances)
                if count:
                    counts[model._meta.label] += count
                if not model._meta.auto_created and post_delete.receivers and post_delete.has_listeners(model):
                    for obj in instances:
                        await post_delete.send(sender=model, instance=obj, using=self.using, origin=self.origin)
        for model, instance in self.instances_with_model():
            setattr(instance, model._meta.pk.attname, None)
        return sum(counts.values()), dict(counts)

    def _only_instance(self) -> Any:
        if len(self.data) != 1 or self.fast_deletes or self.field_updates:
            return None
        ((_, instances),) = self.data.items()
        if len(instances) != 1:
            return None
        (instance,) = instances
        return instance if self.can_fast_delete(instance) else None

    async def _announce(self, signal: Any) -> None:
        if not signal.receivers:
            return
        for model, instance in self.instances_with_model():
            if not model._meta.auto_created and signal.has_listeners(model):
                await signal.send(sender=model, instance=instance, using=self.using, origin=self.origin)

    async def _update_fields(self) -> None:
        for (field, value), found in self.field_updates.items():
            lazy: list[Any] = []
            objs: list[Any] = []
            for group in found:
                if hasattr(group, "_result_cache") and group._result_cache is None:
                    lazy.append(group)
                else:
                    objs.extend(group)
            if lazy:
                combined = lazy[0]
                for rows in lazy[1:]:
                    combined |= rows
                await combined.update(**{field.name: value})
            for batch in self.get_del_batches(objs, [field]):
                if batch:
                    rows = QuerySet(type(batch[0]), using=self.using)
                    await rows.filter(pk__in=list(dict.fromkeys(obj.pk for obj in batch))).update(**{field.name: value})

    async def _delete_rows(self, model: Any, instances: Sequence[Any]) -> int:
        """Delete by primary key, whatever the model's managers leave out."""
        rows: Any = QuerySet(model, using=self.using)
        if len(instances) == 1:
            return int(await rows.filter(pk=instances[0].pk)._raw_delete(using=self.using))
        count = 0
        for batch in self.get_del_batches(instances, []):
            count += await rows.filter(pk__in=[obj.pk for obj in batch])._raw_delete(using=self.using)
        return count


async def _evaluate(objs: Any) -> None:
    if hasattr(objs, "_fetch_all"):
        await objs._fetch_all()


def _has_listeners(model: Any) -> bool:
    return pre_delete.has_listeners(model) or post_delete.has_listeners(model)


async def _parents(objs: Sequence[Any], link: Any) -> list[Any]:
    """The multi-table parents of instances of one model: from their own values where all are loaded."""
    parent = link.remote_field.model
    names = [field.attname for field in parent._meta.concrete_fields]
    found: list[Any] = []
    missing: list[Any] = []
    for obj in objs:
        held = obj.__dict__
        if link.is_cached(obj):
            found.append(link.get_cached_value(obj))
        elif all(name in held for name in names):
            made = parent.from_db(obj._state.db, names, [held[name] for name in names])
            made._state.adding = obj._state.adding
            found.append(made)
        else:
            missing.append(getattr(obj, link.attname))
    if missing:
        rows = parent._base_manager.using(objs[0]._state.db).filter(**{f"{link.target_field.name}__in": missing})
        await rows._fetch_all()
        found.extend(rows)
    return found


late.collector = Collector
