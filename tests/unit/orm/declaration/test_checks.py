"""System checks: declarations that Python accepts and that would fail, or hide each other, later."""

from typing import Any

import pytest

from covet.database.orm import (
    CASCADE,
    SET_NULL,
    CharField,
    CheckConstraint,
    DateTimeField,
    DecimalField,
    F,
    ForeignKey,
    GenericIPAddressField,
    Index,
    IntegerField,
    JSONField,
    ManyToManyField,
    Model,
    Q,
)
from covet.database.orm.checks import check_models
from covet.database.orm.functions import Lower
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
    ],
)
def test_field_options_that_do_not_go_together(field: Any, code: str, registry: Apps) -> None:
    type("Thing", (Model,), {"__module__": __name__, "Meta": _meta(registry), "value": field})
    assert code in [found for found, _ in _found(registry)]


def test_accessors_that_hide_each_other(registry: Apps) -> None:
    class Author(Model):
        Meta = _meta(registry)

    class Book(Model):
        author = ForeignKey(Author, CASCADE)
        editor = ForeignKey(Author, CASCADE)
        Meta = _meta(registry)

    codes = sorted(code for code, _ in _found(registry))
    assert codes == ["fields.E304", "fields.E304", "fields.E305", "fields.E305"]
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
