"""The ASGI application: `covet run` serves it, and so does `uvicorn asgi:app`."""

from covet.app import Covet

app = Covet()
