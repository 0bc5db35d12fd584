"""Routers: who is asked, in what order, and what happens when nobody answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from covet.conf import override_settings
from covet.database.orm.routers import ConnectionRouter
from covet.exceptions import ImproperlyConfigured


class Replica:
    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model == "Book" else None


class Main:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "main"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "main"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "main"


def instance(alias: str | None) -> Any:
    return SimpleNamespace(_state=SimpleNamespace(db=alias))


def test_routers_are_asked_in_order_until_one_answers() -> None:
    router = ConnectionRouter([Replica(), Main()])
    assert router.db_for_read("Book") == "replica"
    assert router.db_for_read("Tag") == "main"
    assert router.db_for_write("Book") == "main"


def test_without_routers_an_instance_stays_where_it_is() -> None:
    router = ConnectionRouter([])
    assert router.db_for_read("Book") == "default"
    assert router.db_for_write("Book", instance=instance("other")) == "other"
    assert router.db_for_write("Book", instance=instance(None)) == "default"


def test_relations_stay_within_a_database_unless_a_router_allows_more() -> None:
    assert not ConnectionRouter([]).allow_relation(instance("a"), instance("b"))
    assert ConnectionRouter([]).allow_relation(instance("a"), instance("a"))
    assert ConnectionRouter([Main()]).allow_relation(instance("a"), instance("b"))


def test_migrations_run_everywhere_unless_a_router_forbids() -> None:
    assert ConnectionRouter([]).allow_migrate("other", "shop")
    assert not ConnectionRouter([Main()]).allow_migrate("other", "shop")


def test_setting_names_routers_and_is_read_again_when_it_changes() -> None:
    router = ConnectionRouter()
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.Main"]):
        assert router.db_for_read("Tag") == "main"
    with override_settings(DATABASE_ROUTERS=[]):
        assert router.db_for_read("Tag") == "default"


def test_router_that_cannot_be_imported_is_named() -> None:
    router = ConnectionRouter()
    with override_settings(DATABASE_ROUTERS=["nowhere.Router"]), pytest.raises(ImproperlyConfigured) as caught:
        _ = router.routers
    assert str(caught.value).startswith("DATABASE_ROUTERS names 'nowhere.Router', which cannot be imported: ")
