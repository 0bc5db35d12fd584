"""The response for a failure: a page where the client prefers HTML, JSON for everybody else."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from covet.app.failures import SERVER_ERROR, phrase
from covet.app.pages import debug_page, missing_page, plain_page
from covet.exceptions import Resolver404, TemplateDoesNotExist
from covet.http.request import Request
from covet.http.response import HTMLResponse, JSONResponse, Response
from covet.routing.router import Route
from covet.templates.engines import engine

logger = logging.getLogger("covet.app")


class Refusal:
    """A failure that no exception stands behind.

    Args:
        status: the status code.
        message: what the client may read.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        self.errors = None
        self.error = None
        self.headers: dict[str, str] = {}


async def answer(failure: Any, request: Request, *, debug: bool, routes: Iterable[Route]) -> Response:
    """The response.

    Args:
        failure: a `Failure` or a `Refusal`.
        request: whose client is told.
        debug: show details to browsers.
        routes: listed on the developer's 404.
    """
    status, error = failure.status, failure.error
    if not prefers_html(request):
        data: dict[str, Any] = {"error": failure.message}
        if failure.errors is not None:
            data["errors"] = failure.errors
        return JSONResponse(data, status, failure.headers)
    if debug and status >= SERVER_ERROR and error is not None:
        return HTMLResponse(debug_page(error, request, status), status, failure.headers)
    if debug and isinstance(error, Resolver404):
        page = missing_page(request, [_listed(route) for route in routes], "No route matches this path.")
        return HTMLResponse(page, status, failure.headers)
    own = await _project_page(status, request)
    return HTMLResponse(own or plain_page(status, phrase(status), failure.message), status, failure.headers)


def _listed(route: Route) -> tuple[str, str, str]:
    verbs = route.methods or (route.kind if route.kind != "http" else "any",)
    return " ".join(verbs), route.path or "/", route.full_name or ""


def prefers_html(request: Request) -> bool:
    """Whether an error is shown as a page: where the client names HTML before JSON."""
    accept = request.headers.get("accept", "")
    html = accept.find("text/html")
    if html < 0:
        return False
    json = accept.find("application/json")
    return json < 0 or html < json


async def _project_page(status: int, request: Request) -> str | None:
    """The project's own `404.html` and the like, if it has one that renders."""
    try:
        return await engine().render_to_string(f"{status}.html", {}, request)
    except TemplateDoesNotExist:
        return None
    except Exception:
        logger.exception("The template %d.html could not be rendered", status)
        return None
