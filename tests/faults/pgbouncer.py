"""A PgBouncer of our own before a server: the binary that COVET_PGBOUNCER names, or the one on the path."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.services import NOBODY, ServiceUnavailable, free_port, wait_until

PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def find_pgbouncer() -> str:
    """Its binary."""
    found = os.environ.get("COVET_PGBOUNCER") or shutil.which("pgbouncer", path=PATHS)
    if not found:
        raise ServiceUnavailable("no pgbouncer: install it, or set COVET_PGBOUNCER")
    return found


def version(binary: str) -> tuple[int, ...]:
    """`(1, 18, 0)`."""
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", text.splitlines()[0]))


class PgBouncer:
    """One PgBouncer. `server` is the port behind it; `settings` are lines of its `[pgbouncer]` section."""

    def __init__(self, server: int, **settings: Any) -> None:
        self.binary = find_pgbouncer()
        self.version = version(self.binary)
        if "max_prepared_statements" in settings and self.version < (1, 21):
            raise ServiceUnavailable("PgBouncer keeps prepared statements since 1.21")
        self.server = server
        self.settings = {
            "pool_mode": "transaction",
            "default_pool_size": 4,
            "max_client_conn": 200,
            "auth_type": "any",
            "server_login_retry": 0,
            "query_wait_timeout": 10,
            "unix_socket_dir": "",
            "listen_addr": "127.0.0.1",
            **settings,
        }
        self.folder = Path(tempfile.mkdtemp(prefix="covet-pgbouncer-"))
        self.folder.chmod(0o755)
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Start and wait until it accepts connections."""
        self.port = self.port or free_port()
        lines = [f"{name} = {value}" for name, value in {**self.settings, "listen_port": self.port}.items()]
        databases = f"[databases]\n* = host=127.0.0.1 port={self.server} user=postgres\n"
        (self.folder / "ini").write_text(databases + "[pgbouncer]\n" + "\n".join(lines) + "\n")
        (self.folder / "ini").chmod(0o644)
        unprivileged = {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, self.folder / "ini"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **unprivileged,
            )  # fmt: skip
        if not wait_until(self._accepts, self.process):
            raise ServiceUnavailable(f"PgBouncer did not start: {self.log[-1000:]}")

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Stop; by default as a crash would."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def before(self, url: str) -> str:
        """The address of the same database through it."""
        parts = urlsplit(url)
        return parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}").geturl()


@contextlib.contextmanager
def pgbouncer_to(port: int, **settings: Any) -> Iterator[PgBouncer]:
    """A running PgBouncer."""
    bouncer = PgBouncer(port, **settings)
    try:
        bouncer.start()
        yield bouncer
    finally:
        bouncer.stop()
        shutil.rmtree(bouncer.folder, ignore_errors=True)
