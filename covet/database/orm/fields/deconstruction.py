"""A field taken apart: what was given to make it, so that a migration can write it down. A part of Field."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterable
from typing import Any, Self


class NOT_PROVIDED:  # noqa: N801 - Django's name
    """Stands for an option that was not given, where None means something."""


class Deconstructed:
    """What makes an equal field."""

    name: str
    _choices: Any
    _error_messages: dict[str, Any] | None
    _unique: bool
    _validators: list[Any]
    _verbose_name: Any
    _db_tablespace: str | None

    def clone(self) -> Self:
        """A field of the same options that belongs to no model."""
        _name, _path, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """(name, import path, positional arguments, keyword arguments) that make an equal field."""
        keywords = {name: value for name, value in self._given_options() if value is not _SAME}
        return self.name, import_path(type(self)), [], keywords

    def _given_options(self) -> Iterable[tuple[str, Any]]:
        given = {
            "choices": self._choices,
            "error_messages": self._error_messages,
            "unique": self._unique,
            "validators": self._validators,
            "verbose_name": self._verbose_name,
            "db_tablespace": self._db_tablespace,
        }
        for name, default in _DEFAULTS.items():
            value = given.get(name, _SAME) if name in given else getattr(self, name)
            if name == "choices" and isinstance(value, collections.abc.Iterable) and not hasattr(value, "func"):
                value = list(value)
            elif name == "choices" and hasattr(value, "func"):
                value = value.func
            unchanged = value == default if name in {"choices", "validators"} else value is default
            yield name, _SAME if unchanged else value


_SAME = object()

_DEFAULTS: dict[str, Any] = {
    "verbose_name": None,
    "primary_key": False,
    "max_length": None,
    "unique": False,
    "blank": False,
    "null": False,
    "db_index": False,
    "default": NOT_PROVIDED,
    "db_default": NOT_PROVIDED,
    "editable": True,
    "serialize": True,
    "unique_for_date": None,
    "unique_for_month": None,
    "unique_for_year": None,
    "choices": None,
    "help_text": "",
    "db_column": None,
    "db_comment": None,
    "db_tablespace": None,
    "auto_created": False,
    "validators": [],
    "error_messages": None,
}


def import_path(cls: type[Any]) -> str:
    """The dotted path that users import `cls` by: our own classes are found in `covet.database.orm`."""
    module = cls.__module__
    if (module.startswith("covet.database.orm.fields.") and not module.endswith(".postgres")) or module in {
        "covet.database.orm.relationships.foreign",
        "covet.database.orm.relationships.many",
        "covet.database.orm.indexes",
        "covet.database.orm.constraints",
    }:
        module = "covet.database.orm"
    return f"{module}.{cls.__qualname__}"
