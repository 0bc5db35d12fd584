"""Enumerations as choices: `class Status(TextChoices): DRAFT = 'draft', 'Draft'`."""

from __future__ import annotations

import enum
from enum import EnumType, IntEnum, StrEnum
from enum import property as enum_property
from typing import Any

from covet.utils.functional import is_lazy


class ChoicesType(EnumType):
    """The metaclass of choices: takes the label out of each member's value."""

    def __new__(metacls, classname: str, bases: tuple[type, ...], classdict: Any, **kwds: Any) -> ChoicesType:
        """Make an enumeration whose members have labels."""
        labels = []
        for key in classdict._member_names:  # noqa: SLF001 - the namespace of enumerations has no other way to ask
            value = classdict[key]
            pair = isinstance(value, (list, tuple)) and len(value) > 1
            if pair and (isinstance(value[-1], str) or is_lazy(value[-1])):
                *parts, label = value
                made: Any = tuple(parts)
            else:
                made, label = value, key.replace("_", " ").title()
            labels.append(label)
            # The namespace refuses a second value for a member, a plain dictionary does not.
            dict.__setitem__(classdict, key, made)
        cls: Any = super().__new__(metacls, classname, bases, classdict, **kwds)
        for member, label in zip(cls.__members__.values(), labels, strict=True):
            member._label_ = label
        return enum.unique(cls)  # type: ignore[no-any-return]

    def __contains__(cls, member: object) -> bool:
        # Python 3.11 does not know values here.
        if not isinstance(member, enum.Enum):
            return member in cls._values()
        return super().__contains__(member)

    def _values(cls) -> list[Any]:
        members: Any = cls.__members__.values()
        return [member.value for member in members]

    @property
    def names(cls) -> list[str]:
        """The members' names."""
        empty = ["__empty__"] if hasattr(cls, "__empty__") else []
        return empty + list(cls.__members__)

    @property
    def choices(cls) -> list[tuple[Any, Any]]:
        """Pairs of value and label."""
        empty = [(None, cls.__empty__)] if hasattr(cls, "__empty__") else []
        members: Any = cls.__members__.values()
        return empty + [(member.value, member.label) for member in members]

    @property
    def labels(cls) -> list[Any]:
        """The members' labels."""
        return [label for _value, label in cls.choices]

    @property
    def values(cls) -> list[Any]:
        """The members' values."""
        return [value for value, _label in cls.choices]


class Choices(enum.Enum, metaclass=ChoicesType):
    """The base of enumerations with labels."""

    _label_: Any

    @enum_property
    def label(self) -> Any:
        """The text for people."""
        return self._label_

    # A template shows the class and its members; it does not call them.
    do_not_call_in_templates = enum.nonmember(True)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"{self.__class__.__qualname__}.{self._name_}"


class IntegerChoices(Choices, IntEnum):
    """Choices that are whole numbers."""


class TextChoices(Choices, StrEnum):
    """Choices that are text; `auto()` takes the member's name."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        del start, count, last_values
        return name


__all__ = ["Choices", "ChoicesType", "IntegerChoices", "TextChoices"]
