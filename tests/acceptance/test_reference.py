"""The reference lists what exists: every setting with its type and default, every command."""

import inspect
import re
from pathlib import Path

from covet.conf import checking
from covet.conf.defaults import Defaults
from covet.conf.loader import DEFAULTS, HINTS
from covet_cli.main import COMMANDS

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def settings_page() -> str:
    """The page as it must be; `python -m tests.acceptance.test_reference` writes it."""
    groups: list[str] = [
        "# Settings\n\nEach may be set in `config/settings.py`, and by an environment variable `COVET_<NAME>`. "
        "Names that are Django's mean\nwhat they mean in Django.\n"
    ]
    for line in inspect.getsource(Defaults).splitlines():
        if title := re.match(r"    # (.+)", line):
            groups.append(f"\n## {title.group(1)}\n\n| Setting | Type | Default |\n|---|---|---|\n")
        elif declared := re.match(r"    ([A-Z_0-9]+):", line):
            name = declared.group(1)
            kind = checking.describe(HINTS[name]).replace("|", "\\|").replace("typing.", "")
            groups.append(f"| `{name}` | {kind} | `{DEFAULTS[name]!r}` |\n")
    return "".join(groups)


def test_settings_page_is_what_the_code_declares():
    assert (REFERENCE / "settings.md").read_text() == settings_page()


def test_every_command_is_listed():
    page = (REFERENCE / "commands.md").read_text()
    missing = [name for name in COMMANDS if f"`covet {name}" not in page]
    assert not missing


if __name__ == "__main__":
    (REFERENCE / "settings.md").write_text(settings_page())
