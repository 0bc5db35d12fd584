"""The app's handlers."""

from covet.http import Request


async def index(request: Request) -> dict[str, str]:
    """The app's first answer."""
    return {"app": "@@app_name@@"}
