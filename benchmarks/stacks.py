"""The stacks: how each is served in production, on two workers."""

import os
import sys
from dataclasses import dataclass, field

WORKERS = 2
POOL = int(os.environ.get("BENCH_POOL", "10"))
CONNECTIONS = 64


@dataclass(frozen=True)
class Stack:
    """One way to serve the endpoints.

    Attributes:
        command: the server's command; `{port}` stands for its port.
        missing: workloads that it does not have.
        about: its configuration, for the report.
    """

    name: str
    command: tuple[str, ...]
    about: str
    missing: frozenset[str] = frozenset()
    environment: dict[str, str] = field(default_factory=dict)


def _uvicorn(module: str) -> tuple[str, ...]:
    return (
        sys.executable,
        "-m",
        "uvicorn",
        f"benchmarks.servers.{module}:app",
        "--port",
        "{port}",
        "--workers",
        str(WORKERS),
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--log-level",
        "error",
        "--no-access-log",
    )


def _gunicorn(*extra: str) -> tuple[str, ...]:
    return (
        sys.executable,
        "-m",
        "gunicorn",
        "benchmarks.servers.django_site.wsgi:app",
        "--bind",
        "127.0.0.1:{port}",
        "--workers",
        "5",
        "--preload",
        "--log-level",
        "error",
        *extra,
    )


STACKS = (
    Stack(
        "covet",
        (
            sys.executable,
            "-m",
            "covet_cli",
            "run",
            "--port",
            "{port}",
            "--workers",
            str(WORKERS),
            "--preload",
            "--no-access-log",
            "--log-level",
            "error",
        ),
        f"covet run --workers {WORKERS} --preload, uvloop, pool of {POOL} a worker, no middleware",
        environment={"COVET_SETTINGS_MODULE": "benchmarks.servers.covet_settings"},
    ),
    Stack(
        "floor",
        _uvicorn("floor"),
        f"bare ASGI function, {POOL} raw asyncpg connections handed over by hand, orjson; uvicorn, uvloop, 2 workers",
    ),
    Stack(
        "django",
        _gunicorn("--worker-class", "sync"),
        "Django 5.2, psycopg 3, gunicorn --preload with 5 sync workers, persistent connections, no middleware",
    ),
    Stack(
        "django-asgi",
        _uvicorn("django_site.asgi"),
        f"Django 5.2, psycopg 3 with its pool of {POOL}, uvicorn (uvloop) with 2 workers, sync views, no middleware",
        environment={"BENCH_DJANGO_POOL": "1"},
    ),
    Stack(
        "django-defaults",
        _gunicorn("--worker-class", "sync"),
        "as django, with startproject's default middleware and CONN_MAX_AGE=0",
        environment={"BENCH_DEFAULTS": "1"},
    ),
    Stack(
        "fastapi",
        _uvicorn("fastapi_site"),
        f"FastAPI, SQLAlchemy 2 asyncio ORM, asyncpg, pool of {POOL}, orjson; uvicorn, 2 workers",
    ),
    Stack(
        "tortoise",
        _uvicorn("tortoise_site"),
        f"Starlette, Tortoise ORM, asyncpg, pool of {POOL}, orjson; uvicorn, 2 workers",
    ),
    Stack(
        "piccolo",
        _uvicorn("piccolo_site"),
        f"Starlette, Piccolo, asyncpg, pool of {POOL}, orjson; uvicorn, 2 workers",
        missing=frozenset({"complex", "natural", "m2m"}),
    ),
)


@dataclass(frozen=True)
class Workload:
    """One endpoint under load; `{id}` in the path is a random number.

    Attributes:
        connections: how many ask at once.
        length: the length of its rounds, as a multiple of the others'.
    """

    name: str
    path: str
    about: str
    method: str = "GET"
    body: str = ""
    connections: int = CONNECTIONS
    length: float = 1.0


WORKLOADS = (
    Workload("plaintext", "/plaintext", "thirteen bytes"),
    Workload("json", "/json", "a small object"),
    Workload("row", "/row/{id}", "one row by primary key"),
    Workload("rows", "/rows?from={id}", "20 rows of six columns"),
    Workload(
        "complex", "/complex?from={id}", "join, correlated count, filter, order, limit 20: the same SQL on all sides"
    ),
    Workload("m2m", "/m2m?from={id}", "20 posts with their tags prefetched"),
    Workload("queries", "/queries/{id}", "20 reads by primary key, one after the other"),
    Workload("fortunes", "/fortunes", "12 rows, one added, sorted, a template"),
    Workload(
        "insert",
        "/insert",
        "one INSERT from JSON",
        "POST",
        '{"post": {id}, "author": {id}, "content": "A comment of some length."}',
    ),
    Workload("update", "/update/{id}", "read one row, change it, save it", "POST"),
    # Last, and with few at once: what a slow stack leaves running in the database would burden its next workload.
    Workload(
        "natural",
        "/natural?from={id}",
        "complex with annotate(Count('comments')), as one would write it: 8 connections",
        connections=8,
        length=2.0,
    ),
)


def environment(dsn: str) -> dict[str, str]:
    """What every server is started with."""
    return {
        **os.environ,
        "BENCH_DSN": dsn,
        "BENCH_POOL": str(POOL),
        "PYTHONPATH": os.getcwd(),
        "PYTHONWARNINGS": "ignore",
    }
