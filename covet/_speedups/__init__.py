"""Compiled twins of hot code; each `foo.pyx` here has a reference twin `_foo_py.py`, and this module only selects.

A consumer writes

    if TYPE_CHECKING:
        from covet._speedups import _foo_py as foo
    else:
        foo = select("foo")

COVET_NO_EXTENSIONS=1 forces the pure twins. A compiled module that is missing falls back to its twin; one that is
broken fails loudly, because a quiet fallback would hide a bad build.
"""

import importlib
import os
from pathlib import Path
from types import ModuleType


def select(name: str) -> ModuleType:
    """The compiled module `name`, or its pure-Python twin where it is not installed or not wanted."""
    compiled = f"{__name__}.{name}"
    if not os.environ.get("COVET_NO_EXTENSIONS"):
        try:
            return importlib.import_module(compiled)
        except ModuleNotFoundError as error:
            if error.name != compiled:
                raise
    return importlib.import_module(f"{__name__}._{name}_py")


def active() -> dict[str, str]:
    """Each twin's name with `compiled` or `pure`, as this process selected it."""
    names = sorted(path.stem[1:-3] for path in Path(__file__).parent.glob("_*_py.py"))
    return {name: "pure" if select(name).__name__.endswith("_py") else "compiled" for name in names}
