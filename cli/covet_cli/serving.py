"""Serving the project: uvicorn in one process, in spawned workers, or in workers forked from a loaded parent."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import uvicorn

from covet.conf import settings
from covet.database.config import DatabaseConfig
from covet.database.connections.registry import connections
from covet_cli.project import application_path, load_application

logger = logging.getLogger("covet.run")
RESPAWN_SECONDS = 1.0
BACKLOG = 2048


@dataclass(frozen=True)
class Options:
    """What `covet run` was asked for."""

    host: str
    port: int
    workers: int
    reload: bool
    preload: bool
    log_level: str
    access_log: bool | None

    @classmethod
    def from_flags(cls, **flags: Any) -> Options:
        """The options as click parsed them."""
        return cls(**flags)

    def check(self) -> None:
        """Refuses combinations that contradict each other.

        Raises:
            click.UsageError: naming the two options.
        """
        if self.reload and (self.workers > 1 or self.preload):
            raise click.UsageError("--reload serves with one process: leave out --workers and --preload.")

    def uvicorn(self) -> dict[str, Any]:
        """The same in uvicorn's words."""
        access_log = settings.DEBUG if self.access_log is None else self.access_log
        return {
            "host": self.host,
            "port": self.port,
            "log_level": self.log_level,
            "access_log": access_log,
            "server_header": False,
            "ws": "covet.websocket.frames:FrameProtocol",
            "http": "covet.app.server:HTTPProtocol",
            "proxy_headers": False,
            "timeout_graceful_shutdown": max(1, round(settings.SHUTDOWN_GRACE)),
        }


def serve(options: Options) -> Iterator[str]:
    """Yields what to say, then serves until interrupted.

    Raises:
        ImproperlyConfigured: the project must not, or cannot, be served.
    """
    settings.check_serving()
    load_application()
    mode = "[yellow]DEBUG is on[/]" if settings.DEBUG else "DEBUG is off"
    yield f"[bold]{application_path()}[/] at [link]http://{options.host}:{options.port}/[/] · {mode} · Ctrl+C stops it"
    yield describe_databases()
    if options.preload:
        sys.exit(serve_forked(options))
    if options.reload:
        uvicorn.run(application_path(), reload=True, **options.uvicorn())
    elif options.workers > 1:
        uvicorn.run(application_path(), workers=options.workers, **options.uvicorn())
    else:
        uvicorn.run(load_application(), **options.uvicorn())


def describe_databases() -> str:
    """Which databases this server uses, passwords masked."""
    databases = connections.databases
    if not databases:
        return "no database"
    return " · ".join(f"{alias}: {DatabaseConfig.of(value).safe_url}" for alias, value in databases.items())


def serve_forked(options: Options) -> int:
    """Forks workers from this process, in which the project is imported already; replaces one that dies."""
    listeners = open_listeners(options)
    gc.collect()
    gc.freeze()  # what was imported stays out of the collector, so that its pages stay shared
    workers = {fork_worker(options, listeners, place): place for place in range(options.workers)}
    stopping = False

    def stop(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        for pid in workers:
            os.kill(pid, number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while workers:
        pid, status = os.wait()
        place = workers.pop(pid, None)
        if place is not None and not stopping:
            logger.warning("worker %d ended with status %d; starting another", pid, status)
            time.sleep(RESPAWN_SECONDS)
            workers[fork_worker(options, listeners, place)] = place
    return 0


def open_listeners(options: Options) -> list[socket.socket]:
    """The sockets that workers listen on: one for each where the kernel spreads connections evenly, else one for all.

    Workers that accept from one socket race for it: of 64 connections at once, one of two workers took up to 51.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    address: Any = (options.host, options.port)
    if options.workers > 1 and sys.platform.startswith("linux"):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Sockets that share a port would share it with another server's too: without it, a taken one is refused.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = probe.getsockname()[:2]
        return [
            socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=True)
            for _ in range(options.workers)
        ]
    return [socket.create_server(address, family=family, backlog=BACKLOG)] * options.workers


def fork_worker(options: Options, listeners: list[socket.socket], place: int) -> int:
    """Forks one worker that serves on the listener of its place; a worker that follows it takes over the place."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    listener = listeners[place]
    for other in listeners:
        if other is not listener:
            other.close()
    server = uvicorn.Server(uvicorn.Config(load_application(), **options.uvicorn()))
    server.run(sockets=[listener])
    os._exit(0 if server.started else 1)
