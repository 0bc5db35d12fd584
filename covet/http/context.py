"""The request that is being answered, as a context variable; `render(name, context)` takes it from here."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covet.http.request import Request

request_var: ContextVar[Request | None] = ContextVar("covet_request", default=None)


def current_request() -> Request | None:
    """The request of this task and its children; None outside one."""
    return request_var.get()
