"""`render`: a template as a response; the request comes from the context variable, or first, as in Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from covet.http.request import Request
from covet.http.response import HTMLResponse
from covet.templates.engines import engine


async def render(
    *args: Any,
    context: Mapping[str, Any] | None = None,
    content_type: str | None = None,
    status: int = 200,
    using: str | None = None,
    headers: Mapping[str, str] | None = None,
    request: Request | None = None,
    template_name: str | Iterable[str] | None = None,
) -> HTMLResponse:
    """A template as a response; the request may come first, as in Django.

    Args:
        args: [request,] template name or names [, context [, content_type [, status [, using]]]].
        context: the template's variables.
        content_type: instead of `text/html`.
        status: the response's status.
        using: a template engine's name.
        headers: further headers.
        request: instead of the current one.
        template_name: by keyword.

    Raises:
        TemplateDoesNotExist: the message says where it was looked for.
        TypeError: there is no template name.
    """
    rest = list(args)
    if rest and (rest[0] is None or not isinstance(rest[0], (str, list, tuple))):
        request = rest.pop(0) or request
    if template_name is None:
        if not rest:
            raise TypeError("render() takes a template name: await render('page.html', {...})")
        template_name = rest.pop(0)
    names = ("context", "content_type", "status", "using")
    if len(rest) > len(names):
        raise TypeError("render() takes [request,] name, context, content_type, status, using")
    given: dict[str, Any] = dict(zip(names, rest, strict=False))
    context = given.get("context", context)
    text = await engine().render_to_string(template_name, context, request, given.get("using", using))
    response = HTMLResponse(
        text, given.get("status", status), headers, content_type=given.get("content_type", content_type)
    )
    response.template_name = template_name
    response.context_data = dict(context or {})
    return response


async def render_to_string(
    template_name: str | Iterable[str],
    context: Mapping[str, Any] | None = None,
    request: Request | None = None,
    using: str | None = None,
) -> str:
    """The text of a template, for e-mails and fragments.

    Raises:
        TemplateDoesNotExist: the message says where it was looked for.
    """
    return await engine().render_to_string(template_name, context, request, using)


async def render_string(source: str, context: Mapping[str, Any] | None = None) -> str:
    """The text of a template given as a string. Never build `source` from what a client sent."""
    return await engine().render_string(source, context)
