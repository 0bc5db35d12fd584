"""Semantics broken one at a time: a measure that stays green under any of them measures nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.django_suite import waiting
from tests.django_suite.subjects.base import Subject


def _queryset(subject: Subject) -> Any:
    return subject.resolve("django.db.models", "QuerySet")


def _distinct_is_ignored(subject: Subject) -> None:
    _queryset(subject).distinct = lambda self, *_fields: self._chain()


def _exclude_filters(subject: Subject) -> None:
    queryset = _queryset(subject)
    queryset.exclude = queryset.filter


def _update_or_create_never_updates(subject: Subject) -> None:
    def update_or_create(self: Any, defaults: Any = None, create_defaults: Any = None, **kwargs: Any) -> Any:
        return self.get_or_create(defaults if create_defaults is None else create_defaults, **kwargs)

    _queryset(subject).update_or_create = update_or_create


def _post_delete_is_never_sent(subject: Subject) -> None:
    signal = subject.resolve("django.db.models.signals", "post_delete")
    signal.connect = lambda receiver=None, *_args, **_kwargs: receiver


def _nothing_is_awaited(_subject: Subject) -> None:
    waiting.settle = lambda value: value


MUTANTS: Final[dict[str, Callable[[Subject], None]]] = {
    "distinct-is-ignored": _distinct_is_ignored,
    "exclude-filters": _exclude_filters,
    "update-or-create-never-updates": _update_or_create_never_updates,
    "post-delete-is-never-sent": _post_delete_is_never_sent,
    "nothing-is-awaited": _nothing_is_awaited,
}
