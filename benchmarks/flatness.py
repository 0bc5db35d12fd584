"""What a query costs against thousands of rows, of shapes, of routes: it should not grow. Prints and plots (SVG)."""

import argparse
import functools
import gc
import os
import time
from pathlib import Path

import uvloop

from benchmarks.layers import scope


async def least_us(functions, calls: int = 300, rounds: int = 9) -> list[float]:
    """What one call of each takes, measured in turn: the least of the rounds, which others on the machine disturbed least."""
    # As a server does once it has started: what was made until then is not looked through again and again.
    gc.collect()
    gc.freeze()
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, seen in zip(functions, times, strict=True):
            for _ in range(calls // 5):
                await function()
            started = time.process_time()
            for _ in range(calls):
                await function()
            seen.append((time.process_time() - started) / calls * 1e6)
    return [min(seen) for seen in times]


async def figures(dsn: str) -> dict[str, list[tuple[int, float]]]:
    """Series of (how many, µs of CPU a call)."""
    os.environ["BENCH_DSN"] = dsn
    os.environ["BENCH_POOL"] = "1"
    from benchmarks.servers import covet_site as site
    from covet.app import Covet
    from covet.database.connections import connections
    from covet.routing import Router

    series: dict[str, list[tuple[int, float]]] = {"rows in the table": [], "query shapes": [], "routes": []}
    user, adapter = site.User, connections["default"]
    sizes = (1_000, 10_000, 100_000)
    for rows in sizes:
        table = f"bench_flat{rows}"
        await adapter.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (LIKE bench_user INCLUDING ALL)")
        await adapter.execute(
            f"INSERT INTO {table} SELECT n, 'flat' || n, 'x', 20, true, now() FROM generate_series(1, $1::int) n", rows
        )

    async def one_of(rows):
        await user.objects.raw(f"SELECT * FROM bench_flat{rows} WHERE id = $1", [500])._evaluated()

    costs = await least_us([functools.partial(one_of, rows) for rows in sizes])
    series["rows in the table"] = list(zip(sizes, costs, strict=True))
    for rows in sizes:
        await adapter.execute(f"DROP TABLE bench_flat{rows}")
    made = 0
    for shapes in (10, 1_000, 5_000):
        while made < shapes:
            made += 1
            user.objects.filter(id=1).annotate(**{f"n{made}": site.Count("posts")})
        series["query shapes"].append((shapes, *await least_us([lambda: user.objects.get(id=5)])))

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message):
        return None

    requests = []
    for routes in (10, 1_000, 5_000):
        router = Router()

        async def handler(request, pk):
            return "ok"

        for number in range(routes):
            router.get(f"/things{number}/{{pk:int}}/", handler)
        app = Covet(router=router)
        requests.append(functools.partial(app, scope(f"/things{routes - 1}/7/"), receive, send))
    series["routes"] = list(zip((10, 1_000, 5_000), await least_us(requests), strict=True))
    await connections.close_all()
    return series


def plot(series: dict[str, list[tuple[int, float]]]) -> str:
    """Three panels of bars."""
    parts, x = [], 10
    largest = max(value for points in series.values() for _, value in points)
    for title, points in series.items():
        parts.append(f'<text x="{x}" y="18" font-weight="700">{title}</text>')
        for index, (count, value) in enumerate(points):
            height = value / largest * 130
            left = x + index * 70
            parts.append(f'<rect x="{left}" y="{170 - height:.1f}" width="52" height="{height:.1f}" fill="#0f766e"/>')
            parts.append(f'<text x="{left}" y="{164 - height:.1f}">{value:.0f} µs</text>')
            parts.append(f'<text x="{left}" y="186" fill="#475569">{count:,}</text>')
        x += 240
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 195" font-family="system-ui, sans-serif" font-size="11">'
        '<rect width="740" height="195" fill="#ffffff"/>' + "".join(parts) + "</svg>\n"
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="flatness")
    parser.add_argument("dsn")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    series = uvloop.run(figures(options.dsn))
    for title, points in series.items():
        print(title, ", ".join(f"{count:,}: {value:.1f} µs" for count, value in points))
    if options.out:
        options.out.write_text(plot(series))


if __name__ == "__main__":
    main()
