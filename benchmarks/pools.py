"""How many connections a worker should have: latency and throughput by the size of the pool, in interleaved rounds.

`python3 dev.py bench pools` prints a Markdown table.
"""

import argparse
import dataclasses
import os

from benchmarks import data
from benchmarks.compare import Cell, measure, serving
from benchmarks.stacks import CONNECTIONS, STACKS, WORKERS, WORKLOADS

SIZES = (1, 2, 4, 6, 10)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="pools")
    parser.add_argument("--dsn", default=os.environ.get("BENCH_DSN"))
    parser.add_argument("--stack", default="covet", choices=[stack.name for stack in STACKS])
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--workloads", nargs="*", default=["row", "rows", "complex"])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    dsn = options.dsn or data.private_server()
    data.prepare(dsn)
    stack = next(stack for stack in STACKS if stack.name == options.stack)
    workloads = [workload for workload in WORKLOADS if workload.name in options.workloads]
    cells: dict[tuple[str, int], Cell] = {}
    for number in range(options.rounds):
        for size in options.sizes if number % 2 == 0 else reversed(options.sizes):
            sized = dataclasses.replace(stack, environment={**stack.environment, "BENCH_POOL": str(size)})
            with serving(sized, dsn) as (pid, port):
                for workload in workloads:
                    cell = cells.setdefault((workload.name, size), Cell())
                    measure(workload, dsn, options.seconds, cell, pid, port, number)
    print(f"{stack.name}, {WORKERS} workers, {CONNECTIONS} clients, {os.cpu_count()} cores for all\n")
    print(
        "| workload | connections a worker | requests/s | p50, ms | p99, ms | app + database CPU, µs |\n|---|---|---|---|---|---|"
    )
    for (name, size), cell in sorted(cells.items()):
        seen = cell.medians()
        print(
            f"| {name} | {size} | {seen['rate']:.0f} | {seen['p50_ms']:.1f} | {seen['p99_ms']:.1f} | {seen['both_us']:.0f} |"
        )


if __name__ == "__main__":
    main()
