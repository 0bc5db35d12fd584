"""The pages shown for errors: a plain one for visitors, one with source, variables and request for developers.

Everything on them is escaped; every value passes the `Masker` first. They hold no script and fetch nothing.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

import covet
from covet._version import __version__
from covet.app.masking import Masker
from covet.app.styles import STYLES
from covet.conf import settings
from covet.exceptions import SuspiciousOperation
from covet.http.context import request_var
from covet.http.request import Request

CONTEXT_LINES: Final = 5
MAX_FRAMES: Final = 25
MAX_LOCALS: Final = 30
MAX_ROUTES: Final = 60
_HOME: Final = str(Path(covet.__file__).parent)

ADVICE: Final = {
    400: "The request could not be understood.",
    401: "Please log in first.",
    403: "You do not have permission to see this page.",
    404: "There is no page at this address. It may have moved, or the address has a typo.",
    405: "This address does not answer that kind of request.",
    409: "This conflicts with what is there already.",
    413: "That is more data than this address accepts.",
    500: "Something went wrong on our side. It has been recorded.",
    503: "The service is busy or being restarted. Please try again in a moment.",
}


def plain_page(status: int, title: str, message: str = "") -> str:
    """A short page for visitors."""
    text = message if message and message != title else ADVICE.get(status, "")
    body = (
        f'<div class="plain"><div><p class="code">{status}</p><h1>{escape(title)}</h1><p>{escape(text)}</p></div></div>'
    )
    return _document(f"{status} {title}", body)


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style{_nonce()}>{STYLES}</style></head><body>{body}</body></html>"
    )


def _nonce() -> str:
    """The attribute that the site's Content-Security-Policy asks of an inline style."""
    request = request_var.get(None)
    nonce = None if request is None else (request.scope.get("state") or {}).get("csp_nonce")
    return f' nonce="{escape(nonce)}"' if nonce else ""


def debug_page(error: BaseException, request: Request, status: int = 500) -> str:
    """The developer's page for an exception."""
    masker = Masker()
    _learn(masker, error, request)
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    message = masker.text(str(error)[:4000]) or "(no message)"
    chain = "".join(_chain(error, masker))
    body = (
        f'<header class="top"><div><p class="kind">{escape(kind)} · {status}</p><h1>{escape(message)}</h1>'
        f'<p class="where">{escape(request.method)} {escape(masker.text(request.get_full_path())[:2000])}</p>'
        "</div></header>"
        f"<main><h2>Traceback</h2>{chain}{_request_tables(request, masker)}"
        f'<p class="note">CovetPy {escape(__version__)} · Python {sys.version.split()[0]} · You see this page because '
        f"<code>DEBUG</code> is on. Secrets are masked by name and by value.</p></main>"
    )
    return _document(f"{kind} at {request.path}"[:200], body)


def _learn(masker: Masker, error: BaseException, request: Request) -> None:
    for _, trace in _errors(error):
        for frame, _ in _frames(trace):
            masker.learn_from(dict(frame.f_locals))
    values = request.__dict__
    for mapping in (values.get("_json"), values.get("_form")):
        if isinstance(mapping, Mapping):
            masker.learn_from(dict(mapping.items()))
    with suppress(SuspiciousOperation):
        masker.learn_from(dict(request.query_params.items()))
    masker.learn_from(dict(request.headers.items()))
    masker.learn_from(dict(request.cookies))


def _errors(error: BaseException) -> Iterator[tuple[BaseException, TracebackType | None]]:
    """The exception and those behind it, the last first; each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < 5:
        seen.add(id(current))
        yield current, current.__traceback__
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    frames = list(traceback.walk_tb(trace))
    shown = frames if len(frames) <= MAX_FRAMES else frames[:3] + frames[3 - MAX_FRAMES :]
    for frame, line in shown:
        if "__tracebackhide__" not in frame.f_locals:
            yield frame, line


def _chain(error: BaseException, masker: Masker) -> Iterator[str]:
    for position, (item, trace) in enumerate(_errors(error)):
        if position:
            name = escape(type(item).__qualname__)
            yield f'<p class="cause">caused by {name}: {escape(masker.text(str(item)[:1000]))}</p>'
        frames = list(_frames(trace))
        last_own = max((index for index, (frame, _) in enumerate(frames) if _is_own(frame)), default=len(frames) - 1)
        for index in range(len(frames) - 1, -1, -1):
            frame, line = frames[index]
            yield _frame(frame, line, masker, opened=index in {last_own, len(frames) - 1})


def _is_own(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return "site-packages" not in name and not name.startswith((_HOME, sys.prefix, sys.base_prefix, "<"))


def _frame(frame: FrameType, line: int, masker: Masker, *, opened: bool) -> str:
    code = frame.f_code
    css = "card" if _is_own(frame) else "card lib"
    variables = masker.shown(list(frame.f_locals.items())[:MAX_LOCALS])
    table = _table(variables)
    local = f'<details class="locals"><summary>Variables ({len(variables)})</summary>{table}</details>' if table else ""
    name = f'<span class="fn">{escape(code.co_qualname)}</span>'
    place = f'<span class="path">{escape(code.co_filename)}:{line}</span>'
    head = f'<details class="{css}"{" open" if opened else ""}><summary>{name}{place}</summary>'
    return f"{head}{_source(frame, line, masker)}{local}</details>"


def _source(frame: FrameType, line: int, masker: Masker) -> str:
    lines: list[str] = []
    for number in range(max(line - CONTEXT_LINES, 1), line + CONTEXT_LINES + 1):
        text = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).rstrip("\n")
        if text or number == line:
            css = ' class="hit"' if number == line else ""
            lines.append(f"<span{css}><b>{number}</b>{escape(masker.source(text[:500]))}</span>")
    return f'<pre class="src">{"".join(lines)}</pre>' if lines else ""


def _table(rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f'<tr><td class="n">{escape(n)}</td><td class="v">{escape(v)}</td></tr>' for n, v in rows)
    return f'<div class="scroll"><table>{cells}</table></div>'


def _request_tables(request: Request, masker: Masker) -> str:
    values = request.__dict__
    body = values.get("_json")
    form = values.get("_form")
    sections: list[tuple[str, list[tuple[str, str]]]] = [
        ("Request", masker.shown(_overview(request))),
        ("Query", masker.shown(_pairs(values.get("_query")))),
        ("Form", masker.shown(_pairs(form))),
        ("JSON", masker.shown([("body", body)]) if isinstance(body, (dict, list)) else []),
        ("Headers", masker.shown(sorted(request.headers.items()))),
        ("Cookies", [(name, repr("********")) for name in request.cookies]),
        ("State", masker.shown((request.scope.get("state") or {}).items())),
        ("Settings", masker.shown((name, getattr(settings, name)) for name in settings.names())),
    ]
    return "".join(f"<h2>{title}</h2>{_card(title, rows)}" for title, rows in sections if rows)


def _card(title: str, rows: list[tuple[str, str]]) -> str:
    if title == "Settings":
        return f'<details class="card"><summary>{len(rows)} settings</summary>{_table(rows)}</details>'
    return f'<div class="card">{_table(rows)}</div>'


def _pairs(mapping: Any) -> list[tuple[str, Any]]:
    return mapping.multi_items()[:100] if mapping is not None else []


def _overview(request: Request) -> list[tuple[str, Any]]:
    match = request.resolver_match
    return [
        ("method", request.method),
        ("path", request.path),
        ("route", match.route if match else None),
        ("handler", getattr(match.func, "__qualname__", match.func) if match else None),
        ("parameters", match.kwargs if match else {}),
        ("client", request.scope.get("client")),
        ("user", request.user),
    ]


def missing_page(request: Request, routes: list[tuple[str, str, str]], message: str) -> str:
    """The developer's 404: what was asked for, and the routes that exist."""
    rows = routes[:MAX_ROUTES]
    cells = "".join(
        f'<tr><td class="m">{escape(verbs)}</td><td class="v">{escape(path)}</td><td class="n">{escape(name)}</td></tr>'
        for verbs, path, name in rows
    )
    table = f'<div class="scroll"><table>{cells}</table></div>' if rows else ""
    table = table or '<p class="where empty">This application has no routes yet.</p>'
    more = (
        f'<p class="note">… and {len(routes) - MAX_ROUTES} more: <code>covet routes</code></p>'
        if (len(routes) > MAX_ROUTES)
        else ""
    )
    body = (
        f'<header class="top"><div><p class="kind">Not Found · 404</p><h1>{escape(message)}</h1>'
        f'<p class="where">{escape(request.method)} {escape(request.path[:2000])}</p></div></header>'
        f'<main><h2>Routes, in the order they are tried</h2><div class="card">{table}</div>{more}'
        f'<p class="note">You see this page because <code>DEBUG</code> is on.</p></main>'
    )
    return _document("404 Not Found", body)
