"""A PostgreSQL cluster of our own, which may be stopped, restarted at once, or have its backends killed and frozen."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.services import drop_privileges, find_postgresql, free_port, postgresql_is_ready

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "deadlock_timeout": "100ms",
    "log_min_messages": "fatal",
}


class Cluster:
    """One private cluster."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="covet-fault-"))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.port = free_port()
        self.settings = {**SETTINGS, **settings}
        self.process: subprocess.Popen[bytes] | None = None
        self._run = drop_privileges(find_postgresql(), self.folder)
        self.data.mkdir(mode=0o700)
        if self._run.user is not None:
            os.chown(self.data, self._run.user, self._run.user)
        subprocess.run(
            [*self._run.prefix, self._run.binaries / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, **self._options,
        )  # fmt: skip

    @property
    def _options(self) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {"cwd": self.data, "env": environment | {"LC_ALL": "C", "TZ": "UTC"}, **self._run.popen}

    @property
    def url(self) -> str:
        """Its address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start and wait until it is ready."""
        if self.process is not None and self.process.poll() is None:
            return
        arguments = [f"--{name}={value}" for name, value in self.settings.items()]
        self.process = subprocess.Popen(
            [*self._run.prefix, self._run.binaries / "postgres", "-D", self.data, f"--port={self.port}",
             f"--unix_socket_directories={self.data}", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            **self._options,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not postgresql_is_ready(self.data):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the private cluster did not start")
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop: SIGQUIT is `-m immediate`, SIGINT is `-m fast`."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        """`pg_ctl restart -m immediate`."""
        self.stop()
        self.start()

    def signal_backend(self, pid: int, how: signal.Signals) -> None:
        """Send a backend SIGKILL, SIGSTOP or SIGCONT."""
        os.kill(pid, how)

    def remove(self) -> None:
        """Stop, and delete the data."""
        with contextlib.suppress(ProcessLookupError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
