"""Registering lookups: on classes, on instances, on transforms."""

import pytest

from covet.database.orm import fields
from covet.database.orm.expressions import Col
from covet.database.orm.lookups import Exact, IContains, IntegerFieldExact, Lookup, Transform
from covet.database.orm.lookups.registry import RegisterLookupMixin, on_change


class Special(Lookup):
    lookup_name = "special"


class Bent(Transform):
    lookup_name = "bent"


@pytest.fixture
def registered():
    done = []

    def register(owner, lookup, name=None):
        owner.register_lookup(lookup, name)
        done.append((owner, lookup, name))

    yield register
    for owner, lookup, name in done:
        owner._unregister_lookup(lookup, name)


def test_builtin_lookups_belong_to_the_fields_of_that_name():
    assert fields.CharField().get_lookup("icontains") is IContains
    assert fields.CharField().get_lookup("exact") is Exact
    assert fields.IntegerField().get_lookup("exact") is IntegerFieldExact
    assert fields.SmallIntegerField().get_lookup("exact") is IntegerFieldExact


def test_a_lookup_on_a_class_is_inherited(registered):
    registered(fields.CharField, Special)
    assert fields.SlugField().get_lookup("special") is Special
    assert fields.IntegerField().get_lookup("special") is None


def test_a_lookup_on_an_instance_is_its_own(registered):
    one, other = fields.CharField(), fields.CharField()
    registered(one, Special)
    assert one.get_lookup("special") is Special
    assert other.get_lookup("special") is None
    assert "special" in one.get_lookups()


def test_another_name_may_be_given(registered):
    registered(fields.CharField, Special, "extra")
    assert fields.CharField().get_lookup("extra") is Special
    assert fields.CharField().get_lookup("special") is None


def test_transforms_and_lookups_do_not_answer_for_each_other(registered):
    registered(fields.CharField, Bent)
    assert fields.CharField().get_transform("bent") is Bent
    assert fields.CharField().get_lookup("bent") is None
    assert fields.CharField().get_transform("exact") is None


def test_a_transform_has_the_lookups_of_its_output(registered):
    registered(Bent, Special)
    bent = Bent(Col("t", fields.CharField()))
    assert bent.get_lookup("exact") is Exact
    assert bent.get_lookup("special") is Special


def test_unregistering_forgets():
    fields.CharField.register_lookup(Special)
    fields.CharField._unregister_lookup(Special)
    assert fields.CharField().get_lookup("special") is None


def test_every_change_is_announced():
    changes = []
    on_change.append(lambda: changes.append(1))
    try:
        fields.CharField.register_lookup(Special)
        fields.CharField._unregister_lookup(Special)
    finally:
        on_change.pop()
    assert len(changes) == 2


def test_what_has_no_lookups_has_none():
    assert RegisterLookupMixin().get_lookup("exact") is None
