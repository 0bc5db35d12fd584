"""The models that tests define in the process's registry: taken out again, with what others know of them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from covet.database.orm import plan
from covet.database.orm.registry import Apps, apps
from covet.database.orm.related.access import AwaitableRelation


class Definitions:
    """What a registry held at one moment.

    Args:
        registry: the process's own.
    """

    def __init__(self, registry: Apps = apps) -> None:
        self.registry = registry
        self.models = {label: models.copy() for label, models in registry.all_models.items() if models}
        self.waiting = {key: functions.copy() for key, functions in registry._pending.items() if functions}

    def restore(self) -> list[str]:
        """Take out what a test defined since; models that modules declare stay as long as their modules do.

        Returns:
            What cannot be undone, in words.
        """
        models, waiting = self.registry.all_models, self.registry._pending
        if self.models == {label: found for label, found in models.items() if found} and self.waiting == waiting:
            return []
        replaced = [
            f"the model {label}.{name} was taken out or replaced"
            for label, before in self.models.items()
            for name, model in before.items()
            if models[label].get(name) is not model
        ]
        gone = [
            model
            for label, found in models.items()
            for name, model in found.items()
            if self.models.get(label, {}).get(name) is not model and not is_declared(model)
        ]
        take_out(gone, self.registry)
        for label, before in self.models.items():
            models[label].update(before)
        return replaced + list(self._stop_waiting())

    def _stop_waiting(self) -> Iterator[str]:
        waiting = self.registry._pending
        for key, functions in list(waiting.items()):
            before = self.waiting.get(key, [])
            kept = [one for one in functions if one in before or any(map(is_declared, _models_of(one)))]
            if kept:
                waiting[key] = kept
            else:
                del waiting[key]
        for label, name in self.waiting.keys() - waiting.keys():
            if name not in self.registry.all_models.get(label, {}):
                yield f"modules' models wait for {label}.{name}, and were given a test's"


def is_declared(model: Any) -> bool:
    """Whether a module that is imported has the model, or what the model was made for."""
    made_for = model._meta.auto_created
    if made_for:
        return is_declared(made_for)
    found: Any = sys.modules.get(model.__module__)
    for name in model.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is model


def _models_of(waiting: Any) -> tuple[Any, ...]:
    function = waiting.func
    return tuple(one for one in getattr(function, "args", ()) if hasattr(one, "_meta"))


def take_out(models: Iterable[Any], registry: Apps) -> None:
    """Let the registry and all other models forget these."""
    gone = set(models)
    if not gone:
        return
    touched = {target for model in gone for field in _relations(model) for target in _forgets(field, gone)}
    for model in gone:
        found = registry.all_models[model._meta.app_label]
        if found.get(model._meta.model_name) is model:
            del found[model._meta.model_name]
        if not found:
            del registry.all_models[model._meta.app_label]
            registry._made.pop(model._meta.app_label, None)
        for table in model.__dict__.get("_covet_tables", {}).values():
            table.metadata.remove(table)
        plan._roots.pop(model, None)
    registry.clear_cache()
    for target in touched:
        target._meta._expire_cache()
        plan.invalidate(target)


def _relations(model: Any) -> list[Any]:
    meta = model._meta
    fields = (*meta.local_fields, *meta.local_many_to_many, *meta.private_fields)
    return [field for field in fields if field.is_relation and field.remote_field is not None]


def _forgets(field: Any, gone: set[Any]) -> Iterator[Any]:
    """The models that stay of those that the field refers to, without what the field put on them."""
    relation = field.remote_field
    other = relation.model
    if not hasattr(other, "_meta"):
        return
    for target in {other, other._meta.concrete_model} - gone:
        # Only where it still is the field's own: another relation may have taken the name over.
        name = relation.get_accessor_name() if hasattr(relation, "get_accessor_name") else None
        accessor = vars(target).get(name)
        if relation in (getattr(accessor, "rel", None), getattr(accessor, "related", None)):
            delattr(target, name)
            if isinstance(vars(target).get(f"a{name}"), AwaitableRelation):
                delattr(target, f"a{name}")
        for name, value in list(vars(target).items()):
            if isinstance(value, functools.partialmethod) and field.model in value.args:
                delattr(target, name)
        lookups = target._meta.related_fkey_lookups
        if relation.limit_choices_to in lookups:
            lookups.remove(relation.limit_choices_to)
        yield target


__all__ = ["Definitions", "is_declared", "take_out"]
