"""The request: Starlette's, with Django's attributes, each worked out when it is first read.

The application makes one for each request and reads a JSON body before the handler runs. In a portal the
synchronous attributes (`POST`, `FILES`, `body`, `json`) wait for the body by themselves; elsewhere use the awaitable
forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin, urlsplit

from starlette._utils import AwaitableOrContextManager, AwaitableOrContextManagerWrapper
from starlette.datastructures import URL, FormData, State, UploadFile
from starlette.requests import Request as StarletteRequest
from starlette.requests import empty_receive, empty_send
from starlette.types import Receive, Scope, Send

from covet.conf import settings
from covet.exceptions import BadJSON, BadRequest, ClientDisconnect, DisallowedHost, RequestDataTooBig
from covet.http.anonymous import ANONYMOUS
from covet.http.body import EMPTY, BadBody, Body, JSONBody, PendingBody, PendingJSON, json_body
from covet.http.cookies import parse_cookies
from covet.http.encoding import LARGE, loads
from covet.http.forms import (
    MULTIPART,
    URLENCODED,
    content_params,
    media_type,
    parse_multipart,
    parse_urlencoded,
)
from covet.http.meta import build_meta
from covet.http.querydict import Form, QueryDict
from covet.http.response import RedirectResponse
from covet.portal import in_portal, wait
from covet.utils.http import host_matches, split_host, url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from covet.http.urls import ResolverMatch

BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LOCAL_HOSTS: Final = (".localhost", "127.0.0.1", "[::1]")
_UNQUOTED_IN_PATH: Final = "/:@&+$,-_.!~*'()="
_SAFE_IN_QUERY: Final = "%&=+;/?:@!$'()*,~[]-._"


def allowed_hosts() -> Sequence[str]:
    """ALLOWED_HOSTS, or this machine's names while DEBUG is on and it is empty."""
    return settings.ALLOWED_HOSTS or (LOCAL_HOSTS if settings.DEBUG else ())


class Request(StarletteRequest):
    """An HTTP request.

    Attributes:
        scope: the ASGI scope.
        path_params: what the route took from the path, typed.
        matched: the route and its parameters; None before routing.
    """

    matched: tuple[Any, dict[str, Any]] | None = None
    encoding = "utf-8"
    _query: QueryDict | None = None
    _body: Any = None
    _json: JSONBody | None = None
    _form: Form | None = None
    _stream_consumed = False
    _is_disconnected = False
    _user: Any = None

    def __init__(self, scope: Scope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send

    @property
    def resolver_match(self) -> ResolverMatch | None:
        """The route's name, handler and parameters; None before routing."""
        if self.matched is None:
            return None
        route, params = self.matched
        return route.matched(params)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<Request: {self.method} {self.get_full_path()!r}>"

    def __bool__(self) -> bool:
        return True

    # What it asks for

    @property
    def method(self) -> str:
        """The verb, upper case."""
        return self.scope["method"]  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        """The decoded path, with the prefix that the application is mounted under."""
        return self.scope["path"]  # type: ignore[no-any-return]

    @property
    def path_info(self) -> str:
        """The decoded path below the application's prefix."""
        root: str = self.scope.get("root_path", "")
        path: str = self.scope["path"]
        return path[len(root) :] if root and path.startswith(root) else path

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the trusted proxy says where SECURE_PROXY_SSL_HEADER names one."""
        trusted = settings.SECURE_PROXY_SSL_HEADER
        if trusted:
            header, secure = trusted
            value = self.META.get(header)
            if value is not None:
                return "https" if value.split(",")[0].strip() == secure else "http"
        return str(self.scope.get("scheme", "http"))

    def is_secure(self) -> bool:
        """Whether the client speaks https."""
        return self.scheme == "https"

    @property
    def url(self) -> URL:
        """The whole URL."""
        try:
            return self._url
        except AttributeError:
            raw = self.scope.get("query_string", b"")
            scope = self.scope
            if not raw.isascii():
                scope = {**scope, "query_string": quote(raw, safe=_SAFE_IN_QUERY).encode()}
            self._url = URL(scope=scope)
            return self._url

    @property
    def query_params(self) -> QueryDict:
        """The query string's parameters."""
        query = self._query
        if query is None:
            query = self._query = QueryDict(self.scope.get("query_string", b""))
        return query

    GET = query_params

    @property
    def META(self) -> dict[str, Any]:  # noqa: N802 - Django's name
        """The headers and the server's facts under their CGI names."""
        try:
            return self._meta_values
        except AttributeError:
            self._meta_values: dict[str, Any] = build_meta(self.scope)
            return self._meta_values

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies."""
        try:
            return self._cookies
        except AttributeError:
            headers = [value for name, value in self.scope["headers"] if name == b"cookie"]
            self._cookies: dict[str, str] = parse_cookies(b"; ".join(headers).decode("latin-1"))
            return self._cookies

    @property
    def COOKIES(self) -> dict[str, str]:  # noqa: N802 - Django's name
        """The cookies."""
        return self.cookies

    @property
    def content_type(self) -> str:
        """The body's media type, lower case, without parameters."""
        return media_type(self.headers.get("content-type"))

    @property
    def content_params(self) -> dict[str, str]:
        """The parameters of the Content-Type header."""
        return content_params(self.headers.get("content-type"))

    @property
    def is_json(self) -> bool:
        """Whether the Content-Type says JSON."""
        for name, value in self.scope["headers"]:
            if name == b"content-type":
                if value == b"application/json":
                    return True
                break
        kind = self.content_type
        return kind == "application/json" or kind.endswith("+json")

    def accepts(self, kind: str) -> bool:
        """Whether the Accept header allows a media type."""
        wanted_type, _, wanted_subtype = kind.partition("/")
        for part in self.headers.get("accept", "*/*").split(","):
            accepted, *parameters = (piece.strip().lower() for piece in part.split(";"))
            if any(parameter in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for parameter in parameters):
                continue
            main, _, sub = accepted.partition("/")
            if main in {"*", wanted_type} and sub in {"*", wanted_subtype}:
                return True
        return False

    # Where it was sent

    def get_host(self) -> str:
        """The host the client asked for, checked against ALLOWED_HOSTS.

        Raises:
            DisallowedHost: it is absent, malformed, doubled or not allowed.
        """
        host = self._raw_host()
        allowed = self.scope.get("covet.allowed_hosts")
        if allowed is None:
            allowed = allowed_hosts()
        domain, _ = split_host(host)
        if domain and host_matches(domain, allowed):
            return host
        raise DisallowedHost(f"Invalid HTTP_HOST header: {host!r}.")

    def _raw_host(self) -> str:
        name = b"x-forwarded-host" if settings.USE_X_FORWARDED_HOST else b"host"
        found = [value for key, value in self.scope["headers"] if key == name]
        if not found and name != b"host":
            found = [value for key, value in self.scope["headers"] if key == b"host"]
        if len(found) != 1:
            raise DisallowedHost(f"A request needs one Host header, not {len(found)}.")
        return str(found[0].decode("latin-1"))

    def get_port(self) -> str:
        """The port the client asked for."""
        return str(self.META["SERVER_PORT"])

    def get_full_path(self, force_append_slash: bool = False) -> str:
        """Path and query string, encoded."""
        path = self.path + ("/" if force_append_slash and not self.path.endswith("/") else "")
        encoded = quote(path.encode("utf-8", "surrogatepass"), safe=_UNQUOTED_IN_PATH)
        query = self.scope.get("query_string", b"")
        return f"{encoded}?{quote(query, safe=_SAFE_IN_QUERY)}" if query else encoded

    def get_full_path_info(self) -> str:
        """`get_full_path` below the application's prefix."""
        return self.get_full_path()[len(quote(self.scope.get("root_path", ""), safe=_UNQUOTED_IN_PATH)) :]

    def build_absolute_uri(self, location: str | None = None) -> str:
        """`location`, or this request's path and query, as an absolute URL."""
        if location is None:
            location = self.get_full_path()
            if location.startswith("//"):
                location = "/%2F" + location[2:]
        location = str(location)
        if urlsplit(location).scheme:
            return location
        return urljoin(f"{self.scheme}://{self.get_host()}{quote(self.path, safe=_UNQUOTED_IN_PATH)}", location)

    # Who asks

    @property
    def state(self) -> State:
        """Whatever middleware and handlers hand on to each other."""
        try:
            return self._state_view
        except AttributeError:
            self._state_view: State = State(self.scope.setdefault("state", {}))
            return self._state_view

    @property
    def user(self) -> Any:
        """The user that authentication found, `request.state.user`; an `AnonymousUser` before or without it."""
        if self._user is not None:
            return self._user
        state = self.scope.get("state")
        found = state.get("user") if state else None
        if found is None:
            found = self.scope.get("user")
        return ANONYMOUS if found is None else found

    @user.setter
    def user(self, value: Any) -> None:
        self._user = value
        self.state.user = value

    async def auser(self) -> Any:
        """The user, Django's async name."""
        return self.user

    @property
    def session(self) -> Any:
        """The session.

        Raises:
            AttributeError: no session middleware ran.
        """
        try:
            session = self.scope["session"]
        except KeyError:
            raise AttributeError(
                "This request has no session: add a SessionMiddleware to MIDDLEWARE, above what reads it."
            ) from None
        accessed = getattr(session, "mark_accessed", None)
        if accessed is not None:
            accessed()
        return session

    @session.setter
    def session(self, value: Any) -> None:
        self.scope["session"] = value

    # The body

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces as they arrive; it can be read once.

        Raises:
            ClientDisconnect: the client left before its end.
        """
        body = self._body
        if body is not None:
            yield body
            yield b""
            return
        self._check_unread()
        while not self._stream_consumed:
            piece = await self._part()
            if piece:
                yield piece
        yield b""

    def _check_unread(self) -> None:
        if self._stream_consumed:
            raise RuntimeError("The body was read as a stream already; read `await request.body()` first to keep it.")

    async def _part(self) -> bytes:
        """The next message's piece of the body."""
        message = await self._receive()
        kind = message["type"]
        if kind == "http.request":
            if not message.get("more_body", False):
                self._stream_consumed = True
            return message.get("body", b"")  # type: ignore[no-any-return]
        if kind == "http.disconnect":
            self._is_disconnected = True
            raise ClientDisconnect("The client left before its request was complete.")
        return b""

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            RequestDataTooBig: it exceeds DATA_UPLOAD_MAX_MEMORY_SIZE (read `stream()` for more).
            ClientDisconnect: the client left before its end.
        """
        body: bytes | None = self._body
        if body is not None:
            return body
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and self._declared_length() > limit:
            raise RequestDataTooBig(f"The request body exceeds {limit} bytes.")
        self._check_unread()
        size = 0
        pieces: list[bytes] = []
        while not self._stream_consumed:
            piece = await self._part()
            size += len(piece)
            if limit is not None and size > limit:
                raise RequestDataTooBig(f"The request body exceeds {limit} bytes.")
            pieces.append(piece)
        body = self._body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return body

    def _declared_length(self) -> int:
        for name, value in self.scope["headers"]:
            if name == b"content-length":
                return int(value) if value.isdigit() and len(value) < 19 else 2**63
        return 0

    @property
    def body(self) -> Body | PendingBody:  # type: ignore[override]
        """The whole body; `await request.body()` outside a portal."""
        if self._body is None:
            if not in_portal():
                return PendingBody(self.read)
            wait(self.read())
        return Body(self._body)

    @property
    def json(self) -> Any:
        """The JSON body as data, as an awaitable, and as a maker of JSON responses; see `covet.http.body`."""
        if self._json is not None:
            return self._json
        if self._body is None:
            if self.scope["method"] in BODILESS and not self._has_body():
                return EMPTY
            if not in_portal():
                return PendingJSON(self.load_json)
            wait(self.load_json())
        else:
            self._parse_json()
        return self._json

    def _has_body(self) -> bool:
        return any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.scope["headers"])

    async def load_json(self) -> JSONBody:
        """Read and parse the body, so that `request.json` need not wait; the application does so for JSON bodies."""
        if self._json is None:
            body = self._body
            if body is None:
                body = await self.read()
            if len(body) > LARGE:
                await asyncio.to_thread(self._parse_json)
            else:
                self._parse_json()
        return self._json  # type: ignore[return-value]

    def _parse_json(self) -> None:
        body = self._body
        if not body:
            self._json = EMPTY
            return
        try:
            self._json = json_body(loads(body))
        except BadJSON as error:
            self._json = BadBody(error)

    def form(
        self, *, max_files: float | None = None, max_fields: float | None = None, max_part_size: int | None = None
    ) -> AwaitableOrContextManager[FormData]:
        """The form: `await request.form()`, or `async with request.form() as form`; limits come from the settings.

        Raises:
            BadRequest: the body is malformed. TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig: a limit.
        """
        return AwaitableOrContextManagerWrapper(
            self._get_form(max_files=max_files, max_fields=max_fields, max_part_size=max_part_size)
        )

    async def _get_form(
        self,
        *,
        max_files: float | None = None,
        max_fields: float | None = None,
        max_part_size: int | None = None,
    ) -> Form:
        if self._form is None:
            kind = self.content_type
            if kind == MULTIPART:
                self._form = await parse_multipart(
                    self.headers,
                    self.stream(),
                    max_files=max_files,
                    max_fields=max_fields,
                    max_part_size=max_part_size,
                )
            elif kind == URLENCODED:
                self._form = await parse_urlencoded(await self.read())
            else:
                self._form = Form()
        return self._form

    @property
    def POST(self) -> QueryDict:  # noqa: N802 - Django's name
        """The fields of a form body, without its files; empty unless the method is POST."""
        if self.method != "POST":
            return QueryDict(pairs=[])
        form = self._form if self._form is not None else wait(self._get_form())
        return QueryDict(pairs=[(name, value) for name, value in form.multi_items() if isinstance(value, str)])

    @property
    def FILES(self) -> Form:  # noqa: N802 - Django's name
        """The files of a form body."""
        if self.method != "POST" and self._form is None:
            return Form()
        form = self._form if self._form is not None else wait(self._get_form())
        return Form([pair for pair in form.multi_items() if isinstance(pair[1], UploadFile)])

    files = FILES

    # Answers

    def redirect(self, url: object, status: int = 302, *, external: bool = False) -> RedirectResponse:
        """A redirect to a path or URL of this site.

        Args:
            url: where to; anything that `str()` makes a URL of.
            status: 302 by default.
            external: allow another host. Never with a URL that came from the client.

        Raises:
            BadRequest: the URL leads to another host, or is none.
        """
        text = str(url)
        if not external and not url_has_allowed_host_and_scheme(text, {self._host_or_empty()}):
            raise BadRequest(f"A redirect to {text!r} would leave this site; pass external=True if it should.")
        return RedirectResponse(text, status)

    def _host_or_empty(self) -> str:
        try:
            return self.get_host()
        except DisallowedHost:
            return ""
