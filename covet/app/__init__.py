"""The Covet ASGI application."""

from covet.app.application import Covet
from covet.app.lifespan import Lifespan, register

__all__ = ["Covet", "Lifespan", "register"]
