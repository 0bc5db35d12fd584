"""Which promise each test keeps: `python -m tests.promises` reads docstrings that say `Promise 81.`."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parent
NAMED = re.compile(r"Promises? ((?:\d+(?:-\d+)?(?:, ?| and )?)+)")


def numbers(docstring: str) -> set[int]:
    """The promises a docstring names: `Promise 19, 26.`, `Promises 77-79`."""
    found: set[int] = set()
    for group in NAMED.findall(docstring):
        for part in re.findall(r"\d+(?:-\d+)?", group):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def promises() -> dict[int, list[str]]:
    """Promise to the tests that name it, in order."""
    kept: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for number in numbers(ast.get_docstring(node) or ""):
                    kept[number].append(f"{path.relative_to(TESTS.parent)}::{node.name}")
    return dict(sorted(kept.items()))


if __name__ == "__main__":
    for number, tests in promises().items():
        print(f"{number:>4}  {tests[0]}" + "".join(f"\n      {test}" for test in tests[1:]))
