"""In-process figures: what a query costs over raw asyncpg, on one connection and one core."""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg
import uvloop

Figure = dict[str, float]


async def _cost(function: Callable[[], Awaitable[object]], count: int) -> float:
    """µs of CPU a call."""
    started = time.process_time()
    for _ in range(count):
        await function()
    return (time.process_time() - started) / count * 1e6


async def interleaved(
    first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]], *, count: int, rounds: int = 9
) -> Figure:
    """Both in turn; the medians, their difference and the median of the pairs' ratios."""
    await _cost(first, count // 4 + 1)
    await _cost(second, count // 4 + 1)
    pairs = [(await _cost(first, count), await _cost(second, count)) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "ours_us": ours,
        "raw_us": theirs,
        "over_us": statistics.median(a - b for a, b in pairs),
        "ratio": statistics.median(a / b for a, b in pairs),
    }


async def figures(dsn: str) -> dict[str, Figure]:
    """Every in-process comparison.

    The process and the server's sessions share one core: where one has to wake another across cores, a call costs three
    to five times as much, and which it is was left to chance. Commits do not wait for the disk.
    """
    os.environ.setdefault("BENCH_DSN", dsn)
    os.environ["BENCH_POOL"] = "1"
    from benchmarks.servers import covet_site as site
    from benchmarks.servers import floor

    from covet.database.connections import connections

    at_once = {"server_settings": {"synchronous_commit": "off"}}
    connections.configure({"default": {"URL": dsn, "POOL_SIZE": 1, "OPTIONS": at_once}})
    raw = await asyncpg.connect(dsn, **at_once)
    cores = _kept_together(raw.get_server_pid(), await connections["default"].fetch_value("SELECT pg_backend_pid()"))
    user, rows = site.User, "SELECT id, username, email, age, is_active, date_joined FROM bench_user"
    number = 0

    def next_id() -> int:
        nonlocal number
        number = number % 9000 + 1
        return number

    gc.collect()
    gc.freeze()
    found: dict[str, Figure] = {}
    found["get"] = await interleaved(
        lambda: site.User.objects.get(id=next_id()), lambda: raw.fetchrow(floor.ONE, next_id()), count=2000
    )
    found["filter 20"] = await interleaved(
        lambda: user.objects.filter(age__gte=20 + next_id() % 40).order_by("id")[:20]._evaluated(),
        lambda: raw.fetch(floor.TWENTY, 20 + next_id() % 40),
        count=500,
    )
    found["10,000 rows"] = await interleaved(
        lambda: user.objects.all()._evaluated(), lambda: raw.fetch(rows), count=5, rounds=11
    )
    found["values_list 10,000"] = await interleaved(
        lambda: user.objects.values_list("id", "username")._evaluated(),
        lambda: raw.fetch("SELECT id, username FROM bench_user"),
        count=5,
        rounds=11,
    )
    found["select_related 20"] = await interleaved(
        lambda: site.Post.objects.select_related("author").filter(id__gte=next_id()).order_by("id")[:20]._evaluated(),
        lambda: raw.fetch(
            "SELECT p.id, p.author_id, p.title, p.content, p.views, p.is_published, p.created_at, u.id, u.username, u.email, "
            "u.age, u.is_active, u.date_joined FROM bench_post p JOIN bench_user u ON p.author_id = u.id "
            "WHERE p.id >= $1 ORDER BY p.id LIMIT 20",
            next_id(),
        ),
        count=400,
    )

    async def prefetch_raw() -> None:
        posts = await raw.fetch(floor.PAGE, next_id())
        await raw.fetch(floor.TAGS, [row[0] for row in posts])

    found["m2m prefetch 20"] = await interleaved(
        lambda: site.Post.objects.filter(id__gte=next_id()).order_by("id").prefetch_related("tags")[:20]._evaluated(),
        prefetch_raw,
        count=300,
    )
    found["count"] = await interleaved(
        lambda: user.objects.filter(id=next_id()).count(),
        lambda: raw.fetchval("SELECT count(*) FROM bench_user WHERE id = $1", next_id()),
        count=1500,
    )
    found["exists"] = await interleaved(
        lambda: user.objects.filter(id=next_id()).exists(),
        lambda: raw.fetchval("SELECT 1 FROM bench_user WHERE id = $1 LIMIT 1", next_id()),
        count=1500,
    )
    found["create"] = await interleaved(
        lambda: site.Tag.objects.create(name=f"new {time.perf_counter_ns()}"),
        lambda: raw.fetchval("INSERT INTO bench_tag (name) VALUES ($1) RETURNING id", f"raw {time.perf_counter_ns()}"),
        count=300,
    )
    await raw.execute("DELETE FROM bench_tag WHERE id > 200")
    one = await user.objects.get(id=1)

    async def save() -> None:
        one.age = next_id() % 60
        await one.save(update_fields=["age"])

    found["save"] = await interleaved(
        save, lambda: raw.execute("UPDATE bench_user SET age = $1 WHERE id = $2", next_id() % 60, 1), count=300
    )
    found["update"] = await interleaved(
        lambda: user.objects.filter(id=1).update(age=next_id() % 60),
        lambda: raw.execute("UPDATE bench_user SET age = $1 WHERE id = $2", next_id() % 60, 1),
        count=300,
    )
    await raw.close()
    await connections.close_all()
    connections.configure(None)
    if cores:
        os.sched_setaffinity(0, cores)
    return found


def _kept_together(*servers: int) -> set[int]:
    """Keep this process and the server's processes on one core.

    Returns:
        The cores that this process had; none where that cannot be said or the servers are not ours.
    """
    cores: set[int] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if not cores:
        return cores
    one = {min(cores)}
    try:
        for pid in servers:
            os.sched_setaffinity(pid, one)
    except OSError:
        return set()
    os.sched_setaffinity(0, one)
    return cores


async def bulk_insert(dsn: str, rows: int = 10_000, rounds: int = 5) -> Figure:
    """Wall ms of bulk_create with keys, ours against Django's (a process of its own), in turn."""
    os.environ.setdefault("BENCH_DSN", dsn)
    from covet.database.orm import BooleanField, CharField, DateTimeField, DecimalField, IntegerField, Model

    import datetime as dt
    from decimal import Decimal

    class Item(Model):
        name = CharField(max_length=100)
        price = DecimalField(max_digits=10, decimal_places=2)
        quantity = IntegerField()
        active = BooleanField()
        created_at = DateTimeField()

        class Meta:
            app_label = "bench"

    ours: list[float] = []
    theirs: list[float] = []
    raw = await asyncpg.connect(dsn)
    for _ in range(rounds):
        await raw.execute("TRUNCATE bench_item")
        moment = dt.datetime.now(dt.UTC)
        items = [
            Item(name=f"item {n}", price=Decimal(n) / 100, quantity=n, active=n % 2 == 0, created_at=moment)
            for n in range(rows)
        ]
        started = time.perf_counter()
        made = await Item.objects.bulk_create(items)
        ours.append((time.perf_counter() - started) * 1000)
        assert made[-1].pk is not None
        await raw.execute("TRUNCATE bench_item")
        theirs.append(float(_django_bulk(dsn, rows)))
    await raw.close()
    return {
        "ours_ms": statistics.median(ours),
        "django_ms": statistics.median(theirs),
        "ratio": statistics.median(b / a for a, b in zip(ours, theirs, strict=True)),
    }


_DJANGO_BULK = """
import os, sys, time, datetime as dt
from decimal import Decimal
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.servers.django_site.settings"
import django
django.setup()
from benchmarks.servers.django_site.models import Item
Item.objects.count()
moment = dt.datetime.now(dt.UTC)
items = [Item(name=f"item {n}", price=Decimal(n) / 100, quantity=n, active=n % 2 == 0, created_at=moment)
         for n in range(int(sys.argv[1]))]
started = time.perf_counter()
made = Item.objects.bulk_create(items)
print((time.perf_counter() - started) * 1000)
assert made[-1].pk is not None
"""


def _django_bulk(dsn: str, rows: int) -> str:
    return subprocess.run(
        [sys.executable, "-c", _DJANGO_BULK, str(rows)],
        env={**os.environ, "BENCH_DSN": dsn, "PYTHONPATH": os.getcwd()},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def run(dsn: str) -> dict[str, Figure]:
    """All figures, printed as they come."""
    found = uvloop.run(figures(dsn))
    found["bulk insert 10,000"] = uvloop.run(bulk_insert(dsn))
    return found


if __name__ == "__main__":
    for name, figure in run(sys.argv[1]).items():
        print(f"{name:22}", {key: round(value, 2) for key, value in figure.items()})
