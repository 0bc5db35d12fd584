"""The prompt behind `covet shell`: every statement runs inside the portal, on one event loop."""

from __future__ import annotations

import ast
import asyncio
import code
import inspect
import traceback
import types
from collections.abc import Coroutine
from typing import Any

from covet._version import __version__
from covet.portal import install, portal
from covet.portal.runner import close_all, new_event_loop


class Runner:
    """One event loop for a whole session, so that connections opened by one statement serve the next."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=new_event_loop)
        install(self._runner.get_loop())

    def __call__(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine in the portal."""

        async def through_portal() -> Any:
            return await portal(work)

        return self._runner.run(through_portal())

    def close(self) -> None:
        """Closes the databases and the loop."""
        self._runner.run(close_all())
        self._runner.close()


def run_source(source: str, names: dict[str, Any]) -> None:
    """Runs a program in which top-level await is allowed."""
    namespace = {"__name__": "__main__", **names}
    compiled = compile(source, "<covet shell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    runner = Runner()
    try:
        runner(execute(compiled, namespace))
    finally:
        runner.close()


async def execute(compiled: types.CodeType, namespace: dict[str, Any]) -> Any:
    """Runs compiled code, awaiting what it turns out to be."""
    result = types.FunctionType(compiled, namespace)()
    return await result if inspect.iscoroutine(result) else result


class AwaitingConsole(code.InteractiveConsole):
    """Python's prompt, with await."""

    def __init__(self, names: dict[str, Any], runner: Runner) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._runner = runner

    def runcode(self, code: types.CodeType) -> None:
        try:
            self._runner(execute(code, self.locals))
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a prompt shows every error and goes on
            self.write("".join(traceback.format_exception(from_prompt(error))))


def from_prompt(error: BaseException) -> BaseException:
    """The error without the frames that lead from here to what was typed."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != "<console>":
        trace = trace.tb_next
    return error.with_traceback(trace) if trace is not None else error


def interact(names: dict[str, Any], *, plain: bool) -> None:
    """Opens the prompt: IPython's where it is installed, unless `plain`."""
    banner = f"CovetPy {__version__} · await works · {', '.join(sorted(names)) or 'no models'}"
    runner = Runner()
    try:
        if plain or not interact_with_ipython(names, runner, banner):
            AwaitingConsole({"__name__": "__main__", **names}, runner).interact(banner, exitmsg="")
    finally:
        runner.close()


def interact_with_ipython(names: dict[str, Any], runner: Runner, banner: str) -> bool:
    """Opens IPython with every cell run in the portal; False when it is not installed."""
    try:
        from IPython.terminal.embed import InteractiveShellEmbed
    except ModuleNotFoundError:
        return False
    prompt = InteractiveShellEmbed(banner1=banner + "\n", user_ns=names)
    prompt.autoawait = True
    prompt.loop_runner = runner
    prompt.should_run_async = lambda *_args, **_kwargs: True
    prompt()
    return True
