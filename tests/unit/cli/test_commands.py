"""The command line itself: help, mistakes, exit codes."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from covet._version import __version__
from covet_cli.main import COMMANDS, cli


def invoke(*arguments: str):
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name):
    result = invoke(name, "--help")
    assert result.exit_code == 0, result.output
    assert "Example" in result.output or "Commands:" in result.output


def test_version_names_the_version_and_the_twins():
    """Promise 2."""
    result = invoke("version")
    assert result.exit_code == 0
    assert f"CovetPy {__version__} on Python" in result.output
    assert "Speedups:" in result.output


def test_version_says_when_the_pure_twins_run():
    code = "from covet_cli.main import main; main(['version'])"
    result = subprocess.run(
        [sys.executable, "-c", code], env={"COVET_NO_EXTENSIONS": "1", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "compiled" not in result.stdout or "Speedups: compiled ()" in result.stdout


def test_a_misspelt_command_is_guessed():
    result = invoke("startprojct", "x")
    assert result.exit_code == 2
    assert "there is no command 'startprojct'; did you mean startproject" in result.output


def test_an_unguessable_command_lists_the_choices():
    result = invoke("zzzzzz")
    assert result.exit_code == 2
    assert f"choose one of: {', '.join(sorted(COMMANDS))}" in result.output


def test_outside_a_project_the_error_says_what_to_do(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "covet_cli", "check"], cwd=tmp_path,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert "covet startproject NAME" in result.stderr
    assert "Traceback" not in result.stderr


def test_reload_and_workers_contradict():
    result = invoke("run", "--reload", "--workers", "2")
    assert result.exit_code == 2
    assert "--reload serves with one process" in result.output
