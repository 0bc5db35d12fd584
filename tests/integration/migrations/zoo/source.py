"""Models in Django's words; the test runs this source a second time with CovetPy's `models`."""

import decimal
import uuid

from django.db import models


class Keeper(models.Model):
    name = models.CharField(max_length=40, unique=True)
    code = models.SlugField(primary_key=True)

    class Meta:
        app_label = "zoo"
        ordering = ["name"]
        verbose_name = "keeper of animals"


class Animal(models.Model):
    big = models.BigIntegerField(default=1)
    blob = models.BinaryField(default=b"")
    flag = models.BooleanField(default=False)
    maybe = models.BooleanField(null=True)
    short = models.CharField(max_length=20, db_index=True)
    day = models.DateField(null=True)
    moment = models.DateTimeField(auto_now_add=True)
    price = models.DecimalField(max_digits=9, decimal_places=3, default=decimal.Decimal(0))
    span = models.DurationField(null=True)
    mail = models.EmailField(unique=True)
    document = models.FileField(upload_to="x")
    ratio = models.FloatField(default=0.5)
    address = models.GenericIPAddressField(null=True)
    number = models.IntegerField(db_index=True)
    data = models.JSONField(default=dict)
    positive = models.PositiveIntegerField(default=0)
    positive_big = models.PositiveBigIntegerField(default=0)
    positive_small = models.PositiveSmallIntegerField(default=0)
    slug = models.SlugField()
    small = models.SmallIntegerField(default=0)
    text = models.TextField()
    at = models.TimeField(null=True)
    link = models.URLField(blank=True)
    identity = models.UUIDField(default=uuid.uuid4)
    renamed = models.IntegerField(db_column="Other Name", default=1)
    keeper = models.ForeignKey(Keeper, on_delete=models.CASCADE, related_name="animals")
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True)
    loose = models.ForeignKey(Keeper, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    bare = models.ForeignKey(Keeper, on_delete=models.PROTECT, db_index=False, related_name="+")
    by_name = models.ForeignKey(Keeper, on_delete=models.CASCADE, to_field="name", related_name="+")
    friends = models.ManyToManyField("self", symmetrical=False)
    keepers = models.ManyToManyField(Keeper, through="Shift", related_name="kept")

    class Meta:
        app_label = "zoo"
        unique_together = [("short", "number")]
        indexes = [
            models.Index(fields=["number", "-price"]),
            models.Index(fields=["small"], name="zoo_small"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(number__gte=0), name="zoo_number"),
            models.CheckConstraint(condition=models.Q(short__in=["a", "b"]) | ~models.Q(flag=True), name="zoo_short"),
            models.UniqueConstraint(fields=["slug", "small"], name="zoo_slug"),
        ]


class Shift(models.Model):
    animal = models.ForeignKey(Animal, on_delete=models.CASCADE)
    keeper = models.ForeignKey(Keeper, on_delete=models.CASCADE)
    hours = models.IntegerField(db_default=8)
    note = models.CharField(max_length=9, db_default="it's")

    class Meta:
        app_label = "zoo"
        db_table = "zoo_shift_of_a_keeper_with_quite_a_long_name_for_a_table"
        constraints = [models.UniqueConstraint(fields=["animal", "keeper"], name="zoo_once")]


class Cage(models.Model):
    animal = models.OneToOneField(Animal, on_delete=models.CASCADE, primary_key=True)
    width = models.IntegerField()
    height = models.IntegerField()
    area = models.GeneratedField(
        expression=models.F("width") * models.F("height"), output_field=models.IntegerField(), db_persist=True
    )

    class Meta:
        app_label = "zoo"


class Predator(Animal):
    teeth = models.IntegerField()

    class Meta:
        app_label = "zoo"


class Base(models.Model):
    created = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["created"])]


class Visit(Base):
    keeper = models.ForeignKey(Keeper, on_delete=models.CASCADE)
    place = models.IntegerField()

    class Meta(Base.Meta):
        app_label = "zoo"
        order_with_respect_to = "keeper"


class Comment(models.Model):
    id = models.SmallAutoField(primary_key=True)
    body = models.CharField(max_length=30, db_comment="what it's about")

    class Meta:
        app_label = "zoo"
        db_table_comment = "comments"
