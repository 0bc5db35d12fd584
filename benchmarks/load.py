"""The load: keep-alive connections that each send the next request when the answer is here. Run as a process.

Prints one line of JSON: requests, errors, seconds, latencies in ms (p50, p99) and its own CPU seconds.
"""

import argparse
import asyncio
import json
import random
import resource
import time

import uvloop


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: list[bytes], choose: random.Random, done: "Tally") -> None:
        self.requests = requests
        self.choose = choose
        self.tally = done
        self.buffer = b""
        self.wanted = -1
        self.started = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        if self.tally.is_over:
            if self.transport is not None:
                self.transport.close()
            return
        self.started = time.perf_counter()
        assert self.transport is not None
        self.transport.write(self.choose.choice(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.wanted < 0:
            head, found, _ = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 2"):
                self.tally.errors += 1
            lower = head.lower()
            position = lower.find(b"content-length:")
            if position < 0:
                if b"transfer-encoding: chunked" in lower:
                    self.wanted = 1 << 60
                else:
                    self.wanted = len(head) + 4
            else:
                length = int(lower[position + 15 :].split(b"\r\n", 1)[0])
                self.wanted = len(head) + 4 + length
        if len(self.buffer) >= self.wanted or (self.wanted == 1 << 60 and self.buffer.endswith(b"0\r\n\r\n")):
            self.buffer = b""
            self.wanted = -1
            self.tally.latencies.append(time.perf_counter() - self.started)
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.tally.is_over:
            self.tally.errors += 1
            self.tally.reconnect()


class Tally:
    """What all connections saw."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.errors = 0
        self.is_over = False
        self.reconnect = lambda: None


async def run(options: argparse.Namespace) -> dict[str, float]:
    """Drive the load for the wanted time."""
    loop = asyncio.get_running_loop()
    choose = random.Random(options.seed)
    requests = [
        request(options.host, options.method, options.path.replace("{id}", str(choose.randint(1, options.ids))), options.body)
        for _ in range(500)
    ]
    tally = Tally()

    def connect() -> None:
        loop.create_task(
            loop.create_connection(lambda: Client(requests, choose, tally), options.host, options.port)  # type: ignore[arg-type]
        )

    tally.reconnect = connect
    for _ in range(options.connections):
        connect()
    await asyncio.sleep(options.warm_up)
    tally.latencies.clear()
    tally.errors = 0
    print("ready", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    await asyncio.sleep(options.seconds)
    seconds = time.perf_counter() - started
    latencies = sorted(tally.latencies)
    errors = tally.errors
    tally.is_over = True
    now = resource.getrusage(resource.RUSAGE_SELF)
    count = len(latencies)
    return {
        "requests": count,
        "errors": errors,
        "seconds": seconds,
        "p50": latencies[count // 2] * 1000 if count else float("nan"),
        "p99": latencies[min(count - 1, int(count * 0.99))] * 1000 if count else float("nan"),
        "cpu": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
    }


def request(host: str, method: str, path: str, body: str) -> bytes:
    """One request as bytes."""
    content = body.encode()
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: keep-alive", "Accept: */*"]
    if method in ("POST", "PUT"):
        head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*head, "", ""]).encode() + content


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--method", default="GET")
    parser.add_argument("--body", default="")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--ids", type=int, default=9000)
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(uvloop.run(run(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
