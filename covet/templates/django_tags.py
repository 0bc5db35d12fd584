"""The tags `url`, `static` and `csrf_token` for Django's engine, answered by this house's routes and files."""

# mypy: disable-error-code="misc,untyped-decorator"
from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html

from covet.conf import settings
from covet.exceptions import NoReverseMatch
from covet.http.urls import reverse
from covet.templates.configuration import import_attribute
from covet.templates.jinja import FUNCTIONS

register = template.Library()


class _URLNode(template.Node):
    def __init__(self, name: Any, args: list[Any], kwargs: dict[str, Any], target: str | None) -> None:
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self.target = target

    def render(self, context: Any) -> str:
        name = self.name.resolve(context)
        args = [argument.resolve(context) for argument in self.args]
        kwargs = {key: value.resolve(context) for key, value in self.kwargs.items()}
        try:
            path = reverse(name, args=args, kwargs=kwargs)
        except NoReverseMatch:
            if self.target is None:
                raise
            path = ""
        if self.target is not None:
            context[self.target] = path
            return ""
        return str(conditional_escape(path))


@register.tag
def url(parser: Any, token: Any) -> _URLNode:
    """`{% url "name" arg key=value as variable %}`."""
    _, *bits = token.split_contents()
    if not bits:
        raise template.TemplateSyntaxError("'url' takes at least one argument, a URL pattern name.")
    target = None
    if len(bits) >= 3 and bits[-2] == "as":
        target = bits[-1]
        bits = bits[:-2]
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for bit in bits[1:]:
        key, equals, value = bit.partition("=")
        if equals and key.isidentifier():
            kwargs[key] = parser.compile_filter(value)
        else:
            args.append(parser.compile_filter(bit))
    return _URLNode(parser.compile_filter(bits[0]), args, kwargs, target)


@register.simple_tag
def static(path: str) -> str:
    """`{% static "css/site.css" %}`."""
    return str(import_attribute(FUNCTIONS["static"], "The template function")(path))


@register.simple_tag
def get_static_prefix() -> str:
    """`{% get_static_prefix %}`."""
    return settings.STATIC_URL or ""


@register.simple_tag
def get_media_prefix() -> str:
    """`{% get_media_prefix %}`."""
    return settings.MEDIA_URL


@register.simple_tag(takes_context=True)
def csrf_token(context: Any) -> Any:
    """`{% csrf_token %}`: the hidden field, where the CSRF middleware runs."""
    token = context.get("csrf_token")
    if not token or token == "NOTPROVIDED":  # noqa: S105 - Django's word for none
        return ""
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', token)
