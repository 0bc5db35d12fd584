"""Texts for readers: the names of Django's translation functions, English unless a catalog is set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any

from covet.conf import settings
from covet.utils.functional import Promise

Catalog = Callable[[str], str]


def _english(message: str) -> str:
    return message


class _State:
    """Which catalog translates."""

    catalog: Catalog = staticmethod(_english)


def set_catalog(catalog: Catalog | None) -> None:
    """Translate messages through `catalog`; None goes back to the texts as written."""
    _State.catalog = catalog or _english


_language: ContextVar[str | None] = ContextVar("covet_language", default=None)


def get_language() -> str:
    """The reader's language: the one activated in this context, else the setting LANGUAGE_CODE."""
    return _language.get() or str(settings.LANGUAGE_CODE)


def activate(language: str) -> None:
    """Make `language` the reader's in this context; a catalog may ask `get_language`."""
    _language.set(language)


def deactivate() -> None:
    """Go back to the default language."""
    _language.set(None)


class override(ContextDecorator):  # noqa: N801 - Django's name
    """`with override('de'):` makes a language the reader's for a block; None means the default."""

    def __init__(self, language: str | None, deactivate: bool = False) -> None:
        self.language = language
        self.deactivate = deactivate
        self._before: list[str | None] = []

    def __enter__(self) -> None:
        self._before.append(_language.get())
        _language.set(self.language)

    def __exit__(self, *error: object) -> None:
        before = self._before.pop()
        _language.set(None if self.deactivate else before)


def gettext(message: str) -> str:
    """`message` in the reader's language."""
    return _State.catalog(message)


class LazyText(Promise, str):
    """A text that is translated when it is shown; a string to all who ask."""

    def __new__(cls, message: str) -> LazyText:
        """The text as written."""
        return str.__new__(cls, message)

    def __init__(self, message: str) -> None:
        super().__init__(gettext, message)

    def __reduce__(self) -> tuple[type[LazyText], tuple[str]]:
        return type(self), (str.__str__(self),)

    __hash__ = Promise.__hash__


def gettext_lazy(message: str) -> str:
    """`message`, translated when it is shown."""
    return LazyText(message)


def pgettext(context: str, message: str) -> str:
    """`message` in the sense of `context`."""
    del context
    return gettext(message)


def pgettext_lazy(context: str, message: str) -> str:
    """`pgettext`, when it is shown."""
    del context
    return gettext_lazy(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """`singular` for one, else `plural`."""
    return gettext(singular if number == 1 else plural)


class _Plural:
    """A text whose number is found among the values it is formatted with."""

    def __init__(self, singular: str, plural: str, number: str | int) -> None:
        self._singular = singular
        self._plural = plural
        self._number = number

    def __mod__(self, values: Any) -> str:
        number = values[self._number] if isinstance(self._number, str) else self._number
        text = ngettext(self._singular, self._plural, number)
        return text % values if "%" in text else text

    def __str__(self) -> str:
        return gettext(self._plural)

    def __repr__(self) -> str:
        return repr(self._plural)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Plural) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._singular, self._plural, self._number))


def ngettext_lazy(singular: str, plural: str, number: str | int | None = None) -> Any:
    """A text that chooses its number when formatted; `number` may name the key that holds it."""
    return _Plural(singular, plural, "count" if number is None else number)
