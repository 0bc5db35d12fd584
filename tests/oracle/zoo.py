"""A zoo of models: every field type and Meta option, declared for whichever framework is handed in."""

import datetime
import decimal
import uuid
from types import SimpleNamespace
from typing import Any

LABEL = "zoo"


def framework(name: str) -> SimpleNamespace:
    """What models are written with: `m` (models), `f` (functions), PostgreSQL's fields and indexes."""
    if name == "django":
        from django.apps import apps
        from django.contrib.postgres import constraints as pg_constraints
        from django.contrib.postgres import fields as pg_fields
        from django.contrib.postgres import indexes as pg_indexes
        from django.contrib.postgres import search as pg_search
        from django.db import models
        from django.db.models import functions

        return SimpleNamespace(
            name=name,
            m=models,
            f=functions,
            pg=SimpleNamespace(**{**vars(pg_fields), "SearchVectorField": pg_search.SearchVectorField}),
            ix=pg_indexes,
            ExclusionConstraint=pg_constraints.ExclusionConstraint,
            apps=apps,
        )
    from covet.database import orm
    from covet.database.orm import constraints, functions, indexes
    from covet.database.orm.fields import postgres
    from covet.database.orm.registry import Apps as OurApps

    return SimpleNamespace(
        name=name, m=orm, f=functions, pg=postgres, ix=indexes, ExclusionConstraint=constraints.ExclusionConstraint,
        apps=OurApps(),
    )  # fmt: skip


def plain(fw: Any) -> dict[str, Any]:
    """The models that every database can hold."""
    m, f = fw.m, fw.f

    class Base:
        app_label = LABEL
        apps = fw.apps

    class Size(m.TextChoices):
        SMALL = "s", "Small"
        LARGE = "l", "Large"

    class Everything(m.Model):
        boolean = m.BooleanField(default=False)
        nullable_boolean = m.BooleanField(null=True)
        char = m.CharField(max_length=20)
        choice = m.CharField(max_length=1, choices=Size, default=Size.SMALL)
        slug = m.SlugField()
        plain_slug = m.SlugField(db_index=False, allow_unicode=True)
        email = m.EmailField(unique=True)
        url = m.URLField(null=True, blank=True)
        text = m.TextField(default="")
        integer = m.IntegerField(db_index=True)
        small = m.SmallIntegerField(null=True)
        big = m.BigIntegerField(unique=True)
        positive = m.PositiveIntegerField(default=1)
        positive_small = m.PositiveSmallIntegerField()
        positive_big = m.PositiveBigIntegerField()
        real = m.FloatField()
        number = m.DecimalField(max_digits=9, decimal_places=3)
        date = m.DateField(auto_now_add=True)
        time = m.TimeField(null=True)
        moment = m.DateTimeField(auto_now=True, db_index=True)
        duration = m.DurationField(default=datetime.timedelta(days=1))
        identifier = m.UUIDField(default=uuid.uuid4, unique=True)
        document = m.JSONField(default=dict)
        optional_document = m.JSONField(null=True)
        data = m.BinaryField(null=True, max_length=10)
        address = m.GenericIPAddressField(null=True)
        address4 = m.GenericIPAddressField(protocol="IPv4")
        file = m.FileField(upload_to="files/")
        path = m.FilePathField(path="/tmp", match=r".*\.txt")
        renamed = m.IntegerField(db_column="other_name", help_text="another name", verbose_name="renamed one")

        class Meta(Base):
            ordering = ["-moment"]

    class Owner(m.Model):
        name = m.CharField(max_length=60, db_comment="the owner's name")
        code = m.CharField(max_length=10, unique=True)
        mentor = m.ForeignKey("self", m.SET_NULL, null=True, blank=True, related_name="pupils")

        class Meta(Base):
            db_table_comment = "people who own pets"
            verbose_name_plural = "owners of pets"

    class Toy(m.Model):
        key = m.UUIDField(primary_key=True, default=uuid.uuid4)
        name = m.CharField(max_length=10)

        class Meta(Base):
            db_table = "toys"

    class Pet(m.Model):
        owner = m.ForeignKey(Owner, m.CASCADE, related_name="pets", related_query_name="pet")
        by_code = m.ForeignKey(Owner, m.PROTECT, to_field="code", related_name="+", db_column="owner_code")
        loose = m.ForeignKey(Owner, m.DO_NOTHING, db_constraint=False, null=True, related_name="loose_pets")
        unindexed = m.ForeignKey(Owner, m.SET_NULL, db_index=False, null=True, related_name="unindexed_pets")
        badge = m.OneToOneField(Toy, m.CASCADE, null=True, related_name="badge_of")
        toys = m.ManyToManyField(Toy, related_name="pets")
        friends = m.ManyToManyField("self")
        rivals = m.ManyToManyField("self", symmetrical=False, related_name="rivalled", db_table="rivalries")
        visitors = m.ManyToManyField(Owner, through="Visit", through_fields=("pet", "visitor"), related_name="visits")
        name = m.CharField(max_length=50)
        born = m.DateField(null=True)
        weight = m.DecimalField(max_digits=5, decimal_places=2, default=decimal.Decimal("1.50"))

        class Meta(Base):
            unique_together = [("owner", "name"), ("name", "born")]
            indexes = [
                m.Index(fields=["-born", "name"]),
                m.Index(fields=["weight"], name="pet_weight_idx"),
                m.Index(fields=["owner"]),
            ]
            constraints = [
                m.CheckConstraint(condition=m.Q(weight__gt=0), name="%(class)s_weight_positive"),
                m.UniqueConstraint(fields=["owner", "born"], name="%(app_label)s_pet_owner_born"),
            ]

    class Visit(m.Model):
        pet = m.ForeignKey(Pet, m.CASCADE)
        visitor = m.ForeignKey(Owner, m.CASCADE, related_name="visits_paid")
        host = m.ForeignKey(Owner, m.CASCADE, related_name="visits_hosted", null=True)
        at = m.DateTimeField()

        class Meta(Base):
            order_with_respect_to = "pet"

    class Dated(m.Model):
        created = m.DateTimeField(auto_now_add=True, db_index=True)
        creator = m.ForeignKey(
            Owner, m.CASCADE, related_name="created_%(class)s", related_query_name="%(app_label)s_%(class)s"
        )

        class Meta(Base):
            abstract = True
            indexes = [m.Index(fields=["created"], name="%(class)s_created")]

    class Shelter(Dated):
        name = m.CharField(max_length=5)

    class Clinic(Shelter):
        beds = m.PositiveSmallIntegerField(default=3)

        class Meta(Base):
            pass

    class SmallClinic(Clinic):
        parent = m.OneToOneField(Clinic, m.CASCADE, parent_link=True, primary_key=True)

        class Meta(Base):
            pass

    class ProxyPet(Pet):
        class Meta(Base):
            proxy = True

    class AVeryLongModelNameThatGoesOnAndOnUntilNamesMustBeCutSomewhere(m.Model):
        a_field_with_quite_a_long_name_as_well_so_that_digests_are_used = m.CharField(max_length=5, db_index=True)
        another_field_with_a_long_name = m.ForeignKey(Owner, m.CASCADE, related_name="+")

        class Meta(Base):
            db_table = "zoo_a_very_long_table_name_that_goes_on_and_on"
            unique_together = [
                ("a_field_with_quite_a_long_name_as_well_so_that_digests_are_used", "another_field_with_a_long_name")
            ]

    class Keyed(m.Model):
        code = m.CharField(max_length=8, primary_key=True)

        class Meta(Base):
            pass

    class SmallKey(m.Model):
        id = m.SmallAutoField(primary_key=True)

        class Meta(Base):
            pass

    class MediumKey(m.Model):
        id = m.AutoField(primary_key=True)
        small = m.ForeignKey(SmallKey, m.CASCADE)
        keyed = m.ForeignKey(Keyed, m.CASCADE)
        positive = m.OneToOneField("PositiveKey", m.CASCADE)

        class Meta(Base):
            pass

    class PositiveKey(m.Model):
        id = m.PositiveIntegerField(primary_key=True)

        class Meta(Base):
            pass

    class Defaults(m.Model):
        integer = m.IntegerField(db_default=7)
        char = m.CharField(max_length=10, db_default="it's")
        flag = m.BooleanField(db_default=True)
        number = m.DecimalField(max_digits=5, decimal_places=2, db_default=decimal.Decimal("2.50"))
        moment = m.DateTimeField(db_default=f.Now())

        class Meta(Base):
            pass

    return {
        name: model
        for name, model in locals().items()
        if isinstance(model, type) and issubclass(model, m.Model) and not model._meta.abstract
    }


def partial(fw: Any) -> dict[str, Any]:
    """What PostgreSQL and SQLite hold: partial and expression indexes, generated columns."""
    m, f = fw.m, fw.f

    class Base:
        app_label = LABEL
        apps = fw.apps

    class Conditions(m.Model):
        name = m.CharField(max_length=50)
        kind = m.IntegerField()
        flag = m.BooleanField(default=False)

        class Meta(Base):
            indexes = [
                m.Index(fields=["name"], name="cond_idx", condition=m.Q(kind__gt=3)),
                m.Index(f.Lower("name").desc(), "kind", name="cond_lower_idx"),
            ]
            constraints = [
                m.UniqueConstraint(fields=["kind"], condition=m.Q(flag=True), name="cond_uniq"),
                m.UniqueConstraint(f.Lower("name"), name="cond_lower_uniq"),
                m.CheckConstraint(condition=m.Q(kind__gte=0) | m.Q(name="x"), name="cond_check"),
                m.CheckConstraint(condition=m.Q(kind__in=[1, 2, 3]), name="cond_in"),
                m.CheckConstraint(condition=~m.Q(name__startswith="a"), name="cond_starts"),
            ]

    class Generated(m.Model):
        name = m.CharField(max_length=50)
        upper = m.GeneratedField(expression=f.Upper("name"), output_field=m.CharField(max_length=50), db_persist=True)
        side = m.IntegerField()
        area = m.GeneratedField(
            expression=m.F("side") * m.F("side"), output_field=m.BigIntegerField(), db_persist=True, unique=True
        )

        class Meta(Base):
            pass

    return {"Conditions": Conditions, "Generated": Generated}


def postgres(fw: Any) -> dict[str, Any]:
    """What only PostgreSQL holds."""
    m, f, pg, ix = fw.m, fw.f, fw.pg, fw.ix

    class Base:
        app_label = LABEL
        apps = fw.apps

    class Special(m.Model):
        numbers = pg.ArrayField(m.IntegerField())
        words = pg.ArrayField(m.CharField(max_length=5), size=3, default=list)
        nested = pg.ArrayField(pg.ArrayField(m.BooleanField()), null=True)
        integers = pg.IntegerRangeField()
        bigs = pg.BigIntegerRangeField(null=True)
        decimals = pg.DecimalRangeField()
        dates = pg.DateRangeField()
        moments = pg.DateTimeRangeField(default_bounds="[]")
        vector = pg.SearchVectorField(null=True)
        name = m.CharField(max_length=20, db_collation="C", db_index=True)
        title = m.CharField(null=True)
        document = m.JSONField()

        class Meta(Base):
            indexes = [
                ix.GinIndex(fields=["numbers"]),
                ix.GinIndex(fields=["document"], name="doc_gin", opclasses=["jsonb_path_ops"], fastupdate=False),
                ix.GistIndex(fields=["moments"], name="moments_gist", fillfactor=70),
                ix.SpGistIndex(fields=["integers"], name="int_spgist"),
                ix.BrinIndex(fields=["id"], name="id_brin", pages_per_range=4, autosummarize=True),
                ix.HashIndex(fields=["title"], name="title_hash"),
                ix.BTreeIndex(fields=["title"], name="title_btree", fillfactor=80),
                m.Index(fields=["title"], name="title_incl", include=["name"]),
                m.Index(ix.OpClass(f.Lower("title"), name="text_pattern_ops"), name="title_ops"),
                m.Index(m.F("title").asc(nulls_first=True), name="title_nulls"),
            ]
            constraints = [
                m.UniqueConstraint(fields=["title"], name="title_deferred", deferrable=m.Deferrable.DEFERRED),
                m.UniqueConstraint(fields=["name"], name="name_nulls", nulls_distinct=False),
                m.UniqueConstraint(fields=["name", "title"], include=["dates"], name="name_incl"),
                fw.ExclusionConstraint(name="no_overlap", expressions=[("moments", pg.RangeOperators.OVERLAPS)]),
                fw.ExclusionConstraint(
                    name="no_overlap_2",
                    expressions=[("dates", pg.RangeOperators.OVERLAPS)],
                    condition=m.Q(title="x"),
                    index_type="SPGIST",
                ),
            ]

    return {"Special": Special}
