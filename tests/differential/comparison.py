"""Running both sides over many programs; also the long mode: `python -m tests.differential --cases 20000`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.differential.answers import Answer
from tests.differential.covet_side import CovetSide
from tests.differential.django_side import DjangoSide
from tests.differential.programs import Program, programs
from tests.differential.rows import rows_for

CASES_PER_WORLD: Final = 250


class Difference(AssertionError):
    """The frameworks disagree; hypothesis shows the smallest program that makes them."""


@dataclass
class Comparison:
    """Both sides on the same tables.

    Attributes:
        cases: how many programs were compared, shrinking not counted.
        differences: what was found.
        outcomes: how many ended in rows, and in which errors.
    """

    django: DjangoSide
    covet: CovetSide
    cases: int = 0
    differences: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def check(self, program: Program) -> None:
        """Ask both.

        Raises:
            Difference: they disagree in rows, their order, their types, or the number of queries.
        """
        theirs, ours = self.django.ask(program), self.covet.ask(program)
        self.cases += 1
        kind = theirs.error or "answered"
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        if not theirs.agrees(ours):
            raise Difference(_explanation(program, theirs, ours))

    def run(self, *, cases: int, first_seed: int, say: Callable[[str], None] = print) -> None:
        """Compare `cases` random programs, over a new set of rows every CASES_PER_WORLD.

        Of each set of rows the first program that differs is kept, made as small as it goes.
        """
        for number, start in enumerate(range(0, cases, CASES_PER_WORLD)):
            chosen = first_seed + number
            self.django.fill(*rows_for(chosen))
            say(f"differential: rows and programs of seed {chosen}")
            try:
                self._run_world(chosen, min(CASES_PER_WORLD, cases - start))
            except Difference as difference:
                self.differences.append(str(difference))
                say(str(difference))

    def _run_world(self, chosen: int, cases: int) -> None:
        @seed(chosen)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            print_blob=False,
        )
        @given(programs())
        def compare(program: Program) -> None:
            self.check(program)

        compare()


def first_seed() -> int:
    """The seed of a run: COVET_DIFFERENTIAL_SEED, or a new one."""
    named = os.environ.get("COVET_DIFFERENTIAL_SEED")
    return int(named) if named else int.from_bytes(os.urandom(3))


def _explanation(program: Program, theirs: Answer, ours: Answer) -> str:
    def told(answer: Answer) -> str:
        said: Any = f"{answer.error}: {answer.detail}" if answer.error else answer.value
        return f"{said!r:.3000} in {answer.queries} queries"

    return f"{program}\nDjango:  {told(theirs)}\nCovetPy: {told(ours)}\n{'' if ours.error else ours.detail}"
