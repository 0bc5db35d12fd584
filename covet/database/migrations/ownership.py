"""Who owns a table's schema: `ownership.toml` beside the migrations says what Django's migrations still own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covet.exceptions import ImproperlyConfigured

FILE = "ownership.toml"

_HEADER = """\
# Written by `covet migration adopt`. The apps below are migrated by Django; CovetPy refuses to change their
# tables until `covet migration adopt --own APP` takes them over. Commit this file.
"""


@dataclass(frozen=True)
class Ownership:
    """Django's apps and their tables.

    Attributes:
        apps: app label to the tables that Django's migrations own.
        heads: app label to the last Django migration that the baseline has seen.
    """

    apps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> frozenset[str]:
        """Every table that Django owns."""
        return frozenset(table for tables in self.apps.values() for table in tables)

    @classmethod
    def read(cls, folder: Path) -> Ownership:
        """What the file beside the migrations says; nothing where there is none.

        Raises:
            ImproperlyConfigured: the file is broken.
        """
        path = folder / FILE
        if not path.is_file():
            return cls()
        try:
            data = tomllib.loads(path.read_text("utf-8"))
            apps = {label: tuple(entry["tables"]) for label, entry in data.get("django", {}).items()}
            heads = {label: str(entry.get("head", "")) for label, entry in data.get("django", {}).items()}
        except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ImproperlyConfigured(f"{path} is broken: {error}") from error
        return cls(apps, heads)

    def write(self, folder: Path) -> Path:
        """Write the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        lines = [_HEADER]
        for label in sorted(self.apps):
            lines.append(f'[django."{label}"]')
            if self.heads.get(label):
                lines.append(f'head = "{self.heads[label]}"')
            lines.append("tables = [")
            lines += [f'    "{table}",' for table in sorted(self.apps[label])]
            lines.append("]\n")
        path.write_text("\n".join(lines), "utf-8")
        return path

    def without(self, labels: Iterable[str]) -> Ownership:
        """The same, with apps taken over."""
        gone = set(labels)
        return Ownership(
            {label: tables for label, tables in self.apps.items() if label not in gone},
            {label: head for label, head in self.heads.items() if label not in gone},
        )
