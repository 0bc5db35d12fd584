"""`python -m benchmarks`: everything in one run; `--quick` in five minutes."""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks import data, micro, report
from benchmarks.compare import compare
from benchmarks.stacks import STACKS, WORKLOADS


def main() -> int:
    """The command; results go to docs/_performance (or --out), the table to the screen."""
    parser = argparse.ArgumentParser(prog="bench", description="CovetPy beside others, over one PostgreSQL.")
    parser.add_argument("--quick", action="store_true", help="fewer stacks and rounds: about five minutes")
    parser.add_argument("--dsn", default=os.environ.get("BENCH_DSN"), help="postgresql://user:password@host:port/database")
    parser.add_argument("--stacks", nargs="*", choices=[stack.name for stack in STACKS])
    parser.add_argument("--workloads", nargs="*", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", choices=["load", "micro", "sockets"], nargs="*")
    parser.add_argument("--out", type=Path, default=Path("docs/_performance"))
    options = parser.parse_args()
    if not options.dsn:
        options.dsn = data.private_server()
    parts = set(options.only or ("load", "micro", "sockets"))
    names = options.stacks or (["covet", "floor", "django"] if options.quick else [stack.name for stack in STACKS])
    chosen = tuple(stack for stack in STACKS if stack.name in names)
    wanted = options.workloads or [
        workload.name for workload in WORKLOADS if not options.quick or workload.name not in ("plaintext", "json", "natural", "queries")
    ]
    workloads = tuple(workload for workload in WORKLOADS if workload.name in wanted)
    seconds = options.seconds or (2 if options.quick else 5)
    rounds = options.rounds or (2 if options.quick else 5)
    started = time.time()
    print("filling the database", flush=True)
    data.prepare(options.dsn)
    results: report.Results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "stacks": {stack.name: stack.about for stack in chosen},
    }
    if "micro" in parts:
        results["micro"] = micro.run(options.dsn)
    if "load" in parts:
        results["load"] = compare(chosen, workloads, options.dsn, seconds=seconds, rounds=rounds)
    if "sockets" in parts:
        from benchmarks import sockets

        results["sockets"] = sockets.run(quick=options.quick)
    results["minutes"] = (time.time() - started) / 60
    report.write(results, options.out)
    print(report.markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
