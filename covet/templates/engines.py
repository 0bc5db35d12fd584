"""The engines of a project, made from TEMPLATES when first asked for, and the context that every template gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured, TemplateDoesNotExist, choices
from covet.http.context import request_var
from covet.http.request import Request
from covet.templates.configuration import EngineConfiguration, configurations, import_attribute
from covet.templates.jinja import JinjaEngine

Processor = Callable[[Request], Any]


class Engine(Protocol):
    """What renders templates."""

    configuration: EngineConfiguration

    async def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The template's text."""
        ...

    async def render_string(self, source: str, context: Mapping[str, Any]) -> str:
        """The text of a template given as a string."""
        ...


class Engines:
    """All engines of a TEMPLATES setting, tried in its order.

    Args:
        setting: instead of the setting.
    """

    def __init__(self, setting: Any = None) -> None:
        self._engines = [
            (_make(configuration), _processors(configuration)) for configuration in configurations(setting)
        ]

    def all(self) -> list[Engine]:
        """The engines."""
        return [engine for engine, _ in self._engines]

    async def render_to_string(
        self,
        names: str | Iterable[str],
        context: Mapping[str, Any] | None = None,
        request: Request | None = None,
        using: str | None = None,
    ) -> str:
        """The text of the first template that exists.

        Args:
            names: a name, or several to try in order.
            context: its variables.
            request: for the context processors; the current one without it.
            using: an engine's name.

        Raises:
            TemplateDoesNotExist: none of them exists. ImproperlyConfigured: no engine is called `using`.
        """
        request = request if request is not None else request_var.get()
        wanted = [names] if isinstance(names, str) else list(names)
        tried: list[str] = []
        for engine, processors in self._chosen(using):
            values = await _context(processors, context, request)
            for name in wanted:
                try:
                    return await engine.render(name, values)
                except TemplateDoesNotExist as error:
                    if error.name not in wanted:
                        raise
                    tried.extend(error.tried)
        raise TemplateDoesNotExist(", ".join(wanted), tried)

    async def render_string(self, source: str, context: Mapping[str, Any] | None = None) -> str:
        """The text of a template given as a string, by the first engine."""
        engine, processors = self._engines[0]
        return await engine.render_string(source, await _context(processors, context, request_var.get()))

    def _chosen(self, using: str | None) -> list[tuple[Engine, list[Processor]]]:
        if using is None:
            return self._engines
        found = [pair for pair in self._engines if pair[0].configuration.name == using]
        if not found:
            names = ", ".join(choices(using, (engine.configuration.name for engine in self.all())))
            raise ImproperlyConfigured(f"There is no template engine {using!r}; choose one of: {names}")
        return found


def _make(configuration: EngineConfiguration) -> Engine:
    if configuration.backend == "jinja2":
        return JinjaEngine(configuration)
    # Django is an extra: its engine is imported where it is asked for.
    engine: Engine = import_attribute("covet.templates.django.DjangoEngine", "The template engine")(configuration)
    return engine


def _processors(configuration: EngineConfiguration) -> list[Processor]:
    return [import_attribute(path, "The context processor") for path in configuration.processors]


async def _context(
    processors: list[Processor], context: Mapping[str, Any] | None, request: Request | None
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if request is not None:
        for processor in processors:
            added = processor(request)
            if type(added) is not dict and inspect.isawaitable(added):
                added = await added
            values.update(added)
    if context:
        values.update(context)
    return values


_current: list[Engines] = []


def engine() -> Engines:
    """The project's engines."""
    if not _current:
        _current.append(Engines())
    return _current[0]


def _forget(name: str) -> None:
    if name in {"TEMPLATES", "INSTALLED_APPS", "DEBUG"}:
        _current.clear()


settings.subscribe(_forget)
