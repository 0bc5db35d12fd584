"""Loading fixtures: files with serialized objects, found by name in the applications and saved in one transaction.

`covet loaddata` calls it; `dumping` writes such files.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import os
import warnings
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from covet import serializers
from covet.conf import settings
from covet.database.connections import connections
from covet.database.orm.registry import apps
from covet.database.orm.routers import DEFAULT_DB_ALIAS, router
from covet.database.transaction import transaction
from covet.exceptions import CovetError, DatabaseError, ImproperlyConfigured, IntegrityError
from covet.serializers.labels import Chosen, chosen_models

STDIN: Final = "-"


class FixtureError(CovetError):
    """A fixture cannot be found, read or saved."""


def _zipped(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise FixtureError(f"{path}: a zip-compressed fixture must contain one file, not {len(names)}")
        return archive.open(names[0])


OPENERS: Final[dict[str, Callable[[Path], Any]]] = {
    "": lambda path: path.open("rb"),
    "gz": gzip.open,
    "bz2": bz2.open,
    "lzma": lzma.open,
    "xz": lzma.open,
    "zip": _zipped,
}


@dataclass
class Loaded:
    """What a call of `load_fixtures` did.

    Attributes:
        fixtures: how many files were read.
        objects: how many objects were in them.
        saved: how many of those were saved; the others belong to another database or were excluded.
        models: the models of the saved objects.
    """

    fixtures: int = 0
    objects: int = 0
    saved: int = 0
    models: set[Any] = field(default_factory=set)


@dataclass(frozen=True)
class Label:
    """The name of a fixture, taken apart: `books.json.gz` is `books`, `json`, `gz`; what is not given is empty."""

    name: str
    format: str = ""
    compression: str = ""

    @classmethod
    def parse(cls, text: str, formats: Iterable[str]) -> Label:
        """The parts of `text`.

        Raises:
            FixtureError: its last part is neither a format nor a compression.
        """
        parts = text.rsplit(".", 2)
        compression = parts.pop() if len(parts) > 1 and parts[-1] in OPENERS else ""
        if len(parts) == 1:
            return cls(parts[0], "", compression)
        known = list(formats)
        if parts[-1] not in known:
            raise FixtureError(
                f"Problem installing fixture '{'.'.join(parts[:-1])}': {parts[-1]} is not a known serialization "
                f"format; choose one of: {', '.join(sorted(known))}"
            )
        return cls(".".join(parts[:-1]), parts[-1], compression)


async def load_fixtures(
    *labels: str,
    using: str = DEFAULT_DB_ALIAS,
    app_label: str | None = None,
    ignorenonexistent: bool = False,
    exclude: Iterable[str] = (),
    stdin: Any = None,
    format: str | None = None,
) -> Loaded:
    """Save the objects of fixtures, all of them or none.

    Args:
        labels: names or paths of fixtures, with or without `.format` and `.compression`; `-` is `stdin`.
        using: the database.
        app_label: look only into the `fixtures` folder of this application.
        ignorenonexistent: skip models and fields that do not exist.
        exclude: applications and models (`app` or `app.Model`) that are not loaded.
        stdin: the stream that `-` stands for.
        format: the format of `stdin`.

    Raises:
        FixtureError: a fixture cannot be found or read. IntegrityError: an object refers to one that does not exist.
    """
    loader = _Loader(using, app_label, ignorenonexistent, chosen_models(exclude), stdin, format)
    async with transaction(using=using), constraint_checks_disabled(using):
        await loader.load(labels)
    return loader.loaded


class _Loader:
    def __init__(
        self, using: str, app_label: str | None, ignores: bool, excluded: Chosen, stdin: Any, format: str | None
    ) -> None:
        self.using = using
        self.app_label = app_label
        self.ignores = ignores
        self.excluded = excluded
        self.stdin = stdin
        self.format = format
        self.loaded = Loaded()
        self.deferred: list[Any] = []
        self.formats = serializers.get_public_serializer_formats()

    async def load(self, labels: Iterable[str]) -> None:
        for label in labels:
            if label == STDIN:
                if not self.format:
                    raise FixtureError("the format of the fixture on standard input must be given (--format)")
                await self._load_stream(self.stdin, self.format, STDIN)
                continue
            parsed = Label.parse(label, self.formats)
            for path in self._find(label, parsed):
                found = Label.parse(path.name, self.formats)
                with OPENERS[found.compression](path) as stream:
                    await self._load_stream(stream, found.format, str(path))
        for obj in self.deferred:
            await obj.save_deferred_fields(using=self.using)
        await check_references(self.loaded.models, self.using)
        await reset_sequences(self.loaded.models, self.using)

    async def _load_stream(self, stream: Any, format: str, place: str) -> None:
        self.loaded.fixtures += 1
        before = self.loaded.objects
        try:
            objects = serializers.deserialize(
                format,
                stream,
                using=self.using,
                ignorenonexistent=self.ignores,
                handle_forward_references=True,
            )
            async for obj in objects:
                self.loaded.objects += 1
                await self._save(obj)
        except Exception as error:
            error.args = (f"Problem installing fixture '{place}': {error}",)
            raise
        if self.loaded.objects == before:
            message = f"No fixture data found for '{place}'. (The file format may be invalid.)"
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    async def _save(self, obj: Any) -> None:
        model = type(obj.object)
        if model in self.excluded or not router.allow_migrate_model(self.using, model):
            return
        self.loaded.models.add(model)
        try:
            await obj.save(using=self.using)
        except (DatabaseError, ValueError) as error:
            error.args = (f"Could not load {model._meta.label}(pk={obj.object.pk}): {error}",)
            raise
        self.loaded.saved += 1
        if obj.deferred_fields:
            self.deferred.append(obj)

    def _find(self, label: str, parsed: Label) -> list[Path]:
        """The files of a label, at most one in each folder.

        Raises:
            FixtureError: there is none, or a folder has several.
        """
        found: list[Path] = []
        folder, name = os.path.split(parsed.name)
        for place in [Path()] if os.path.isabs(parsed.name) else fixture_folders(self.app_label):
            here = sorted(place / folder / file for file in self._file_names(parsed, name))
            here = [path for path in here if path.is_file()]
            if len(here) > 1:
                raise FixtureError(f"Multiple fixtures named '{label}' in {place / folder}. Aborting.")
            found += here
        if not found:
            places = ", ".join(str(place) for place in fixture_folders(self.app_label))
            raise FixtureError(f"No fixture named '{label}' found; looked in: {places}")
        return found

    def _file_names(self, parsed: Label, name: str) -> set[str]:
        formats = [parsed.format] if parsed.format else self.formats
        compressions = [parsed.compression] if parsed.compression else list(OPENERS)
        parts = itertools.product([name], [self.using, ""], formats, compressions)
        return {".".join(filter(None, each)) for each in parts}


def fixture_folders(app_label: str | None = None) -> list[Path]:
    """Where fixtures are looked for: each application's `fixtures`, then FIXTURE_DIRS, then the current folder.

    Raises:
        ImproperlyConfigured: FIXTURE_DIRS names a folder twice, or one that is looked into anyway.
    """
    extra = [Path(os.fspath(folder)) for folder in settings.FIXTURE_DIRS]
    if len(set(extra)) != len(extra):
        raise ImproperlyConfigured("settings.FIXTURE_DIRS contains duplicates.")
    folders: list[Path] = []
    for config in apps.get_app_configs():
        try:
            own = Path(config.path) / "fixtures"
        except ImproperlyConfigured:
            # an application that is one module
            continue
        if own in extra:
            raise ImproperlyConfigured(
                f"'{own}' is a default fixture directory for the '{config.label}' app and cannot be listed in "
                "settings.FIXTURE_DIRS."
            )
        if (app_label is None or config.label == app_label) and own.is_dir():
            folders.append(own)
    return list(dict.fromkeys(folder.resolve() for folder in [*folders, *extra, Path()]))


@asynccontextmanager
async def constraint_checks_disabled(using: str) -> AsyncIterator[None]:
    """Foreign keys may be wrong until the block ends.

    PostgreSQL and SQLite look at them when the transaction ends anyway; MySQL has to be told.
    """
    adapter = connections[using]
    if adapter.vendor != "mysql":
        yield
        return
    await adapter.execute("SET FOREIGN_KEY_CHECKS = 0")
    try:
        yield
    finally:
        await adapter.execute("SET FOREIGN_KEY_CHECKS = 1")


async def check_references(models: Iterable[Any], using: str) -> None:
    """See that every foreign key of `models` refers to a row.

    Raises:
        IntegrityError: one does not; names the row.
    """
    adapter = connections[using]
    for model in models:
        table = model.table
        for key in model._meta.local_concrete_fields:
            if not key.is_relation or not key.db_constraint:
                continue
            target = key.target_field
            other = target.model.table.alias("referred")
            here, there = table.c[key.column], other.c[target.column]
            shown = list(table.primary_key.columns)
            orphans = (
                sa.select(here, *shown)
                .select_from(table.outerjoin(other, here == there))
                .where(here.isnot(None), there.is_(None))
                .limit(1)
            )
            found = await adapter.fetch(orphans)
            if found:
                value, *keys = tuple(found[0])
                raise IntegrityError(
                    f"Problem installing fixtures: The row in table '{table.name}' with primary key "
                    f"'{', '.join(map(str, keys))}' has an invalid foreign key: {table.name}.{key.column} contains a "
                    f"value '{value}' that does not have a corresponding value in {other.original.name}."
                    f"{target.column}."
                )


async def reset_sequences(models: Iterable[Any], using: str) -> None:
    """Let PostgreSQL count on behind the keys that were written; other databases do by themselves."""
    adapter = connections[using]
    if adapter.vendor != "postgresql":
        return
    quote = adapter.dialect.identifier_preparer.quote
    for model in models:
        primary = model._meta.pk
        if getattr(primary, "is_composite", False) or not hasattr(primary, "rel_db_type"):
            continue
        if "Auto" not in primary.get_internal_type():
            continue
        table, column = quote(model._meta.db_table), quote(primary.column)
        counted = f"coalesce(max({column}), 1), max({column}) IS NOT NULL"
        sql = f"SELECT setval(pg_get_serial_sequence($1::text, $2::text)::regclass, {counted}) FROM {table}"  # noqa: S608 - quoted names
        await adapter.fetch(sql, table, primary.column)
