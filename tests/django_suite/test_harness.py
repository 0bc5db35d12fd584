"""The harness measured by itself: waiting, rewriting, missing names, and mutants that must turn tests red."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from covet.exceptions import NotInPortal
from covet.portal import portal
from tests.django_suite import denominator, loader, shim, source, waiting
from tests.django_suite.apps import APPS, FIRST
from tests.django_suite.mutants import MUTANTS
from tests.django_suite.standing import Standing, causes, tally


def in_portal(body: Callable[[], Any]) -> Any:
    """`body`, a sync function, called inside a portal."""

    async def call() -> Any:
        return body()

    return asyncio.run(portal(call()))


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


class LazyRows:
    """Awaitable like a QuerySet, and not meant to be awaited by sync code."""

    def __await__(self) -> Any:
        return later([1]).__await__()


# --- waiting ------------------------------------------------------------------------------------------------------


def test_a_coroutine_is_settled_to_its_result() -> None:
    assert in_portal(lambda: waiting.settle(later(7))) == 7


def test_a_lazy_object_is_left_alone() -> None:
    waiting.treat_as_lazy(LazyRows)
    rows = LazyRows()
    assert in_portal(lambda: waiting.settle(rows)) is rows


def test_an_async_iterator_becomes_a_sync_one() -> None:
    async def numbers() -> Any:
        for number in range(3):
            yield await later(number)

    assert in_portal(lambda: list(waiting.settle(numbers()))) == [0, 1, 2]


def test_settling_outside_a_portal_raises() -> None:
    with pytest.raises(NotInPortal):
        waiting.settle(later(1))


class Block:
    """An async context manager that writes down what happens."""

    log: list[str]

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def __aenter__(self) -> None:
        await asyncio.sleep(0)
        self.log.append("begin")

    async def __aexit__(self, kind: Any, *_error: Any) -> None:
        self.log.append("rollback" if kind else "commit")


def test_an_async_block_works_as_sync_block_and_decorator() -> None:
    log: list[str] = []
    atomic = waiting.SyncContext(lambda: Block(log))

    def body() -> int:
        with atomic:
            pass
        with pytest.raises(ZeroDivisionError), atomic:
            _ = 1 / 0
        return atomic(lambda: 5)()  # type: ignore[no-any-return]

    assert in_portal(body) == 5
    assert log == ["begin", "commit", "begin", "rollback", "begin", "commit"]


# --- rewriting and missing names ----------------------------------------------------------------------------------


class Toy:
    """A subject that has `django.db.models.Model`, an awaitable `fetch` and little else."""

    class Model:
        pass

    names = {"Model": Model, "fetch": staticmethod(lambda: later("fetched"))}

    def resolve(self, module: str, name: str) -> Any:
        if module == "django.db.models" and name in self.names:
            return self.names[name]
        raise shim.NotProvided(f"{module}.{name}")

    def is_module(self, dotted: str) -> bool:
        return dotted in {"django.db", "django.db.models"}

    def tolerates(self, _error: Exception) -> bool:
        return True

    def assign(self, module: str, name: str, value: Any) -> None:
        """Nothing to tell."""

    def patch_target(self, dotted: str) -> str:
        return shim.shim_name(dotted)

    def class_path(self, dotted: str) -> str:
        return dotted.replace("django.db.models", "toys")


SOURCE = """
from django.db import models
from django.db.models import Window

PATHS = ["django.db.models.Model", "<django.db.models.F> of django.db.models", f"django.db.models.{1}", "django.test.X"]

class Plain(models.Model):
    pass

class Computed(models.Model):
    total = models.GeneratedField(expression=1)

def asks():
    return models.fetch()

def asks_in_lambda():
    return (lambda: models.fetch())()

async def asks_natively():
    return await models.fetch()

def uses_missing():
    return Window("x")
"""


@pytest.fixture
def toy_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """SOURCE, imported through the loader with the toy as subject."""
    folder = tmp_path / "toy_suite"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "models.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in [name for name in sys.modules if name.split(".")[0] in {shim.NAMESPACE, "toy_suite"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(shim.namespace, "_subject", None)
    shim.namespace.install(Toy())  # type: ignore[arg-type]
    loader.install(tmp_path, ["toy_suite"])
    try:
        return __import__("toy_suite.models", fromlist=["models"])
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in {shim.NAMESPACE, "toy_suite"}]:
            del sys.modules[name]


def test_a_missing_name_costs_only_what_uses_it(toy_module: Any) -> None:
    assert issubclass(toy_module.Plain, Toy.Model)
    assert isinstance(toy_module.Computed, shim.Missing)
    with pytest.raises(shim.NotProvided, match=r"django\.db\.models\.Window"):
        in_portal(toy_module.uses_missing)


def test_calls_in_sync_bodies_are_awaited_and_native_ones_left(toy_module: Any) -> None:
    assert in_portal(toy_module.asks) == "fetched"
    assert in_portal(toy_module.asks_in_lambda) == "fetched"
    assert asyncio.run(toy_module.asks_natively()) == "fetched"


def test_paths_of_classes_in_strings_are_rewritten_as_imports_are(toy_module: Any) -> None:
    assert toy_module.PATHS == ["toys.Model", "<toys.F> of django.db.models", "toys.1", "django.test.X"]


# --- the denominator and what is said of it -----------------------------------------------------------------------


def test_the_denominator_names_every_app_and_tier() -> None:
    counted = denominator.load()
    assert {test.app for test in counted} == set(APPS)
    assert {test.tier for test in counted} == set(denominator.TIERS)
    assert len([test for test in counted if test.tier == "core"]) >= 3000
    assert set(FIRST) <= set(APPS)


def counted_test(name: str) -> denominator.Counted:
    return denominator.Counted(name, "core", frozenset({"sqlite"}), False)


def test_failures_that_differ_only_in_values_share_a_cause() -> None:
    trace = 'File "/x/covet/database/orm/models.py", line {line}, in save\nValueError: no field {name!r} of 3'
    found = [
        Standing(counted_test(f"app.tests.T.test_{name}"), "error", trace.format(line=line, name=name))
        for line, name in enumerate(("one", "two"))
    ]
    (cause,) = causes(found)
    assert (cause.text, cause.place) == ("ValueError: no field '…' of N", "covet/database/orm/models.py save")
    assert tally(found).share == 0.0


def test_a_wrong_number_of_queries_is_told_apart() -> None:
    standing = Standing(counted_test("a.t.T.test"), "fail", "AssertionError: 3 queries executed, 1 expected", "pass")
    assert standing.counts_differ
    assert (tally([standing]).share, tally([standing]).uncounted_share) == (0.0, 1.0)


# --- mutants ------------------------------------------------------------------------------------------------------

SENSITIVE = {
    "distinct-is-ignored": ("queries", "distinct"),
    "exclude-filters": ("queries", "exclude"),
    "update-or-create-never-updates": ("get_or_create", ""),
    "post-delete-is-never-sent": ("signals", ""),
    "nothing-is-awaited": ("basic", ""),
}


@pytest.fixture(scope="module")
def _django_sources() -> None:
    """Skips what needs Django's tests where they cannot be had."""
    try:
        source.tests_folder()
    except source.SourceUnavailable as error:
        pytest.skip(str(error))


def run_oracle(*arguments: str) -> str:
    """The counts that a run of Django itself prints."""
    command: Sequence[str] = [sys.executable, "-m", "tests.django_suite", "--one-process", "--subject", "oracle"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, cwd=source.ROOT)
    return done.stdout.strip().splitlines()[-1]


def test_every_mutant_has_an_app_that_should_notice() -> None:
    assert SENSITIVE.keys() == MUTANTS.keys()


@pytest.mark.usefixtures("_django_sources")
@pytest.mark.parametrize("mutant", sorted(SENSITIVE))
def test_a_broken_semantic_turns_tests_red(mutant: str) -> None:
    app, only = SENSITIVE[mutant]
    sound = run_oracle(app, "-k", only)
    broken = run_oracle(app, "-k", only, "--mutant", mutant)
    assert red_in(broken) > red_in(sound)


def red_in(counts: str) -> int:
    """How many tests `12 pass, 1 fail` counts as failed."""
    return sum(int(part.split()[0]) for part in counts.split(", ") if part.split()[1] in {"fail", "error"})
