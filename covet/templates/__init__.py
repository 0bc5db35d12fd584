"""Templates: jinja2, or Django's engine, awaited."""

from covet.exceptions import TemplateDoesNotExist
from covet.templates.engines import Engines, engine
from covet.templates.jinja import JinjaEngine
from covet.templates.rendering import render, render_string, render_to_string

Jinja2 = JinjaEngine

__all__ = [
    "render",
    "render_to_string",
    "render_string",
    "engine",
    "Engines",
    "JinjaEngine",
    "Jinja2",
    "TemplateDoesNotExist",
]
