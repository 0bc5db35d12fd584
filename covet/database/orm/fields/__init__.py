"""Fields: the columns of a model."""

from covet.database.orm.fields.base import Field
from covet.database.orm.fields.binary import BinaryField, UUIDField
from covet.database.orm.fields.choices import BLANK_CHOICE_DASH
from covet.database.orm.fields.deconstruction import NOT_PROVIDED
from covet.database.orm.fields.enums import Choices, IntegerChoices, TextChoices
from covet.database.orm.fields.files import FileField, ImageField
from covet.database.orm.fields.generated import CompositePrimaryKey, GeneratedField
from covet.database.orm.fields.json import JSONField
from covet.database.orm.fields.network import GenericIPAddressField, IPAddressField
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
from covet.database.orm.fields.paths import FilePathField
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
    "BinaryField",
    "BooleanField",
    "CharField",
    "Choices",
    "CommaSeparatedIntegerField",
    "CompositePrimaryKey",
    "DateField",
    "DateTimeField",
    "DecimalField",
    "DurationField",
    "EmailField",
    "Field",
    "FileField",
    "FilePathField",
    "FloatField",
    "GeneratedField",
    "GenericIPAddressField",
    "IPAddressField",
    "ImageField",
    "IntegerChoices",
    "IntegerField",
    "JSONField",
    "NullBooleanField",
    "OrderWrt",
    "PositiveBigIntegerField",
    "PositiveIntegerField",
    "PositiveSmallIntegerField",
    "SlugField",
    "SmallAutoField",
    "SmallIntegerField",
    "TextChoices",
    "TextField",
    "TimeField",
    "URLField",
    "UUIDField",
]
