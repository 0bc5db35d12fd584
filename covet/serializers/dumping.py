"""Writing the rows of models as a fixture. `covet dumpdata` calls it; `fixtures` reads what it writes."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from covet import serializers
from covet.database.orm.registry import apps
from covet.database.orm.routers import DEFAULT_DB_ALIAS, router
from covet.serializers.labels import UnknownLabel, chosen_models, named_app, named_model


async def dump(
    *labels: str,
    format: str = "json",
    using: str = DEFAULT_DB_ALIAS,
    exclude: Iterable[str] = (),
    primary_keys: Sequence[str] = (),
    use_natural_foreign_keys: bool = False,
    use_natural_primary_keys: bool = False,
    use_base_manager: bool = False,
    indent: int | None = None,
    stream: Any = None,
) -> Any:
    """The rows of models, serialized.

    Args:
        labels: applications and models (`app` or `app.Model`); all where none is named.
        format: the format.
        using: the database.
        exclude: applications and models that are left out.
        primary_keys: write only the rows of these keys; `labels` must be one model.
        use_natural_foreign_keys: refer to objects by their natural keys.
        use_natural_primary_keys: leave out the primary keys of objects that have a natural key.
        use_base_manager: also write rows that a model's default manager hides.
        indent: by how many spaces to indent.
        stream: what to write to; the text is returned where there is none.

    Raises:
        SerializerDoesNotExist: the format is not known. UnknownLabel: a label stands for nothing.
        ValueError: `primary_keys` without exactly one model.
    """
    # A bad format is found before the database is asked.
    serializers.get_serializer(format)
    if primary_keys and (len(labels) != 1 or "." not in labels[0]):
        raise ValueError("primary keys can be given for one model only: `app.Model`")
    models = _models(labels, exclude, with_natural_keys=use_natural_foreign_keys)

    async def rows() -> AsyncIterator[Any]:
        for model in models:
            if not router.allow_migrate_model(using, model):
                continue
            manager = model._base_manager if use_base_manager else model._default_manager
            found = manager.using(using).order_by(model._meta.pk.name)
            if primary_keys:
                found = found.filter(pk__in=list(primary_keys))
            async for obj in found.iterator(chunk_size=2000):
                yield obj

    return await serializers.serialize(
        format,
        rows(),
        indent=indent,
        stream=stream,
        use_natural_foreign_keys=use_natural_foreign_keys,
        use_natural_primary_keys=use_natural_primary_keys,
    )


def _models(labels: Sequence[str], exclude: Iterable[str], *, with_natural_keys: bool) -> list[Any]:
    excluded = chosen_models(exclude)
    wanted: dict[Any, list[Any] | None] = {}
    for label in labels or [config.label for config in apps.get_app_configs()]:
        if "." not in label:
            wanted[named_app(label)] = None
            continue
        model = named_model(label)
        config = named_app(model._meta.app_label)
        models = wanted.setdefault(config, [])
        if models is not None and model not in models:
            models.append(model)
    pairs = list(wanted.items())
    if with_natural_keys:
        ordered = serializers.sort_dependencies(pairs, allow_cycles=True)
    else:
        ordered = [model for config, models in pairs for model in (config.get_models() if models is None else models)]
    kept = [model for model in ordered if model not in excluded]
    for model in kept:
        concrete = model._meta.concrete_model
        if model._meta.proxy and concrete not in kept:
            message = f"{model._meta.label} is a proxy model and won't be serialized."
            warnings.warn(message, serializers.ProxyModelWarning, stacklevel=3)
    return [model for model in kept if not model._meta.proxy]


__all__ = ["UnknownLabel", "dump"]
