"""Django's side: it owns the tables, and answers synchronously."""

from __future__ import annotations

from typing import Any

from tests.differential.answers import Answer, Side
from tests.differential.catalog import APP_LABEL, MODELS, declare
from tests.differential.defects import noted
from tests.differential.interpreter import Interpreter
from tests.differential.programs import Program


class DjangoSide(Side):
    """Django on the database of `settings`.

    Args:
        database: a value of Django's DATABASES.
    """

    def __init__(self, database: dict[str, Any]) -> None:
        import django
        from django.conf import settings

        if not settings.configured:
            settings.configure(
                DATABASES={"default": database},
                INSTALLED_APPS=["tests.differential"],
                USE_TZ=False,
                TIME_ZONE="UTC",
                DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            )
            django.setup()
        from django.db import connection, models
        from django.db.models import functions

        self.connection = connection
        self.connection.settings_dict.update(database)
        self.declared = _declared_once(models)
        self.interpreter = Interpreter(models, functions, self.declared)

    def create_tables(self) -> None:
        """Create every table of the catalog."""
        with self.connection.schema_editor() as editor:
            for name in MODELS:
                editor.create_model(getattr(self.declared, name))

    def fill(self, rows: dict[str, list[dict[str, Any]]], links: dict[str, list[tuple[int, int]]]) -> None:
        """Replace all rows: `rows` by model, `links` by many-to-many field (`Book.tags`)."""
        with self.connection.constraint_checks_disabled():
            for name in MODELS:
                model = getattr(self.declared, name)
                for field in model._meta.local_many_to_many:
                    field.remote_field.through.objects.all().delete()
            for name in reversed(list(MODELS)):
                model = getattr(self.declared, name)
                model.objects.all()._raw_delete("default")
            for name in MODELS:
                model = getattr(self.declared, name)
                model.objects.bulk_create([model(**row) for row in rows.get(name, [])])
            for path, pairs in links.items():
                name, _, attribute = path.partition(".")
                field = getattr(self.declared, name)._meta.get_field(attribute)
                through = field.remote_field.through
                columns = (field.m2m_column_name(), field.m2m_reverse_name())
                through.objects.bulk_create([through(**dict(zip(columns, pair, strict=True))) for pair in pairs])

    def ask(self, program: Program) -> Answer:
        from django.db import transaction
        from django.test.utils import CaptureQueriesContext

        # It holds the last 9,000 queries: a full one counts no further.
        self.connection.queries_log.clear()
        try:
            with transaction.atomic():
                with CaptureQueriesContext(self.connection) as captured, noted() as met:
                    value = self._value(program)
                count = sum(not is_transactional(query["sql"]) for query in captured.captured_queries)
                state = self._state() if program.end[0] in {"update", "delete"} else None
                transaction.set_rollback(True)
            if met:
                return Answer(None, 0, error=met[0])
            return Answer(value if state is None else (value, state), count)
        except Exception as error:
            return self.failed(error)

    def _value(self, program: Program) -> Any:
        shaped = self.interpreter.lazy(program)
        if shaped is not None:
            made, row = shaped
            return [row(item) for item in made]
        made, end = self.interpreter.queryset(program), program.end
        if end[0] == "totals":
            return made.aggregate(one=self.interpreter.expression(end[1]), two=self.interpreter.expression(end[2]))
        if end[0] == "update":
            return made.update(**{end[1]: self.interpreter.expression(end[2])})
        if end[0] in {"first", "last", "exists"}:
            found = getattr(self.interpreter.ordered(made, end[1]), end[0])()
            return found if end[0] == "exists" else getattr(found, "pk", None)
        return getattr(made, end[0])()

    def _state(self) -> Any:
        return {name: list(getattr(self.declared, name).objects.order_by("pk").values_list()) for name in MODELS}


def is_transactional(sql: str) -> bool:
    """Whether a statement only steers the transaction: those are not questions to the database."""
    return sql.split(None, 1)[0].upper() in {"SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT"}


_declared: dict[str, Any] = {}


def _declared_once(models: Any) -> Any:
    """Django's registry takes each model once in a process."""
    if APP_LABEL not in _declared:
        _declared[APP_LABEL] = declare(models)
    return _declared[APP_LABEL]
