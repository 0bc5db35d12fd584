"""A MariaDB server of our own, which may be killed, frozen, stopped and restarted: where its binaries are found."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.services import NOBODY, ServiceUnavailable, free_port, wait_until

PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def find(name: str) -> str:
    """One of its binaries."""
    if found := shutil.which(name, path=PATHS):
        return found
    raise ServiceUnavailable(f"no {name}: install mariadb-server")


class MariaDB:
    """One private server. Acknowledged commits survive a kill: only the machine may not crash."""

    def __init__(self) -> None:
        install, self.binary = find("mariadb-install-db"), find("mariadbd")
        self.folder = Path(tempfile.mkdtemp(prefix="covet-mariadb-"))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._user = {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if self._user:
            os.chown(self.data, NOBODY, NOBODY)
        made = subprocess.run(
            [install, "--no-defaults", f"--datadir={self.data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            capture_output=True, text=True, cwd=self.data, **self._user,
        )  # fmt: skip
        if made.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ServiceUnavailable(f"mariadb-install-db failed: {made.stderr[-500:]}")

    @property
    def url(self) -> str:
        """Its address."""
        return f"mysql://root@127.0.0.1:{self.port}/mysql"

    def start(self) -> None:
        """Start and wait until it greets."""
        if self.process is not None and self.process.poll() is None:
            return
        self.process = subprocess.Popen(
            [self.binary, "--no-defaults", f"--datadir={self.data}", f"--port={self.port}",
             "--bind-address=127.0.0.1", f"--socket={self.data / 'sock'}", f"--pid-file={self.data / 'pid'}",
             "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M",
             f"--log-error={self.data / 'log'}", "--max-connections=60"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            cwd=self.data, **self._user,
        )  # fmt: skip
        if not wait_until(self._greets, self.process):
            raise ServiceUnavailable(f"MariaDB did not start: {(self.data / 'log').read_text()[-1000:]}")

    def _greets(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            return len(connection.recv(16)) > 4
        return False

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill it, or with SIGTERM shut it down."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(30)
        self.process = None

    def remove(self) -> None:
        """Stop, and delete the data."""
        with contextlib.suppress(ProcessLookupError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
