"""What tests share of the interpreter, the library and the operating system."""

from __future__ import annotations

import _signal
import asyncio
import decimal
import gc
import locale
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.isolation.aspect import Aspect

ROOT = Path(__file__).resolve().parents[2]


class Environment(Aspect):
    """Environment variables."""

    name = "os.environ"

    def look(self) -> Any:
        found = os.environ._data.copy()
        found.pop(b"PYTEST_CURRENT_TEST", None)
        return found

    def put_back(self, before: Any) -> None:
        now = self.look()
        for name in now.keys() - before.keys():
            del os.environb[name]
        for name, value in before.items():
            if now.get(name) != value:
                os.environb[name] = value
        time.tzset()


class Folder(Aspect):
    """The current folder."""

    name = "the current folder"

    def look(self) -> Any:
        try:
            return os.getcwd()
        except FileNotFoundError:
            return None

    def put_back(self, before: Any) -> None:
        os.chdir(before)


class Lists(Aspect):
    """The interpreter's lists."""

    name = "sys"
    NAMES = ("argv", "path", "meta_path", "path_hooks")

    def look(self) -> Any:
        return {name: [*getattr(sys, name)] for name in self.NAMES}

    def put_back(self, before: Any) -> None:
        for name, items in before.items():
            getattr(sys, name)[:] = items


class Switches(Aspect):
    """Values of the interpreter and its library that have a function to set them."""

    name = "the interpreter"

    def look(self) -> Any:
        return {
            "gc.get_threshold": gc.get_threshold(),
            "gc.isenabled": gc.isenabled(),
            "gc.get_freeze_count": gc.get_freeze_count() > 0,
            "gc.get_debug": gc.get_debug(),
            "sys.getrecursionlimit": sys.getrecursionlimit(),
            "sys.get_int_max_str_digits": sys.get_int_max_str_digits(),
            "sys.getswitchinterval": sys.getswitchinterval(),
            "sys.excepthook": sys.excepthook,
            "threading.excepthook": threading.excepthook,
            "socket.getdefaulttimeout": socket.getdefaulttimeout(),
            "locale.setlocale": locale.setlocale(locale.LC_ALL),
            "time.tzname": time.tzname,
            "tempfile.tempdir": tempfile.tempdir,
            "decimal.getcontext().prec": decimal.getcontext().prec,
            "decimal.getcontext().rounding": decimal.getcontext().rounding,
        }

    def put_back(self, before: Any) -> None:
        gc.set_threshold(*before["gc.get_threshold"])
        (gc.enable if before["gc.isenabled"] else gc.disable)()
        if not before["gc.get_freeze_count"]:
            gc.unfreeze()
        gc.set_debug(before["gc.get_debug"])
        sys.setrecursionlimit(before["sys.getrecursionlimit"])
        sys.set_int_max_str_digits(before["sys.get_int_max_str_digits"])
        sys.setswitchinterval(before["sys.getswitchinterval"])
        sys.excepthook = before["sys.excepthook"]
        threading.excepthook = before["threading.excepthook"]
        socket.setdefaulttimeout(before["socket.getdefaulttimeout"])
        locale.setlocale(locale.LC_ALL, before["locale.setlocale"])
        time.tzset()
        tempfile.tempdir = before["tempfile.tempdir"]
        decimal.getcontext().prec = before["decimal.getcontext().prec"]
        decimal.getcontext().rounding = before["decimal.getcontext().rounding"]

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        # The name of the folder for temporary files is found out when it is first asked for.
        if before["tempfile.tempdir"] is None and now["tempfile.tempdir"] == tempfile._candidate_tempdir_list()[0]:
            before = {**before, "tempfile.tempdir": now["tempfile.tempdir"]}
        return super().complaints(before, now)


class SignalHandlers(Aspect):
    """What the process does when it is sent a signal."""

    name = "signal handlers"
    NUMBERS = tuple(
        getattr(signal, name)
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2")
        if hasattr(signal, name)
    )

    def look(self) -> Any:
        return {number: _signal.getsignal(number) for number in self.NUMBERS}

    def put_back(self, before: Any) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)


class EventLoops(Aspect):
    """asyncio's policy and the thread's loop."""

    name = "asyncio"

    def look(self) -> Any:
        policy = getattr(asyncio.events, "_event_loop_policy", None)
        return {"policy": policy, "loop": getattr(getattr(policy, "_local", None), "_loop", None)}

    def put_back(self, before: Any) -> None:
        asyncio.events._event_loop_policy = before["policy"]
        asyncio.events._set_running_loop(None)
        if before["policy"] is not None:
            asyncio.set_event_loop(before["loop"])

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        # Whoever runs a coroutine makes the default policy, and ends with no loop.
        is_default = type(now["policy"]).__name__.endswith("DefaultEventLoopPolicy")
        if before["policy"] is None and is_default and now["loop"] is None:
            return iter(())
        return super().complaints(before, now)


class Modules(Aspect):
    """Imported modules. One more is no harm; those of a folder that goes with the test are forgotten."""

    name = "sys.modules"

    def __init__(self) -> None:
        self._known: dict[str, ModuleType] = {}
        self._temporary = str(Path(tempfile.gettempdir()).resolve()) + os.sep
        # A checkout and its environment may lie there too: what they bring stays.
        self._lasting = (str(ROOT) + os.sep, str(Path(sys.prefix).resolve()) + os.sep)

    def look(self) -> Any:
        if len(self._known) != len(sys.modules) or next(reversed(self._known)) != next(reversed(sys.modules)):
            self._known = sys.modules.copy()
        return self._known

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        for name in before.keys() - now.keys():
            yield f"{name} was removed"
        for name in before.keys() & now.keys():
            if before[name] is not now[name]:
                yield f"{name} was imported again"

    def put_back(self, before: Any) -> None:
        for name, module in list(sys.modules.items()):
            if name not in before and self._is_temporary(module):
                del sys.modules[name]
        sys.modules.update(before)
        self._known = sys.modules.copy()

    def _is_temporary(self, module: Any) -> bool:
        file = str(getattr(module, "__file__", None) or "")
        return file.startswith(self._temporary) and not file.startswith(self._lasting)


class Loggers(Aspect):
    """Levels and handlers, of our loggers that differ from one that was just made.

    Others set up theirs when they are imported, and a server that a test runs uvicorn's.
    """

    name = "logging"
    OURS = ("asyncio", "covet", "py.warnings", "uvicorn")
    FRESH = (logging.NOTSET, [], [], True, False)

    def look(self) -> Any:
        found: dict[Any, Any] = {
            "logging.disable": logging.root.manager.disable,
            "logging.captureWarnings": logging._warnings_showwarning is not None,
            "root": self._state(logging.root),
        }
        for name, logger in logging.root.manager.loggerDict.items():
            if name.startswith(self.OURS) and type(logger) is logging.Logger:
                state = self._state(logger)
                if state != self.FRESH:
                    found[name] = state
        return found

    def _state(self, logger: logging.Logger) -> Any:
        return (logger.level, [*logger.handlers], [*logger.filters], logger.propagate, logger.disabled)

    def complaints(self, before: Any, now: Any) -> Iterator[str]:
        return super().complaints(self._without_servers(before), self._without_servers(now))

    def _without_servers(self, states: Any) -> Any:
        return {name: state for name, state in states.items() if not name.startswith("uvicorn")}

    def put_back(self, before: Any) -> None:
        logging.disable(before["logging.disable"])
        logging.captureWarnings(before["logging.captureWarnings"])
        for name in {**before, **self.look()}:
            if not name.startswith("logging."):
                logger = logging.root if name == "root" else logging.getLogger(name)
                level, logger.handlers[:], logger.filters[:], logger.propagate, logger.disabled = before.get(
                    name, self.FRESH
                )
                logger.setLevel(level)
