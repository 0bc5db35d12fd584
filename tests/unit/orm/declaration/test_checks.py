"""System checks: declarations that Python accepts and that would fail, or hide each other, later."""

from typing import Any

import pytest

from covet.database.orm import (
    CASCADE,
    SET_NULL,
    BooleanField,
    CharField,
    CheckConstraint,
    CommaSeparatedIntegerField,
    CompositePrimaryKey,
    DateTimeField,
    DecimalField,
    ExclusionConstraint,
    F,
    FloatField,
    ForeignKey,
    GeneratedField,
    GenericIPAddressField,
    Index,
    IntegerField,
    IPAddressField,
    JSONField,
    ManyToManyField,
    Model,
    NullBooleanField,
    Q,
    RawSQL,
    SpGistIndex,
    Value,
)
from covet.database.orm.checks import check_models
from covet.database.orm.contenttypes import GenericForeignKey, GenericRelation
from covet.database.orm.contenttypes.checks import check_model_name_lengths
from covet.database.orm.fields.postgres import ArrayField, DateRangeField, HStoreField, IntegerRangeField
from covet.database.orm.functions import Coalesce, Lower, Pi
from covet.database.orm.registry import Apps
from covet.utils.checks import Error, Warning
from tests.oracle import zoo


@pytest.fixture
def registry() -> Apps:
    """A registry of the test's own."""
    return Apps()


def _meta(registry: Apps, **options: Any) -> Any:
    return type("Meta", (), {"app_label": "library", "apps": registry, **options})


def _found(registry: Apps) -> list[tuple[str, str]]:
    return [(one.id, one.msg) for one in check_models(registry.get_models())]


def test_a_sound_zoo_has_no_problem() -> None:
    framework = zoo.framework("covet")
    assert check_models(zoo.plain(framework).values()) == []


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (CharField(max_length=0), "fields.E121"),
        (CharField(max_length=1, choices=[("ab", "AB")]), "fields.E009"),
        (CharField(max_length=5, choices=["ab"]), "fields.E005"),
        (IntegerField(max_length=5), "fields.W122"),
        (IntegerField(primary_key=True, null=True), "fields.E007"),
        (IntegerField(db_index="yes"), "fields.E006"),
        (IntegerField(validators=[3]), "fields.E008"),  # type: ignore[list-item]
        (DecimalField(max_digits=2, decimal_places=3), "fields.E134"),
        (DateTimeField(auto_now=True, auto_now_add=True), "fields.E160"),
        (JSONField(default={}), "fields.E010"),
        (GenericIPAddressField(blank=True), "fields.E150"),
        (ArrayField(IntegerField(), default=[]), "fields.E010"),
        (HStoreField(default={}), "fields.E010"),
        (ArrayField(CharField(max_length=0)), "postgres.E001"),
        (ArrayField(IntegerField(max_length=3)), "postgres.W004"),
        (ArrayField(ForeignKey("self", CASCADE)), "postgres.E002"),
        (IntegerField(db_default=F("other")), "fields.E012"),
        (FloatField(db_default=Coalesce(Value(4.5), F("other"))), "fields.E012"),
        (CommaSeparatedIntegerField(max_length=9), "fields.E901"),
        (IPAddressField(), "fields.E900"),
        (NullBooleanField(), "fields.E903"),
    ],
)
def test_field_options_that_do_not_go_together(field: Any, code: str, registry: Apps) -> None:
    type("Thing", (Model,), {"__module__": __name__, "Meta": _meta(registry), "value": field})
    assert code in [found for found, _ in _found(registry)]


@pytest.mark.parametrize(
    "field",
    [
        ArrayField(IntegerField(), default=list, choices=[([1, 2], "low"), ("odd", [((3, 5), "some")])]),
        IntegerRangeField(choices=[("adult", [((18, 66), "at work")]), ((0, 18), "child")]),
        FloatField(db_default=Value(4.5)),
        FloatField(db_default=Pi()),
    ],
)
def test_field_options_that_go_together(field: Any, registry: Apps) -> None:
    type("Thing", (Model,), {"__module__": __name__, "Meta": _meta(registry), "value": field})
    assert _found(registry) == []


def test_comments_are_for_databases_that_have_them(registry: Apps, monkeypatch: pytest.MonkeyPatch) -> None:
    class Thing(Model):
        size = IntegerField(db_comment="in metres")
        Meta = _meta(registry)

    assert _found(registry) == []
    monkeypatch.setattr("covet.database.orm.checks.fields.default_vendor", lambda: "sqlite")
    assert _found(registry) == [("fields.W163", "SQLite does not support comments on columns (db_comment).")]


def test_related_name_that_is_no_name(registry: Apps) -> None:
    class Book(Model):
        sequel = ForeignKey("self", CASCADE, related_name="")
        Meta = _meta(registry)

    assert "fields.E306" in [code for code, _ in _found(registry)]


def test_id_that_is_not_the_key(registry: Apps) -> None:
    class Book(Model):
        id = IntegerField()
        Meta = _meta(registry)

    message = "'id' can only be used as a field name if the field also sets 'primary_key=True'."
    assert _found(registry) == [("models.E004", message)]


def test_check_constraints_are_judged_as_django_does(registry: Apps) -> None:
    class Book(Model):
        sequel = ForeignKey("self", CASCADE)
        pages = IntegerField()
        Meta = _meta(
            registry,
            constraints=[
                CheckConstraint(condition=Q(pages__lt=F("sequel__pages")) | Q(pages=F("sequel__pages")), name="one"),
                CheckConstraint(condition=RawSQL("pages > 0", (), output_field=BooleanField()), name="two"),
            ],
        )

    assert sorted(_found(registry)) == [
        ("models.E041", "'constraints' refers to the joined field 'sequel__pages'."),
        (
            "models.W045",
            "Check constraint 'two' contains RawSQL() expression and won't be validated during the model full_clean().",
        ),
    ]


def test_exclusion_constraints_name_their_fields(registry: Apps) -> None:
    class Stay(Model):
        room = ForeignKey("self", CASCADE)
        span = DateRangeField()
        Meta = _meta(
            registry,
            constraints=[ExclusionConstraint(name="once", expressions=[("spam", "&&"), ("room__span", "=")])],
        )

    assert sorted(code for code, _ in _found(registry)) == ["models.E012", "models.E041"]


def test_long_suffixes_make_longer_names(registry: Apps) -> None:
    class Photograph(Model):
        description = CharField(max_length=99)
        Meta = _meta(registry, indexes=[SpGistIndex(fields=["description"])])

    (index,) = Photograph._meta.indexes
    assert len(index.name) == 33
    assert index.name.endswith("_spgist")
    assert _found(registry) == []


def test_accessors_that_hide_each_other(registry: Apps) -> None:
    class Author(Model):
        Meta = _meta(registry)

    class Book(Model):
        author = ForeignKey(Author, CASCADE)
        editor = ForeignKey(Author, CASCADE)
        Meta = _meta(registry)

    codes = sorted(code for code, _ in _found(registry))
    assert codes == ["fields.E304", "fields.E304"]
    assert (
        "fields.E304",
        "Reverse accessor 'Author.book_set' for 'library.Book.author' clashes with reverse accessor for "
        "'library.Book.editor'.",
    ) in _found(registry)


def test_relation_to_a_model_that_is_not_there(registry: Apps) -> None:
    class Book(Model):
        author = ForeignKey("Nobody", CASCADE)
        Meta = _meta(registry)

    message = "Field defines a relation with model 'Nobody', which is either not installed, or is abstract."
    assert _found(registry) == [("fields.E300", message)]


def test_set_null_on_a_required_key(registry: Apps) -> None:
    class Author(Model):
        Meta = _meta(registry)

    class Book(Model):
        author = ForeignKey(Author, SET_NULL)
        Meta = _meta(registry)

    (found,) = Book.check()
    assert found == Error(
        "Field specifies on_delete=SET_NULL, but cannot be null.",
        hint="Set null=True argument on the field, or change the on_delete rule.",
        obj=Book._meta.get_field("author"),
        id="fields.E320",
    )
    assert str(found).startswith("library.Book.author: (fields.E320) Field specifies on_delete=SET_NULL")


def test_meta_that_names_what_is_not_there(registry: Apps) -> None:
    class Tag(Model):
        Meta = _meta(registry)

    class Book(Model):
        title = CharField(max_length=5)
        tags = ManyToManyField(Tag)
        Meta = _meta(
            registry,
            ordering=["titel", "tags__nothing", "title__lower"],
            unique_together=[("title", "tags")],
            indexes=[Index(Lower("titel"), name="lower_title")],
            constraints=[CheckConstraint(condition=Q(pages__gt=F("words")), name="more")],
        )

    assert sorted({code for code, _ in _found(registry)}) == ["models.E012", "models.E013", "models.E015"]
    messages = [message for _, message in _found(registry)]
    assert "'ordering' refers to the nonexistent field, related field, or lookup 'titel'." in messages
    assert "'constraints' refers to the nonexistent field 'words'." in messages


def test_a_fields_own_check_is_asked(registry: Apps) -> None:
    class Careful(IntegerField):
        def check(self, **options: Any) -> list[Any]:
            return [*super().check(**options), Warning("Mind the gap.", obj=self, id="own.W001")]

    class Thing(Model):
        value = Careful()
        Meta = _meta(registry)

    assert _found(registry) == [("own.W001", "Mind the gap.")]


def test_part_of_a_composite_key_is_a_column_of_its_own_that_is_never_null(registry: Apps) -> None:
    class Whole(Model):
        Meta = _meta(registry)

    class Parted(Model):
        pk = CompositePrimaryKey("whole", "whole_id", "nowhere", "pk", "perhaps", "computed")
        id = IntegerField()
        whole = ForeignKey(Whole, CASCADE)
        perhaps = IntegerField(null=True)
        computed = GeneratedField(expression=F("id") + 1, output_field=IntegerField(), db_persist=True)
        Meta = _meta(registry)

    assert [(error.id, error.msg, error.hint) for error in Parted.check() if error.id == "models.E042"] == [
        ("models.E042", f"{name} cannot be included in the composite primary key.", hint)
        for name, hint in (
            ("'nowhere'", "'nowhere' is not a valid field."),
            ("'pk'", "'pk' field has no column."),
            ("'perhaps'", "'perhaps' field may not set 'null=True'."),
            ("'computed'", "'computed' field is a generated field."),
            ("'whole_id'", "'whole_id' and 'whole' are the same fields."),
        )
    ]
    assert "models.E004" not in {error.id for error in Parted.check()}


def test_composite_key_of_another_name_is_an_error(registry: Apps) -> None:
    class Parted(Model):
        key = CompositePrimaryKey("left", "right")
        left = IntegerField()
        right = IntegerField()
        Meta = _meta(registry)

    assert [error.id for error in Parted.check()] == ["fields.E013"]


def test_generic_foreign_key_names_fields_that_exist_and_fit(registry: Apps) -> None:
    class Bare(Model):
        subject = GenericForeignKey()
        Meta = _meta(registry)

    class Wrong(Model):
        content_type = IntegerField()
        object_id = IntegerField()
        subject = GenericForeignKey()
        Meta = _meta(registry)

    class Elsewhere(Model):
        content_type = ForeignKey("self", CASCADE)
        object_id = IntegerField()
        subject = GenericForeignKey()
        Meta = _meta(registry)

    found = {model: [(error.id, error.msg) for error in model.check()] for model in (Bare, Wrong, Elsewhere)}
    assert found == {
        Bare: [
            (
                "contenttypes.E001",
                "The GenericForeignKey object ID references the nonexistent field 'object_id'.",
            ),
            (
                "contenttypes.E002",
                "The GenericForeignKey content type references the nonexistent field 'Bare.content_type'.",
            ),
        ],
        Wrong: [("contenttypes.E003", "'Wrong.content_type' is not a ForeignKey.")],
        Elsewhere: [
            ("contenttypes.E004", "'Elsewhere.content_type' is not a ForeignKey to 'contenttypes.ContentType'.")
        ],
    }
    assert Bare.subject == Bare._meta.private_fields[0]


def test_generic_relation_needs_a_generic_foreign_key_on_the_other_side(registry: Apps) -> None:
    class Plain(Model):
        Meta = _meta(registry)

    class Tagged(Model):
        tags = GenericRelation(Plain)
        Meta = _meta(registry)

    assert [(error.id, error.msg) for error in Tagged.check()] == [
        (
            "contenttypes.E004",
            "The GenericRelation defines a relation with the model 'library.Plain', but that model does not have a "
            "GenericForeignKey.",
        )
    ]


def test_model_names_fit_into_the_table_of_content_types(registry: Apps) -> None:
    type("A" * 100, (Model,), {"__module__": __name__, "Meta": _meta(registry)})
    assert check_model_name_lengths(registry.get_app_configs()) == []
    type("B" * 101, (Model,), {"__module__": __name__, "Meta": _meta(registry)})
    found = check_model_name_lengths(registry.get_app_configs())
    assert [(error.id, error.msg) for error in found] == [
        ("contenttypes.E005", "Model names must be at most 100 characters (got 101).")
    ]
