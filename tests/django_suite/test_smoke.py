"""A small part of Django's suite on every test run: what passed once must go on passing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.django_suite import denominator, source
from tests.django_suite.processes import run_each
from tests.django_suite.standing import Standing, causes, standings, tally

APPS = ("basic", "get_or_create", "or_lookups")
LEAST = 0.85


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Standing]]:
    """The outcome of the counted tests of APPS on SQLite; the results that are kept are left alone."""
    try:
        source.tests_folder()
    except source.SourceUnavailable as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(source.RESULTS_VARIABLE, str(tmp_path_factory.mktemp("results")))
        run_each(APPS, subject="covet", vendor="sqlite", jobs=2, say=lambda _line: None)
        counted = [test for test in denominator.load() if test.app in APPS and test.tier in {"core", "no-db"}]
        yield standings(counted, subject="covet", vendor="sqlite")


@pytest.mark.parametrize("app", APPS)
def test_django_own_tests_pass(found: list[Standing], app: str) -> None:
    own = [standing for standing in found if standing.test.app == app]
    told = Counter({cause.text: len(cause.tests) for cause in causes(own)}).most_common(10)
    assert tally(own).share >= LEAST, told
