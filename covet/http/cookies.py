"""Cookies: the `Set-Cookie` line, with every part checked; reading requests' cookies is Starlette's."""

from __future__ import annotations

import datetime as dt
import re
import time
from email.utils import format_datetime, formatdate
from http.cookies import _quote
from typing import Final, Literal

from covet.exceptions import BadHeaderError

SameSite = Literal["lax", "strict", "none", "Lax", "Strict", "None"]

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ATTRIBUTE: Final = re.compile(r"[^\x00-\x1f;,\x7f]*")
_SAME_SITE: Final = {"lax": "Lax", "strict": "Strict", "none": "None"}


def set_cookie_header(
    key: str,
    value: str = "",
    *,
    max_age: int | float | dt.timedelta | None = None,
    expires: dt.datetime | str | int | float | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | bool | None = "lax",
    partitioned: bool = False,
) -> str:
    """The value of a `Set-Cookie` header.

    Args:
        key: the cookie's name: a token of RFC 9110.
        value: any text; what a cookie cannot hold is quoted.
        max_age: seconds or a timedelta; `expires` follows from it when it is not given, as in Django.
        expires: a datetime (naive ones are UTC), seconds from now, or the finished text.
        path: where the cookie is sent.
        domain: and to which hosts.
        secure: over https alone.
        httponly: hidden from scripts.
        samesite: lax, strict, none, or None / False for no attribute.
        partitioned: one jar for each top-level site.

    Raises:
        BadHeaderError: a part contains control characters or separators.
        ValueError: `samesite` is none of its choices.
    """
    if _NAME.fullmatch(key) is None:
        raise BadHeaderError(f"{key!r} is not a valid cookie name.")
    parts = [f"{key}={_quoted(value)}"]
    if max_age is not None:
        seconds = max_age.total_seconds() if isinstance(max_age, dt.timedelta) else max_age
        if expires is None:
            expires = formatdate(time.time() + seconds, usegmt=True) if seconds > 0 else formatdate(0, usegmt=True)
        parts.append(f"Max-Age={int(seconds)}")
    if expires is not None:
        parts.append(f"expires={_attribute('expires', _date(expires), comma=True)}")
    if path is not None:
        parts.append(f"Path={_attribute('path', path)}")
    if domain is not None:
        parts.append(f"Domain={_attribute('domain', domain)}")
    if secure:
        parts.append("Secure")
    if httponly:
        parts.append("HttpOnly")
    if samesite:
        parts.append(f"SameSite={_same_site(samesite)}")
    if partitioned:
        parts.append("Partitioned")
    return "; ".join(parts)


_ESCAPED: Final = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)


def parse_cookies(header: str) -> dict[str, str]:
    """The cookies of a Cookie header, as browsers write them; what is no pair has an empty name.

    Quoted values are read in one pass: the standard library's reader needs time in the square of their length.
    """
    cookies: dict[str, str] = {}
    for chunk in header.split(";"):
        name, equals, value = chunk.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(), value.strip()
        if name or value:
            cookies[name] = _unquoted(value)
    return cookies


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)) if found[1] else found[2], value[1:-1])


def _quoted(value: str) -> str:
    text = str(value).encode("utf-8", "replace").decode("latin-1")
    return str(_quote(text))


def _attribute(name: str, value: str, *, comma: bool = False) -> str:
    checked = value.replace(",", "") if comma else value
    if _ATTRIBUTE.fullmatch(checked) is None:
        raise BadHeaderError(f"A cookie's {name} can't contain {value!r}.")
    return value


def _date(expires: dt.datetime | str | float) -> str:
    if isinstance(expires, dt.datetime):
        aware = expires if expires.tzinfo else expires.replace(tzinfo=dt.UTC)
        return format_datetime(aware.astimezone(dt.UTC), usegmt=True)
    if isinstance(expires, str):
        return expires
    return formatdate(time.time() + expires if expires else 0, usegmt=True)


def _same_site(value: str | bool) -> str:
    try:
        return _SAME_SITE[str(value).lower()]
    except KeyError:
        raise ValueError('samesite must be "lax", "none", or "strict".') from None
