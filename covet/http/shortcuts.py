"""`get_object_or_404`, `redirect` and their kin: Django's shortcuts, awaited."""

from __future__ import annotations

from typing import Any

from covet.exceptions import Http404, NoReverseMatch, ObjectDoesNotExist
from covet.http.response import HttpResponsePermanentRedirect, HttpResponseRedirect
from covet.http.urls import reverse


def _queryset(source: Any) -> Any:
    manager = getattr(source, "_default_manager", None)
    return manager.all() if manager is not None else source


def _require(queryset: Any, name: str, source: Any) -> None:
    if not hasattr(queryset, "get"):
        given = source.__name__ if isinstance(source, type) else type(source).__name__
        raise ValueError(f"First argument to {name}() must be a Model, Manager, or QuerySet, not '{given}'.")


async def get_object_or_404(klass: Any, *args: Any, **kwargs: Any) -> Any:
    """The one object that matches.

    Args:
        klass: a model, manager or QuerySet.
        args: Q objects.
        kwargs: lookups.

    Raises:
        Http404: there is none.
        MultipleObjectsReturned: there are several.
    """
    queryset = _queryset(klass)
    _require(queryset, "get_object_or_404", klass)
    try:
        return await queryset.get(*args, **kwargs)
    except ObjectDoesNotExist as error:
        raise Http404(f"No {_label(queryset)} matches the given query.") from error


async def get_list_or_404(klass: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """The objects that match, as a list.

    Raises:
        Http404: there are none.
    """
    queryset = _queryset(klass)
    _require(queryset, "get_list_or_404", klass)
    rows = list(await queryset.filter(*args, **kwargs))
    if not rows:
        raise Http404(f"No {_label(queryset)} matches the given query.")
    return rows


def _label(queryset: Any) -> str:
    return str(queryset.model._meta.object_name)


async def aget_object_or_404(klass: Any, *args: Any, **kwargs: Any) -> Any:
    """`get_object_or_404` under Django's async name."""
    _require(_queryset(klass), "aget_object_or_404", klass)
    return await get_object_or_404(klass, *args, **kwargs)


async def aget_list_or_404(klass: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """`get_list_or_404` under Django's async name."""
    _require(_queryset(klass), "aget_list_or_404", klass)
    return await get_list_or_404(klass, *args, **kwargs)


def redirect(to: Any, *args: Any, permanent: bool = False, **kwargs: Any) -> HttpResponseRedirect:
    """A redirect to a model's `get_absolute_url()`, a route's name, or a URL.

    Args:
        to: any of those.
        args: the route's parameters in order.
        kwargs: the route's parameters by name.
        permanent: 301 instead of 302.

    Raises:
        NoReverseMatch: `to` looks like a name, and no route has it.
        DisallowedRedirect: `to` is a URL that must not be redirected to.
    """
    kind: Any = HttpResponsePermanentRedirect if permanent else HttpResponseRedirect
    return kind(resolve_url(to, *args, **kwargs))  # type: ignore[no-any-return]


def resolve_url(to: Any, *args: Any, **kwargs: Any) -> str:
    """The URL that `redirect` would lead to."""
    if hasattr(to, "get_absolute_url"):
        return str(to.get_absolute_url())
    if isinstance(to, str) and to.startswith(("./", "../")):
        return to
    try:
        return reverse(to, args=args, kwargs=kwargs)
    except NoReverseMatch:
        if callable(to) or ("/" not in str(to) and "." not in str(to)):
            raise
    return str(to)
