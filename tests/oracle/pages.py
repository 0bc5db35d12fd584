"""Paginators beside Django's, in a process with both."""

from __future__ import annotations

import random
from typing import Any

from tests.oracle.process import set_up


def pages() -> list[str]:
    """Lists, page sizes, orphans and page numbers for which something differs."""
    set_up()
    from django.core import paginator as theirs

    from covet import paginator as ours

    chance = random.Random(7)
    found = []
    for _ in range(400):
        given = ([*range(chance.randrange(60))], chance.randint(1, 12), chance.randrange(4), chance.random() < 0.8)
        number = chance.randrange(-1, 9)
        if _state(ours.Paginator(*given), number) != _state(theirs.Paginator(*given), number):
            found.append(f"{given!r}, page {number}")
    return found


def elided() -> list[str]:
    """Lengths and positions for which the elided ranges differ."""
    set_up()
    from django.core import paginator as theirs

    from covet import paginator as ours

    chance = random.Random(8)
    found = []
    for _ in range(400):
        rows, sides, ends = range(chance.randrange(1, 60)), chance.randrange(4), chance.randrange(4)
        place = chance.randrange(1, len(rows) + 1), sides, ends
        if _elided(ours.Paginator(rows, 1), *place) != _elided(theirs.Paginator(rows, 1), *place):
            found.append(f"{rows!r}, {place!r}")
    return found


def _state(paginator: Any, number: int) -> list[Any]:
    found = [paginator.count, paginator.num_pages, list(paginator.page_range)]
    try:
        page = paginator.page(number)
    except Exception as error:
        return [*found, type(error).__name__, str(error)]
    found += [repr(page), list(page), page.has_next(), page.has_previous(), page.has_other_pages()]
    return [*found, page.start_index(), page.end_index()]


def _elided(paginator: Any, number: int, sides: int, ends: int) -> list[str]:
    return [str(each) for each in paginator.get_elided_page_range(number, on_each_side=sides, on_ends=ends)]
