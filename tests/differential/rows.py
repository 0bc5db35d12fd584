"""Random rows for the catalog's tables, foreign keys included; the same seed makes the same rows."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from tests.differential.catalog import MODELS
from tests.differential.expressions import DOCUMENTS, TOKENS, WORDS

Rows = dict[str, list[dict[str, Any]]]
Links = dict[str, list[tuple[int, int]]]

SIZES: Final = {
    "Publisher": 4,
    "Author": 7,
    "Profile": 4,
    "Category": 5,
    "Tag": 4,
    "Book": 12,
    "Review": 15,
    "Store": 4,
}
LINKED: Final = {"Book.tags": ("Book", "Tag", 14), "Store.books": ("Store", "Book", 12)}
NULL_SHARE: Final = 0.25

_MAKERS: Final[dict[str, Callable[[random.Random], Any]]] = {
    "int": lambda chance: chance.randint(0, 9),
    "str": lambda chance: chance.choice(WORDS),
    "text": lambda chance: chance.choice(WORDS),
    "float": lambda chance: chance.choice((-1.5, 0.0, 0.25, 1.0, 2.5, 100.0)),
    "decimal": lambda chance: chance.choice(tuple(map(Decimal, ("0.00", "0.50", "1.00", "9.99", "10.00", "123.45")))),
    "bool": lambda chance: chance.random() < 0.5,
    "maybe": lambda chance: chance.random() < 0.5,
    "date": lambda chance: dt.date(chance.choice((1999, 2020)), chance.choice((1, 2, 12)), chance.randint(1, 28)),
    "datetime": lambda chance: dt.datetime(
        chance.choice((2001, 2020)), chance.choice((1, 3, 12)), chance.randint(1, 28), chance.choice((0, 12, 23)), 59, 7
    ),
    "duration": lambda chance: chance.choice((dt.timedelta(0), dt.timedelta(hours=5), dt.timedelta(2, 0, 7))),
    "uuid": lambda chance: chance.choice(TOKENS),
    "json": lambda chance: chance.choice(DOCUMENTS),
}


def rows_for(seed: int) -> tuple[Rows, Links]:
    """The rows of every model and the pairs of every many-to-many table."""
    chance = random.Random(seed)
    rows: Rows = {}
    for name, size in SIZES.items():
        rows[name] = [_row(chance, name, key) for key in range(1, size + 1)]
    owners = chance.sample(range(1, SIZES["Author"] + 1), SIZES["Profile"])
    for profile, author in zip(rows["Profile"], owners, strict=True):
        profile["author_id"] = author
    links = {path: _pairs(chance, *sizes) for path, sizes in LINKED.items()}
    return rows, links


def _row(chance: random.Random, model: str, key: int) -> dict[str, Any]:
    described = MODELS[model]
    row: dict[str, Any] = {"id": key}
    for name, kind in described.fields.items():
        if name != "id":
            row[name] = _maybe(chance, name in described.nullable, _MAKERS[kind](chance))
    for name, target in described.forward.items():
        # A row may point at those before it: no cycles, whatever the order of insertion.
        candidates: Sequence[int] = range(1, key) if target == model else range(1, SIZES[target] + 1)
        value = chance.choice(candidates) if candidates else None
        row[f"{name}_id"] = _maybe(chance, name in described.nullable, value)
    return row


def _maybe(chance: random.Random, nullable: bool, value: Any) -> Any:
    return None if nullable and chance.random() < NULL_SHARE else value


def _pairs(chance: random.Random, left: str, right: str, count: int) -> list[tuple[int, int]]:
    every = [(one, two) for one in range(1, SIZES[left] + 1) for two in range(1, SIZES[right] + 1)]
    return sorted(chance.sample(every, count))
