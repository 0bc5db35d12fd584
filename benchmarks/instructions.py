"""Instructions of the hottest operations, counted by valgrind: the same on a loaded machine as on an idle one.

`python -m benchmarks.instructions` counts what the ORM does for each operation while the driver answers at once, out
of what the database answered the first time, and fails where a count has grown by more than TOLERANCE; `--keep` keeps
today's. Another build of Python makes other counts: they are compared only with those of the same one. It needs
valgrind with its header files, and a C compiler.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks import data

KEPT = Path(__file__).with_name("instructions.json")
TOLERANCE = 1.05
CALLS = 20
WARM_UP = 10
SWITCH = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
"""
_NAME = re.compile(r"^desc: Trigger: Client Request: (.*)$", re.MULTILINE)
_TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)

Operation = Callable[[], Awaitable[object]]


def operations(site: Any, user: Any) -> dict[str, Operation]:
    """What is counted, by name; the first is what counting costs itself."""
    users, posts = site.User.objects, site.Post.objects

    async def nothing() -> None:
        return None

    async def page() -> list[Any]:
        found = await posts.filter(id__gte=7).order_by("id").prefetch_related("tags")[:20]
        return [{"id": post.id, "tags": [tag.name for tag in post.tags.all()]} for post in found]

    async def save() -> None:
        user.age = 33
        await user.save(update_fields=["age"])

    return {
        "nothing": nothing,
        "get": lambda: users.get(id=5),
        "filter 20": lambda: users.filter(age__gte=25).order_by("id")[:20]._evaluated(),
        "values_list 20": lambda: users.filter(age__gte=25).values_list("id", "username")[:20]._evaluated(),
        "select_related 20": lambda: posts.select_related("author").order_by("id")[:20]._evaluated(),
        "m2m page": page,
        "prefetch foreign key 20": lambda: posts.order_by("id").prefetch_related("author")[:20]._evaluated(),
        "first": lambda: users.filter(age__gte=25).first(),
        "count": lambda: users.filter(id=5).count(),
        "exists": lambda: users.filter(id=5).exists(),
        "create": lambda: site.Tag.objects.create(name="new"),
        "save": save,
        "update": lambda: users.filter(id=1).update(age=44),
    }


async def count(switch: Any) -> None:
    """Under valgrind: one dump of counts for each operation."""
    from benchmarks.servers import covet_site as site
    from covet.database.connections import connections

    user = await site.User.objects.get(id=1)
    (held,) = connections["default"].leases().idle
    real, answers = held.bind, {}

    async def record(state: Any, args: Any, name: str, limit: int, extra: bool, timeout: Any) -> Any:
        answer = answers[state.query, extra] = await real(state, args, name, limit, extra, timeout)
        return answer

    async def answered(state: Any, _args: Any, _name: str, _limit: int, extra: bool, _timeout: Any) -> Any:
        return answers[state.query, extra]

    chosen = operations(site, user)
    held.bind = record
    for operation in chosen.values():
        await held.raw.execute("BEGIN")
        await operation()
        await held.raw.execute("ROLLBACK")
    held.bind = answered
    gc.disable()
    for name, operation in chosen.items():
        for _ in range(WARM_UP):
            await operation()
        switch.start()
        await operation()
        switch.zero()
        for _ in range(CALLS):
            await operation()
        switch.dump(name.encode())
        switch.stop()
        gc.collect()


def read(folder: Path) -> dict[str, int]:
    """Instructions a call, by operation, out of callgrind's dumps; without what counting costs."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob("counts.*"), key=lambda path: int(path.suffix[1:])):
        text = path.read_text()
        if (name := _NAME.search(text)) and (total := _TOTAL.search(text)):
            found[name[1]] = int(total[1]) // CALLS
    empty = found.pop("nothing")
    return {name: instructions - empty for name, instructions in found.items()}


def judge(found: dict[str, int], kept: dict[str, int]) -> list[str]:
    """A line for each operation that became too expensive."""
    return [
        f"{name}: {found[name]} instructions; kept {limit}, tolerated {int(limit * TOLERANCE)}"
        for name, limit in kept.items()
        if found[name] > limit * TOLERANCE
    ]


def measure(dsn: str) -> dict[str, int]:
    """Count in a process of its own."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        library = folder / "switch.so"
        compile_ = ["cc", "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
        subprocess.run(compile_, input=SWITCH.encode(), check=True)
        subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder / 'counts'}"]
            + [sys.executable, "-m", "benchmarks.instructions", "--inside", str(library)],
            env={**os.environ, "BENCH_DSN": dsn, "BENCH_POOL": "1", "PYTHONHASHSEED": "0"},
            check=True,
        )
        return read(folder)


def main() -> int:
    """The command; exits 1 when something became too expensive."""
    parser = argparse.ArgumentParser(prog="instructions")
    parser.add_argument("--dsn")
    parser.add_argument("--keep", action="store_true", help="keep today's counts as the limits")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        asyncio.run(count(ctypes.CDLL(options.inside)))
        return 0
    dsn = options.dsn or data.private_server()
    data.prepare(dsn)
    found = measure(dsn)
    for name, instructions in found.items():
        print(f"{name:24}{instructions:>10,}")
    if options.keep:
        KEPT.write_text(json.dumps({"python": sys.version, "instructions": found}, indent=1) + "\n")
        return 0
    kept = json.loads(KEPT.read_text())
    if kept["python"] != sys.version:
        print(f"the limits were kept by another Python ({kept['python']}): nothing is compared")
        return 0
    slow = judge(found, kept["instructions"])
    for line in slow:
        print(line)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
