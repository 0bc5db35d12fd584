"""Our side: the same tables, answered by awaiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covet.conf import settings
from covet.database import orm, transaction
from covet.database.connections import connections
from covet.database.orm import functions
from covet.portal import wait
from tests.differential.answers import Answer, Side
from tests.differential.catalog import APP_LABEL, MODELS, declare
from tests.differential.django_side import is_transactional
from tests.differential.interpreter import Interpreter
from tests.differential.programs import Program


class CovetSide(Side):
    """CovetPy on the database of `database`.

    Args:
        database: a DatabaseConfig's arguments.
    """

    def __init__(self, database: Mapping[str, Any]) -> None:
        if not settings.is_configured:
            settings.configure(USE_TZ=False, VALIDATE_ON_SAVE=False)
        connections.configure({"default": database})
        self.declared = _declared_once()
        self.interpreter = Interpreter(orm, functions, self.declared)

    def ask(self, program: Program) -> Answer:
        adapter = connections["default"]
        made: list[str] = []

        def note(sql: str, _args: Sequence[Any], _seconds: float) -> None:
            if not is_transactional(sql):
                made.append(sql)

        try:
            return wait(self._ask(program, adapter, note, made))
        except Exception as error:
            return self.failed(error)

    async def _ask(self, program: Program, adapter: Any, note: Any, made: list[str]) -> Answer:
        async with transaction.Transaction(strict=False):
            adapter.query_hooks.append(note)
            try:
                value = await self._value(program)
            finally:
                adapter.query_hooks.remove(note)
            count = len(made)
            state = await self._state() if program.end[0] in {"update", "delete"} else None
            transaction.set_rollback(True)
        return Answer(value if state is None else (value, state), count, detail="\n".join(made))

    async def _value(self, program: Program) -> Any:
        shaped = self.interpreter.lazy(program)
        if shaped is not None:
            rows, row = shaped
            return [row(item) for item in await rows]
        made, end = self.interpreter.queryset(program), program.end
        if end[0] == "totals":
            one, two = map(self.interpreter.expression, end[1:])
            return await made.aggregate(one=one, two=two)
        if end[0] == "update":
            return await made.update(**{end[1]: self.interpreter.expression(end[2])})
        if end[0] in {"first", "last", "exists"}:
            found = await getattr(self.interpreter.ordered(made, end[1]), end[0])()
            return found if end[0] == "exists" else getattr(found, "pk", None)
        return await getattr(made, end[0])()

    async def _state(self) -> Any:
        return {name: list(await getattr(self.declared, name).objects.order_by("pk").values_list()) for name in MODELS}


_declared: dict[str, Any] = {}


def _declared_once() -> Any:
    if APP_LABEL not in _declared:
        _declared[APP_LABEL] = declare(orm)
    return _declared[APP_LABEL]
