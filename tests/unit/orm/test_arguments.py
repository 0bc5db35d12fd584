"""From a query's values to the driver's arguments."""

from typing import Any

from covet.database.orm.compiler.binding import Binder, ForIntegers


def test_an_integer_that_fits_is_not_even_looked_at() -> None:
    asked: list[Any] = []

    def convert(value: Any) -> str:
        asked.append(value)
        return f"converted {value!r}"

    slot = ForIntegers(convert, -5, 5)
    binder = Binder([(1, slot), (0, str), (None, 7)], "", frozenset())
    assert [binder.bind((0, value)) for value in (-5, 0, 5)] == [(-5, "0", 7), (0, "0", 7), (5, "0", 7)]
    assert not asked
    others = [-6, 6, True, 2.0, "3", None]
    assert [binder.bind((0, value))[0] for value in others] == [f"converted {value!r}" for value in others]
    assert asked == others
    assert slot(3) == "converted 3"
