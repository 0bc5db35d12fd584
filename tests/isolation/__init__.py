"""What a test may not leave behind in the process: looked at before and after it, put back, and reported.

The fixture `isolation` of tests/conftest.py stands around every test and the fixtures of its own; what a fixture of the
module or the session changes is there before it, and after it still. Models that a test defines in the process's
registry are taken out without a word.
"""

from __future__ import annotations

from tests.isolation import house, process
from tests.isolation.aspect import Aspect
from tests.isolation.definitions import Definitions

ASPECTS: tuple[Aspect, ...] = (
    process.Modules(), process.Environment(), process.Folder(), process.Lists(), process.Switches(),
    process.SignalHandlers(), process.EventLoops(), process.Loggers(),
    house.Context(), house.Settings(), house.Connections(), house.Receivers(), house.Lookups(), house.Registers(),
    house.Taken(), house.Catalog(),
)  # fmt: skip


class Isolation:
    """The process as it is before a test."""

    def __init__(self) -> None:
        self._definitions = Definitions()
        self._before = [(aspect, aspect.look()) for aspect in ASPECTS]

    def restore(self) -> list[str]:
        """Put everything back.

        Returns:
            What the test should have put back itself, in words.
        """
        problems = []
        for aspect, before in self._before:
            now = aspect.look()
            if now is before or now == before:
                continue
            found = list(aspect.complaints(before, now))
            if found:
                problems.append(f"{aspect.name}: {', '.join(found)}")
            aspect.put_back(before)
        return problems + self._definitions.restore()
