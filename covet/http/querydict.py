"""Query strings and forms: Starlette's multi-dict with Django's methods, limits, and a 400 for what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import FormData, ImmutableMultiDict, QueryParams

from covet.exceptions import MultiValueDictKeyError, TooManyFieldsSent


class _DjangoMethods:
    """What Django's QueryDict offers beside a multi-dict; immutable."""

    _list: list[tuple[Any, Any]]

    def lists(self) -> Iterator[tuple[str, list[Any]]]:
        """Every key once, with all its values."""
        values: dict[str, list[Any]] = {}
        for key, value in self._list:
            values.setdefault(key, []).append(value)
        return iter(values.items())

    def dict(self) -> dict[str, Any]:
        """A plain dict of the last values."""
        return dict(self._list)

    def urlencode(self, safe: str | None = None) -> str:
        """The pairs as a query string."""
        if safe is None:
            return urlencode(self._list)
        return "&".join(f"{quote(key, safe)}={quote(str(value), safe)}" for key, value in self._list)

    def __copy__(self) -> Any:
        return self.copy()

    def copy(self) -> MutableQueryDict:
        """A copy that can be changed."""
        return MutableQueryDict(self._list)


class QueryDict(_DjangoMethods, QueryParams):
    """The parameters of a query string or a urlencoded form.

    `d[key]` is the last value and raises `MultiValueDictKeyError` (a KeyError that is answered with 400).
    """

    def __init__(self, query: Any = "", *, pairs: list[tuple[str, str]] | None = None) -> None:
        if pairs is None:
            if isinstance(query, (str, bytes)):
                pairs = parse_query(query)
            else:
                source = query.multi_items() if isinstance(query, ImmutableMultiDict) else query
                pairs = list(source.items() if hasattr(source, "items") else source)
        self._list = pairs
        self._dict = dict(pairs)

    def __getitem__(self, key: str) -> str:
        try:
            return self._dict[key]
        except KeyError:
            raise MultiValueDictKeyError(f"The request has no {key!r}.") from None

    def getlist(self, key: Any, default: Any = None) -> list[Any]:
        """All values of a key; `default`, or an empty list, when it is absent."""
        return [value for name, value in self._list if name == key] or ([] if default is None else default)


class Form(_DjangoMethods, FormData):
    """A form's fields and files, as `await request.form()` gives them."""

    def __getitem__(self, key: str) -> Any:
        try:
            return self._dict[key]
        except KeyError:
            raise MultiValueDictKeyError(f"The form has no {key!r}.") from None

    def getlist(self, key: Any, default: Any = None) -> list[Any]:
        """All values of a key; `default`, or an empty list, when it is absent."""
        return [value for name, value in self._list if name == key] or ([] if default is None else default)


class MutableQueryDict(QueryDict):
    """What `request.GET.copy()` gives: parameters to change and to write with `urlencode()`."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(pairs=list(pairs))

    def __setitem__(self, key: str, value: Any) -> None:
        self.setlist(key, [value])

    def __delitem__(self, key: str) -> None:
        del self._dict[key]
        self._list = [pair for pair in self._list if pair[0] != key]

    def setlist(self, key: str, values: Iterable[Any]) -> None:
        """Replace all values of a key, where it stands."""
        kept = [pair for pair in self._list if pair[0] != key]
        self._list = kept + [(key, value) for value in values]
        self._dict = dict(self._list)

    def appendlist(self, key: str, value: Any) -> None:
        """Add one value to a key."""
        self._list.append((key, value))
        self._dict[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The key's value, after setting it if it was absent."""
        if key not in self._dict:
            self.appendlist(key, default)
        return self._dict[key]

    def update(self, other: Any = (), **values: Any) -> None:
        """Add values to the keys (Django's meaning: nothing is replaced)."""
        pairs = other.multi_items() if isinstance(other, ImmutableMultiDict) else dict(other, **values).items()
        for key, value in pairs:
            self.appendlist(key, value)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return the list of its values."""
        if key not in self._dict:
            if default:
                return default[0]
            raise MultiValueDictKeyError(f"The request has no {key!r}.")
        values = self.getlist(key)
        del self[key]
        return values

    def clear(self) -> None:
        """Remove everything."""
        self._list, self._dict = [], {}


def parse_query(query: str | bytes, *, max_fields: int | None = 1000) -> list[tuple[str, str]]:
    """The pairs of a query string or urlencoded body; bytes that are no UTF-8 become replacement characters.

    Raises:
        TooManyFieldsSent: there are more than `max_fields`.
    """
    text = query.decode("utf-8", "replace") if isinstance(query, bytes) else query
    if "%" not in text and "+" not in text and (max_fields is None or text.count("&") < max_fields):
        # Nothing to decode, as in most queries: what `parse_qsl` would do, without its general case.
        return [(name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part)]
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=max_fields)
    except ValueError as error:
        raise TooManyFieldsSent(f"The request has more than {max_fields} parameters.") from error
