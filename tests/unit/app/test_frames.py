"""The queue and the gate of a WebSocket connection: those of asyncio, in less memory."""

import asyncio
import sys

import pytest
from uvicorn import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from covet.websocket.frames import FrameProtocol, Gate, Messages

pytestmark = pytest.mark.covet(portal=False)


@pytest.fixture
async def messages():
    return Messages(asyncio.get_running_loop())


@pytest.fixture
async def gate():
    return Gate(asyncio.get_running_loop())


async def test_messages_come_in_order(messages):
    assert messages.empty()
    messages.put_nowait(1)
    messages.put_nowait(2)
    assert not messages.empty()
    assert [await messages.get(), await messages.get()] == [1, 2]
    assert messages.empty()


async def test_a_reader_waits_for_the_next_message(messages):
    reader = asyncio.ensure_future(messages.get())
    await asyncio.sleep(0)
    assert not reader.done()
    messages.put_nowait("a")
    assert await reader == "a"


async def test_several_readers_get_one_each(messages):
    readers = [asyncio.ensure_future(messages.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(3):
        messages.put_nowait(number)
    assert await asyncio.gather(*readers) == [0, 1, 2]


async def test_a_cancelled_reader_leaves_its_message_to_the_next(messages):
    first, second = (asyncio.ensure_future(messages.get()) for _ in range(2))
    await asyncio.sleep(0)
    messages.put_nowait("a")
    first.cancel()
    assert await asyncio.wait_for(second, 30) == "a"
    assert first.cancelled()


async def test_a_reader_that_gives_up_is_forgotten(messages):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(messages.get(), 0.001)
    messages.put_nowait("a")
    assert await messages.get() == "a"


async def test_the_gate_is_open_at_first(gate):
    assert gate.is_set()
    await asyncio.wait_for(gate.wait(), 30)


async def test_all_pass_when_the_gate_opens(gate):
    gate.clear()
    gate.clear()
    waiting = [asyncio.ensure_future(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert not gate.is_set()
    gate.set()
    gate.set()
    await asyncio.wait_for(asyncio.gather(*waiting[1:]), 1)
    assert waiting[0].cancelled()
    assert gate.is_set()


async def test_they_are_small(messages, gate):
    def size(thing):
        held = [getattr(thing, name) for name in thing.__slots__ if name != "_loop"]
        return sys.getsizeof(thing) + sum(map(sys.getsizeof, held))

    assert size(messages) + size(gate) < 400


HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
MESSAGES = [
    {"text": "short"}, {"text": ""}, {"text": "é" * 200}, {"bytes": b"\0\xff"}, {"bytes": b""},
    {"text": None, "bytes": b"x" * 70_000}, {"text": "y" * 126}, {"bytes": None, "text": "z" * 65_536},
]  # fmt: skip


class Transport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name, default=None):
        return {"peername": ("127.0.0.1", 5000), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


async def conversation(kind, headers):
    """What a protocol writes for MESSAGES, then after the client has left."""

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        for message in MESSAGES:
            await send({"type": "websocket.send", **message})
        sent.set()
        await left.wait()
        with pytest.raises(ClientDisconnected):
            await send({"type": "websocket.send", "text": "too late"})
        done.set()

    sent, left, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    state = ServerState()
    protocol = kind(Config(app, log_config=None, lifespan="off"), state, {})
    transport = Transport()
    protocol.connection_made(transport)
    protocol.data_received(HANDSHAKE + headers + b"\r\n")
    await asyncio.wait_for(sent.wait(), 30)
    protocol.connection_lost(None)
    left.set()
    await asyncio.wait_for(done.wait(), 30)
    return transport.written


@pytest.mark.parametrize("headers", [b"", DEFLATE], ids=["plain", "deflate"])
async def test_the_frames_are_uvicorn_s(headers):
    """The reference is uvicorn's own protocol."""
    expected = await conversation(WebSocketsSansIOProtocol, headers)
    found = await conversation(FrameProtocol, headers)
    assert found == expected
    assert (b"permessage-deflate" in found) == bool(headers)
