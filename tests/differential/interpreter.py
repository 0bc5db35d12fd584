"""What a program means: its nodes turned into the calls of either framework, whose names are the same."""

from __future__ import annotations

import functools
import operator
from types import SimpleNamespace
from typing import Any, Final

from tests.differential.catalog import MODELS
from tests.differential.expressions import Node
from tests.differential.programs import Program

OPERATORS: Final = {"plus": operator.add, "minus": operator.sub, "times": operator.mul, "mod": operator.mod}
JOINERS: Final = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}


class Interpreter:
    """Builds one framework's QuerySets.

    Args:
        models: `django.db.models` or `covet.database.orm`.
        functions: its database functions.
        declared: its classes of the catalog's models.
    """

    def __init__(self, models: Any, functions: Any, declared: SimpleNamespace) -> None:
        self.models = models
        self.functions = functions
        self.declared = declared

    def queryset(self, program: Program) -> Any:
        """The lazy QuerySet of a program's steps."""
        return self.stepped(getattr(self.declared, program.model).objects.all(), program.steps)

    def stepped(self, made: Any, steps: tuple[Node, ...]) -> Any:
        """A QuerySet with the steps taken from it."""
        for step in steps:
            if step[0] == "annotate":
                made = made.annotate(**{step[1]: self.expression(step[2])})
            else:
                made = getattr(made, step[0])(self.condition(step[1]))
        return made

    def condition(self, node: Node) -> Any:
        """A Q, or an expression that filters."""
        kind = node[0]
        if kind == "is":
            value = self.expression(node[2]) if _is_node(node[2]) else node[2]
            return self.models.Q(**{node[1]: value})
        if kind == "exists":
            _, model, key, inner = node
            rows = getattr(self.declared, model).objects.filter(**{key: self.models.OuterRef("pk")})
            return self.models.Q(self.models.Exists(rows.filter(self.condition(inner))))
        if kind == "not":
            return ~self.condition(node[1])
        return JOINERS[kind](self.condition(node[1]), self.condition(node[2]))

    def expression(self, node: Node) -> Any:
        """A column, a value, a function call, an aggregate, a Case."""
        kind = node[0]
        if kind == "f":
            return self.models.F(node[1])
        if kind == "value":
            return self.models.Value(node[1])
        if kind == "call":
            return getattr(self.functions, node[1])(*map(self.expression, node[2:]))
        if kind == "case":
            when = self.models.When(self.condition(node[1]), then=self.expression(node[2]))
            return self.models.Case(when, default=self.expression(node[3]))
        if kind == "aggregate":
            _, name, path, distinct, condition = node
            options: dict[str, Any] = {"filter": self.condition(condition)} if condition else {}
            if distinct:
                options["distinct"] = True
            return getattr(self.models, name)(path, **options)
        if kind == "window":
            _, name, arguments, partition = node
            function = getattr(self.functions, name, None) or getattr(self.models, name)
            parts = {"partition_by": [self.models.F(partition)]} if partition else {}
            made = function(*(one[1] if one[0] == "value" else self.expression(one) for one in arguments))
            return self.models.Window(made, order_by=[self.models.F("pk").asc()], **parts)
        if kind == "first_of":
            _, model, key, condition, order, field = node
            rows = getattr(self.declared, model).objects.filter(**{key: self.models.OuterRef("pk")})
            return self.models.Subquery(rows.filter(self.condition(condition)).order_by(order).values(field)[:1])
        return OPERATORS[kind](self.expression(node[1]), self.expression(node[2]))

    def ordered(self, made: Any, order: Node) -> Any:
        """`order_by` with the terms of `order`."""
        return made.order_by(*map(self._term, order))

    def _term(self, term: Any) -> Any:
        if isinstance(term, str):
            return term
        if term[0] == "by":
            return getattr(self.expression(term[2]), term[1])()
        direction, name, nulls = term
        return getattr(self.models.F(name), direction)(**{f"nulls_{nulls}": True})

    # -- ends ------------------------------------------------------------------------------------------------------

    def lazy(self, program: Program) -> tuple[Any, Any] | None:
        """The QuerySet whose rows are the answer and what makes a comparable of each; None for other ends."""
        end, made = program.end, self.queryset(program)
        shape = getattr(self, f"_end_{end[0]}", None)
        return None if shape is None else shape(program, made, *end[1:])

    def _end_rows(self, program: Program, made: Any, order: Node, window: Any, extra: Any) -> tuple[Any, Any]:
        return self._windowed(made, order, window), functools.partial(_attributes, program.model, extra)

    def _end_later(
        self, program: Program, made: Any, order: Node, steps: Any, window: Any, extra: Any
    ) -> tuple[Any, Any]:
        names = (*extra, *(step[1] for step in steps if step[0] == "annotate"))
        made = self._sliced(self.stepped(self.ordered(made, order), steps), window)
        return made, functools.partial(_attributes, program.model, names)

    def _end_distinct(self, program: Program, made: Any, names: Any) -> tuple[Any, Any]:
        return made.order_by(*names).values(*names).distinct(), dict

    def _end_moments(
        self, program: Program, made: Any, method: str, name: str, part: str, direction: str
    ) -> tuple[Any, Any]:
        return getattr(made, method)(name, part, order=direction), _same

    def _end_values(self, program: Program, made: Any, order: Node, window: Any, names: Any) -> tuple[Any, Any]:
        return self._windowed(made, order, window).values(*dict.fromkeys(names)), dict

    def _end_flat(self, program: Program, made: Any, order: Node, window: Any, name: str) -> tuple[Any, Any]:
        return self._windowed(made, order, window).values_list(name, flat=True), _same

    def _end_related(self, program: Program, made: Any, order: Node, window: Any, name: str) -> tuple[Any, Any]:
        target = MODELS[program.model].forward[name]

        def row(instance: Any) -> Any:
            related = getattr(instance, name)
            return instance.pk, None if related is None else _attributes(target, (), related)

        return self._windowed(made.select_related(name), order, window), row

    def _end_prefetched(self, program: Program, made: Any, order: Node, window: Any, name: str) -> tuple[Any, Any]:
        def row(instance: Any) -> Any:
            return instance.pk, sorted(related.pk for related in getattr(instance, name).all())

        return self._windowed(made.prefetch_related(name), order, window), row

    def _end_groups(self, program: Program, made: Any, name: str, aggregate: Node) -> tuple[Any, Any]:
        return made.values(name).annotate(total=self.expression(aggregate)).order_by(name, "total"), dict

    def _end_combined(self, program: Program, made: Any, method: str, condition: Node) -> tuple[Any, Any]:
        other = getattr(self.declared, program.model).objects.filter(self.condition(condition))
        left, right = made.values_list("pk"), other.values_list("pk")
        return getattr(left, method)(right).order_by("pk"), tuple

    def _end_partial(self, program: Program, made: Any, method: str, names: Any, order: Node) -> tuple[Any, Any]:
        def row(instance: Any) -> Any:
            return {name: value for name, value in vars(instance).items() if not name.startswith("_")}

        return self.ordered(getattr(made, method)(*names), order), row

    def _windowed(self, made: Any, order: Node, window: Any) -> Any:
        return self._sliced(self.ordered(made, order), window)

    def _sliced(self, made: Any, window: Any) -> Any:
        start, stop = window
        return made if (start, stop) == (None, None) else made[start:stop]


def _is_node(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and value[0] in {"f", "value", *OPERATORS}


def _same(value: Any) -> Any:
    return value


def _attributes(model: str, extra: Any, instance: Any) -> dict[str, Any]:
    """An instance's columns, foreign keys and annotations."""
    described = MODELS[model]
    names = [*described.fields, *(f"{name}_id" for name in described.forward), *extra]
    return {name: getattr(instance, name) for name in names}
