"""The jinja2 engine: escaping on, async rendering, compiled templates kept in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import jinja2

from covet.conf import settings
from covet.exceptions import TemplateDoesNotExist
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
            that makes the environment from them, as in Django.
    """

    def __init__(self, configuration: EngineConfiguration) -> None:
        self.configuration = configuration
        options: dict[str, Any] = {
            "loader": jinja2.FileSystemLoader(configuration.dirs),
            "autoescape": configuration.auto_escape,
            "auto_reload": settings.DEBUG,
            "enable_async": True,
            "cache_size": 4000,
            **configuration.options,
        }
        extras = {name: options.pop(name, {}) for name in ("filters", "tests", "globals")}
        make = import_attribute(options.pop("environment", jinja2.Environment), "TEMPLATES: the environment")
        self.environment: jinja2.Environment = make(**options)
        for name, path in FUNCTIONS.items():
            self.environment.globals.setdefault(name, import_attribute(path, "The template function"))
        for name, values in extras.items():
            target = getattr(self.environment, name)
            target.update({key: import_attribute(value, f"TEMPLATES: {name}") for key, value in dict(values).items()})
        self._known: set[str] = set()

    async def get_template(self, name: str) -> jinja2.Template:
        """The compiled template; the first time it is read and compiled in a thread.

        Raises:
            TemplateDoesNotExist: no folder holds it.
        """
        try:
            if name in self._known:
                return self.environment.get_template(name)
            template = await asyncio.to_thread(self.environment.get_template, name)
        except jinja2.TemplateNotFound as error:
            missing = str(error.name or name)
            raise TemplateDoesNotExist(missing, [str(path / missing) for path in self.configuration.dirs]) from error
        self._known.add(name)
        return template

    async def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The template's text.

        Raises:
            TemplateDoesNotExist: it, or one that it extends or includes, does not exist.
        """
        template = await self.get_template(name)
        try:
            if self.environment.is_async:
                return await template.render_async(context)
            return template.render(context)
        except jinja2.TemplateNotFound as error:
            missing = str(error.name or name)
            raise TemplateDoesNotExist(missing, [str(path / missing) for path in self.configuration.dirs]) from error

    async def render_string(self, source: str, context: Mapping[str, Any]) -> str:
        """The text of a template given as a string."""
        template = self.environment.from_string(source)
        return await template.render_async(context) if self.environment.is_async else template.render(context)
