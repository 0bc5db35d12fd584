"""Response headers: Starlette's mutable view, which refuses line breaks and encodes what Latin-1 cannot hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.header import Header
from typing import Any, Final

from starlette.datastructures import MutableHeaders

from covet.exceptions import BadHeaderError

_FORBIDDEN: Final = re.compile(r"[\x00\r\n]")
# RFC 9110, section 5.6.2: the characters of a token.
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def header_name(name: str) -> bytes:
    """A header's name as it goes over the wire.

    Raises:
        BadHeaderError: it is not a token of RFC 9110.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise BadHeaderError(f"{name!r} is not a valid header name.")
    return name.lower().encode("ascii")


def header_value(value: object) -> bytes:
    """A header's value as it goes over the wire; text beyond Latin-1 is MIME-encoded, as in Django.

    Raises:
        BadHeaderError: it contains a line break or NUL.
    """
    if isinstance(value, bytes):
        text = value.decode("latin-1")
    else:
        text = value if isinstance(value, str) else str(value)
    if _FORBIDDEN.search(text) is not None:
        raise BadHeaderError(f"Header values can't contain newlines (got {text!r})")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        safe = text.encode("utf-8", "replace").decode()
        return Header(safe, "utf-8", maxlinelen=10**9).encode().encode("ascii")


def raw_headers(headers: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """A mapping as the pairs that an ASGI message holds."""
    return [(header_name(name), header_value(value)) for name, value in headers.items()]


class ResponseHeaders(MutableHeaders):
    """The headers of a response; case-insensitive, order kept."""

    def __setitem__(self, key: str, value: object) -> None:
        set_raw(self._list, header_name(key), header_value(value))

    def setdefault(self, key: str, value: str) -> str:
        """The header's value, after setting it to `value` if it was absent."""
        if key in self:
            return str(self[key])
        self[key] = value
        return value

    def append(self, key: str, value: str) -> None:
        """Add a header without touching others of that name."""
        self._list.append((header_name(key), header_value(value)))

    def pop(self, key: str, default: Any = None) -> Any:
        """Remove a header and return its value."""
        value = self.get(key, default)
        del self[key]
        return value


def set_raw(pairs: list[tuple[bytes, bytes]], name: bytes, value: bytes) -> None:
    """Set one header in `pairs`: the first of that name is replaced, further ones are dropped."""
    found = [index for index, pair in enumerate(pairs) if pair[0] == name]
    if not found:
        pairs.append((name, value))
        return
    pairs[found[0]] = (name, value)
    for index in reversed(found[1:]):
        del pairs[index]
