"""What a class body becomes: fields, errors that name the choices, warnings, typed tables."""

import copy
import pickle
from typing import Any

import pytest

from covet.conf import override_settings
from covet.database.orm import (
    CASCADE,
    CharField,
    CheckConstraint,
    ForeignKey,
    Index,
    IntegerField,
    ManyToManyField,
    Model,
    OneToOneField,
    Q,
    TextChoices,
)
from covet.database.orm.registry import Apps, apps, label_of_module
from covet.exceptions import FieldDoesNotExist, FieldError, ValidationError


@pytest.fixture
def registry() -> Apps:
    """A registry of the test's own."""
    return Apps()


def _meta(registry: Apps, **options: Any) -> Any:
    return type("Meta", (), {"app_label": "library", "apps": registry, **options})


def _book(registry: Apps) -> Any:
    class Author(Model):
        name = CharField(max_length=30)
        Meta = _meta(registry)

    class Book(Model):
        title = CharField(max_length=30)
        pages = IntegerField(nullable=True)
        author = ForeignKey("Author", on_delete="cascade", related_name="books")
        Meta = _meta(registry)

        def __str__(self) -> str:
            return self.title

    return Book


def test_nullable_is_another_name_of_null(registry: Apps) -> None:
    """Promise 42."""
    pages = _book(registry)._meta.get_field("pages")
    assert pages.null is True
    assert pages.nullable is True
    assert pages.deconstruct()[3] == {"null": True}


def test_strings_name_models_and_on_delete(registry: Apps) -> None:
    """Promise 47."""
    book = _book(registry)
    author = book._meta.get_field("author")
    assert author.remote_field.on_delete is CASCADE
    assert author.related_model is registry.get_model("library.Author")
    assert author.related_model._meta.related_objects[0].get_accessor_name() == "books"


def test_unknown_on_delete_lists_choices() -> None:
    with pytest.raises(TypeError) as caught:
        ForeignKey("x.Y", on_delete="CASCADES")
    assert str(caught.value) == (
        "on_delete='CASCADES' is unknown; choose one of: CASCADE, DO_NOTHING, PROTECT, RESTRICT, SET_DEFAULT, SET_NULL"
    )


def test_missing_attribute_lists_the_nearest(registry: Apps) -> None:
    """T16."""
    book = _book(registry)(title="Emma")
    with pytest.raises(AttributeError) as caught:
        _ = book.titel
    assert str(caught.value) == "'Book' object has no attribute 'titel'; choose one of: title, author, id, pages"
    assert not hasattr(book, "is_staff")


def test_property_keeps_its_own_attribute_error(registry: Apps) -> None:
    class Broken(Model):
        Meta = _meta(registry)

        @property
        def shelf(self) -> str:
            raise AttributeError("the shelf is gone")

    with pytest.raises(AttributeError, match="the shelf is gone"):
        _ = Broken().shelf


def test_unknown_field_lists_choices_nearest_first(registry: Apps) -> None:
    with pytest.raises(FieldDoesNotExist) as caught:
        _book(registry)._meta.get_field("titel")
    assert str(caught.value) == "Book has no field named 'titel'; choose one of: title, author, author_id, id, pages"


def test_index_on_unknown_field_lists_choices(registry: Apps) -> None:
    """T11."""
    with pytest.raises(FieldError) as caught:

        class Shelf(Model):
            label = CharField(max_length=5)
            Meta = _meta(registry, indexes=[Index(fields=["lable"])])

    assert str(caught.value) == "Index of Shelf names 'lable', which is no field; choose of: label, id"


def test_index_on_unique_field_warns(registry: Apps) -> None:
    """T11."""
    with pytest.warns(UserWarning, match=r"library.Shelf: Index\(fields=\['label'\]\) repeats the index"):

        class Shelf(Model):
            label = CharField(max_length=5, unique=True)
            Meta = _meta(registry, indexes=[Index(fields=["label"])])


def test_unknown_meta_option_is_refused(registry: Apps) -> None:
    with pytest.raises(TypeError) as caught:

        class Shelf(Model):
            Meta = _meta(registry, odering=["id"])

    assert str(caught.value) == "'class Meta' got invalid attribute(s): odering"
    assert caught.value.__notes__[0].startswith("choose of: ordering")


def test_unset_character_field_is_empty_text(registry: Apps) -> None:
    """T22."""
    assert _book(registry)().title == ""


def test_blank_is_validation_only(registry: Apps) -> None:
    """T8."""

    class Shelf(Model):
        label = CharField(max_length=5, blank=True)
        Meta = _meta(registry)

    assert Shelf.table.c.label.nullable is False  # type: ignore[attr-defined]
    Shelf().clean_fields(exclude=["id"])


def test_clean_fields_gathers_messages_by_field(registry: Apps) -> None:
    """Promise 46."""

    class Shelf(Model):
        label = CharField(max_length=3)
        size = IntegerField()
        Meta = _meta(registry)

    with pytest.raises(ValidationError) as caught:
        Shelf(label="long", size="many").clean_fields()
    assert caught.value.message_dict == {
        "label": ["Ensure this value has at most 3 characters (it has 4)."],
        "size": ["“many” value must be an integer."],
    }


def test_display_is_the_label_of_the_choice(registry: Apps) -> None:
    class Colour(TextChoices):
        RED = "r", "Bright red"
        BLUE = "b"

    class Shelf(Model):
        colour = CharField(max_length=1, choices=Colour)
        Meta = _meta(registry)

    assert Shelf(colour="r").get_colour_display() == "Bright red"  # type: ignore[attr-defined]
    assert Shelf(colour=Colour.BLUE).get_colour_display() == "Blue"  # type: ignore[attr-defined]
    assert Shelf(colour="x").get_colour_display() == "x"  # type: ignore[attr-defined]


def test_abstract_fields_are_copied_and_names_filled_in(registry: Apps) -> None:
    class Dated(Model):
        owner = ForeignKey("Owner", CASCADE, related_name="%(app_label)s_%(class)s_set")
        year = IntegerField()
        Meta = _meta(
            registry, abstract=True, constraints=[CheckConstraint(condition=Q(year__gt=0), name="%(class)s_year")]
        )

    class Owner(Model):
        Meta = _meta(registry)

    class Lamp(Dated):
        class Meta(Dated.Meta):  # type: ignore[name-defined,misc]
            pass

    assert Lamp._meta.constraints[0].name == "lamp_year"
    assert [rel.get_accessor_name() for rel in Owner._meta.related_objects] == ["library_lamp_set"]
    assert Lamp._meta.get_field("year") is not Dated._meta.get_field("year")


def test_child_of_a_concrete_model_links_to_it(registry: Apps) -> None:
    book = _book(registry)

    class Novel(book):  # type: ignore[misc,valid-type]
        genre = CharField(max_length=5)
        Meta = _meta(registry)

    link = Novel._meta.pk
    assert isinstance(link, OneToOneField)
    assert link.name == "book_ptr"
    assert issubclass(Novel.DoesNotExist, book.DoesNotExist)
    assert Novel._meta.get_field("title").model is book


def test_local_field_may_not_shadow_a_concrete_parents(registry: Apps) -> None:
    book = _book(registry)
    with pytest.raises(FieldError) as caught:

        class Novel(book):  # type: ignore[misc,valid-type]
            title = CharField(max_length=5)
            Meta = _meta(registry)

    assert str(caught.value) == (
        "Local field 'title' in class 'Novel' clashes with field of the same name from base class 'Book'."
    )


def test_many_to_many_makes_djangos_table(registry: Apps) -> None:
    """Promise 41 and T12."""
    book = _book(registry)

    class Tag(Model):
        books = ManyToManyField(book, related_name="tags")
        Meta = _meta(registry)

    through = Tag._meta.get_field("books").remote_field.through
    assert through._meta.db_table == "library_tag_books"
    assert [field.column for field in through._meta.fields] == ["id", "tag_id", "book_id"]


def test_instances_are_copied_and_pickled_with_their_state() -> None:
    class Pickled(Model):
        name = CharField(max_length=5)

        class Meta:
            app_label = "pickled_once"

    one = Pickled(id=3, name="x")
    one._state.adding = False
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert again.name == "x"
    assert again._state.adding is False
    other = copy.copy(one)
    other._state.adding = True
    assert one._state.adding is True or one._state is not other._state
    del apps.all_models["pickled_once"]
    apps.clear_cache()


@pytest.mark.parametrize(
    ("module", "label"),
    [
        ("shop.models", "shop"),
        ("project.shop.models.orders", "shop"),
        ("models", "app"),
        ("__main__", "app"),
        ("shop.stock", "shop"),
    ],
)
def test_label_is_found_in_the_modules_name(module: str, label: str) -> None:
    assert label_of_module(module) == label


def test_setting_gives_a_model_its_address(registry: Apps) -> None:
    with override_settings(ABSOLUTE_URL_OVERRIDES={"library.leaf": lambda leaf: f"/leaves/{leaf.pk}/"}):

        class Leaf(Model):
            Meta = _meta(registry)

            def get_absolute_url(self) -> str:
                return "/own/"

    assert Leaf(pk=3).get_absolute_url() == "/leaves/3/"
