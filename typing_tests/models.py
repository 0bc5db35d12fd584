"""Fields, relations and managers as type checkers see them, without a plugin: run by mypy --strict and pyright."""

import datetime
import decimal
import uuid
from typing import TYPE_CHECKING, assert_type

from covet.database.orm import (
    CASCADE,
    BigIntegerField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    EmailField,
    FloatField,
    ForeignKey,
    GenericIPAddressField,
    IntegerField,
    ManyToManyField,
    Model,
    OneToOneField,
    PositiveIntegerField,
    QuerySet,
    SlugField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
)

if TYPE_CHECKING:
    from covet.database.orm.related.typed import ManyRelatedManager, RelatedManager


class Person(Model):
    """Every kind of value, required, and a reverse relation that says what it is."""

    if TYPE_CHECKING:
        notes: RelatedManager["Note"]

    name = CharField(max_length=30)
    bio = TextField(blank=True)
    slug = SlugField()
    email = EmailField(unique=True)
    site = URLField(default="")
    address = GenericIPAddressField()
    age = IntegerField()
    visits = PositiveIntegerField(default=0)
    clicks = BigIntegerField(default=0)
    height = FloatField()
    balance = DecimalField(max_digits=9, decimal_places=2)
    active = BooleanField(default=True)
    born = DateField()
    joined = DateTimeField(auto_now_add=True)
    wakes = TimeField()
    slept = DurationField()
    key = UUIDField(default=uuid.uuid4)


class Note(Model):
    """The same, nullable, and relations."""

    text = CharField(max_length=30, null=True)
    rank = PositiveIntegerField(nullable=True)
    price = DecimalField(max_digits=9, decimal_places=2, null=True)
    at = DateTimeField(null=True)
    author = ForeignKey(Person, on_delete=CASCADE, related_name="notes")
    reviewer = ForeignKey(Person, on_delete="SET_NULL", null=True)
    card = OneToOneField(Person, CASCADE, null=True)
    readers = ManyToManyField(Person, related_name="read_notes")


def required_values(person: Person) -> None:
    """A required field is its plain type."""
    assert_type(person.name, str)
    assert_type(person.bio, str)
    assert_type(person.slug, str)
    assert_type(person.email, str)
    assert_type(person.site, str)
    assert_type(person.address, str)
    assert_type(person.age, int)
    assert_type(person.visits, int)
    assert_type(person.clicks, int)
    assert_type(person.height, float)
    assert_type(person.balance, decimal.Decimal)
    assert_type(person.active, bool)
    assert_type(person.born, datetime.date)
    assert_type(person.joined, datetime.datetime)
    assert_type(person.wakes, datetime.time)
    assert_type(person.slept, datetime.timedelta)
    assert_type(person.key, uuid.UUID)


def nullable_values(note: Note) -> None:
    """A nullable field may be None."""
    assert_type(note.text, str | None)
    assert_type(note.rank, int | None)
    assert_type(note.price, decimal.Decimal | None)
    assert_type(note.at, datetime.datetime | None)
    assert_type(note.author, Person)
    assert_type(note.reviewer, Person | None)
    assert_type(note.card, Person | None)
    note.text = None
    note.reviewer = None


async def querysets() -> None:
    """Managers and QuerySets know their model."""
    assert_type(Person.objects.filter(active=True), QuerySet[Person])
    assert_type(await Person.objects.get(pk=1), Person)
    assert_type(await Person.create(name="Emma"), Person)


async def related_managers(person: Person, note: Note) -> None:
    """Related managers know the model on the other side."""
    assert_type(note.readers, ManyRelatedManager[Person])
    assert_type(note.readers.filter(active=True), QuerySet[Person])
    assert_type(await note.readers.create(name="Emma"), Person)
    await note.readers.add(person, person.pk)
    await note.readers.set([person])
    assert_type(person.notes.all(), QuerySet[Note])
    assert_type(await person.notes.get(pk=1), Note)
    await person.notes.add(note, bulk=False)
    await person.notes.clear()
