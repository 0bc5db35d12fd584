"""Frozen models: what `run_python` sees, made from the tables as they are at that point of the history.

A migration that runs on an empty database meets every table just as it was when the migration was written; so the
database itself is the frozen state, and nothing has to be kept beside the migrations.
"""

from __future__ import annotations

from typing import Any

from covet.database.migrations.modelling import FieldText, class_name, field_text
from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import Vendor
from covet.database.migrations.states.base import SchemaState, TableState
from covet.database.migrations.states.reading import read_schema
from covet.database.orm import fields as field_classes
from covet.database.orm import relationships
from covet.database.orm.fields import postgres
from covet.database.orm.models import Model
from covet.database.orm.naming import split_identifier
from covet.database.orm.registry import Apps, apps
from covet.exceptions import choices


class FrozenApps:
    """Models of one moment, by the names that today's code has for their tables.

    Args:
        schema: the tables.
        vendor: their database.
    """

    def __init__(self, schema: SchemaState, vendor: Vendor) -> None:
        self._schema = schema
        self._vendor = vendor
        self._apps = Apps()
        self._today = {
            split_identifier(model._meta.db_table)[1]: model
            for model in apps.get_models(include_auto_created=True)
            if not model._meta.proxy
        }
        self._models: dict[str, type[Model]] = {}

    def get_model(self, app_label: str, model_name: str | None = None) -> Any:
        """The model of that name, with the columns that its table has now.

        Args:
            app_label: the app's label, or `app.Model`.
            model_name: the model's name.

        Raises:
            LookupError: no such table; the message names the choices.
        """
        if model_name is None:
            app_label, model_name = app_label.split(".")
        table = next(
            (
                name
                for name, model in self._today.items()
                if model._meta.app_label == app_label and model._meta.model_name == model_name.lower()
            ),
            f"{app_label}_{model_name.lower()}",
        )
        return self.table(table)

    def table(self, name: str) -> Any:
        """The model of a table.

        Raises:
            LookupError: no such table; the message names the choices.
        """
        if name not in self._models:
            state = self._schema.get(name)
            if state is None:
                known = ", ".join(choices(name, self._schema))
                raise LookupError(f"At this point of the history there is no table {name!r}; choose one of: {known}")
            self._build(state)
        return self._models[name]

    def _build(self, state: TableState) -> None:
        today = self._today.get(state.name)
        label, name = self._names(state.name)
        current = {field.column: field for field in today._meta.local_concrete_fields} if today is not None else {}
        attributes: dict[str, Any] = {"__module__": __name__}
        others: list[str] = []
        by_column: dict[str, str] = {}
        for column in state.columns.values():
            text = field_text(state, column, self._vendor)
            field = current.get(column.name)
            if field is not None and not field.is_relation and self._same(field, text):
                attributes[field.name] = field.clone()
                by_column[column.name] = field.name
                continue
            if field is not None:
                text.name = field.name if field.is_relation == (text.to is not None) else text.name
                text.options["db_column"] = column.name
            if text.to in self._schema:
                others.append(str(text.to))
            attributes[text.name] = self._field(text, field)
            by_column[column.name] = text.name
        for field in today._meta.local_many_to_many if today is not None else ():
            tables = self._tables_of(field)
            if all(table in self._schema for table in tables):
                attributes[field.name] = self._many(state.name, field, *tables)
                others += tables
        if len(state.primary_key) > 1:
            attributes["pk"] = field_classes.CompositePrimaryKey(*(by_column[each] for each in state.primary_key))
        attributes["Meta"] = type(
            "Meta", (), {"app_label": label, "db_table": state.name, "apps": self._apps, "managed": False}
        )
        self._models[state.name] = type(name, (Model,), attributes)
        # Relations are named, not resolved, until both sides stand: tables may refer to each other.
        for other in others:
            self.table(other)

    def _names(self, table: str) -> tuple[str, str]:
        """The label and the class name for a table."""
        today = self._today.get(table)
        return ("frozen", class_name(table)) if today is None else (today._meta.app_label, today._meta.object_name)

    @staticmethod
    def _tables_of(field: Any) -> tuple[str, str]:
        """The tables behind a many-to-many field: the one between, and the other side's."""
        between, other = field.remote_field.through, field.remote_field.model
        return split_identifier(between._meta.db_table)[1], split_identifier(other._meta.db_table)[1]

    def _many(self, owner: str, field: Any, between: str, other: str) -> Any:
        return relationships.ManyToManyField(
            "self" if other == owner else ".".join(self._names(other)),
            through=".".join(self._names(between)),
            through_fields=(field.m2m_field_name(), field.m2m_reverse_field_name()),
            related_name=field.remote_field.related_name,
        )

    @staticmethod
    def _same(field: Any, text: FieldText) -> bool:
        made = type(field).__mro__
        return bool(field.null) == bool(text.options.get("null")) and any(cls.__name__ == text.kind for cls in made)

    def _field(self, text: FieldText, today: Any) -> Any:
        options = dict(text.options)
        if text.to is None:
            if text.base is not None:
                options["base_field"] = self._field(text.base, None)
            return getattr(postgres if text.module == "fields.postgres" else field_classes, text.kind)(**options)
        if text.to not in self._schema:
            return field_classes.BigIntegerField(null=options.get("null", False), db_column=f"{text.name}_id")
        is_known = today is not None and today.is_relation
        options["related_name"] = today.remote_field.related_name if is_known else "+"
        options["db_constraint"] = True
        return getattr(relationships, text.kind)(".".join(self._names(text.to)), **options)


async def frozen_apps(session: Session) -> FrozenApps:
    """The models of this point of the history."""
    return FrozenApps(await read_schema(session), session.vendor)
