"""Where a request's microseconds go: each layer measured alone, in process, on one core.

`python -m benchmarks.layers DSN` prints a Markdown table (`--json`: pairs); every row contains the rows that it names.
"""

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg
import uvloop

ROUNDS, CALLS = 9, 1500


async def cost(function: Callable[[], Awaitable[object]]) -> float:
    """The median over rounds of the µs of CPU a call."""
    for _ in range(CALLS // 5):
        await function()
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            await function()
        rounds.append((time.process_time() - started) / CALLS * 1e6)
    return statistics.median(rounds)


def scope(path: str) -> dict[str, object]:
    """What a server would hand over."""
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "root_path": "",
        "state": {},
    }


async def layers(dsn: str) -> list[tuple[str, float]]:
    """(layer, µs) pairs, innermost first."""
    os.environ["BENCH_DSN"] = dsn
    os.environ["BENCH_POOL"] = "1"
    from benchmarks.servers import covet_site as site
    from benchmarks.servers import floor
    from covet.database.connections import connections
    from covet.http.encoding import dumps
    from covet.portal import portal

    adapter = connections["default"]
    raw = await asyncpg.connect(dsn)
    await site.User.objects.get(id=5)
    node, values = site.User.objects._rows()._get_node((), {"id": 5})
    sql = node.rows["default"].sql
    user = await site.User.objects.get(id=5)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: object) -> None:
        return None

    async def nothing() -> None:
        return None

    async def encode() -> bytes:
        return dumps(site.shown(user))

    gc.collect()
    gc.freeze()
    found = [
        ("asyncpg: `fetchrow` of one row", await cost(lambda: raw.fetchrow(floor.ONE, 5))),
        ("lease and driver: `adapter.run`", await cost(lambda: adapter.run(sql, values))),
        ("ORM: `User.objects.get(id=5)`, the driver included", await cost(lambda: site.User.objects.get(id=5))),
        ("portal: an empty coroutine", await cost(lambda: portal(nothing()))),
        ("JSON of six values", await cost(encode)),
        (
            "application: plain text (routing, portal, request, response)",
            await cost(lambda: site.app(scope("/plaintext"), receive, send)),
        ),
        ("application: one row, all of the above", await cost(lambda: site.app(scope("/row/5"), receive, send))),
    ]
    await raw.close()
    await connections.close_all()
    return found


def main() -> None:
    """The command."""
    from benchmarks.report import layers_table

    found = uvloop.run(layers(sys.argv[1]))
    print(json.dumps(found) if "--json" in sys.argv else layers_table(found))


if __name__ == "__main__":
    main()
