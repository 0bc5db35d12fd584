"""Output fields by name, so that expressions need not import fields.

Fields register themselves when their class is made; expressions ask for a shared instance.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any, Final

_CLASSES: dict[str, type[Any]] = {}
_INSTANCES: dict[str, Any] = {}

BY_TYPE: Final[dict[type[Any], str]] = {
    str: "CharField",
    bool: "BooleanField",
    int: "IntegerField",
    float: "FloatField",
    datetime.datetime: "DateTimeField",
    datetime.date: "DateField",
    datetime.time: "TimeField",
    datetime.timedelta: "DurationField",
    decimal.Decimal: "DecimalField",
    bytes: "BinaryField",
    bytearray: "BinaryField",
    memoryview: "BinaryField",
    uuid.UUID: "UUIDField",
}


def register_output(cls: type[Any], name: str | None = None) -> None:
    """Make the field class `cls` available to `output`, under its own name unless told.

    The first class of a name wins: a user's field of the same name as one of ours does not replace it.
    """
    _CLASSES.setdefault(name or cls.__name__, cls)


def output(name: str) -> Any:
    """A shared, unbound instance of the field class called `name`.

    Raises:
        LookupError: no field class of that name has been defined.
    """
    found = _INSTANCES.get(name)
    if found is None:
        try:
            cls = _CLASSES[name]
        except KeyError:
            known = ", ".join(sorted(_CLASSES)) or "none yet"
            raise LookupError(f"No field class is called {name!r}; the defined ones are: {known}") from None
        found = _INSTANCES[name] = cls()
    return found


def field_class(name: str) -> type[Any]:
    """The registered field class called `name`."""
    return type(output(name)) if name not in _CLASSES else _CLASSES[name]


def is_a(field: Any, *names: str) -> bool:
    """Whether `field` is an instance of one of the named field classes."""
    return any(name in _CLASSES and isinstance(field, _CLASSES[name]) for name in names)


def output_for(kind: type[Any]) -> Any | None:
    """The output field of Python values of type `kind`; None when there is none."""
    for base in kind.__mro__:
        if base in BY_TYPE:
            return output(BY_TYPE[base])
    return None


class OutputField:
    """A class attribute that is the shared field of that name: `output_field = OutputField('IntegerField')`.

    An instance's own `output_field` takes precedence.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        return output(self.name)
