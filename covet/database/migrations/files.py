"""Migration files: finding, loading, numbering and checksums. Django's own files in the same folder are left alone."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from covet.database.migrations.migration import Migration
from covet.exceptions import CovetError, choices

_NUMBERED = re.compile(r"^(\d+)_?\w*\.py$")
_OURS = "covet.database.migrations"

Key = tuple[str, str]
"""An app's label (empty for the project's own folder) and a migration's name."""


class BadMigrationFile(CovetError):
    """A numbered file cannot be loaded as a migration."""


@dataclass(frozen=True)
class MigrationFile:
    """One migration, loaded.

    Attributes:
        app: the label of its app; empty for the project's own folder.
        name: the file's name without `.py`.
        path: the file.
        migration: the class defined in it.
        checksum: SHA-256 of its lines, comments and empty lines left out.
    """

    app: str
    name: str
    path: Path
    migration: type[Migration]
    checksum: str

    @property
    def key(self) -> Key:
        """App and name."""
        return (self.app, self.name)

    @property
    def app_label(self) -> str:
        """The app, under the name that receivers of `post_migrate` know from Django's plans."""
        return self.app

    @property
    def title(self) -> str:
        """How lists show it."""
        return f"{self.app}/{self.name}" if self.app else self.name

    @property
    def dependencies(self) -> list[Key]:
        """What must be applied first, as keys."""
        return [self._key(each) for each in self.migration.dependencies]

    @property
    def replaces(self) -> list[Key]:
        """What a squashed migration stands for, as keys."""
        return [self._key(each) for each in self.migration.replaces]

    def _key(self, reference: str | tuple[str, str]) -> Key:
        return (self.app, reference) if isinstance(reference, str) else (reference[0], reference[1])


def load(folders: Mapping[str, Path]) -> list[MigrationFile]:
    """Every migration of those folders (app label to folder), in the order of apps and numbers.

    Raises:
        BadMigrationFile: a file does not import, defines no `class Migration(Migration)`, or shares its number.
    """
    return [each for app, folder in folders.items() for each in _load_folder(app, folder)]


def _load_folder(app: str, folder: Path) -> Iterator[MigrationFile]:
    numbers: dict[int, str] = {}
    for path in numbered(folder):
        source = path.read_bytes()
        tree = _parsed(path, source)
        if not _is_ours(tree):
            continue
        number = _number(path)
        loaded = _load_file(app, path, source)
        if number in numbers and not loaded.migration.dependencies and not loaded.migration.replaces:
            raise BadMigrationFile(
                f"{path.name} and {numbers[number]} have the same number; renumber one, or say in "
                "`dependencies` which comes first."
            )
        if not loaded.migration.replaces:
            numbers[number] = path.name
        yield loaded


def numbered(folder: Path) -> list[Path]:
    """The numbered files of a folder, by number."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NUMBERED.match(path.name)]
    return sorted(found, key=lambda path: (_number(path), path.name))


def _number(path: Path) -> int:
    digits = _NUMBERED.match(path.name)
    return int(digits.group(1)) if digits else 0


def next_number(folder: Path) -> int:
    """The number of the next file; Django's own files in the folder do not count."""
    numbers = [_number(path) for path in numbered(folder) if _is_ours(_parsed(path, path.read_bytes()))]
    return max(numbers, default=0) + 1


def slug(title: str) -> str:
    """A title as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60] or "migration"


def checksum(source: bytes) -> str:
    """The digest of a file's lines; lines of comment, empty lines and trailing spaces do not count."""
    lines = (line.rstrip() for line in source.decode("utf-8", "replace").splitlines())
    kept = [line for line in lines if line and not line.lstrip().startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def _parsed(path: Path, source: bytes) -> ast.Module:
    try:
        return ast.parse(source, filename=str(path))
    except SyntaxError as error:
        raise BadMigrationFile(f"{path}:{error.lineno}: {error.msg}") from error


def _is_ours(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_OURS):
            return True
        if isinstance(node, ast.Import) and any(alias.name.startswith(_OURS) for alias in node.names):
            return True
    return False


def _check_calls(path: Path, source: bytes, migration: type[Migration]) -> None:
    """Refuse operations that do not exist, and those that would never run because nobody awaits them."""
    own = {"up", "down"}
    functions = [
        node for node in ast.walk(_parsed(path, source)) if isinstance(node, ast.AsyncFunctionDef) and node.name in own
    ]
    for node in (each for function in functions for each in ast.walk(function)):
        if isinstance(node, ast.Call) and _on_self(node.func) and not hasattr(migration, _name_of(node)):
            known = [name for name in dir(migration) if not name.startswith("_")]
            raise BadMigrationFile(
                f"{path}:{node.lineno}: there is no operation {_name_of(node)!r}; choose one of: "
                + ", ".join(choices(_name_of(node), known))
            )
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and _on_self(call.func):
            operation = getattr(migration, _name_of(call), None)
            if inspect.iscoroutinefunction(operation):
                raise BadMigrationFile(
                    f"{path}:{call.lineno}: self.{_name_of(call)}(...) is not awaited, so it would never run; put "
                    "`await` before it."
                )


def _on_self(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"


def _name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _load_file(app: str, path: Path, source: bytes) -> MigrationFile:
    name = f"_covet_migrations.{app or 'project'}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadMigrationFile(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadMigrationFile(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    for value in vars(module).values():
        # `class Migration(Migration)` shadows the imported base; only the class made here counts.
        if isinstance(value, type) and issubclass(value, Migration) and value.__module__ == name:
            _check_calls(path, source, value)
            return MigrationFile(app, path.stem, path, value, checksum(source))
    raise BadMigrationFile(f"{path} defines no migration; it needs `class Migration(Migration):` with up() and down().")
