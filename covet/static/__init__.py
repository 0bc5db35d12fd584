"""Static files: their URLs, serving them, and collecting them for a web server."""

from covet.static.collecting import Collected, collect
from covet.static.files import StaticFiles
from covet.static.finders import find, find_all
from covet.static.urls import forget_manifest, static

__all__ = ["StaticFiles", "static", "collect", "Collected", "find", "find_all", "forget_manifest"]
