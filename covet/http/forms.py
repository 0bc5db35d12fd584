"""Form bodies: multipart through Starlette's parser, urlencoded ones at once; every limit is a 4xx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import Any, Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from covet.conf import settings
from covet.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from covet.http.encoding import LARGE
from covet.http.querydict import Form, parse_query

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"


def media_type(header: str | None) -> str:
    """The type of a Content-Type header, lower case, without parameters."""
    return header.partition(";")[0].strip().lower() if header else ""


def upload_name(name: str | None) -> str | None:
    """A client's file name without folders or control characters; None for what leaves no name."""
    if name is None:
        return None
    cleaned = "".join(character for character in name.replace("\\", "/") if character.isprintable())
    last = PurePosixPath(cleaned).name
    return last if last not in {"", ".", ".."} else None


class _Parser(MultiPartParser):
    """Starlette's parser, counting the bytes of plain fields together."""

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], *, budget: int | None, **limits: Any
    ) -> None:
        super().__init__(headers, stream, **limits)
        self._budget = budget
        self._started = self._ended = False

    @property
    def is_truncated(self) -> bool:
        """Whether a part began and the closing boundary never came."""
        return self._started and not self._ended

    def close_files(self) -> None:
        """Drop the files of a form that is refused."""
        for file in self._files_to_close_on_error:
            file.close()

    def on_part_begin(self) -> None:
        self._started = True
        super().on_part_begin()

    def on_end(self) -> None:
        self._ended = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._budget is not None and self._current_part.file is None:
            self._budget -= end - start
            if self._budget < 0:
                raise RequestDataTooBig("The form's fields exceed DATA_UPLOAD_MAX_MEMORY_SIZE.")
        super().on_part_data(data, start, end)


async def parse_multipart(
    headers: Headers,
    stream: AsyncGenerator[bytes, None],
    *,
    max_files: float | None = None,
    max_fields: float | None = None,
    max_part_size: int | None = None,
) -> Form:
    """The fields and files of a multipart body; files beyond memory's limit are spooled to disk.

    Raises:
        BadRequest: the body is malformed. TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig: a limit.
    """
    budget = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    fields = _limit(max_fields, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
    files = _limit(max_files, settings.DATA_UPLOAD_MAX_NUMBER_FILES)
    part = max_part_size if max_part_size is not None else (budget if budget is not None else 2**62)
    try:
        async with aclosing(stream):
            parser = _Parser(headers, stream, budget=budget, max_files=files, max_fields=fields, max_part_size=part)
            parser.spool_max_size = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
            parsed = await parser.parse()
            if parser.is_truncated:
                parser.close_files()
                raise BadRequest("The multipart body ends before its closing boundary.")
    except MultiPartException as error:
        raise _refusal(error.message) from error
    except (ValueError, KeyError, LookupError) as error:
        raise BadRequest("The multipart body is malformed.") from error
    for _, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            value.filename = upload_name(value.filename)
    return Form(parsed.multi_items())


def _limit(given: float | None, setting: int | None) -> float:
    if given is not None:
        return given
    return float("inf") if setting is None else setting


def _refusal(message: str) -> BadRequest | TooManyFieldsSent | TooManyFilesSent | RequestDataTooBig:
    if message.startswith("Too many fields"):
        return TooManyFieldsSent(message)
    if message.startswith("Too many files"):
        return TooManyFilesSent(message)
    if "exceeded maximum size" in message:
        return RequestDataTooBig(message)
    return BadRequest(message)


async def parse_urlencoded(body: bytes) -> Form:
    """The fields of a urlencoded body.

    Raises:
        TooManyFieldsSent: there are more than DATA_UPLOAD_MAX_NUMBER_FIELDS.
    """
    limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    if len(body) > LARGE:
        pairs = await asyncio.to_thread(parse_query, body, max_fields=limit)
    else:
        pairs = parse_query(body, max_fields=limit)
    return Form(list[tuple[str, Any]](pairs))


def content_params(header: str | None) -> dict[str, str]:
    """The parameters of a Content-Type header."""
    if not header:
        return {}
    _, options = parse_options_header(header)
    return {key.decode("latin-1"): value.decode("latin-1", "replace") for key, value in options.items()}
