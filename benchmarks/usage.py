"""What processes used: CPU time of a process tree, of PostgreSQL, of the machine; resident memory."""

import os
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def processes() -> dict[int, int]:
    """Process id to its parent's."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            found[int(entry.name)] = int(fields[1])
    return found


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    parents = processes()
    members = [root]
    for pid in members:
        members += [child for child, parent in parents.items() if parent == pid]
    return members


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of the processes, and of their children that have ended."""
    total = 0
    for pid in pids:
        fields = _stat(pid)
        if fields is not None:
            total += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return total / TICK


def resident_bytes(pids: list[int]) -> int:
    """Proportional resident memory of the processes: shared pages are counted once between them."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def machine_seconds() -> float:
    """CPU time that the whole machine spent on work."""
    user, nice, system, _idle, _wait, *rest = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system + sum(rest[:2])) / TICK


def postmaster_of(port: int) -> int | None:
    """The PostgreSQL server that listens on `port` on this machine, when it can be seen."""
    for pid in processes():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        name = command[0].rpartition(b"/")[2]
        if name not in (b"postgres", b"postmaster") or len(command) < 3:
            continue
        folder = _data_folder(command)
        if folder is None:
            continue
        try:
            lines = (folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            continue
        if lines[3].strip() == str(port):
            return pid
    return None


def _data_folder(command: list[bytes]) -> Path | None:
    for index, word in enumerate(command):
        if word == b"-D":
            return Path(os.fsdecode(command[index + 1]))
    return None


@dataclass(frozen=True)
class Usage:
    """CPU seconds at one moment."""

    app: float
    database: float
    load: float
    machine: float

    @classmethod
    def now(cls, app: int, database: int | None, load: float = 0.0) -> "Usage":
        """What was used so far by the trees of these processes."""
        return cls(
            cpu_seconds(tree(app)),
            cpu_seconds(tree(database)) if database is not None else 0.0,
            load,
            machine_seconds(),
        )
