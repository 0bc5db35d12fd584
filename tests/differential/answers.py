"""Asking both frameworks the same question, and comparing what they say."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from tests.differential.defects import ALIAS_COINCIDENCE
from tests.differential.interpreter import Interpreter
from tests.differential.programs import Program

# Errors of the database, under whatever class the driver gives them.
_DATABASE_ERRORS: Final = frozenset({"DataError", "ProgrammingError", "OperationalError", "InternalError"})


@dataclass(frozen=True)
class Answer:
    """What a program came to: rows or the name of an error, and how many queries were made."""

    value: Any
    queries: int
    error: str = ""
    detail: str = ""

    def agrees(self, other: Answer) -> bool:
        """Whether both say the same; after errors the number of queries does not matter.

        Where Django itself sends SQL that the database refuses, or that asks something else (see `defects`), there is
        nothing to agree with.
        """
        if self.error in {"DatabaseError", ALIAS_COINCIDENCE}:
            return True
        if self.error or other.error:
            return self.error == other.error
        return same(self.value, other.value) and self.queries == other.queries


class Side(abc.ABC):
    """One framework, connected."""

    interpreter: Interpreter

    @abc.abstractmethod
    def ask(self, program: Program) -> Answer:
        """Carry out a program; whatever it wrote is rolled back."""

    def failed(self, error: Exception) -> Answer:
        """The answer when `error` was raised."""
        name = type(error).__name__
        return Answer(None, 0, "DatabaseError" if name in _DATABASE_ERRORS else name, str(error))


def same(left: Any, right: Any) -> bool:
    """Equality of answers: types count, floats may differ in the last digits."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, UUID) and isinstance(right, UUID):
        return left == right  # the drivers have subclasses of their own
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(left, Decimal):
        return str(left.normalize()) == str(right.normalize()) or math.isclose(left, right, rel_tol=1e-12)
    return bool(left == right)
