"""Running test apps in one process, inside one portal; what each test came to."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import signal
import sys
import time
import traceback
import types
import unittest
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from covet.portal import in_portal, install, portal
from tests.django_suite import loader, shim
from tests.django_suite.apps import APPS
from tests.django_suite.kit import cases
from tests.django_suite.kit.modules import MODULES
from tests.django_suite.kit.queries import WRONG_COUNT, AssertNumQueries
from tests.django_suite.mutants import MUTANTS
from tests.django_suite.shim import Missing, NotProvided, namespace
from tests.django_suite.subjects import subject_named
from tests.django_suite.waiting import portals_in_threads

TEST_SECONDS: Final = 60.0
LONGEST_MESSAGE: Final = 3000


@dataclasses.dataclass
class Outcome:
    """What one test came to: pass, fail, error, missing, skip.

    Attributes:
        uncounted: what a test that failed by its number of queries came to when that was ignored.
    """

    outcome: str
    message: str = ""
    seconds: float = 0.0
    query_counts: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    calls: int = 0
    uncounted: str = ""


@dataclasses.dataclass
class Run:
    """The outcome of a process's run."""

    tests: dict[str, Outcome] = dataclasses.field(default_factory=dict)
    load_errors: dict[str, str] = dataclasses.field(default_factory=dict)
    table_errors: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    missing: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class TestTimeout(BaseException):
    """A test took longer than TEST_SECONDS."""


class Result(unittest.TestResult):
    """Collects outcomes by test id; a class or module that could not be set up counts for all its tests."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run_record = run
        self.groups: dict[str, Outcome] = {}
        self._started = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        namespace.subject.calls.clear()
        self._started = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, TEST_SECONDS)

    def stopTest(self, test: unittest.TestCase) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)

    def _record(self, test: Any, outcome: str, message: str = "") -> None:
        record = Outcome(
            outcome,
            message,
            round(time.perf_counter() - self._started, 4),
            getattr(test, "__dict__", {}).get("query_counts", []),
            sum(namespace.subject.calls.values()),
        )
        if not isinstance(test, unittest.TestCase):
            # unittest's stand-in for `setUpClass (module.Class)`
            self.groups[test.id().partition("(")[2].rstrip(")")] = record
            return
        before = self.run_record.tests.get(test.id())
        if before is None or before.outcome in {"pass", "skip"}:
            self.run_record.tests[test.id()] = record

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._record(test, "pass")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._record(test, kind_of(err[1], "fail"), text_of(err))

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self._record(test, kind_of(err[1], "error"), text_of(err))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._record(test, "skip", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._record(test, "pass", "failed as expected")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._record(test, "fail", "passed although a failure was expected")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            failed = isinstance(err[1], test.failureException)
            self._record(test, kind_of(err[1], "fail" if failed else "error"), f"{subtest}\n{text_of(err)}")


def kind_of(error: BaseException | None, default: str) -> str:
    """`missing` when a name that the subject lacks is at the bottom of `error`."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, NotProvided):
            return "missing"
        error, seen = error.__cause__ or error.__context__, seen + 1
    return default


def text_of(err: Any) -> str:
    """The traceback's end, where the cause is."""
    return "".join(traceback.format_exception(*err))[-LONGEST_MESSAGE:]


def run_apps(
    apps: Sequence[str],
    *,
    subject: str,
    vendor: str,
    root: Path,
    strict: bool = True,
    only: str = "",
    hidden: Iterable[str] = (),
    mutant: str = "",
) -> Run:
    """Run the tests of `apps` in this process.

    Args:
        apps: names of Django's test apps.
        subject: `covet` or `oracle`.
        vendor: `sqlite`, `postgres` or `mysql`.
        root: Django's tests folder.
        strict: whether `assertNumQueries` fails a test or only records.
        only: a part of the test ids to run.
        hidden: names to pretend absent, to rehearse `missing`.
        mutant: a semantic to break, to see that tests turn red.
    """
    warnings.simplefilter("ignore")
    AssertNumQueries.strict = strict
    chosen = subject_named(subject)
    chosen.kit = MODULES
    if hidden:
        _hide(chosen, frozenset(hidden))
    sys.path.insert(0, str(root))
    namespace.install(chosen)
    # Some apps take tests from others.
    loader.install(root, {*apps, *APPS})
    run = Run()

    portals_in_threads(apps)

    async def whole() -> None:
        install(asyncio.get_running_loop())
        task = asyncio.current_task()
        signal.signal(signal.SIGALRM, lambda *_: _interrupt(task))
        await portal(_inside(run, apps, vendor, root, only, mutant))

    asyncio.run(whole())
    return run


def _interrupt(task: asyncio.Task[Any] | None) -> None:
    if in_portal():
        raise TestTimeout(f"took longer than {TEST_SECONDS:.0f} s")
    if task is not None:
        task.cancel(f"took longer than {TEST_SECONDS:.0f} s")


async def _inside(run: Run, apps: Sequence[str], vendor: str, root: Path, only: str, mutant: str) -> None:
    subject = namespace.subject
    started = time.perf_counter()
    await subject.prepare(apps, vendor)
    if mutant:
        MUTANTS[mutant](subject)
    try:
        run.table_errors = await subject.create_tables(apps)
        tests = [test for test in _collect(run, apps, root) if only in test.id()]
        # Tests in transactions come first, as Django's runner has it.
        tests.sort(key=_stage)
        result = Result(run)
        unittest.TestSuite(tests).run(result)
        _spread_groups(run, result, tests)
        _ignore_counts(run, tests)
    finally:
        await subject.close()
    run.broken = {module: names for module, names in namespace.broken.items() if names}
    run.missing = sorted(name for name, found in namespace.used.items() if not found)
    run.seconds = round(time.perf_counter() - started, 2)


def _collect(run: Run, apps: Sequence[str], root: Path) -> Iterator[unittest.TestCase]:
    for app in apps:
        for file in sorted((root / app).rglob("test*.py")):
            dotted = ".".join(file.relative_to(root).with_suffix("").parts)
            try:
                module = importlib.import_module(dotted)
            except unittest.SkipTest as skip:
                run.load_errors[dotted] = f"skip: {skip}"
            except Exception:
                run.load_errors[dotted] = traceback.format_exc()[-LONGEST_MESSAGE:]
            else:
                yield from _tests_of(module)


def _tests_of(module: types.ModuleType) -> Iterator[unittest.TestCase]:
    absent = [name for name, value in module.__dict__.items() if isinstance(value, Missing)]
    present = {name: value for name, value in module.__dict__.items() if name not in absent and name != "load_tests"}
    stand_in = types.ModuleType(module.__name__)
    stand_in.__dict__.update(present)
    yield from _flat(unittest.defaultTestLoader.loadTestsFromModule(stand_in))


def _flat(suite: Iterable[Any]) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flat(test)
        else:
            yield test


def _stage(test: unittest.TestCase) -> int:
    if isinstance(test, cases.TestCase):
        return 0
    return 2 if isinstance(test, cases.TransactionTestCase) else 1


def _spread_groups(run: Run, result: Result, tests: Iterable[unittest.TestCase]) -> None:
    for test in tests:
        name = test.id()
        if name in run.tests:
            continue
        group = result.groups.get(name.rpartition(".")[0]) or result.groups.get(type(test).__module__)
        run.tests[name] = group or Outcome("error", "the test did not run")


def _ignore_counts(run: Run, tests: Iterable[unittest.TestCase]) -> None:
    """Run what failed by its number of queries once more, without looking at numbers."""
    again = [type(test)(test._testMethodName) for test in tests if WRONG_COUNT in run.tests[test.id()].message]
    if not again:
        return
    strict, AssertNumQueries.strict = AssertNumQueries.strict, False
    second = Result(Run())
    unittest.TestSuite(again).run(second)
    AssertNumQueries.strict = strict
    for test in again:
        name = test.id()
        outcome = second.run_record.tests.get(name)
        run.tests[name].uncounted = outcome.outcome if outcome is not None else "error"


def _hide(subject: Any, hidden: frozenset[str]) -> None:
    resolve, is_module = subject.resolve, subject.is_module

    def pretending(module: str, name: str) -> Any:
        if name in hidden:
            raise shim.NotProvided(f"{module}.{name}")
        return resolve(module, name)

    subject.resolve = pretending
    subject.is_module = lambda dotted: dotted.rpartition(".")[2] not in hidden and is_module(dotted)
