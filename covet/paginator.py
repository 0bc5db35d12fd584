"""Pages of a list or a QuerySet, under Django's names.

`Paginator` reads as in Django: for a QuerySet that needs a portal, as in a handler. `AsyncPaginator` is awaited:
`page = await paginator.apage(2)` counts and loads, and the page is then used without waiting.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import math
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar

from covet.exceptions import CovetError, SynchronousOnlyOperation
from covet.portal import in_portal, wait
from covet.utils.translation import gettext_lazy as _

__all__ = [
    "AsyncPage",
    "AsyncPaginator",
    "EmptyPage",
    "InvalidPage",
    "Page",
    "PageNotAnInteger",
    "Paginator",
    "UnorderedObjectListWarning",
]


class UnorderedObjectListWarning(RuntimeWarning):
    """Pages of rows without an order may repeat some and miss others."""


class InvalidPage(CovetError):
    """There is no such page."""


class PageNotAnInteger(InvalidPage):
    """The page's number is none."""


class EmptyPage(InvalidPage):
    """The page is before the first or behind the last."""


class Paginator:
    """Divides objects into pages, counted from 1.

    Args:
        object_list: a list, a QuerySet, or anything with slices and a length or `count()`.
        per_page: how many objects a page has.
        orphans: a last page of at most that many becomes part of the one before.
        allow_empty_first_page: whether there is a page 1 where there are no objects.
        error_messages: other texts for `invalid_page`, `min_page`, `no_results`.
    """

    ELLIPSIS: ClassVar[Any] = _("…")
    default_error_messages: ClassVar[Mapping[str, Any]] = {
        "invalid_page": _("That page number is not an integer"),
        "min_page": _("That page number is less than 1"),
        "no_results": _("That page contains no results"),
    }

    def __init__(
        self,
        object_list: Any,
        per_page: int | str,
        orphans: int | str = 0,
        allow_empty_first_page: bool = True,
        error_messages: Mapping[str, Any] | None = None,
    ) -> None:
        self.object_list = object_list
        self._check_object_list_is_ordered()
        self.per_page = int(per_page)
        self.orphans = int(orphans)
        self.allow_empty_first_page = allow_empty_first_page
        self.error_messages = {**self.default_error_messages, **(error_messages or {})}

    def __iter__(self) -> Iterator[Page]:
        for number in self.page_range:
            yield self.page(number)

    def validate_number(self, number: Any) -> int:
        """`number` as an integer.

        Raises:
            PageNotAnInteger: it is none. EmptyPage: there is no such page.
        """
        try:
            if isinstance(number, float) and not number.is_integer():
                raise ValueError(number)
            number = int(number)
        except (TypeError, ValueError):
            raise PageNotAnInteger(self.error_messages["invalid_page"]) from None
        if number < 1:
            raise EmptyPage(self.error_messages["min_page"])
        if number > self.num_pages:
            raise EmptyPage(self.error_messages["no_results"])
        return int(number)

    def get_page(self, number: Any) -> Page:
        """The page; the first for what is no number, the last for what is out of range."""
        return self.page(self._nearest(number))

    def page(self, number: Any) -> Page:
        """The page of that number.

        Raises:
            PageNotAnInteger: it is none. EmptyPage: there is no such page.
        """
        number = self.validate_number(number)
        return self._get_page(self._slice(number), number, self)

    def _nearest(self, number: Any) -> int:
        try:
            return self.validate_number(number)
        except PageNotAnInteger:
            return 1
        except EmptyPage:
            return self.num_pages

    def _slice(self, number: int) -> Any:
        bottom = (number - 1) * self.per_page
        top = bottom + self.per_page
        if top + self.orphans >= self.count:
            top = self.count
        return self.object_list[bottom:top]

    def _get_page(self, *args: Any, **kwargs: Any) -> Page:
        """Makes a page; subclasses may make one of their own class."""
        return Page(*args, **kwargs)

    def _counted(self) -> Any:
        """How many objects there are; to be awaited where the database has to count them."""
        count = getattr(self.object_list, "count", None)
        if callable(count) and not inspect.isbuiltin(count) and _needs_nothing(count):
            return count()
        return len(self.object_list)

    @functools.cached_property
    def count(self) -> int:
        """How many objects there are on all pages.

        Raises:
            SynchronousOnlyOperation: the database has to count them, and nothing can wait for it here.
        """
        found = self._counted()
        if not inspect.isawaitable(found):
            return int(found)
        if not in_portal():
            if inspect.iscoroutine(found):
                found.close()
            raise SynchronousOnlyOperation("The objects are not counted yet: write `await paginator.acount()` first.")
        return int(wait(found))

    @functools.cached_property
    def num_pages(self) -> int:
        """How many pages there are."""
        if self.count == 0 and not self.allow_empty_first_page:
            return 0
        return math.ceil(max(1, self.count - self.orphans) / self.per_page)

    @property
    def page_range(self) -> range:
        """The numbers of all pages."""
        return range(1, self.num_pages + 1)

    def get_elided_page_range(self, number: Any = 1, *, on_each_side: int = 3, on_ends: int = 2) -> Iterator[Any]:
        """The numbers of the pages around `number` and at both ends, with `ELLIPSIS` for those left out.

        Args:
            number: the current page.
            on_each_side: how many pages are named before and after it.
            on_ends: how many pages are named at the beginning and at the end.
        """
        number = self.validate_number(number)
        last = self.num_pages
        if last <= (on_each_side + on_ends) * 2:
            yield from self.page_range
            return
        first_shown = 1
        if number > on_each_side + on_ends + 2:
            yield from range(1, on_ends + 1)
            yield self.ELLIPSIS
            first_shown = number - on_each_side
        yield from range(first_shown, number + 1)
        if number < last - on_each_side - on_ends - 1:
            yield from range(number + 1, number + on_each_side + 1)
            yield self.ELLIPSIS
            yield from range(last - on_ends + 1, last + 1)
        else:
            yield from range(number + 1, last + 1)

    def _check_object_list_is_ordered(self) -> None:
        objects = self.object_list
        ordered = getattr(objects, "ordered", None)
        if ordered is None or ordered:
            return
        model = getattr(objects, "model", None)
        shown = repr(objects) if model is None else f"{model} {type(objects).__name__}"
        warnings.warn(
            f"Pagination may yield inconsistent results with an unordered object_list: {shown}.",
            UnorderedObjectListWarning,
            stacklevel=3,
        )


class Page(collections.abc.Sequence[Any]):
    """The objects of one page.

    Attributes:
        object_list: the objects, or the QuerySet of them. number: the page's number. paginator: whose page it is.
    """

    def __init__(self, object_list: Any, number: int, paginator: Any) -> None:
        self.object_list = object_list
        self.number = number
        self.paginator = paginator

    def __repr__(self) -> str:
        return f"<Page {self.number} of {self.paginator.num_pages}>"

    def __len__(self) -> int:
        return len(self.object_list)

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, (int, slice)):
            raise TypeError(f"Page indices must be integers or slices, not {type(index).__name__}.")
        # A QuerySet would be asked for each index.
        if not isinstance(self.object_list, list):
            self.object_list = list(self.object_list)
        return self.object_list[index]

    def has_next(self) -> bool:
        """Whether there is a page behind it."""
        return bool(self.number < self.paginator.num_pages)

    def has_previous(self) -> bool:
        """Whether there is a page before it."""
        return self.number > 1

    def has_other_pages(self) -> bool:
        """Whether it is not the only page."""
        return self.has_previous() or self.has_next()

    def next_page_number(self) -> int:
        """The number of the next page.

        Raises:
            EmptyPage: there is none.
        """
        return int(self.paginator.validate_number(self.number + 1))

    def previous_page_number(self) -> int:
        """The number of the page before.

        Raises:
            EmptyPage: there is none.
        """
        return int(self.paginator.validate_number(self.number - 1))

    def start_index(self) -> int:
        """The place of its first object among all, from 1; 0 where there are none."""
        if self.paginator.count == 0:
            return 0
        return int(self.paginator.per_page * (self.number - 1) + 1)

    def end_index(self) -> int:
        """The place of its last object among all, from 1."""
        # The last page may have orphans.
        if self.number == self.paginator.num_pages:
            return int(self.paginator.count)
        return int(self.number * self.paginator.per_page)


class AsyncPaginator(Paginator):
    """A `Paginator` that is awaited; the arguments are the same.

    Once something was awaited, the objects are counted, and what `Paginator` has may be used too.
    """

    async def __aiter__(self) -> AsyncIterator[AsyncPage]:
        for number in await self.apage_range():
            yield await self.apage(number)

    async def acount(self) -> int:
        """How many objects there are on all pages."""
        if "count" not in self.__dict__:
            found = self._counted()
            self.__dict__["count"] = int(await found if inspect.isawaitable(found) else found)
        return self.count

    async def anum_pages(self) -> int:
        """How many pages there are."""
        await self.acount()
        return self.num_pages

    async def apage_range(self) -> range:
        """The numbers of all pages."""
        await self.acount()
        return self.page_range

    async def avalidate_number(self, number: Any) -> int:
        """`validate_number`, awaited."""
        await self.acount()
        return self.validate_number(number)

    async def aget_page(self, number: Any) -> AsyncPage:
        """`get_page`, awaited."""
        await self.acount()
        return await self.apage(self._nearest(number))

    async def apage(self, number: Any) -> AsyncPage:
        """The page of that number, with its objects loaded.

        Raises:
            PageNotAnInteger: it is none. EmptyPage: there is no such page.
        """
        number = await self.avalidate_number(number)
        rows = self._slice(number)
        if inspect.isawaitable(rows):
            # Evaluated, a QuerySet is a list of its rows.
            rows = await rows
        page: AsyncPage = self._get_page(rows, number, self)
        return page

    async def aget_elided_page_range(
        self, number: Any = 1, *, on_each_side: int = 3, on_ends: int = 2
    ) -> AsyncIterator[Any]:
        """`get_elided_page_range`, to be iterated with `async for`."""
        await self.acount()
        for each in self.get_elided_page_range(number, on_each_side=on_each_side, on_ends=on_ends):
            yield each

    def _get_page(self, *args: Any, **kwargs: Any) -> AsyncPage:
        return AsyncPage(*args, **kwargs)


class AsyncPage(Page):
    """A page of an `AsyncPaginator`: a `Page` with Django's async names beside the others."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        for obj in await self.aget_object_list():
            yield obj

    async def aget_object_list(self) -> list[Any]:
        """Its objects."""
        if inspect.isawaitable(self.object_list):
            self.object_list = await self.object_list
        if not isinstance(self.object_list, list):
            self.object_list = list(self.object_list)
        return self.object_list

    async def ahas_next(self) -> bool:
        """`has_next`, awaited."""
        return bool(self.number < await self.paginator.anum_pages())

    async def ahas_previous(self) -> bool:
        """`has_previous`, awaited."""
        return self.has_previous()

    async def ahas_other_pages(self) -> bool:
        """`has_other_pages`, awaited."""
        return self.has_previous() or await self.ahas_next()

    async def anext_page_number(self) -> int:
        """`next_page_number`, awaited."""
        return int(await self.paginator.avalidate_number(self.number + 1))

    async def aprevious_page_number(self) -> int:
        """`previous_page_number`, awaited."""
        return int(await self.paginator.avalidate_number(self.number - 1))

    async def astart_index(self) -> int:
        """`start_index`, awaited."""
        await self.paginator.acount()
        return self.start_index()

    async def aend_index(self) -> int:
        """`end_index`, awaited."""
        await self.paginator.acount()
        return self.end_index()


def _needs_nothing(method: Any) -> bool:
    """Whether it is called without arguments: the `count` of a list asks for a value."""
    parameters = inspect.signature(method).parameters.values()
    return not any(
        parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}
        and parameter.default is parameter.empty
        for parameter in parameters
    )
