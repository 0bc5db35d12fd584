"""`covet bench`: load on one of your own endpoints."""

from __future__ import annotations

import click

from covet_cli.console import fail, out
from covet_cli.loading import Target, drive


@click.command(
    epilog="Examples:  covet bench http://127.0.0.1:8000/posts/  ·  covet bench 127.0.0.1:8000/posts/{id}/ --ids 500"
)
@click.argument("url")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 2000), help="How many at once.")
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 600), help="For how long.")
@click.option("--method", default="GET", show_default=True, help="The HTTP method.")
@click.option("--body", default="", help="A JSON body.")
@click.option("--ids", default=10_000, show_default=True, type=click.IntRange(1), help="The largest {id} in the path.")
def bench(url: str, connections: int, seconds: float, method: str, body: str, ids: int) -> None:
    """Ask URL again and again; print requests a second and latencies. Only ever load servers of your own."""
    import asyncio

    target = Target.of(url, method=method, body=body, ids=ids)
    try:
        tally = asyncio.run(drive(target, connections=connections, seconds=seconds))
    except OSError as error:
        fail(f"Nothing answers at {target.host}:{target.port} ({error.strerror or error}).")
    count = len(tally.latencies)
    out.print(f"[bold]{tally.rate:,.0f}[/] requests a second over {connections} connections, {count:,} in all")
    out.print(f"latency  p50 {tally.percentile(0.5):.2f} ms · p99 {tally.percentile(0.99):.2f} ms")
    if tally.errors:
        fail(f"{tally.errors} answers were not 2xx, or broke off.")
