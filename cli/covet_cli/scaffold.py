"""Copying a template tree into place: names and secrets are filled in, nothing that exists is overwritten."""

from __future__ import annotations

import keyword
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from covet.exceptions import CovetError
from covet_cli.resources import data

DATABASES = ("sqlite", "postgresql", "mysql")
TEXT = frozenset(
    {".py", ".html", ".css", ".md", ".toml", ".yml", ".yaml", ".conf", ".txt", ".json", ".template", ".svg", ".sh", ""}
)
RENAMED = {"gitignore": ".gitignore", "dockerignore": ".dockerignore", "env.example": ".env.example"}
DEFAULT_URLS = {
    "sqlite": "sqlite:///{BASE_DIR / 'db.sqlite3'}",
    "postgresql": "postgresql://postgres:postgres@localhost:5432/NAME",
    "mysql": "mysql://root@localhost:3306/NAME",
}
CREATE_DATABASE = {
    "postgresql": "createdb NAME         # or name another database in DATABASE_URL",
    "mysql": "mysqladmin create NAME  # or name another database in DATABASE_URL",
}


class ScaffoldError(CovetError):
    """A project or an app cannot be created there or under that name."""


@dataclass(frozen=True)
class Scaffold:
    """What goes where: each source, a file or a tree, to its place below the target (`.` for the target itself)."""

    sources: Mapping[Path, str]
    target: Path
    values: Mapping[str, str]

    def write(self) -> list[Path]:
        """Copies the tree; the files it wrote, relative to the target, in order."""
        written = []
        for source, relative in self._files():
            target = self.target / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix in TEXT:
                target.write_text(fill(source.read_text(encoding="utf-8"), self.values), encoding="utf-8")
            else:
                shutil.copyfile(source, target)
            written.append(relative)
        return sorted(written)

    def _files(self) -> list[tuple[Path, Path]]:
        pairs = []
        for source, place in self.sources.items():
            if source.is_file():
                pairs.append((source, Path(place)))
                continue
            for path in sorted(source.rglob("*")):
                relative = path.relative_to(source)
                if path.is_file() and "__pycache__" not in relative.parts:
                    pairs.append((path, Path(place, relative.with_name(RENAMED.get(relative.name, relative.name)))))
        return pairs


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replaces each `@@name@@`; one that ends in `_source` is Python, and replaces its quotation marks too."""
    for name, value in values.items():
        if name.endswith("_source"):
            text = text.replace(f'"@@{name}@@"', value)
        text = text.replace(f"@@{name}@@", value)
    return text


def check_name(name: str, *, kind: str) -> None:
    """Refuses a name that Python could not import, or that hides another package.

    Raises:
        ScaffoldError: with the reason.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        suggestion = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_").lower()
        hint = f"; try {suggestion!r}" if suggestion.isidentifier() else ""
        raise ScaffoldError(
            f"{name!r} is no {kind} name: use letters, digits and underscores, not starting with a digit{hint}."
        )
    if kind == "app" and find_spec(name) is not None:
        raise ScaffoldError(f"There is a Python package {name!r} already; choose another name for the app.")


def check_target(target: Path) -> None:
    """Refuses a folder with something in it.

    Raises:
        ScaffoldError: the folder is not empty, or is a file.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise ScaffoldError(f"{target} exists and is not empty; choose another name or folder.")


def project_sources(database: str) -> dict[Path, str]:
    """The trees of a new project; the deployment files are the ones this repository uses itself."""
    sources = {
        data("templates") / "project": ".",
        data("nginx"): "nginx",
        data("docker-compose.yml"): "docker-compose.yml",
    }
    variant = data("templates") / database
    if variant.is_dir():
        sources[variant] = "."
    return sources


def next_steps(name: str, target: Path, database: str) -> list[str]:
    """What to type after `startproject`."""
    create = CREATE_DATABASE.get(database, "").replace("NAME", name)
    return [step for step in (f"cd {target}", create, "covet migration apply", "covet run") if step]


def project_values(name: str, *, database: str) -> dict[str, str]:
    """What fills a project's templates."""
    extra = "[mysql]" if database == "mysql" else ""
    url = DEFAULT_URLS[database].replace("NAME", name)
    return {
        "project_name": name,
        "project_title": name.replace("_", " ").title(),
        "secret_key": f"covet-insecure-{secrets.token_urlsafe(40)}",
        "database": database,
        "database_source": f'f"{url}"' if "{" in url else f'"{url}"',
        "requirement": f"covetpy{extra}",
    }
