"""Q objects: combination, negation, equality, rewriting."""

import pytest

from covet.database.orm.expressions import Exists, F, Value
from covet.database.orm.functions import Lower
from covet.database.orm.lookups import GreaterThan
from covet.database.orm.query import FilteredRelation, Q


def test_an_empty_q_is_neutral():
    q = Q(a=1)
    for combined in (q & Q(), Q() & q, q | Q(), Q() | q, q ^ Q()):
        assert combined == q
        assert combined is not q


def test_the_same_connector_is_flattened():
    assert str(Q(a=1) & Q(b=2) & Q(c=3)) == "(AND: ('a', 1), ('b', 2), ('c', 3))"


def test_another_connector_nests():
    assert str((Q(a=1) & Q(b=2)) | Q(c=3)) == "(OR: (AND: ('a', 1), ('b', 2)), ('c', 3))"


def test_negation_is_kept_apart():
    assert str(~Q(a=1) & Q(b=2)) == "(AND: (NOT (AND: ('a', 1))), ('b', 2))"
    assert ~~Q(a=1) == Q(a=1)


def test_exclusive_or():
    assert (Q(a=1) ^ Q(b=2)).connector == "XOR"


def test_keywords_are_sorted():
    assert Q(b=1, a=2).children == [("a", 2), ("b", 1)]


def test_only_conditions_combine():
    with pytest.raises(TypeError):
        Q(a=1) & object()
    with pytest.raises(TypeError):
        Q(a=1) | F("a")


def test_conditional_expressions_combine():
    exists = Exists.__new__(Exists)
    exists.query = None
    combined = Q(a=1) & exists
    assert combined.children == [("a", 1), exists]


def test_an_unknown_connector_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"^_connector must be one of 'AND', 'OR', 'XOR', or None\.$"):
        Q(a=1, _connector="NAND")


def test_equality_disregards_how_it_was_made():
    assert Q(a=1) & Q(b=2) == Q(a=1, b=2)
    assert hash(Q(a=[1, 2])) == hash(Q(a=[1, 2]))
    assert Q(a=1) != Q(a=2)


def test_flatten_yields_values_and_expressions():
    q = Q(a=Value(1)) | Q(Q(b=2))
    assert list(q.flatten())[1:3] == [Value(1), q.children[1]]


def test_names_are_replaced_by_expressions():
    replaced = Q(a__gt=1).replace_expressions({F("a"): Value(5)})
    lookup = replaced.children[0]
    assert isinstance(lookup, GreaterThan)
    assert lookup.lhs == Value(5)


def test_referenced_base_fields_reach_into_expressions():
    assert Q(a__x=1, b=Lower("c__y")).referenced_base_fields == {"a", "b", "c"}


def test_prefixed_names():
    assert Q(a=F("b")).prefixed("r__").children == [("r__a", F("r__b"))]


def test_filtered_relation_checks_its_arguments():
    with pytest.raises(ValueError, match=r"^relation_name cannot be empty\.$"):
        FilteredRelation("")
    with pytest.raises(ValueError, match=r"^condition argument must be a Q\(\) instance\.$"):
        FilteredRelation("a", condition="b")
    assert FilteredRelation("a", condition=Q(b=1)) == FilteredRelation("a", condition=Q(b=1))
