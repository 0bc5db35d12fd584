"""Load on a new project's pages: requests a second, slowest answers, errors, and the server's memory over time.

    python benchmarks/scaffold_load.py --seconds 300 --connections 32

It scaffolds a project into a temporary folder, fills it with posts, serves it with one worker on loopback, and loads
`/api/posts/`, `/posts/` and `/` in turn. An error, or memory that grew by more than a tenth after the first quarter,
exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATHS = ("/api/posts/", "/posts/", "/")
POSTS = 50
ALLOWED_GROWTH = 1.10


@dataclass
class Score:
    path: str
    seconds: list[float] = field(default_factory=list)
    errors: int = 0

    def line(self, duration: float) -> str:
        ordered = sorted(self.seconds)
        middle, slow = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
        return (
            f"{self.path:<14} {len(ordered):>8} requests  {len(ordered) / duration:>7.0f}/s"
            f"  p50 {middle * 1000:6.1f} ms  p99 {slow * 1000:6.1f} ms  {self.errors} errors"
        )


def resident(pid: int) -> int:
    """Memory of a process and its children, in KiB."""
    total = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            total += int(line.split()[1])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return total + sum(resident(int(child)) for child in children)


async def read_response(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
        return status
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()
    return status


async def client(port: int, score: Score, deadline: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    message = f"GET {score.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    while (started := time.perf_counter()) < deadline:
        writer.write(message)
        if await read_response(reader) != 200:
            score.errors += 1
        score.seconds.append(time.perf_counter() - started)
    writer.close()


async def watch(pid: int, deadline: float, samples: list[int]) -> None:
    while time.perf_counter() < deadline:
        samples.append(resident(pid))
        await asyncio.sleep(0.5)


async def load(port: int, pid: int, seconds: float, connections: int) -> tuple[list[Score], list[int]]:
    scores, samples = [], []
    for path in PATHS:
        score = Score(path)
        deadline = time.perf_counter() + seconds / len(PATHS)
        clients = [client(port, score, deadline) for _ in range(connections)]
        await asyncio.gather(watch(pid, deadline, samples), *clients)
        scores.append(score)
    return scores, samples


async def fill(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(POSTS):
        body = json.dumps({"title": f"Post {number}", "body": "Text. " * 40, "author": f"Author {number % 7}"}).encode()
        head = (
            "POST /api/posts/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        status = await read_response(reader)
        assert status == 201, status
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--database-url", help="instead of SQLite")
    options = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cli'}", "COVET_DEBUG": "0"}
    environment["COVET_SECRET_KEY"] = "only-for-this-benchmark-and-loopback"
    covet = [sys.executable, "-m", "covet_cli"]
    with tempfile.TemporaryDirectory() as folder:
        environment["DATABASE_URL"] = options.database_url or f"sqlite:///{folder}/db.sqlite3"
        subprocess.run(
            [*covet, "startproject", "shop"], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        project = Path(folder, "shop")
        subprocess.run(
            [*covet, "migration", "apply"], cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [*covet, "run", "--port", str(port), "--log-level", "warning"]
        server = subprocess.Popen(command, cwd=project, env=environment)
        try:
            wait_for(port)
            asyncio.run(fill(port))
            scores, samples = asyncio.run(load(port, server.pid, options.seconds, options.connections))
        finally:
            server.terminate()
            server.wait(15)
    for score in scores:
        print(score.line(options.seconds / len(PATHS)))
    warm = samples[len(samples) // 4 :]
    print(
        f"memory: {samples[0] / 1024:.1f} MiB at the start, {warm[0] / 1024:.1f} warm, {warm[-1] / 1024:.1f} at the end"
    )
    sys.exit(any(score.errors for score in scores) or warm[-1] > warm[0] * ALLOWED_GROWTH)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the server did not start")


if __name__ == "__main__":
    main()
