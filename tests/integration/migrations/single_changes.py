"""Single changes of a model: what it was, what it becomes, and what the notes say."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from covet.database.orm import (
    BigIntegerField,
    BinaryField,
    BooleanField,
    CharField,
    CheckConstraint,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    EmailField,
    F,
    FloatField,
    ForeignKey,
    GeneratedField,
    GenericIPAddressField,
    Index,
    IntegerField,
    JSONField,
    ManyToManyField,
    OneToOneField,
    PositiveBigIntegerField,
    PositiveIntegerField,
    PositiveSmallIntegerField,
    Q,
    SlugField,
    SmallIntegerField,
    TextField,
    TimeField,
    UniqueConstraint,
    URLField,
    UUIDField,
    Value,
)
from covet.database.orm.functions import Lower, Now

Models = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One change.

    Attributes:
        name: what changes.
        before, after: make the models; called anew each time, for a field belongs to one model.
        note: what one of the notes says.
        answers: renames and fills.
        vendors: the databases on which the change exists.
    """

    name: str
    before: Callable[[], Models]
    after: Callable[[], Models]
    note: str
    answers: dict[str, Any] = field(default_factory=dict)
    vendors: tuple[str, ...] = ("sqlite", "postgresql", "mysql")


def thing(meta: dict[str, Any] | None = None, **fields: Any) -> Models:
    """A model with a text, a number and further fields."""
    base: dict[str, Any] = {"title": CharField(max_length=50), "size": IntegerField()}
    return {"Other": {"label": CharField(max_length=9)}, "Thing": {**base, **fields, "Meta": meta or {}}}


def new(name: str, make: Callable[[], Any], **options: Any) -> Case:
    """A field is added."""
    return Case(f"add {name}", thing, lambda: thing(extra=make()), "Add field: Thing.extra", **options)


def to(name: str, old: Callable[[], Any], make: Callable[[], Any], note: str, **options: Any) -> Case:
    """A field becomes another."""
    return Case(
        name, lambda: thing(extra=old()), lambda: thing(extra=make()), f"Modify field: Thing.extra ({note}", **options
    )


def meta(name: str, old: dict[str, Any], options: Callable[[], dict[str, Any]], note: str, **rest: Any) -> Case:
    """An option of Meta changes."""
    return Case(name, lambda: thing(old), lambda: thing(options()), note, **rest)


def without(case: Case, name: str, note: str) -> Case:
    """The same change the other way round."""
    return Case(name, case.after, case.before, note, vendors=case.vendors)


def positive(name: str) -> CheckConstraint:
    return CheckConstraint(condition=Q(size__gte=0), name=name)


def ck(limit: int) -> CheckConstraint:
    return CheckConstraint(condition=Q(size__gte=limit), name="thing_size")


PG = ("postgresql",)
NOT_MYSQL = ("sqlite", "postgresql")
HEAD = "Modify field: Thing.extra ("

ADDED = [
    new("char with a default", lambda: CharField(max_length=20, default="x")),
    new("char without a default", lambda: CharField(max_length=20)),
    new("nullable char", lambda: CharField(max_length=20, null=True)),
    new("text", lambda: TextField(default="")),
    new("integer", lambda: IntegerField(default=4)),
    new("integer filled by hand", lambda: IntegerField(), answers={"fills": {"Thing.extra": 9}}),
    new("small integer", lambda: SmallIntegerField(default=1)),
    new("big integer", lambda: BigIntegerField(null=True)),
    new("positive integer", lambda: PositiveIntegerField(default=2)),
    new("positive small integer", lambda: PositiveSmallIntegerField(null=True)),
    new("positive big integer", lambda: PositiveBigIntegerField(default=5)),
    new("boolean", lambda: BooleanField(default=True)),
    new("float", lambda: FloatField(default=1.5)),
    new("decimal", lambda: DecimalField(max_digits=8, decimal_places=2, default=decimal.Decimal("1.25"))),
    new("date", lambda: DateField(default=datetime.date(2026, 1, 2))),
    new("moment of adding", lambda: DateTimeField(auto_now_add=True)),
    new("time", lambda: TimeField(default=datetime.time(1, 2))),
    new("duration", lambda: DurationField(default=datetime.timedelta(hours=1))),
    new("uuid", lambda: UUIDField(default=uuid.UUID(int=5))),
    new("json", lambda: JSONField(default=dict)),
    new("binary", lambda: BinaryField(default=b"")),
    new("address", lambda: GenericIPAddressField(null=True)),
    new("slug", lambda: SlugField(default="s")),
    new("url", lambda: URLField(default="")),
    new("email", lambda: EmailField(default="")),
    new("indexed", lambda: IntegerField(default=1, db_index=True)),
    new("unique nullable", lambda: CharField(max_length=20, null=True, unique=True)),
    new("database default", lambda: IntegerField(db_default=11)),
    new("database default of text", lambda: CharField(max_length=9, db_default="it's")),
    new("database clock", lambda: DateTimeField(db_default=Now()), vendors=NOT_MYSQL),
    new("foreign key", lambda: ForeignKey("lab.Other", on_delete="CASCADE", null=True)),
    new("one to one", lambda: OneToOneField("lab.Other", on_delete="CASCADE", null=True)),
    new("key without constraint", lambda: ForeignKey("lab.Other", on_delete="CASCADE", null=True, db_constraint=False)),
    new(
        "generated column",
        lambda: GeneratedField(expression=F("size") + 1, output_field=IntegerField(), db_persist=True),
    ),
    new("collation", lambda: CharField(max_length=9, default="", db_collation="C"), vendors=PG),
    new("comment", lambda: IntegerField(default=1, db_comment="how it's"), vendors=("postgresql", "mysql")),
]

CHANGED = [
    to("longer char", lambda: CharField(max_length=20), lambda: CharField(max_length=40), "changed type"),
    to("char to text", lambda: CharField(max_length=20), TextField, "changed type"),
    to("text to char", TextField, lambda: CharField(max_length=60), "changed type"),
    to("char to integer", lambda: CharField(max_length=9), IntegerField, "changed type"),
    to("integer to char", IntegerField, lambda: CharField(max_length=20), "changed type"),
    to("integer to big", IntegerField, BigIntegerField, "changed type"),
    to("small to integer", SmallIntegerField, IntegerField, "changed type"),
    to("integer to positive", IntegerField, PositiveIntegerField, "changed type"),
    to("positive to integer", PositiveIntegerField, IntegerField, "changed type"),
    to("positive to big positive", PositiveIntegerField, PositiveBigIntegerField, "changed type"),
    to("integer to float", IntegerField, FloatField, "changed type"),
    to("integer to decimal", IntegerField, lambda: DecimalField(max_digits=9, decimal_places=2), "changed type"),
    to(
        "more digits",
        lambda: DecimalField(max_digits=5, decimal_places=2),
        lambda: DecimalField(max_digits=9, decimal_places=2),
        "changed type",
        vendors=("postgresql", "mysql"),
    ),
    to("date to moment", DateField, DateTimeField, "changed type"),
    to("now nullable", IntegerField, lambda: IntegerField(null=True), "removed NOT NULL"),
    to("no longer nullable", lambda: IntegerField(null=True), lambda: IntegerField(default=3), "added NOT NULL"),
    to("now unique", IntegerField, lambda: IntegerField(unique=True), "added unique constraint"),
    to("no longer unique", lambda: IntegerField(unique=True), IntegerField, "removed unique constraint"),
    to("now indexed", IntegerField, lambda: IntegerField(db_index=True), "added index"),
    to("no longer indexed", lambda: IntegerField(db_index=True), IntegerField, "removed index"),
    to(
        "indexed to unique",
        lambda: CharField(max_length=9, db_index=True),
        lambda: CharField(max_length=9, unique=True),
        "",
    ),
    to("new database default", IntegerField, lambda: IntegerField(db_default=3), "changed default"),
    to(
        "other database default",
        lambda: IntegerField(db_default=3),
        lambda: IntegerField(db_default=4),
        "changed default",
    ),
    to("no database default", lambda: IntegerField(db_default=3), IntegerField, "removed default"),
    to(
        "other expression",
        lambda: GeneratedField(expression=F("size") + 1, output_field=IntegerField(), db_persist=True),
        lambda: GeneratedField(expression=F("size") * 2, output_field=IntegerField(), db_persist=True),
        "changed expression",
    ),
    to(
        "other comment",
        lambda: IntegerField(db_comment="a"),
        lambda: IntegerField(db_comment="b"),
        "changed comment",
        vendors=("postgresql", "mysql"),
    ),
    to(
        "integer to key",
        lambda: BigIntegerField(db_column="extra_id", null=True),
        lambda: ForeignKey("lab.Other", on_delete="CASCADE", null=True),
        "added",
    ),
    to(
        "key to unique key",
        lambda: ForeignKey("lab.Other", on_delete="CASCADE"),
        lambda: OneToOneField("lab.Other", on_delete="CASCADE"),
        "",
    ),
    to(
        "key loses its constraint",
        lambda: ForeignKey("lab.Other", on_delete="CASCADE"),
        lambda: ForeignKey("lab.Other", on_delete="CASCADE", db_constraint=False),
        "removed foreign key",
    ),
    to(
        "other collation",
        lambda: CharField(max_length=9, db_collation="C"),
        lambda: CharField(max_length=9, db_collation="POSIX"),
        "changed collation",
        vendors=PG,
    ),
    Case("remove a field", lambda: thing(extra=IntegerField()), thing, "Remove field: Thing.extra"),
    Case(
        "remove a nullable key",
        lambda: thing(extra=ForeignKey("lab.Other", on_delete="CASCADE", null=True)),
        thing,
        "Remove field: Thing.extra_id",
    ),
    Case(
        "rename a field",
        lambda: thing(extra=IntegerField()),
        lambda: thing(renamed=IntegerField()),
        "Rename field: Thing.extra to renamed",
        {"renames": ["Thing.extra:renamed"]},
    ),
    Case(
        "rename an indexed field",
        lambda: thing(extra=IntegerField(db_index=True)),
        lambda: thing(renamed=IntegerField(db_index=True)),
        "Rename field: Thing.extra to renamed",
        {"renames": ["Thing.extra:renamed"]},
    ),
    Case(
        "rename and change a field",
        lambda: thing(extra=IntegerField()),
        lambda: thing(renamed=BigIntegerField(null=True)),
        "Rename field: Thing.extra to renamed",
        {"renames": ["Thing.extra:renamed"]},
    ),
    Case(
        "other column",
        lambda: thing(extra=IntegerField()),
        lambda: thing(extra=IntegerField(db_column="xx")),
        "Rename field: Thing.extra to xx",
        {"renames": ["Thing.extra:xx"]},
    ),
    Case("new model", thing, lambda: {**thing(), "Third": {"name": CharField(max_length=3)}}, "Create model: Third"),
    Case("many to many", thing, lambda: thing(others=ManyToManyField("lab.Other")), "Create model: Thing_others"),
    Case(
        "no many to many", lambda: thing(others=ManyToManyField("lab.Other")), thing, "Delete model: lab_thing_others"
    ),
    Case(
        "remove a model",
        lambda: {**thing(), "Third": {"name": CharField(max_length=3)}},
        thing,
        "Delete model: lab_third",
    ),
    Case(
        "rename a model",
        lambda: {**thing(), "Third": {"name": CharField(max_length=3)}},
        lambda: {**thing(), "Fourth": {"name": CharField(max_length=3)}},
        "Rename model: lab_third to lab_fourth",
        {"renames": ["lab_third:lab_fourth"]},
    ),
]

OPTIONS = [
    meta("index", {}, lambda: {"indexes": [Index(fields=["size"], name="ix")]}, "Add index: Thing.ix"),
    meta(
        "index descending",
        {},
        lambda: {"indexes": [Index(fields=["-size", "title"], name="ix")]},
        "Add index: Thing.ix",
    ),
    meta("unnamed index", {}, lambda: {"indexes": [Index(fields=["size"])]}, "Add index: Thing.lab_thing_size_"),
    meta(
        "other index",
        {"indexes": [Index(fields=["size"], name="ix")]},
        lambda: {"indexes": [Index(fields=["title"], name="ix")]},
        "index: Thing.ix",
    ),
    meta(
        "renamed index",
        {"indexes": [Index(fields=["size"], name="ix")]},
        lambda: {"indexes": [Index(fields=["size"], name="iy")]},
        "Rename index: Thing.ix to iy",
    ),
    meta(
        "partial index",
        {},
        lambda: {"indexes": [Index(fields=["size"], name="ix", condition=Q(size__gt=1))]},
        "Add index: Thing.ix",
        vendors=NOT_MYSQL,
    ),
    meta(
        "index on an expression",
        {},
        lambda: {"indexes": [Index(Lower("title"), name="ix")]},
        "Add index: Thing.ix",
        vendors=NOT_MYSQL,
    ),
    meta(
        "descending expression",
        {},
        lambda: {"indexes": [Index(Lower("title").desc(), name="ix")]},
        "Add index: Thing.ix",
        vendors=NOT_MYSQL,
    ),
    meta(
        "covering index",
        {},
        lambda: {"indexes": [Index(fields=["size"], name="ix", include=["title"])]},
        "Add index: Thing.ix",
        vendors=PG,
    ),
    meta(
        "operator class",
        {},
        lambda: {"indexes": [Index(fields=["title"], name="ix", opclasses=["text_pattern_ops"])]},
        "Add index: Thing.ix",
        vendors=PG,
    ),
    meta("no index", {"indexes": [Index(fields=["size"], name="ix")]}, dict, "index"),
    meta("check", {}, lambda: {"constraints": [ck(1)]}, "Add constraint: Thing.thing_size"),
    meta("other check", {"constraints": [ck(1)]}, lambda: {"constraints": [ck(2)]}, "Add constraint: Thing.thing_size"),
    meta("no check", {"constraints": [ck(1)]}, dict, "Remove constraint: Thing.thing_size"),
    meta(
        "check like a positive integer's", {}, lambda: {"constraints": [positive("thing_size_check")]}, "Add constraint"
    ),
    meta(
        "no check of one sign", {"constraints": [positive("sign_check")]}, dict, "Remove constraint: Thing.sign_check"
    ),
    meta(
        "check of a list",
        {},
        lambda: {"constraints": [CheckConstraint(condition=Q(title__in=["7", "b"]), name="in")]},
        "Add constraint: Thing.in",
    ),
    meta(
        "check of two fields",
        {},
        lambda: {"constraints": [CheckConstraint(condition=Q(size__lt=F("size") + 1) | ~Q(title=""), name="two")]},
        "Add constraint: Thing.two",
    ),
    meta(
        "unique together",
        {},
        lambda: {"unique_together": [("title", "size")]},
        "Add constraint: Thing.lab_thing_title_size_",
    ),
    meta("no unique together", {"unique_together": [("title", "size")]}, dict, "Remove constraint: Thing."),
    meta(
        "unique constraint",
        {},
        lambda: {"constraints": [UniqueConstraint(fields=["title", "size"], name="uq")]},
        "Add constraint: Thing.uq",
    ),
    meta(
        "renamed constraint",
        {"constraints": [UniqueConstraint(fields=["title", "size"], name="uq")]},
        lambda: {"constraints": [UniqueConstraint(fields=["title", "size"], name="uw")]},
        "Rename constraint: Thing.uq to uw",
    ),
    meta(
        "unique where",
        {},
        lambda: {"constraints": [UniqueConstraint(fields=["size"], condition=Q(title="x"), name="uq")]},
        "Add index: Thing.uq",
        vendors=NOT_MYSQL,
    ),
    meta(
        "unique expression",
        {},
        lambda: {"constraints": [UniqueConstraint(Lower("title"), name="uq")]},
        "Add index: Thing.uq",
        vendors=NOT_MYSQL,
    ),
    meta(
        "nulls not distinct",
        {},
        lambda: {"constraints": [UniqueConstraint(fields=["size"], name="uq", nulls_distinct=False)]},
        "Add constraint: Thing.uq",
        vendors=PG,
    ),
    meta(
        "deferred unique",
        {},
        lambda: {"constraints": [UniqueConstraint(fields=["size"], name="uq", deferrable=_deferred())]},
        "Add constraint: Thing.uq",
        vendors=PG,
    ),
    meta(
        "table comment",
        {},
        lambda: {"db_table_comment": "it's"},
        "Modify model: Thing (changed comment)",
        vendors=("postgresql", "mysql"),
    ),
    meta(
        "other table",
        {},
        lambda: {"db_table": "things"},
        "Rename model: lab_thing to things",
        answers={"renames": ["lab_thing:things"]},
    ),
    meta("order with respect to", {}, lambda: {"ordering": ["size"]}, ""),
]


def _deferred() -> Any:
    from covet.database.orm.constraints import Deferrable

    return Deferrable.DEFERRED


CASES = [*ADDED, *CHANGED, *OPTIONS]
ALL_FIELDS = {case.name: case.after for case in ADDED}
assert Value is not None
