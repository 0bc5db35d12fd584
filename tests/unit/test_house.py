"""Rules of the house that no linter knows: sizes, public paths, no traces of a machine."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CEILING = 700
OPTIONAL = {"IPython"}  # used where it is installed, never needed
SOURCES = sorted(
    path for folder in ("covet", "cli") for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".pyx"}
)
PUBLIC = [
    "covet", "covet.app", "covet.conf", "covet.database", "covet.database.migrations", "covet.database.orm",
    "covet.database.orm.aggregates", "covet.database.orm.constraints", "covet.database.orm.expressions",
    "covet.database.orm.fields", "covet.database.orm.functions", "covet.database.orm.indexes",
    "covet.database.orm.lookups", "covet.database.orm.managers", "covet.database.orm.query",
    "covet.database.orm.relationships", "covet.database.orm.signals", "covet.database.transaction",
    "covet.exceptions", "covet.http", "covet.middleware", "covet.middleware.cors", "covet.middleware.security",
    "covet.portal", "covet.routing", "covet.static", "covet.templates", "covet.testing", "covet.utils.text",
    "covet.utils.timezone", "covet.utils.validators", "covet_cli.main",
]  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_stays_below_the_ceiling(path):
    assert len(path.read_text().splitlines()) <= CEILING, "split it along its floors"


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.suffix == ".py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_module_opens_with_what_it_is(path):
    text = path.read_text()
    assert not text.strip() or text.startswith(('"""', "# cython:", 'r"""', "#!")), "open with a docstring"


def test_public_paths_import_each_in_a_fresh_interpreter():
    """Promise 38, 39, 41, 57, 58."""
    code = (
        "import importlib, os, sys\n"
        "for name in sys.argv[1:]:\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        try:\n"
        "            importlib.import_module(name)\n"
        "        except BaseException as error:\n"
        "            print(name, repr(error), file=sys.stderr); os._exit(1)\n"
        "        os._exit(0)\n"
        "    failed = os.waitpid(pid, 0)[1] or globals().get('failed', 0)\n"
        "sys.exit(bool(failed))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *PUBLIC],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'cli'}"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "covet_cli.main"])
def test_public_packages_state_what_is_public(name):
    module = __import__(name, fromlist=["*"])
    if Path(module.__file__).name == "__init__.py" and name not in {"covet.utils"}:
        assert getattr(module, "__all__", None), f"{name} has no __all__"
        missing = [attribute for attribute in module.__all__ if not hasattr(module, attribute)]
        assert not missing


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in SOURCES if path.suffix == ".py" and path.parent != ROOT / "cli"}
    missing = [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()]
    assert not missing, "a wheel leaves them out"


def imported_packages() -> dict[str, str]:
    """Each package from elsewhere that the product imports, with one file that does."""
    ours = {"covet", "covet_cli", "__future__", *sys.stdlib_module_names}
    found: dict[str, str] = {}
    for path in SOURCES:
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in ours:
                    found.setdefault(top, str(path.relative_to(ROOT)))
    return found


def test_every_import_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    declared = {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower().replace("_", "-") for line in lines}
    owners = importlib.metadata.packages_distributions()
    undeclared = {
        name: where
        for name, where in imported_packages().items()
        if name not in OPTIONAL
        and not {owner.lower().replace("_", "-") for owner in owners.get(name, [name])} & declared
    }
    assert not undeclared
