"""Changes: how often this task and its kin wrote to a database; adapters count, caches of reads compare.

It tells no more than "something may be different now".
"""

from __future__ import annotations

from contextvars import ContextVar

_changes: ContextVar[list[int]] = ContextVar("covet_database_changes")


def changes_here() -> list[int]:
    """The counter (a list of one) of the running context; tasks started from here share it."""
    try:
        return _changes.get()
    except LookupError:
        counter = [0]
        _changes.set(counter)
        return counter


def note_change() -> None:
    """Count one write, or the end of a transaction."""
    changes_here()[0] += 1
