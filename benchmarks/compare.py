"""Stacks under load, in interleaved rounds: CPU per request of app and database, throughput, latency, memory."""

import json
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks import data
from benchmarks.answers import Answers
from benchmarks.stacks import Stack, Workload, environment
from benchmarks.usage import Usage, postmaster_of, resident_bytes, tree


@dataclass
class Cell:
    """The rounds of one stack on one workload."""

    app: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    foreign: list[float] = field(default_factory=list)
    errors: int = 0
    empty: int = 0

    def medians(self) -> dict[str, float]:
        """One figure each: µs of CPU a request, requests a second, ms, the share of others on the machine."""
        both = [app + database for app, database in zip(self.app, self.database, strict=True)]
        return {
            "app_us": statistics.median(self.app),
            "both_us": statistics.median(both),
            "rate": statistics.median(self.rate),
            "p50_ms": statistics.median(self.p50),
            "p99_ms": statistics.median(self.p99),
            "foreign": statistics.median(self.foreign),
            "errors": self.errors,
        }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(stack: Stack, dsn: str, *, ready: str = "/row/5") -> Iterator[tuple[int, int]]:
    """(process id, port) of the stack, while it serves."""
    port = free_port()
    command = [part.format(port=port) for part in stack.command]
    process = subprocess.Popen(
        command, env={**environment(dsn), **stack.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _wait_for(process, port, stack.name, ready)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in reversed(tree(process.pid)):
                subprocess.run(["kill", "-9", str(pid)], check=False)
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, name: str, ready: str) -> None:
    for _ in range(150):
        if process.poll() is not None:
            message = process.stderr.read().decode()[-2000:] if process.stderr else ""
            raise RuntimeError(f"{name} did not start:\n{message}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{name} did not answer")


def measure(
    workload: Workload, dsn: str, seconds: float, cell: Cell, pid: int, port: int, seed: int, *, warm_up: float = 1.0
) -> None:
    """One round."""
    database = postmaster_of(_port_of(dsn))
    load = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.load",
            "--port",
            str(port),
            "--path",
            workload.path,
            "--method",
            workload.method,
            "--body",
            workload.body,
            "--seconds",
            str(seconds),
            "--connections",
            str(workload.connections),
            "--seed",
            str(seed),
            "--warm-up",
            str(warm_up),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdout is not None
    load.stdout.readline()
    before, started = Usage.now(pid, database), time.perf_counter()
    answer = json.loads(load.stdout.readline())
    after, elapsed = Usage.now(pid, database), time.perf_counter() - started
    load.wait()
    count = answer["requests"]
    cell.errors += answer["errors"]
    if not count:
        # Nothing came back within the round: no figure a request can be made of it.
        cell.empty += 1
        return
    app, db = after.app - before.app, after.database - before.database
    foreign = max(0.0, (after.machine - before.machine) - app - db - answer["cpu"])
    cell.app.append(app / count * 1e6)
    cell.database.append(db / count * 1e6)
    cell.rate.append(answer["requests"] / elapsed)
    cell.p50.append(answer["p50"])
    cell.p99.append(answer["p99"])
    cell.foreign.append(foreign / elapsed)


def _port_of(dsn: str) -> int:
    return int(dsn.rpartition("@")[2].partition("/")[0].partition(":")[2] or 5432)


def compare(
    stacks: tuple[Stack, ...],
    workloads: tuple[Workload, ...],
    dsn: str,
    *,
    seconds: float,
    rounds: int,
    warm_up: float = 1.0,
) -> dict[str, dict[str, dict[str, float]]]:
    """workload → stack → medians; every round runs all stacks in turn, so that drift hits all alike.

    Raises:
        WrongAnswer: a stack answers otherwise than the others; nothing was timed then.
    """
    answers = Answers(dsn)
    for stack in stacks:
        with serving(stack, dsn) as (_, port):
            answers.check(stack, workloads, port)
        print(f"answers of {stack.name} are right", flush=True)
    cells: dict[tuple[str, str], Cell] = {}
    memory: dict[str, list[float]] = {}
    for number in range(rounds):
        for stack in stacks if number % 2 == 0 else tuple(reversed(stacks)):
            with serving(stack, dsn) as (pid, port):
                for workload in workloads:
                    if workload.name in stack.missing:
                        continue
                    cell = cells.setdefault((workload.name, stack.name), Cell())
                    measure(workload, dsn, seconds * workload.length, cell, pid, port, number, warm_up=warm_up)
                    if workload.method == "POST":
                        data.restore(dsn)
                memory.setdefault(stack.name, []).append(resident_bytes(tree(pid)) / 1e6)
                print(f"round {number + 1}/{rounds}: {stack.name}", flush=True)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for (workload_name, stack_name), cell in cells.items():
        if cell.empty:
            print(f"{stack_name} answered nothing in {cell.empty} rounds of {workload_name}", flush=True)
        if cell.rate:
            results.setdefault(workload_name, {})[stack_name] = cell.medians()
    results["memory"] = {name: {"mb": statistics.median(values)} for name, values in memory.items()}
    return results
