"""`call_command` for what the command line does with fixtures; other commands are not provided."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from covet.serializers.dumping import dump
from covet.serializers.fixtures import load_fixtures
from tests.django_suite.shim import NotProvided


class CommandError(Exception):
    """A command failed."""


async def call_command(name: str, *labels: str, **options: Any) -> None:
    """Run `loaddata` or `dumpdata` with Django's names of their options."""
    if name == "loaddata":
        await load_fixtures(
            *labels,
            using=options.get("database", "default"),
            app_label=options.get("app_label"),
            ignorenonexistent=options.get("ignore", False),
            exclude=options.get("exclude", ()),
        )
    elif name == "dumpdata":
        await _dumpdata(*labels, **options)
    else:
        raise NotProvided(f"django.core.management.call_command({name!r})")


async def _dumpdata(*labels: str, **options: Any) -> None:
    output = options.get("output")
    stream = io.StringIO() if output else options.get("stdout") or sys.stdout
    try:
        await dump(
            *labels,
            format=options.get("format", "json"),
            using=options.get("database", "default"),
            exclude=options.get("exclude", ()),
            primary_keys=[key for key in (options.get("primary_keys") or "").split(",") if key],
            use_natural_foreign_keys=options.get("use_natural_foreign_keys", False),
            use_natural_primary_keys=options.get("use_natural_primary_keys", False),
            use_base_manager=options.get("use_base_manager", False),
            indent=options.get("indent"),
            stream=stream,
        )
    except Exception as error:
        raise CommandError(f"Unable to serialize database: {error}") from error
    if output:
        Path(output).write_text(stream.getvalue(), encoding="utf-8")
