"""WebSockets: CPU of the server for each echo and each delivered broadcast, and what an idle connection holds."""

import asyncio
import base64
import os
import resource
import statistics
import struct
import sys
import time
from typing import Any

import uvloop

from benchmarks.compare import free_port, serving
from benchmarks.stacks import Stack
from benchmarks.usage import cpu_seconds, resident_bytes, tree

TEXT = "A message of some forty-eight characters in all."


def _stacks() -> dict[str, Stack]:
    return {
        "covet": Stack(
            "covet",
            (sys.executable, "-m", "covet_cli", "run", "--port", "{port}", "--no-access-log", "--log-level", "error"),
            "covet run, one process",
            environment={
                "COVET_SETTINGS_MODULE": "benchmarks.servers.covet_settings",
                "COVET_ASGI_APPLICATION": "benchmarks.servers.covet_sockets:app",
            },
        ),
        "channels": Stack(
            "channels",
            (sys.executable, "-m", "daphne", "-p", "{port}", "-v", "0", "benchmarks.servers.channels_sockets:app"),
            "Channels, in-memory layer, daphne, one process",
        ),
    }


class Client(asyncio.Protocol):
    """One WebSocket, frames by hand."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.received = 0
        self.wanted = 0
        self.arrived: asyncio.Future[None] | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.opened.done():
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self.buffer = rest
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(head[:80].decode()))
                return
            self.opened.set_result(None)
        while len(self.buffer) >= 2:
            length, start = self.buffer[1] & 127, 2
            if length == 126:
                if len(self.buffer) < 4:
                    return
                length, start = struct.unpack(">H", self.buffer[2:4])[0], 4
            if len(self.buffer) < start + length:
                return
            if self.buffer[0] & 15 == 1:
                self.received += 1
            self.buffer = self.buffer[start + length :]
        if self.arrived is not None and self.received >= self.wanted and not self.arrived.done():
            self.arrived.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.opened, self.arrived):
            if future is not None and not future.done():
                future.set_exception(exc or ConnectionError("closed"))

    def send(self, text: str) -> None:
        """Send one text frame, masked with zeros."""
        payload = text.encode()
        self.transport.write(bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)

    async def until(self, count: int) -> None:
        """Wait for the `count`-th message."""
        if self.received < count:
            self.wanted, self.arrived = count, asyncio.get_running_loop().create_future()
            await self.arrived


async def _connect(port: int, path: str, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    while len(clients) < count:
        batch = await asyncio.gather(
            *(
                loop.create_connection(lambda: Client(path), "127.0.0.1", port)
                for _ in range(min(200, count - len(clients)))
            )
        )
        await asyncio.gather(*(client.opened for _, client in batch))
        clients += [client for _, client in batch]
    return clients


async def echo(port: int, pid: int, messages: int, clients: int = 20) -> float:
    """Server CPU-µs an echo."""
    connected = await _connect(port, "/echo", clients)
    before = cpu_seconds(tree(pid))

    async def converse(client: Client) -> None:
        for number in range(messages // clients):
            client.send(TEXT)
            await client.until(number + 1)

    await asyncio.gather(*(converse(client) for client in connected))
    used = cpu_seconds(tree(pid)) - before
    for client in connected:
        client.transport.close()
    return used / messages * 1e6


async def broadcast(port: int, pid: int, messages: int, clients: int = 200) -> float:
    """Server CPU-µs a delivered message."""
    connected = await _connect(port, "/room", clients)
    await asyncio.sleep(0.5)
    before = cpu_seconds(tree(pid))
    for number in range(messages):
        connected[0].send(TEXT)
        await asyncio.gather(*(client.until(number + 1) for client in connected))
    used = cpu_seconds(tree(pid)) - before
    for client in connected:
        client.transport.close()
    return used / (messages * clients) * 1e6


async def idle(port: int, pid: int, clients: int) -> tuple[float, int]:
    """(resident kB a connection, how many are still open after a while)."""
    before = resident_bytes(tree(pid))
    connected = await _connect(port, "/echo", clients)
    await asyncio.sleep(2)
    held = (resident_bytes(tree(pid)) - before) / clients / 1000
    alive = sum(not client.transport.is_closing() for client in connected)
    for client in connected:
        client.transport.close()
    return held, alive


def run(*, quick: bool = False) -> dict[str, float]:
    """Both servers in turn; medians of three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_000), hard))
    del soft
    figures: dict[str, dict[str, list[float]]] = {name: {"echo": [], "broadcast": []} for name in _stacks()}
    dsn = os.environ.get("BENCH_DSN", "postgresql://nobody@127.0.0.1/none")
    for _ in range(1 if quick else 3):
        for name, stack in _stacks().items():
            with serving(stack, dsn, ready="/row/5" if name == "covet" else "/plaintext") as (pid, port):
                figures[name]["echo"].append(uvloop.run(echo(port, pid, 4_000 if quick else 20_000)))
                figures[name]["broadcast"].append(uvloop.run(broadcast(port, pid, 40 if quick else 200)))
    results = {
        f"{name}_{kind}_us": statistics.median(values)
        for name, kinds in figures.items()
        for kind, values in kinds.items()
    }
    results["echo_ratio"] = results["channels_echo_us"] / results["covet_echo_us"]
    results["broadcast_ratio"] = results["channels_broadcast_us"] / results["covet_broadcast_us"]
    with serving(_stacks()["covet"], dsn) as (pid, port):
        clients = 2_000 if quick else 10_000
        results["idle_kb"], results["idle_alive"] = uvloop.run(idle(port, pid, clients))
        results["idle_clients"] = clients
    return results


if __name__ == "__main__":
    started = time.time()
    for name, value in run(quick="--quick" in sys.argv).items():
        print(f"{name:24} {value:.1f}")
    print(f"{time.time() - started:.0f} s, first free port would be {free_port()}")
