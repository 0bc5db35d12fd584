"""The jinja2 engine: escaping on, rendering that waits for I/O, compiled templates kept in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import jinja2

from covet.conf import settings
from covet.exceptions import TemplateDoesNotExist
from covet.portal import in_portal, portal
from covet.templates.compiling import Environment
from covet.templates.configuration import EngineConfiguration, import_attribute

FUNCTIONS: Final[Mapping[str, str]] = {
    "url_for": "covet.routing.url_for",
    "url": "covet.routing.url_for",
    "static": "covet.static.static",
}
"""What every template can call, imported when the engine is made: these floors stand beside this one."""


class JinjaEngine:
    """Renders jinja2 templates.

    In a template every call is awaited by itself (`{{ post.comments.count() }}`), and `{% for %}` takes QuerySets.

    Args:
        configuration: folders and options; `options` are jinja2's, and `environment`: the dotted path of a function
            that makes the environment from them, as in Django. `enable_async` asks for jinja2's own async mode.
    """

    def __init__(self, configuration: EngineConfiguration) -> None:
        self.configuration = configuration
        options: dict[str, Any] = {
            "loader": jinja2.FileSystemLoader(configuration.dirs),
            "autoescape": configuration.auto_escape,
            "auto_reload": settings.DEBUG,
            "cache_size": 4000,
            **configuration.options,
        }
        extras = {name: options.pop(name, {}) for name in ("filters", "tests", "globals")}
        own = options.pop("environment", None)
        make: Any = jinja2.Environment if options.get("enable_async") else Environment
        if own is not None:
            make = import_attribute(own, "TEMPLATES: the environment")
            options.setdefault("enable_async", True)
        self.environment: jinja2.Environment = make(**options)
        for name, path in FUNCTIONS.items():
            self.environment.globals.setdefault(name, import_attribute(path, "The template function"))
        for name, values in extras.items():
            target = getattr(self.environment, name)
            target.update({key: import_attribute(value, f"TEMPLATES: {name}") for key, value in dict(values).items()})
        self._known: dict[str, jinja2.Template] = {}

    async def get_template(self, name: str) -> jinja2.Template:
        """The compiled template; the first time it is read and compiled in a thread.

        Raises:
            TemplateDoesNotExist: no folder holds it.
        """
        environment = self.environment
        try:
            if (known := self._known.get(name)) is not None:
                return environment.get_template(name) if environment.auto_reload else known
            template = await asyncio.to_thread(environment.get_template, name)
        except jinja2.TemplateNotFound as error:
            raise self._missing(error, name) from error
        self._known[name] = template
        return template

    async def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The template's text.

        Raises:
            TemplateDoesNotExist: it, or one that it extends or includes, does not exist.
        """
        template = await self.get_template(name)
        try:
            return await self._rendered(template, context)
        except jinja2.TemplateNotFound as error:
            raise self._missing(error, name) from error

    async def render_string(self, source: str, context: Mapping[str, Any]) -> str:
        """The text of a template given as a string."""
        return await self._rendered(self.environment.from_string(source), context)

    async def _rendered(self, template: jinja2.Template, context: Mapping[str, Any]) -> str:
        if self.environment.is_async:
            return await template.render_async(context)
        return template.render(context) if in_portal() else await portal(_render(template, context))

    def _missing(self, error: jinja2.TemplateNotFound, name: str) -> TemplateDoesNotExist:
        missing = str(error.name or name)
        return TemplateDoesNotExist(missing, [str(path / missing) for path in self.configuration.dirs])


async def _render(template: jinja2.Template, context: Mapping[str, Any]) -> str:
    return template.render(context)
