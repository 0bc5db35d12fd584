"""Every Python example of the documentation runs; the blocks of one page share their names."""

import ast
import inspect
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from covet import run

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def examples(page: Path) -> list[tuple[int, str]]:
    text = page.read_text()
    return [(text[: found.start()].count("\n") + 2, found.group(1)) for found in FENCE.finditer(text)]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if examples(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_examples_of_the_page_run(page, tmp_path):
    """What the documentation shows works; each page in a process of its own, because models are declared once."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVET_")}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'cli'}"
    result = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.test_docs", str(page)],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_the_page_lead_somewhere(page):
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert not broken


async def run_examples(page: Path) -> None:
    names = {"__name__": f"example_{page.stem}"}
    for line, source in examples(page):
        code = compile("\n" * (line - 1) + source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = types.FunctionType(code, names)()
        if inspect.iscoroutine(result):
            await result


if __name__ == "__main__":
    run(run_examples(Path(sys.argv[1])))
