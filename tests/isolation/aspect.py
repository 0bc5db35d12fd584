"""One thing that all tests share: how to look at it, what to say of a change, how to put it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NOTHING = object()


class Aspect:
    """One thing that all tests share."""

    name = ""

    def look(self) -> Any:
        """How it is, to be compared and put back."""
        raise NotImplementedError

    def put_back(self, before: Any) -> None:
        """Make it what it was."""
        raise NotImplementedError

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        """What changed that should not have."""
        if not (isinstance(before, dict) and isinstance(now, dict)):
            yield f"{before!r:.200} became {now!r:.200}"
            return
        for key in {**before, **now}:
            was, became = before.get(key, NOTHING), now.get(key, NOTHING)
            if was is NOTHING:
                yield f"{key!r} ({became!r:.200}) was added"
            elif became is NOTHING:
                yield f"{key!r} ({was!r:.200}) was removed"
            elif was != became:
                yield from (f"{key!r}: {text}" for text in Aspect.complaints(self, was, became))
