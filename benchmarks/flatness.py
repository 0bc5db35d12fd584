"""What a query costs against thousands of rows, of shapes, of routes: it should not grow. Prints and plots (SVG)."""

import argparse
import functools

import os
import statistics
import time
from pathlib import Path

import uvloop

from benchmarks.layers import scope


async def median_us(function, calls: int = 300, rounds: int = 7) -> float:
    for _ in range(calls // 5):
        await function()
    times = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(calls):
            await function()
        times.append((time.process_time() - started) / calls * 1e6)
    return statistics.median(times)


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
    for rows in (1_000, 10_000, 100_000):
        await adapter.execute("DROP TABLE IF EXISTS bench_flat; CREATE TABLE bench_flat (LIKE bench_user INCLUDING ALL)")
        await adapter.execute(
            "INSERT INTO bench_flat SELECT n, 'flat' || n, 'x', 20, true, now() FROM generate_series(1, $1::int) n", rows
        )
        series["rows in the table"].append((rows, await median_us(lambda: user.objects.raw("SELECT * FROM bench_flat WHERE id = $1", [500])._evaluated())))
    await adapter.execute("DROP TABLE bench_flat")
    made = 0
    for shapes in (10, 1_000, 5_000):
        while made < shapes:
            made += 1
            user.objects.filter(id=1).annotate(**{f"n{made}": site.Count("posts")})
        series["query shapes"].append((shapes, await median_us(lambda: user.objects.get(id=5))))

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message):
        return None

    for routes in (10, 1_000, 5_000):
        router = Router()

        async def handler(request, pk):
            return "ok"

        for number in range(routes):
            router.get(f"/things{number}/{{pk:int}}/", handler)
        app = Covet(router=router)
        request = functools.partial(app, scope(f"/things{routes - 1}/7/"), receive, send)
        series["routes"].append((routes, await median_us(request)))
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
