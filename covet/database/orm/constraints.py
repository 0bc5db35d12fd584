"""Constraints as `Meta.constraints` declares them; how they are checked against rows is added from above."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, ClassVar, Self

from covet.database.orm.expressions.refs import F
from covet.exceptions import ValidationError
from covet.utils.translation import gettext_lazy as _


class Validation:
    """How constraints are validated; each is an async function that the query floors fill in."""

    check: Callable[..., Any]
    unique: Callable[..., Any]
    exclusion: Callable[..., Any]


class BaseConstraint:
    """What every constraint has.

    Args:
        name: its name.
        violation_error_code: the code of the error that validation raises.
        violation_error_message: its text; `%(name)s` is the constraint's name.
    """

    default_violation_error_message: ClassVar[Any] = _("Constraint “%(name)s” is violated.")
    violation_error_code: str | None = None
    violation_error_message: Any = None
    non_db_attrs: ClassVar[tuple[str, ...]] = ("violation_error_code", "violation_error_message")

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        violation_error_code: str | None = None,
        violation_error_message: Any = None,
    ) -> None:
        if args:
            warnings.warn(
                f"Passing positional arguments to {type(self).__name__} is deprecated.",
                DeprecationWarning,
                stacklevel=2,
            )
            name, violation_error_message = (*args, violation_error_message)[:2]
        if name is None:
            message = f"{type(self).__qualname__}.__init__() missing 1 required keyword-only argument: 'name'"
            raise TypeError(message)
        self.name = name
        if violation_error_code is not None:
            self.violation_error_code = violation_error_code
        if violation_error_message and violation_error_message != self.default_violation_error_message:
            self.violation_error_message = violation_error_message
        else:
            self.violation_error_message = self.default_violation_error_message

    @property
    def contains_expressions(self) -> bool:
        """Whether it is over expressions."""
        return False

    def get_violation_error_message(self) -> str:
        """The text for people."""
        return str(self.violation_error_message % {"name": self.name})

    def violated(self) -> ValidationError:
        """The error that says so."""
        return ValidationError(self.get_violation_error_message(), code=self.violation_error_code)

    async def validate(self, model: Any, instance: Any, exclude: Any = None, using: str | None = None) -> None:
        """Check the constraint for one instance.

        Raises:
            ValidationError: it is violated.
        """
        raise self._unfinished("validate")

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """The constraint as a part of CREATE TABLE; for classes of a project's own."""
        raise self._unfinished("constraint_sql")

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        """The statement that adds it; for classes of a project's own."""
        raise self._unfinished("create_sql")

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        """The statement that drops it; for classes of a project's own."""
        raise self._unfinished("remove_sql")

    def _unfinished(self, method: str) -> NotImplementedError:
        text = f"This method must be implemented by a subclass. {type(self).__name__} defines no {method}()"
        return NotImplementedError(text)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """(import path, arguments, keywords) that make an equal constraint."""
        keywords: dict[str, Any] = {"name": self.name}
        if (
            self.violation_error_message is not None
            and self.violation_error_message != self.default_violation_error_message
        ):
            keywords["violation_error_message"] = self.violation_error_message
        if self.violation_error_code is not None:
            keywords["violation_error_code"] = self.violation_error_code
        ours = type(self).__module__ == __name__
        module = "covet.database.orm" if ours else type(self).__module__
        return f"{module}.{type(self).__name__}", (), keywords

    def clone(self) -> Self:
        """An equal constraint."""
        _path, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs)

    def _texts(self) -> tuple[Any, Any]:
        return self.violation_error_code, self.violation_error_message

    def _repr(self, *parts: tuple[str, Any, bool]) -> str:
        given = "".join(f" {name}={text}" for name, text, shown in parts if shown)
        if self.violation_error_code is not None:
            given += f" violation_error_code={self.violation_error_code!r}"
        if (
            self.violation_error_message is not None
            and self.violation_error_message != self.default_violation_error_message
        ):
            given += f" violation_error_message={self.violation_error_message!r}"
        return f"<{type(self).__qualname__}:{given}>"


def _warn_of_check() -> None:
    text = "CheckConstraint.check is deprecated in favor of `.condition`."
    warnings.warn(text, DeprecationWarning, stacklevel=3)


class CheckConstraint(BaseConstraint):
    """A condition that every row meets.

    Args:
        condition: a Q or a conditional expression.
        name, violation_error_code, violation_error_message: as in `BaseConstraint`.
        check: the older name of `condition`.
    """

    def __init__(
        self,
        *,
        condition: Any = None,
        name: str,
        violation_error_code: str | None = None,
        violation_error_message: Any = None,
        check: Any = None,
    ) -> None:
        if check is not None:
            _warn_of_check()
            condition = check
        self.condition = condition
        if not getattr(condition, "conditional", False):
            raise TypeError("CheckConstraint.condition must be a Q instance or boolean expression.")
        super().__init__(
            name=name,
            violation_error_code=violation_error_code,
            violation_error_message=violation_error_message,
        )

    @property
    def check(self) -> Any:
        """The older name of `condition`."""
        _warn_of_check()
        return self.condition

    @check.setter
    def check(self, condition: Any) -> None:
        _warn_of_check()
        self.condition = condition

    async def validate(self, model: Any, instance: Any, exclude: Any = None, using: str | None = None) -> None:
        await Validation.check(self, model, instance, exclude, using)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs["condition"] = self.condition
        return path, args, kwargs

    def __repr__(self) -> str:
        return self._repr(("condition", self.condition, True), ("name", repr(self.name), True))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CheckConstraint):
            return (self.name, self.condition, *self._texts()) == (other.name, other.condition, *other._texts())
        return NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class Deferrable(Enum):
    """When a deferrable constraint is checked."""

    DEFERRED = "deferred"
    IMMEDIATE = "immediate"

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}.{self._name_}"


class UniqueConstraint(BaseConstraint):
    """No two rows have the same values.

    Args:
        *expressions: expressions that make the value, instead of fields.
        fields: field names.
        name: its name.
        condition: a Q: only rows that meet it are compared.
        deferrable: when it is checked.
        include: names of further fields kept in the index.
        opclasses: PostgreSQL's operator classes, one for each field.
        nulls_distinct: False makes two NULLs equal.
        violation_error_code, violation_error_message: as in `BaseConstraint`.

    Raises:
        ValueError, TypeError: options that do not go together.
    """

    def __init__(
        self,
        *expressions: Any,
        fields: Sequence[str] = (),
        name: str | None = None,
        condition: Any = None,
        deferrable: Deferrable | None = None,
        include: Sequence[str] | None = None,
        opclasses: Sequence[str] = (),
        nulls_distinct: bool | None = None,
        violation_error_code: str | None = None,
        violation_error_message: Any = None,
    ) -> None:
        if not name:
            raise ValueError("A unique constraint must be named.")
        if not expressions and not fields:
            raise ValueError("At least one field or expression is required to define a unique constraint.")
        if expressions and fields:
            raise ValueError("UniqueConstraint.fields and expressions are mutually exclusive.")
        if condition is not None and not (getattr(condition, "conditional", False) and hasattr(condition, "connector")):
            raise ValueError("UniqueConstraint.condition must be a Q instance.")
        if condition and deferrable:
            raise ValueError("UniqueConstraint with conditions cannot be deferred.")
        if include and deferrable:
            raise ValueError("UniqueConstraint with include fields cannot be deferred.")
        if opclasses and deferrable:
            raise ValueError("UniqueConstraint with opclasses cannot be deferred.")
        if expressions and deferrable:
            raise ValueError("UniqueConstraint with expressions cannot be deferred.")
        if expressions and opclasses:
            raise ValueError(
                "UniqueConstraint.opclasses cannot be used with expressions. Use "
                "covet.database.orm.indexes.OpClass() instead."
            )
        if not isinstance(deferrable, (type(None), Deferrable)):
            raise TypeError("UniqueConstraint.deferrable must be a Deferrable instance.")
        if not isinstance(include, (type(None), list, tuple)):
            raise TypeError("UniqueConstraint.include must be a list or tuple.")
        if not isinstance(opclasses, (list, tuple)):
            raise TypeError("UniqueConstraint.opclasses must be a list or tuple.")
        if not isinstance(nulls_distinct, (type(None), bool)):
            raise TypeError("UniqueConstraint.nulls_distinct must be a bool.")
        if opclasses and len(fields) != len(opclasses):
            raise ValueError(
                "UniqueConstraint.fields and UniqueConstraint.opclasses must have the same number of elements."
            )
        self.fields = tuple(fields)
        self.condition = condition
        self.deferrable = deferrable
        self.include = tuple(include) if include else ()
        self.opclasses = opclasses
        self.nulls_distinct = nulls_distinct
        self.expressions = tuple(F(one) if isinstance(one, str) else one for one in expressions)
        super().__init__(
            name=name,
            violation_error_code=violation_error_code,
            violation_error_message=violation_error_message,
        )

    @property
    def contains_expressions(self) -> bool:
        return bool(self.expressions)

    async def validate(self, model: Any, instance: Any, exclude: Any = None, using: str | None = None) -> None:
        await Validation.unique(self, model, instance, exclude, using)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, _args, kwargs = super().deconstruct()
        if self.fields:
            kwargs["fields"] = self.fields
        for option in ("condition", "deferrable", "include", "opclasses"):
            if getattr(self, option):
                kwargs[option] = getattr(self, option)
        if self.nulls_distinct is not None:
            kwargs["nulls_distinct"] = self.nulls_distinct
        return path, self.expressions, kwargs

    def __repr__(self) -> str:
        return self._repr(
            ("fields", repr(self.fields), bool(self.fields)),
            ("expressions", repr(self.expressions), bool(self.expressions)),
            ("name", repr(self.name), True),
            ("condition", self.condition, self.condition is not None),
            ("deferrable", repr(self.deferrable), self.deferrable is not None),
            ("include", repr(self.include), bool(self.include)),
            ("opclasses", repr(self.opclasses), bool(self.opclasses)),
            ("nulls_distinct", repr(self.nulls_distinct), self.nulls_distinct is not None),
        )

    def _key(self) -> tuple[Any, ...]:
        return (
            self.name,
            self.fields,
            self.condition,
            self.deferrable,
            self.include,
            tuple(self.opclasses),
            self.expressions,
            self.nulls_distinct,
            *self._texts(),
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, UniqueConstraint) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class ExclusionConstraint(BaseConstraint):
    """No two rows overlap (PostgreSQL).

    Args:
        name: its name.
        expressions: pairs of an expression and an operator, such as `('room', '=')`.
        index_type: `GIST` or `SPGIST` (or `HASH`).
        condition: a Q: only rows that meet it are compared.
        deferrable: when it is checked.
        include: names of further fields kept in the index.
        violation_error_code, violation_error_message: as in `BaseConstraint`.

    Raises:
        ValueError: options that do not go together.
    """

    template = "CONSTRAINT %(name)s EXCLUDE USING %(index_type)s (%(expressions)s)%(include)s%(where)s%(deferrable)s"

    def __init__(
        self,
        *,
        name: str,
        expressions: Sequence[tuple[Any, str]],
        index_type: str | None = None,
        condition: Any = None,
        deferrable: Deferrable | None = None,
        include: Sequence[str] | None = None,
        violation_error_code: str | None = None,
        violation_error_message: Any = None,
    ) -> None:
        if index_type and index_type.lower() not in {"gist", "hash", "spgist"}:
            raise ValueError("Exclusion constraints only support GiST, Hash, or SP-GiST indexes.")
        if not expressions:
            raise ValueError("At least one expression is required to define an exclusion constraint.")
        if not all(isinstance(one, (list, tuple)) and len(one) == 2 for one in expressions):
            raise ValueError("The expressions must be a list of 2-tuples.")
        if condition is not None and not hasattr(condition, "connector"):
            raise ValueError("ExclusionConstraint.condition must be a Q instance.")
        if not isinstance(deferrable, (type(None), Deferrable)):
            raise ValueError("ExclusionConstraint.deferrable must be a Deferrable instance.")
        if not isinstance(include, (type(None), list, tuple)):
            raise ValueError("ExclusionConstraint.include must be a list or tuple.")
        if index_type and index_type.lower() == "hash":
            if include:
                raise ValueError("Covering exclusion constraints using Hash indexes are not supported.")
            if len(expressions) > 1:
                raise ValueError("Composite exclusion constraints using Hash indexes are not supported.")
        self.expressions = expressions
        self.index_type = index_type or "GIST"
        self.condition = condition
        self.deferrable = deferrable
        self.include = tuple(include) if include else ()
        super().__init__(
            name=name,
            violation_error_code=violation_error_code,
            violation_error_message=violation_error_message,
        )

    async def validate(self, model: Any, instance: Any, exclude: Any = None, using: str | None = None) -> None:
        await Validation.exclusion(self, model, instance, exclude, using)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs["expressions"] = self.expressions
        if self.index_type.lower() != "gist":
            kwargs["index_type"] = self.index_type
        for option in ("condition", "deferrable", "include"):
            if getattr(self, option):
                kwargs[option] = getattr(self, option)
        return path, args, kwargs

    def __repr__(self) -> str:
        return self._repr(
            ("index_type", repr(self.index_type), True),
            ("expressions", repr(self.expressions), True),
            ("name", repr(self.name), True),
            ("condition", self.condition, self.condition is not None),
            ("deferrable", repr(self.deferrable), self.deferrable is not None),
            ("include", repr(self.include), bool(self.include)),
        )

    def _key(self) -> tuple[Any, ...]:
        expressions = [tuple(one) for one in self.expressions]
        return (
            self.name,
            self.index_type,
            expressions,
            self.condition,
            self.deferrable,
            self.include,
            *self._texts(),
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, ExclusionConstraint) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.name))


__all__ = ["BaseConstraint", "CheckConstraint", "Deferrable", "ExclusionConstraint", "UniqueConstraint"]
