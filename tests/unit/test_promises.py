"""The list of kept promises can be generated, and names what this far must be kept."""

import pytest

from tests.promises import numbers, promises

GROUND_FLOOR = {1, 18, 19, 20, 26, 66, *range(77, 87), *range(93, 97)}


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("Promise 81.", {81}),
        ("Promise 19, 26.", {19, 26}),
        ("Does things. Promises 77-79 and 81.", {77, 78, 79, 81}),
        ("Nothing is promised in 2026.", set()),
    ],
)
def test_docstrings_name_promises(docstring, expected):
    assert numbers(docstring) == expected


def test_every_promise_of_the_ground_floor_has_a_test():
    missing = GROUND_FLOOR - promises().keys()
    assert not missing
