"""What `request.json` and `request.body` are: data that can also be called (ruling T28).

`request.json` behaves as the parsed body; `await request.json()` gives the same; `request.json(data, status=201)`
makes a response. A body that is missing or malformed is reported (400) when its data is used, not before, so that a
handler which only answers never fails on it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from typing import Any, Final, NoReturn

from covet.exceptions import BadJSON, NotInPortal
from covet.http.response import JSONResponse


class _Missing:
    def __repr__(self) -> str:
        return "<no data>"


MISSING: Final = _Missing()


class Ready:
    """An awaitable that is its value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.value
        yield  # pragma: no cover - makes this a generator


class Refused(Ready):
    """An awaitable that raises."""

    def __await__(self) -> Generator[Any, Any, Any]:
        raise self.value
        yield  # pragma: no cover - makes this a generator


class JSONBody:
    """The calling half of `request.json`."""

    __slots__ = ()

    def __call__(
        self,
        data: Any = MISSING,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
        status_code: int | None = None,
    ) -> Any:
        """Without data, an awaitable of the body; with data, a JSON response.

        Args:
            data: what the response holds: anything that `covet.http.encoding.dumps` writes.
            status: the response's status.
            status_code: Starlette's name for it; wins.
            headers: further headers.
            content_type: instead of `application/json`.
        """
        if data is MISSING:
            return self._awaitable()
        status = status if status_code is None else status_code
        return JSONResponse(data, status, headers, content_type)

    def _awaitable(self) -> Any:
        return Ready(self)


class JSONObject(JSONBody, dict[str, Any]):
    """A body that is an object: a dict whose missing keys are the client's mistake."""

    __slots__ = ()

    def __missing__(self, key: object) -> NoReturn:
        raise MissingKey(key)


class MissingKey(BadJSON, KeyError):
    """The body lacks a key that the handler reads."""

    def __init__(self, key: object) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"The JSON body has no {self.key!r}."


class JSONArray(JSONBody, list[Any]):
    """A body that is an array; reading it as an object is the client's mistake."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            raise WrongShape("an array")
        return super().__getitem__(index)

    def __getattr__(self, name: str) -> Any:
        if name in _OBJECT_METHODS:
            raise WrongShape("an array")
        raise AttributeError(f"'JSONArray' object has no attribute {name!r}")


_OBJECT_METHODS: Final = frozenset({"get", "items", "keys", "values", "setdefault", "update"})


class WrongShape(BadJSON, TypeError):
    """The body is an array or a plain value where the handler reads an object."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return f"The JSON body is {self.found}; expected an object."


class BadBody(JSONBody):
    """A body that is missing or malformed: every use of it but calling raises `error`."""

    __slots__ = ("error",)

    def __init__(self, error: BadJSON) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"<no JSON: {self.error}>"

    def _refuse(self) -> NoReturn:
        # A new one each time: an exception that is raised again drags its old traceback along.
        raise type(self.error)(*self.error.args)

    def _awaitable(self) -> Ready:
        return Refused(self.error)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __getitem__(self, key: object) -> Any:
        self._refuse()

    def keys(self) -> Any:
        """Raises: `**request.json` asks for the keys first."""
        self._refuse()

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()

    def __bool__(self) -> bool:
        self._refuse()

    def __contains__(self, item: object) -> bool:
        self._refuse()

    def __eq__(self, other: object) -> bool:
        self._refuse()

    __hash__ = None  # type: ignore[assignment]


class JSONScalar(BadBody):
    """A body that is a lone string, number, boolean or null: awaited it is that, read as an object it is a 400."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        super().__init__(WrongShape("a plain value"))
        self.value = value

    def __repr__(self) -> str:
        return f"<JSON {self.value!r}>"

    def _awaitable(self) -> Ready:
        return Ready(self.value)


EMPTY: Final = BadBody(BadJSON("The request has no body; expected JSON."))


def json_body(value: Any) -> JSONBody:
    """The object that `request.json` is for a parsed body."""
    if type(value) is dict:
        return JSONObject(value)
    if type(value) is list:
        return JSONArray(value)
    return JSONScalar(value)


class Body(bytes):
    """`request.body`: bytes, and for Starlette's sake `await request.body()`."""

    def __call__(self) -> Ready:
        return Ready(bytes(self))


class _Pending:
    """A body that nobody read yet, outside a portal: it can be awaited and nothing else."""

    __slots__ = ("_load",)

    def __init__(self, load: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._load = load

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NotInPortal("The body is not read yet, and there is no portal to wait in: await it with a call, `()`.")

    def __getitem__(self, key: object) -> Any:
        self._refuse()

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()


class PendingBody(_Pending):
    """`request.body` before the body was read: `await request.body()`."""

    __slots__ = ()

    def __call__(self) -> Coroutine[Any, Any, bytes]:
        return self._load()


class PendingJSON(_Pending, JSONBody):
    """`request.json` before the body was read: `await request.json()`."""

    __slots__ = ()

    def _awaitable(self) -> Any:
        return self._parsed()

    async def _parsed(self) -> Any:
        body = await self._load()
        return await body()
