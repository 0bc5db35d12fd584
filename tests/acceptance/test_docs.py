"""Every Python example of the documentation runs; the blocks of one page share their names."""

import ast
import inspect
import re
import types
from pathlib import Path

import pytest

from covet.portal import portal

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
async def test_examples_of_the_page_run(page, tmp_path, monkeypatch):
    """What the documentation shows works."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": f"example_{page.stem}"}
    for line, source in examples(page):
        code = compile("\n" * (line - 1) + source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = types.FunctionType(code, names)()
        if inspect.iscoroutine(result):
            await portal(result)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_the_page_lead_somewhere(page):
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert not broken
