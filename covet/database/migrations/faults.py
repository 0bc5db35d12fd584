"""What a database's error means to the runner: wait and try again, already done, or stop."""

from __future__ import annotations

from collections.abc import Iterator

_LOCK_STATES = frozenset({"55P03", "40P01"})
_LOCK_NUMBERS = frozenset({1205, 1213})
_DONE_STATES = frozenset({"42P07", "42701", "42710", "42P06", "42P01", "42703", "42704"})
_DONE_NUMBERS = frozenset({1050, 1051, 1054, 1060, 1061, 1091, 1146, 1826})
_DONE_TEXTS = ("already exists", "duplicate column", "no such table", "no such column", "no such index")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        todo += [getattr(each, "orig", None), each.__cause__]


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of an error or of what caused it."""
    for each in _chain(error):
        state = getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def _number(error: BaseException) -> int | None:
    for each in _chain(error):
        if each.args and isinstance(each.args[0], int):
            return each.args[0]
    return None


def is_lock_timeout(error: BaseException) -> bool:
    """Whether a lock did not come in time, so that the step was undone and may be tried again."""
    return sqlstate(error) in _LOCK_STATES or _number(error) in _LOCK_NUMBERS or is_busy(error)


def is_busy(error: BaseException) -> bool:
    """Whether another connection is writing to this SQLite file."""
    return any("database is locked" in str(each) or "database table is locked" in str(each) for each in _chain(error))


def is_already_done(error: BaseException) -> bool:
    """Whether the error says that what was to be made is there, or what was to be dropped is gone."""
    text = str(error).lower()
    return (
        sqlstate(error) in _DONE_STATES or _number(error) in _DONE_NUMBERS or any(each in text for each in _DONE_TEXTS)
    )
