"""The guard: CPU of the hottest operations as a ratio to raw asyncpg, held against kept limits.

Ratios of interleaved runs hold on a noisy machine where times do not; a limit is the kept ratio and a
tolerance. `python -m benchmarks.guard --keep` writes the limits anew.
"""

import argparse
import json
import sys
from pathlib import Path

import uvloop

from benchmarks import data, micro

KEPT = Path(__file__).with_name("guard.json")
TOLERANCE = 1.35


def judge(found: dict[str, micro.Figure], kept: dict[str, float]) -> list[str]:
    """A line for each operation that became too expensive."""
    slow: list[str] = []
    for name, limit in kept.items():
        ratio = found[name]["ratio"]
        if ratio > limit * TOLERANCE:
            slow.append(f"{name}: {ratio:.2f} times raw asyncpg; kept {limit:.2f}, tolerated {limit * TOLERANCE:.2f}")
    return slow


def main() -> int:
    """The command; exits 1 when something became too expensive, measured twice."""
    parser = argparse.ArgumentParser(prog="guard")
    parser.add_argument("--dsn")
    parser.add_argument("--keep", action="store_true", help="keep today's ratios as the limits")
    options = parser.parse_args()
    if not options.dsn:
        options.dsn = data.private_server()
    data.prepare(options.dsn)
    found = uvloop.run(micro.figures(options.dsn))
    if options.keep:
        KEPT.write_text(
            json.dumps({name: round(figure["ratio"], 2) for name, figure in found.items()}, indent=1) + "\n"
        )
        return 0
    kept = json.loads(KEPT.read_text())
    slow = judge(found, kept)
    if slow:
        again = uvloop.run(micro.figures(options.dsn))
        slow = judge(again, {line.split(":")[0]: kept[line.split(":")[0]] for line in slow})
    for line in slow:
        print(line)
    print(f"{len(kept) - len(slow)} passed, {len(slow)} failed")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
