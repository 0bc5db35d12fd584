"""Pages of lists and of what has to be awaited."""

from __future__ import annotations

from typing import Any

import pytest

from covet.exceptions import SynchronousOnlyOperation
from covet.paginator import (
    AsyncPage,
    AsyncPaginator,
    EmptyPage,
    InvalidPage,
    Page,
    PageNotAnInteger,
    Paginator,
    UnorderedObjectListWarning,
)
from covet.portal import run
from tests.oracle.process import ask


class Pending:
    """Answers when it is awaited."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __await__(self) -> Any:
        return self.answer
        yield


class Rows:
    """As a QuerySet: slices and the count are awaited."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows
        self.counted = 0

    def count(self) -> Pending:
        self.counted += 1
        return Pending(len(self.rows))

    def __getitem__(self, part: slice) -> Any:
        return Pending(self.rows[part])


def test_pages_are_those_of_django() -> None:
    assert ask("tests.oracle.pages.pages") == []


def test_elided_ranges_are_those_of_django() -> None:
    assert ask("tests.oracle.pages.elided") == []


def test_wrong_numbers_are_told_apart() -> None:
    paginator = Paginator([1, 2, 3], 2, error_messages={"invalid_page": "which page?"})
    for wrong, kind, text in (
        ("x", PageNotAnInteger, "which page?"),
        (None, PageNotAnInteger, "which page?"),
        (1.5, PageNotAnInteger, "which page?"),
        (0, EmptyPage, "That page number is less than 1"),
        (3, EmptyPage, "That page contains no results"),
    ):
        with pytest.raises(InvalidPage) as caught:
            paginator.validate_number(wrong)
        assert (type(caught.value), str(caught.value)) == (kind, text)
    assert [paginator.get_page(number).number for number in ("x", 0, 99, 2.0)] == [1, 2, 2, 2]


async def test_awaited_page_needs_no_more_waiting() -> None:
    rows = Rows([*range(25)])
    paginator = AsyncPaginator(rows, 10)
    page = await paginator.apage("3")
    assert isinstance(page, AsyncPage)
    assert ([*page], page.has_next(), page.end_index(), paginator.num_pages) == ([20, 21, 22, 23, 24], False, 25, 3)
    assert [number async for number in paginator.aget_elided_page_range(1)] == [1, 2, 3]
    assert [[row async for row in each] for each in [page async for page in paginator]] == [
        [*range(10)],
        [*range(10, 20)],
        [*range(20, 25)],
    ]
    assert rows.counted == 1


async def test_async_names_answer_what_the_others_do() -> None:
    paginator = AsyncPaginator(Rows([*range(25)]), 10)
    assert (await paginator.anum_pages(), await paginator.apage_range()) == (3, range(1, 4))
    assert [(await paginator.aget_page(number)).number for number in ("x", 0, 99)] == [1, 3, 3]
    page = await paginator.aget_page(2)
    assert await page.aget_object_list() == [*range(10, 20)]
    assert (await page.ahas_next(), await page.ahas_previous(), await page.ahas_other_pages()) == (True, True, True)
    assert (await page.anext_page_number(), await page.aprevious_page_number()) == (3, 1)
    assert (await page.astart_index(), await page.aend_index()) == (11, 20)
    with pytest.raises(EmptyPage):
        await paginator.apage(4)


def test_sync_paginator_waits_inside_a_portal_only() -> None:
    with pytest.raises(SynchronousOnlyOperation, match=r"await paginator\.acount\(\)"):
        Paginator(Rows([1]), 1).page(1)

    async def inside() -> int:
        return Paginator(Rows([1, 2, 3]), 2).num_pages

    assert run(inside()) == 2


def test_rows_without_an_order_are_warned_about() -> None:
    class Unordered(list[int]):
        ordered = False

    with pytest.warns(UnorderedObjectListWarning, match=r"unordered object_list: \[3\]\.") as caught:
        Paginator(Unordered([3]), 1)
    assert caught[0].filename == __file__


def test_page_is_a_sequence() -> None:
    page = Paginator("abcdef", 3).page(2)
    assert isinstance(page, Page)
    assert (page[0], page[-1], page[1:], len(page), "e" in page, page.index("f")) == ("d", "f", ["e", "f"], 3, True, 2)
    with pytest.raises(TypeError, match="Page indices must be integers or slices, not str"):
        page["x"]
