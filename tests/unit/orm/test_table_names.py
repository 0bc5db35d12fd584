"""Made table names that are longer than the database allows: what Django 5.2 made of the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from covet.database.connections import connections
from covet.database.orm import ManyToManyField, Model
from covet.database.orm.registry import Apps

NAME = "Long" + "x" * 60


@pytest.mark.parametrize(
    ("database", "table", "between"),
    [
        ("postgresql://localhost/x", f"names_long{'x' * 49}a558", f"names_long{'x' * 49}f0dc"),
        ("mysql://localhost/x", f"names_long{'x' * 50}a558", f"names_long{'x' * 50}9ca8"),
        ("sqlite://", f"names_long{'x' * 60}", f"names_long{'x' * 60}_many"),
        (None, f"names_long{'x' * 49}a558", f"names_long{'x' * 49}f0dc"),
    ],
)
def test_long_names_are_cut_for_the_default_database(database: str | None, table: str, between: str) -> None:
    connections.configure({} if database is None else {"default": database})
    try:
        meta = type("Meta", (), {"app_label": "names", "apps": Apps()})
        model: Any = type(NAME, (Model,), {"many": ManyToManyField("self"), "__module__": __name__, "Meta": meta})
    finally:
        connections.configure(None)
    assert model._meta.db_table == table
    assert model._meta.get_field("many").remote_field.through._meta.db_table == between


def test_names_that_were_given_stay() -> None:
    name = "q" * 70
    meta = type("Meta", (), {"app_label": "names", "apps": Apps(), "db_table": name})
    model: Any = type("Given", (Model,), {"__module__": __name__, "Meta": meta})
    assert model._meta.db_table == name
