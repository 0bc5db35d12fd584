"""Differences between models and database that a team has accepted: `accepted.toml` beside the migrations.

`adopt --accept` and people write it; `adopt`, `auto`, and `check --database` leave out what it names.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from covet.database.migrations.changes import Change
from covet.database.migrations.notes import Notes
from covet.database.migrations.sqltext import Vendor
from covet.exceptions import ImproperlyConfigured

FILE = "accepted.toml"

_HEADER = """\
# Where models and database differ, and why that is right. `covet migration adopt`, `covet migration auto` and
# `covet check --database` say nothing of these; any other difference of the same table is told. Commit this file.
"""


@dataclass(frozen=True)
class Difference:
    """One accepted difference.

    Attributes:
        table: the table.
        text: the line that is shown for it.
        reason: why it is right.
        vendor: the database that has it; every one where it is empty.
    """

    table: str
    text: str
    reason: str
    vendor: str = ""


@dataclass(frozen=True)
class Accepted:
    """The differences that are accepted, in the order of the file."""

    differences: tuple[Difference, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Accepted:
        """What the file beside the migrations says; nothing where there is none.

        Raises:
            ImproperlyConfigured: the file is broken, or a difference has no reason.
        """
        path = folder / FILE
        if not path.is_file():
            return cls()
        try:
            entries = tomllib.loads(path.read_text("utf-8")).get("difference", [])
            found = tuple(
                Difference(each["table"], each["text"], each["reason"].strip(), each.get("database", ""))
                for each in entries
            )
        except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ImproperlyConfigured(
                f"{path} is broken: {error}. Each [[difference]] has table, text and reason, and may have database."
            ) from error
        for each in found:
            if not each.reason:
                raise ImproperlyConfigured(f"{path}: {each.text!r} is accepted without a reason; say why it is right.")
        return cls(found)

    def write(self, folder: Path) -> Path:
        """Write the file."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = [_HEADER]
        for each in self.differences:
            lines += ["[[difference]]", f"table = {_quoted(each.table)}", f"text = {_quoted(each.text)}"]
            lines += [f"reason = {_quoted(each.reason)}"]
            lines += [f"database = {_quoted(each.vendor)}"] if each.vendor else []
            lines.append("")
        path = folder / FILE
        path.write_text("\n".join(lines), "utf-8")
        return path

    def with_changes(self, changes: Iterable[Change], notes: Notes, *, reason: str, vendor: Vendor) -> Accepted:
        """The same, and these differences of one database."""
        fresh = [Difference(each.table, line_of(each, notes), reason, vendor) for each in changes]
        return Accepted(tuple(dict.fromkeys([*self.differences, *fresh])))

    def split(self, changes: Iterable[Change], notes: Notes, vendor: Vendor) -> tuple[list[Change], list[Difference]]:
        """The changes that nobody has accepted, and what is accepted on this database and not there any more."""
        known = {(each.table, each.text): each for each in self.differences if each.vendor in {"", vendor}}
        left: list[Change] = []
        met: set[tuple[str, str]] = set()
        for each in changes:
            key = (each.table, line_of(each, notes))
            if key in known:
                met.add(key)
            else:
                left.append(each)
        return left, [each for key, each in known.items() if key not in met and each.vendor == vendor]


def line_of(change: Change, notes: Notes) -> str:
    """A difference as one line, by which it is known again."""
    return notes.lines([change])[0]


def _quoted(text: str) -> str:
    # A JSON string is a TOML one.
    return json.dumps(text, ensure_ascii=False)
