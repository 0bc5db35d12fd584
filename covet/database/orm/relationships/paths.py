"""Steps between models, and where an instance keeps its related objects."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from covet.database.orm.fields.deconstruction import NOT_PROVIDED
from covet.database.orm.options.fieldlists import use_path_info


class PathInfo(NamedTuple):
    """One step of a path through relations.

    Attributes:
        from_opts, to_opts: the options of the models that it leaves and reaches.
        target_fields: the fields of the reached model that are met.
        join_field: what knows the joined columns.
        m2m: whether many rows may be reached.
        direct: whether it goes the way that the field was declared.
        filtered_relation: the FilteredRelation that restricts it, or None.
    """

    from_opts: Any
    to_opts: Any
    target_fields: tuple[Any, ...]
    join_field: Any
    m2m: bool
    direct: bool
    filtered_relation: Any


use_path_info(PathInfo)


def warn_of_columns(method: str, instead: str) -> None:
    """Django 5's warning of a method that gives columns where fields are wanted."""
    warnings.warn(f"{method}() is deprecated. Use {instead}() instead.", DeprecationWarning, stacklevel=3)


class FieldCacheMixin:
    """Keeps the related object of an instance in its state."""

    @property
    def cache_name(self) -> Any:
        """The key of the cached object."""
        raise AttributeError("cache_name")

    def get_cached_value(self, instance: Any, default: Any = NOT_PROVIDED) -> Any:
        """The cached related object.

        Raises:
            KeyError: none is cached, and there is no default.
        """
        name = self.cache_name
        try:
            return instance._state.fields_cache[name]
        except KeyError:
            if default is NOT_PROVIDED:
                raise
            return default

    def is_cached(self, instance: Any) -> bool:
        """Whether a related object, or its absence, is known."""
        return self.cache_name in instance._state.fields_cache

    def set_cached_value(self, instance: Any, value: Any) -> None:
        """Remember the related object."""
        instance._state.fields_cache[self.cache_name] = value

    def delete_cached_value(self, instance: Any) -> None:
        """Forget the related object.

        Raises:
            KeyError: none is cached.
        """
        del instance._state.fields_cache[self.cache_name]
