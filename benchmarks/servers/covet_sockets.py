"""CovetPy's WebSockets: an echo, and a room in which each message goes to all."""

import os

os.environ.setdefault("COVET_SETTINGS_MODULE", "benchmarks.servers.covet_settings")

from covet.app import Covet  # noqa: E402 - settings come first
from covet.routing import Router  # noqa: E402
from covet.websocket import broadcast  # noqa: E402

router = Router()
room = set()


@router.get("/row/{pk:int}")
async def row(request, pk):
    return "ready"


@router.websocket("/echo")
async def echo(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@router.websocket("/room")
async def join(websocket):
    await websocket.accept()
    room.add(websocket)
    try:
        async for text in websocket.iter_text():
            await broadcast(room, text)
    finally:
        room.discard(websocket)


app = Covet(router=router)
