"""What a test leaves behind is put back, and said."""

import contextvars
import decimal
import gc
import logging
import os
import re
import signal
import sys
import tempfile
import types
from pathlib import Path

import pytest

from covet.conf import settings
from covet.database.connections.registry import connections
from covet.database.orm import CharField, ForeignKey, ManyToManyField, Model, OneToOneField
from covet.database.orm.contenttypes.models import ContentType
from covet.database.orm.lookups import Transform
from covet.database.orm.registry import apps
from covet.database.orm.signals import post_save, pre_save
from covet.routing import register_converter
from covet.utils import timezone, translation
from tests.isolation import Isolation
from tests.isolation.process import Modules

HELD = []


class Converter:
    regex = "x"


class Loud(Transform):
    lookup_name = "loud"


def receiver(**_kwargs):
    """Does nothing."""


def connect_a_closure():
    HELD.append(lambda **_kwargs: None)
    post_save.connect(HELD[-1])


def change(owner, name, value):
    return lambda: setattr(owner, name, value)


LEFT = {
    "a variable": (lambda: os.environ.update(COVET_LEFT="1"), r"os\.environ: b'COVET_LEFT' \(b'1'\) was added"),
    "no variable": (lambda: os.environ.pop("PATH"), r"os\.environ: b'PATH' \(.*\) was removed"),
    "a folder": (lambda: os.chdir("/"), "the current folder: .* became '/'"),
    "a path": (lambda: sys.path.append("/left"), r"sys: 'path': .* became .*"),
    "thresholds": (lambda: gc.set_threshold(1, 2, 3), r"'gc.get_threshold': .* became \(1, 2, 3\)"),
    "no collector": (gc.disable, r"'gc\.isenabled': True became False"),
    "a frozen heap": (gc.freeze, r"'gc\.get_freeze_count': False became True"),
    "a precision": (lambda: setattr(decimal.getcontext(), "prec", 5), r"prec': 28 became 5"),
    "a signal handler": (lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN), "signal handlers: .* became 1"),
    "a level": (lambda: logging.getLogger("covet.left").setLevel(10), "logging: 'covet.left' .* was added"),
    "a root handler": (lambda: logging.root.addHandler(logging.NullHandler()), "logging: 'root': .* became"),
    "no logging": (lambda: logging.disable(50), r"'logging\.disable': 0 became 50"),
    "a setting": (lambda: setattr(settings, "USE_TZ", not settings.USE_TZ), "settings: 'USE_TZ': .* became"),
    "a setting of its own": (lambda: setattr(settings, "LEFT_BEHIND", 1), r"settings: 'LEFT_BEHIND' \(1\) was added"),
    "a database": (lambda: connections.configure({"default": "sqlite:///left"}), "connections: 'databases': .* became"),
    "a receiver": (lambda: pre_save.connect(receiver), "signal receivers: 'pre_save' .* was added"),
    "a receiver that is held": (connect_a_closure, "signal receivers: 'post_save' .* was added"),
    "a lookup": (lambda: CharField.register_lookup(Loud), "lookups: .*CharField.*: 'loud' .* was added"),
    "a converter": (
        lambda: register_converter(Converter, "left"),
        r"registers: .*CONVERTERS': 'left' .* was added",
    ),
    "a time zone": (lambda: timezone.activate("Asia/Tokyo"), "context variables: .* was added"),
    "a language": (lambda: translation.activate("de"), r"context variables: .* \('de'\) was added"),
    "a catalog": (lambda: translation.set_catalog(str.upper), "translation: .* became"),
}


@pytest.mark.parametrize(("leave", "problem"), LEFT.values(), ids=LEFT)
def test_what_a_test_leaves_is_said_and_put_back(leave, problem):
    process = Isolation()
    leave()
    found = process.restore()
    assert len(found) == 1
    assert re.search(problem, found[0])
    assert Isolation().restore() == []
    assert process.restore() == []


def test_nothing_is_said_of_a_test_that_changes_nothing():
    process = Isolation()
    _ = settings.DEBUG
    contextvars.ContextVar("covet_left").set(None)
    pre_save.connect(lambda **_kwargs: None)
    assert process.restore() == []


def test_modules_of_a_folder_that_goes_with_the_test_are_forgotten(tmp_path, monkeypatch):
    (tmp_path / "left_behind.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    process = Isolation()
    __import__("left_behind")
    assert process.restore() == []
    assert "left_behind" not in sys.modules


def test_modules_that_were_taken_out_come_back():
    process = Isolation()
    before = sys.modules["json"]
    sys.modules["json"] = types.ModuleType("json")
    del sys.modules["decimal"]
    assert process.restore() == ["sys.modules: decimal was removed, json was imported again"]
    assert sys.modules["json"] is before
    assert sys.modules["decimal"] is decimal


def test_models_and_what_others_know_of_them_are_taken_out():
    before = {**vars(ContentType)}
    process = Isolation()

    class Left(Model):
        kind = ForeignKey(ContentType, on_delete="CASCADE", limit_choices_to={"model": "x"})
        only = OneToOneField(ContentType, on_delete="CASCADE", related_name="left_one")
        several = ManyToManyField(ContentType, related_name="left_many")
        missing = ForeignKey("Nowhere", on_delete="CASCADE")

        class Meta:
            app_label = "left_behind"
            order_with_respect_to = "kind"

    assert Left.several.through._meta.auto_created is Left
    assert {"left", "left_one"} <= set(ContentType._meta.fields_map)
    assert "left_behind.nowhere" in apps.waiting_for()
    assert apps.get_app_config("left_behind").models
    lookups = list(ContentType._meta.related_fkey_lookups)
    assert process.restore() == []
    assert "left_behind" not in apps.all_models
    assert "left_behind.nowhere" not in apps.waiting_for()
    assert not {"left", "left_one", "left_many"} & set(ContentType._meta.fields_map)
    assert [name for name in vars(ContentType) if name not in before and "left" in name] == []
    assert lookups != ContentType._meta.related_fkey_lookups
    with pytest.raises(LookupError):
        apps.get_app_config("left_behind")


def test_tables_go_with_their_models():
    process = Isolation()

    class Tabled(Model):
        class Meta:
            app_label = "left_behind"

    assert Tabled.table.name in apps.metadata.tables
    assert process.restore() == []
    assert "left_behind_tabled" not in apps.metadata.tables


def test_a_model_that_was_taken_out_comes_back_and_is_said():
    process = Isolation()
    del apps.all_models["contenttypes"]["contenttype"]
    apps.clear_cache()
    assert process.restore() == ["the model contenttypes.contenttype was taken out or replaced"]
    assert apps.get_model("contenttypes.ContentType") is ContentType


def test_a_checkout_in_a_temporary_folder_keeps_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(Path(__file__).parents[3]))
    modules = Modules()
    assert not modules._is_temporary(sys.modules[__name__])
    assert modules._is_temporary(types.SimpleNamespace(__file__=f"{tempfile.gettempdir()}/elsewhere/made.py"))
