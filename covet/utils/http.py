"""URL and header questions that several floors ask; pure functions under Django's names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote, urlsplit


def is_same_domain(host: str, pattern: str) -> bool:
    """Whether `host` is `pattern`, or below it when the pattern starts with a dot."""
    if not pattern:
        return False
    pattern = pattern.lower()
    host = host.lower()
    if pattern.startswith("."):
        return host == pattern[1:] or host.endswith(pattern)
    return host == pattern


def host_matches(host: str, patterns: Iterable[str]) -> bool:
    """Whether `host` (without port) is allowed by patterns such as `example.com`, `.example.com`, `*`."""
    return any(pattern == "*" or is_same_domain(host, pattern.removeprefix("*")) for pattern in patterns)


def split_host(host: str) -> tuple[str, str]:
    """Host and port of a Host header, `("", "")` when it is malformed; brackets of IPv6 stay, a last dot goes."""
    host = host.lower()
    name, port = host, ""
    if host.endswith("]"):
        pass
    elif ":" in host:
        name, _, port = host.rpartition(":")
        if not port.isdecimal() or not port.isascii() or len(port) > 5:
            return "", ""
    if name.startswith("["):
        inner = name[1:-1]
        if not name.endswith("]") or not inner or set(inner) - set("0123456789abcdef:."):
            return "", ""
    elif not name or set(name) - _HOST_CHARACTERS:
        return "", ""
    return name.removesuffix("."), port


_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


def url_has_allowed_host_and_scheme(
    url: str | None, allowed_hosts: Iterable[str] | str | None, require_https: bool = False
) -> bool:
    """Whether redirecting to `url` stays on the allowed hosts; what a browser could read otherwise is refused.

    Args:
        url: a path or URL from the client, such as a `next` parameter.
        allowed_hosts: hosts that an absolute URL may name.
        require_https: refuse `http://`.
    """
    if not url or not url.strip():
        return False
    url = url.strip()
    hosts = {allowed_hosts} if isinstance(allowed_hosts, str) else set(allowed_hosts or ())
    # Browsers read backslashes as slashes in some places and as characters in others: both readings must be safe.
    return _is_safe(url, hosts, require_https=require_https) and _is_safe(
        url.replace("\\", "/"), hosts, require_https=require_https
    )


def _is_safe(url: str, hosts: set[str], *, require_https: bool) -> bool:
    if url.startswith("///") or unicodedata.category(url[0])[0] == "C" or len(url) > 8192:
        return False
    if any(ord(character) < 32 for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme and not parts.netloc:
        return False
    scheme = parts.scheme or ("http" if parts.netloc else "")
    schemes = {"https"} if require_https else {"http", "https"}
    return (not parts.netloc or parts.netloc in hosts) and (not scheme or scheme in schemes)


def escape_leading_slashes(url: str) -> str:
    """`url` as a path of this host: browsers take `//name` for another host."""
    return "/%2F" + url[2:] if url.startswith("//") else url


def http_date(timestamp: float | None = None) -> str:
    """A date header of RFC 9110 for seconds since the epoch."""
    return formatdate(timestamp, usegmt=True)


def parse_http_date_safe(text: str) -> int | None:
    """Seconds since the epoch of a date header; None for anything else."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def content_disposition(*, as_attachment: bool, filename: str) -> str:
    """A Content-Disposition header; names beyond ASCII go the way of RFC 5987."""
    kind = "attachment" if as_attachment else "inline"
    if not filename:
        return kind if as_attachment else ""
    name = "".join(character for character in filename if ord(character) >= 32 and ord(character) != 127)
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'{kind}; filename="{escaped}"'
    return f"{kind}; filename*=utf-8''{quote(name.encode('utf-8', 'replace'))}"
