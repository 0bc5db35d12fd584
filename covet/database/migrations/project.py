"""A project as its migrations see it: where the files are, which databases there are, what Django owns.

The command line builds one from the settings; tests build their own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covet.conf import settings
from covet.database.adapters.base import Adapter
from covet.database.connections import connections
from covet.database.migrations import files
from covet.database.migrations.accepted import Accepted
from covet.database.migrations.files import MigrationFile
from covet.database.migrations.frozen import frozen_apps
from covet.database.migrations.ownership import Ownership
from covet.database.migrations.runner import Options, Runner
from covet.exceptions import ImproperlyConfigured


@dataclass
class Project:
    """The migrations of one project.

    Attributes:
        root: the project's folder; paths are shown relative to it.
        folders: app label to folder; the empty label is the project's own `migrations/`.
        adapter_of: the adapter of a database alias.
        aliases: the databases, the default one first.
        options: how runs behave.
        say: told how it goes.
    """

    root: Path
    folders: Mapping[str, Path]
    adapter_of: Callable[[str], Adapter]
    aliases: tuple[str, ...] = ("default",)
    options: Options = field(default_factory=Options)
    say: Callable[[str], None] = lambda text: None

    @property
    def main_folder(self) -> Path:
        """Where new migrations go unless an app is named."""
        return self.folders[""]

    @property
    def ownership(self) -> Ownership:
        """Which tables Django's migrations own."""
        return Ownership.read(self.main_folder)

    @property
    def accepted(self) -> Accepted:
        """Which differences between models and database are as they should be."""
        return Accepted.read(self.main_folder)

    def folder(self, app: str = "") -> Path:
        """The folder of an app's migrations.

        Raises:
            ImproperlyConfigured: no such app; the message names the choices.
        """
        if app in self.folders:
            return self.folders[app]
        known = ", ".join(label for label in self.folders if label) or "none has migrations of its own"
        raise ImproperlyConfigured(f"There is no app {app!r} with migrations; choose one of: {known}")

    def files(self) -> list[MigrationFile]:
        """Every migration, loaded."""
        return files.load(self.folders)

    def runner(self, alias: str = "default", *, loaded: Iterable[MigrationFile] | None = None) -> Runner:
        """A runner for one database."""
        return Runner(
            self.adapter_of(alias),
            self.files() if loaded is None else loaded,
            alias=alias,
            owned=self.ownership.tables,
            options=self.options,
            say=self.say,
            apps=frozen_apps,
        )

    def shown(self, path: Path) -> str:
        """A path as messages show it."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def from_settings(
    root: Path | None = None, *, options: Options | None = None, say: Callable[[str], None] | None = None
) -> Project:
    """The project that the settings describe.

    Args:
        root: its folder; the current one unless given.
        options: how runs behave.
        say: told how it goes.
    """
    base = root or Path.cwd()
    folders = {"": base / settings.MIGRATIONS_DIR}
    for app in settings.INSTALLED_APPS:
        label = app.rpartition(".")[2]
        folder = _app_folder(app, settings.MIGRATION_MODULES.get(label, f"{app}.migrations"))
        if folder is not None and folder != folders[""]:
            folders[label] = folder
    return Project(
        base,
        folders,
        connections.__getitem__,
        tuple(connections),
        options or Options(),
        say or (lambda text: None),
    )


def _app_folder(app: str, module: str | None) -> Path | None:
    """The folder of an app's migrations package; found without importing the app's models."""
    if module is None:
        return None
    parent, _, name = module.rpartition(".")
    try:
        spec = importlib.util.find_spec(parent or app)
    except ModuleNotFoundError:
        return None
    for place in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(place) / name
        if folder.is_dir():
            return folder
    return None
