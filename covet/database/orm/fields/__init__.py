"""Fields: the columns of a model."""

from covet.database.orm.fields.base import NOT_PROVIDED, Field
from covet.database.orm.fields.choices import BLANK_CHOICE_DASH
from covet.database.orm.fields.numeric import (
    AutoField,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    DecimalField,
    FloatField,
    IntegerField,
    NullBooleanField,
    PositiveBigIntegerField,
    PositiveIntegerField,
    PositiveSmallIntegerField,
    SmallAutoField,
    SmallIntegerField,
)
from covet.database.orm.fields.proxy import OrderWrt
from covet.database.orm.fields.temporal import DateField, DateTimeField, DurationField, TimeField
from covet.database.orm.fields.text import (
    CharField,
    CommaSeparatedIntegerField,
    EmailField,
    SlugField,
    TextField,
    URLField,
)

__all__ = [
    "BLANK_CHOICE_DASH",
    "NOT_PROVIDED",
    "AutoField",
    "BigAutoField",
    "BigIntegerField",
    "BooleanField",
    "CharField",
    "CommaSeparatedIntegerField",
    "DateField",
    "DateTimeField",
    "DecimalField",
    "DurationField",
    "EmailField",
    "Field",
    "FloatField",
    "IntegerField",
    "NullBooleanField",
    "OrderWrt",
    "PositiveBigIntegerField",
    "PositiveIntegerField",
    "PositiveSmallIntegerField",
    "SlugField",
    "SmallAutoField",
    "SmallIntegerField",
    "TextField",
    "TimeField",
    "URLField",
]
