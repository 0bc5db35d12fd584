"""`python -m benchmarks`: everything in one run; `--quick` in five minutes."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import data, micro, report
from benchmarks.compare import compare
from benchmarks.stacks import STACKS, WORKLOADS

PARTS = ("load", "micro", "sockets", "layers", "flatness")
OUT = Path("docs/_performance")
PAGE = Path("docs/performance.md")


def main() -> int:
    """The command; results go to docs/_performance (or --out), the table to the screen."""
    parser = argparse.ArgumentParser(prog="bench", description="CovetPy beside others, over one PostgreSQL.")
    parser.add_argument("--quick", action="store_true", help="fewer stacks and rounds: about five minutes")
    parser.add_argument(
        "--dsn", default=os.environ.get("BENCH_DSN"), help="postgresql://user:password@host:port/database"
    )
    parser.add_argument("--stacks", nargs="*", choices=[stack.name for stack in STACKS])
    parser.add_argument("--workloads", nargs="*", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--seconds", type=float, help="the length of a round")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds of load before each round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", choices=PARTS, nargs="*")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if not options.dsn:
        options.dsn = data.private_server()
    parts = set(options.only or PARTS)
    names = options.stacks or (["covet", "floor", "django"] if options.quick else [stack.name for stack in STACKS])
    chosen = tuple(stack for stack in STACKS if stack.name in names)
    wanted = options.workloads or [
        workload.name
        for workload in WORKLOADS
        if not options.quick or workload.name not in ("plaintext", "json", "natural", "queries")
    ]
    workloads = tuple(workload for workload in WORKLOADS if workload.name in wanted)
    seconds = options.seconds or 2
    rounds = options.rounds or (2 if options.quick else 3)
    started = time.time()
    print("filling the database", flush=True)
    data.prepare(options.dsn)
    results: report.Results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "stacks": {stack.name: stack.about for stack in chosen},
        "workloads": {workload.name: workload.about for workload in workloads},
    }
    if "layers" in parts:
        results["layers"] = json.loads(_module("layers", options.dsn, "--json"))
    if "flatness" in parts:
        options.out.mkdir(parents=True, exist_ok=True)
        print(_module("flatness", options.dsn, "--out", str(options.out / "flatness.svg")), flush=True)
    if "micro" in parts:
        results["micro"] = micro.run(options.dsn)
    if "load" in parts:
        results["load"] = compare(
            chosen, workloads, options.dsn, seconds=seconds, rounds=rounds, warm_up=options.warm_up
        )
    if "sockets" in parts:
        from benchmarks import sockets

        results["sockets"] = sockets.run(quick=options.quick)
    results["minutes"] = (time.time() - started) / 60
    # The page shows whole runs; a part of one goes to its folder alone.
    report.write(results, options.out, PAGE if options.out == OUT and parts == set(PARTS) else None)
    print(report.markdown(results))
    return 0


def _module(name: str, *arguments: str) -> str:
    """What another benchmark prints, in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
