"""How the framework stands against the denominator: outcome of every counted test, over the kept results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.django_suite import results
from tests.django_suite.denominator import Counted
from tests.django_suite.kit.queries import WRONG_COUNT

TALLIED: Final = ("pass", "fail", "error", "missing", "skip")
_FRAME: Final = re.compile(r'File "[^"]*?/((?:covet|tests/django_suite)/[^"]+)", line (\d+), in (\S+)')
_RAISED: Final = re.compile(r"(?!DETAIL|HINT|LINE)[A-Za-z_][\w.]*: ")
_VARIABLE: Final = (
    (re.compile(r"(/[\w.-]+){2,}"), "…"),
    (re.compile(r"0x[0-9a-f]+"), "0x…"),
    (re.compile(r"'[^']*'"), "'…'"),
    (re.compile(r'"[^"]*"'), '"…"'),
    (re.compile(r"\d+"), "N"),
)


@dataclass(frozen=True)
class Standing:
    """One counted test with what it came to."""

    test: Counted
    outcome: str
    message: str
    uncounted: str = ""

    @property
    def counts_differ(self) -> bool:
        """Whether the test fails by the number of its queries."""
        return self.outcome == "fail" and WRONG_COUNT in self.message


@dataclass
class Tally:
    """Outcomes of a group of tests."""

    counts: Counter[str] = field(default_factory=Counter)
    by_count_only: int = 0
    """Tests that pass when their number of queries is ignored."""

    @property
    def total(self) -> int:
        return sum(self.counts.values()) - self.counts["skip"]

    @property
    def share(self) -> float:
        return self.counts["pass"] / self.total if self.total else 1.0

    @property
    def uncounted_share(self) -> float:
        """The share that passes with `assertNumQueries` ignored."""
        return (self.counts["pass"] + self.by_count_only) / self.total if self.total else 1.0


def standings(counted: Iterable[Counted], *, subject: str, vendor: str) -> list[Standing]:
    """The counted tests that Django passes on `vendor`, with what the subject made of them."""
    wanted = [test for test in counted if vendor in test.vendors or vendor not in {"sqlite", "postgres"}]
    kept: dict[str, dict[str, Any]] = {}
    found = []
    for test in wanted:
        if test.app not in kept:
            kept[test.app] = results.read(subject, vendor, test.app) or {}
        found.append(_standing(test, kept[test.app]))
    return found


def _standing(test: Counted, result: dict[str, Any]) -> Standing:
    if not result:
        return Standing(test, "missing", "the app has not been run")
    record = result["tests"].get(test.name)
    if record is not None:
        return Standing(test, record["outcome"], record["message"], record.get("uncounted", ""))
    module, _, class_name = test.name.rpartition(".")[0].rpartition(".")
    reason = result.get("broken", {}).get(module, {}).get(class_name)
    if reason is None:
        errors = result["load_errors"]
        reason = errors.get(module) or errors.get(test.app) or "the test was not collected"
    return Standing(test, "missing", reason)


def tally(found: Iterable[Standing]) -> Tally:
    """The outcomes of `found`, counted."""
    made = Tally()
    for standing in found:
        made.counts[standing.outcome] += 1
        made.by_count_only += standing.uncounted == "pass"
    return made


@dataclass
class Cause:
    """Tests that fail alike: the same kind of message from the same place."""

    text: str
    place: str
    tests: list[Standing]

    @property
    def apps(self) -> list[str]:
        return [app for app, _ in Counter(standing.test.app for standing in self.tests).most_common()]


def causes(found: Iterable[Standing]) -> list[Cause]:
    """What did not pass, grouped by cause, the most frequent first."""
    groups: dict[tuple[str, str], Cause] = {}
    for standing in found:
        if standing.outcome in {"pass", "skip"}:
            continue
        text, place = cause_of(standing)
        groups.setdefault((text, place), Cause(text, place, [])).tests.append(standing)
    return sorted(groups.values(), key=lambda cause: -len(cause.tests))


def cause_of(standing: Standing) -> tuple[str, str]:
    """The message without what varies, and the deepest place in the framework that it came from."""
    lines = [line for line in standing.message.splitlines() if line.strip()]
    if not lines:
        return standing.outcome, ""
    if standing.outcome == "missing":
        named = [line for line in lines if "NotProvided" in line] or lines
        return f"missing: {named[-1].rpartition('NotProvided: ')[2][:200]}", ""
    if standing.counts_differ:
        return "number of queries", ""
    frames = _FRAME.findall(standing.message)
    inside = [frame for frame in frames if frame[0].startswith("covet/")]
    place = f"{inside[-1][0]} {inside[-1][2]}" if inside else ""
    raised = [line for line in lines if _RAISED.match(line)]
    text = raised[-1] if raised else lines[-1]
    for pattern, stand_in in _VARIABLE:
        # the name is the cause where an attribute is lacking
        if not (text.startswith("AttributeError") and "'" in pattern.pattern):
            text = pattern.sub(stand_in, text)
    return text[:160], place
