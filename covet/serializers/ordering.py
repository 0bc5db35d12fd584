"""In which order models are written, so that what a natural key refers to is there when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from covet.database.orm.registry import apps


def sort_dependencies(app_list: Iterable[tuple[Any, Any]], allow_cycles: bool = False) -> list[Any]:
    """The models of `app_list`, each after those with a natural key that it depends on.

    Args:
        app_list: (application, its models or None for all) pairs.
        allow_cycles: break circles somewhere instead of refusing them.

    Raises:
        RuntimeError: models depend on each other in a circle.
    """
    waiting: list[tuple[Any, list[Any]]] = []
    for config, models in app_list:
        chosen = config.get_models() if models is None else models
        waiting.extend((model, list(_dependencies(model))) for model in chosen)
    given = {model for model, _ in waiting}
    ordered: list[Any] = []
    while waiting:
        skipped: list[tuple[Any, list[Any]]] = []
        for model, needed in waiting:
            if all(other not in given or other in ordered for other in needed):
                ordered.append(model)
            else:
                skipped.append((model, needed))
        if len(skipped) == len(waiting):
            if not allow_cycles:
                labels = sorted((model for model, _ in skipped), key=lambda model: str(model.__name__))
                listed = ", ".join(model._meta.label for model in labels)
                raise RuntimeError(f"Can't resolve dependencies for {listed} in serialized app list.")
            ordered.append(skipped.pop(0)[0])
        waiting = skipped
    return ordered


def _dependencies(model: Any) -> Iterator[Any]:
    """The models whose rows must be there before a row of `model` can be read."""
    if hasattr(model, "natural_key"):
        for label in getattr(model.natural_key, "dependencies", ()):
            yield apps.get_model(label)
    meta = model._meta
    related = [field.remote_field.model for field in meta.fields if field.remote_field]
    related += [
        field.remote_field.model for field in meta.many_to_many if field.remote_field.through._meta.auto_created
    ]
    for other in related:
        if other is not model and hasattr(other, "natural_key"):
            yield other
