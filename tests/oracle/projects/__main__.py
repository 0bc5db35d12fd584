"""One project on one database: `python -m tests.oracle.projects URL NAME` prints what was found, as JSON.

Django's `migrate` makes the tables; the models that stand for them are held against them; CovetPy writes rows into
each; Django reads them, and is asked whether its migrations still fit.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from typing import Any

from covet.database.config import DatabaseConfig
from covet.database.connections import connections
from covet.database.connections.registry import make_adapter
from covet.database.migrations.comparison import Wanted, compare
from tests.oracle.process import database_settings
from tests.oracle.projects import rows
from tests.oracle.projects.registry import PROJECTS, configure


def django_says(command: str, *arguments: str) -> str:
    """A management command's output; the exit code when it fails."""
    from django.core.management import call_command

    out = io.StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=out)
    except SystemExit as error:
        return f"exit {error.code}: {out.getvalue()}"
    return out.getvalue().strip()


def _count_from_here() -> None:
    """Let PostgreSQL's counters follow the rows that migrations have loaded with their keys."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models(include_auto_created=True)):
            cursor.execute(statement)


async def ours(url: str, pairs: dict[type, Any], models: list[Any]) -> dict[str, Any]:
    """The comparison, then rows in every table."""
    adapter = make_adapter(DatabaseConfig(url=url))
    connections.configure({"default": url})
    connections["default"] = adapter
    try:
        compared = await compare(adapter, Wanted.of(models))
        found = {"models": len(models), "differences": [repr(change) for change in compared.changes]}
        made, refused = await rows.write(pairs)
        found["refused"] = refused
        found["rows"] = sum(map(len, made.values()))
        found["values"] = {
            model: [
                {"pk": row.pk, **{field.attname: getattr(row, field.attname) for field in model._meta.concrete_fields}}
                for row in [await model.objects.get(pk=each.pk) for each in kept]
            ]
            for model, kept in made.items()
        }
        return found
    finally:
        await adapter.close()
        connections.configure(None)


def _is_unwritten(name: str, model: type) -> bool:
    return model.__name__ in PROJECTS[name].unwritten


def main() -> None:
    """Everything about one project."""
    url, name = sys.argv[1:]
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    database = database_settings(url)
    if database["ENGINE"].endswith("mysql"):
        import pymysql

        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
    configure(database, name)
    from django.apps import apps

    from tests.oracle.projects.conversion import Converter

    django_says("migrate", "--verbosity", "0")
    _count_from_here()
    # Tables of many-to-many fields are numbered too.
    os.environ["COVET_DEFAULT_AUTO_FIELD"] = f"covet.database.orm.fields.{PROJECTS[name].auto_field}"
    converter = Converter()
    for model in apps.get_models():
        if not model._meta.proxy and model._meta.managed and not model._meta.swapped:
            converter.model(model)
    written = {theirs: model for theirs, model in converter.made.items() if not _is_unwritten(name, theirs)}
    found = asyncio.run(ours(url, written, list(converter.apps.get_models(include_auto_created=True))))
    found["unread"] = rows.unread(written.items(), found.pop("values"))
    tables = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
    found["empty"] = rows.empty(
        model for model in tables if model._meta.managed and not model._meta.swapped and not _is_unwritten(name, model)
    )
    found["makemigrations"] = django_says("makemigrations", "--check", "--dry-run")
    found["unapplied"] = django_says("migrate", "--check")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
