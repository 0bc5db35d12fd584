"""The prompt: await, the portal, errors."""

import pytest

from covet.portal import in_portal
from covet_cli.repl import AwaitingConsole, Runner, run_source


@pytest.fixture
def console():
    runner = Runner()
    console = AwaitingConsole({"in_portal": in_portal}, runner)
    yield console
    runner.close()


def test_await_works_and_statements_share_a_loop(console, capsys):
    console.push("import asyncio")
    console.push("event = asyncio.Event(); asyncio.get_running_loop().call_later(0.01, event.set)")
    console.push("await asyncio.wait_for(event.wait(), 30)")
    assert "True" in capsys.readouterr().out


def test_statements_run_in_the_portal(console, capsys):
    console.push("in_portal()")
    assert capsys.readouterr().out == "True\n"


def test_an_error_is_shown_from_what_was_typed(console, capsys):
    console.push("1 / 0")
    shown = capsys.readouterr().err
    assert shown.splitlines()[1].strip() == 'File "<console>", line 1, in <module>'
    assert "ZeroDivisionError" in shown


def test_exit_leaves(console):
    with pytest.raises(SystemExit):
        console.push("raise SystemExit(3)")


def test_a_program_may_await_at_the_top_level(capsys):
    run_source("import asyncio\nawait asyncio.sleep(0)\nprint(name)\n", {"name": "Ada"})
    assert capsys.readouterr().out == "Ada\n"
