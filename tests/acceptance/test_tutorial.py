"""The tutorial, followed to the letter: its files are written, its commands run, its output compared."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "tutorial").glob("[0-9]-*.md"))
STEP = re.compile(r"`([\w/.]+\.(?:py|html))`:\n\n```\w+\n(.*?)^```|^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LEFT_OUT = ("pip ", "cd ", "covet run")


def commands(console: str) -> list[tuple[str, list[str]]]:
    """Each command, and the lines that its output must have the beginnings of."""
    found: list[tuple[str, list[str]]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found[-1][0].count("'") % 2:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        else:
            found[-1][1].append(line)
    return found


def run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    module = {"covet": ["covet_cli"], "pytest": ["pytest", "-p", "covet.testing.plugin", "-p", "no:cacheprovider"]}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COVET_", "DATABASE_"))}
    done = subprocess.run(
        [sys.executable, "-m", *module[program], *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cli'}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0 or "--deploy" in command, f"{command}\n{done.stdout}{done.stderr}"
    return re.sub(r"[ \t]+", " ", done.stdout)


def test_tutorial_can_be_followed(tmp_path):
    """A reader who does what the tutorial says gets what it shows."""
    folder = tmp_path
    for page in PAGES:
        for path, content, console in STEP.findall(page.read_text()):
            if path:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content)
                continue
            for command, expected in commands(console):
                if command.startswith("cd "):
                    folder /= command[3:]
                if command.startswith(LEFT_OUT):
                    continue
                output = run(command, folder)
                missing = [line for line in expected if re.sub(r"[ \t]+", " ", line) not in output]
                assert not missing, f"{page.name}: {command}\n{output}"
