"""Column types as SQLAlchemy sees them: statements beside the ORM."""

import pytest
import sqlalchemy as sa

from covet.database.orm import CharField, DateTimeField, DecimalField, IntegerField, JSONField, Model, TextField


class Shouted(CharField):
    """A field whose own method converts."""

    def get_db_prep_value(self, value, connection, prepared=False):
        return value.upper()


class Parcel(Model):
    label = CharField(max_length=20)
    shout = Shouted(max_length=20)
    text = TextField()
    weight = DecimalField(max_digits=6, decimal_places=2)
    count = IntegerField()
    sent = DateTimeField()
    data = JSONField()

    class Meta:
        app_label = "types"


@pytest.mark.parametrize("name", ["label", "shout", "text", "weight", "count", "sent", "data"])
def test_core_statements_on_a_column_have_a_cache_key(name):
    """SQLAlchemy compiles a statement written beside the ORM once."""
    column = Parcel.table.c[name]
    first, second = (sa.select(column).where(column == value)._generate_cache_key() for value in ("1", "2"))
    assert first is not None
    assert first == second
    assert hash(first.key) == hash(second.key)
