"""Composite primary keys and relations over several columns, on each database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from covet.conf import override_settings
from covet.database.connections import connections
from covet.database.orm import (
    CASCADE,
    CharField,
    CompositePrimaryKey,
    DateTimeField,
    F,
    ForeignKey,
    ForeignObject,
    IntegerField,
    Max,
    Model,
    SmallIntegerField,
)
from covet.database.orm.plan import invalidate
from covet.exceptions import FieldError, ValidationError
from covet.portal import run

LABEL = "composite_keys"


class Tenant(Model):
    name = CharField(max_length=10)

    class Meta:
        app_label = LABEL


class Member(Model):
    pk = CompositePrimaryKey("tenant_id", "id")
    tenant = ForeignKey(Tenant, on_delete=CASCADE)
    id = SmallIntegerField()
    email = CharField(max_length=50, unique=True)

    class Meta:
        app_label = LABEL
        unique_together = (("tenant", "id"),)


class Remark(Model):
    pk = CompositePrimaryKey("tenant", "id")
    tenant = ForeignKey(Tenant, on_delete=CASCADE, related_name="remarks")
    id = SmallIntegerField()
    member_id = SmallIntegerField(null=True)
    member = ForeignObject(
        Member,
        on_delete=CASCADE,
        from_fields=("tenant_id", "member_id"),
        to_fields=("tenant_id", "id"),
        related_name="remarks",
        null=True,
    )
    text = CharField(max_length=20, default="")
    stars = IntegerField(default=0)

    class Meta:
        app_label = LABEL


class Stamped(Model):
    pk = CompositePrimaryKey("id", "created")
    id = SmallIntegerField(unique=True)
    created = DateTimeField(auto_now_add=True)
    text = CharField(max_length=20, default="")

    class Meta:
        app_label = LABEL


class Mine:
    """Restricts a join with SQL of its own; it knows no more than Django asks for."""

    wanted = "ann"

    def __init__(self, alias: str, column: str) -> None:
        self.alias = alias
        self.column = column

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        name = compiler.quote_name_unless_alias
        return f"{name(self.alias)}.{name(self.column)} = %s", [self.wanted]


class MineOnly(ForeignObject[Any]):
    requires_unique_target = False

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        return Mine(str(alias), "email")


class Board(Model):
    tenant_number = IntegerField()
    mine = MineOnly(
        Member, on_delete=CASCADE, from_fields=("tenant_number",), to_fields=("tenant",), related_name="+", null=True
    )

    class Meta:
        app_label = LABEL


MODELS: tuple[Any, ...] = (Tenant, Member, Remark, Stamped, Board)
Play = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def play(database_url: str) -> Play:
    """Runs a coroutine with two tenants, two members of the same number and a remark of each."""

    async def whole(body: Callable[[], Awaitable[None]]) -> None:
        connections.configure({"default": database_url})
        invalidate()
        async with connections["default"].engine.begin() as connection:
            tables = [model.table for model in MODELS]
            await connection.run_sync(tables[0].metadata.create_all, tables)
        try:
            for number, name in enumerate(("ann", "bob"), 1):
                tenant = await Tenant.objects.create(pk=number, name=name)
                await Member.objects.create(tenant=tenant, id=7, email=name)
                await Remark.objects.create(tenant=tenant, id=number, member_id=7)
            await body()
        finally:
            async with connections["default"].engine.begin() as connection:
                await connection.run_sync(tables[0].metadata.drop_all, tables)
            await connections.close_all()
            connections.configure(None)

    def runner(body: Callable[[], Awaitable[None]]) -> None:
        with override_settings(VALIDATE_ON_SAVE=False):
            run(whole(body))

    return runner


def test_update_across_a_relation_changes_the_rows_of_whole_keys(play: Play) -> None:
    async def body() -> None:
        assert await Remark.objects.filter(member__email="ann").update(text="mine") == 1
        assert await Remark.objects.order_by("id").values_list("pk", "text") == [((1, 1), "mine"), ((2, 2), "")]

    play(body)


def test_delete_across_a_relation_deletes_the_rows_of_whole_keys(play: Play) -> None:
    async def body() -> None:
        await Remark.objects.filter(member__email="ann").delete()
        assert [remark.pk async for remark in Remark.objects.all()] == [(2, 2)]
        assert await Remark.objects.filter(tenant__name="bob")._raw_delete(None) == 1
        assert not await Remark.objects.exists()

    play(body)


def test_update_refuses_what_is_no_single_column(play: Play) -> None:
    async def body() -> None:
        with pytest.raises(FieldError, match="Composite primary key fields must be updated individually"):
            await Remark.objects.update(pk=(1, 10))
        with pytest.raises(FieldError, match=r"not allowed in this query \(text=F\('pk'\)\)"):
            await Remark.objects.update(text=F("pk"))
        with pytest.raises(ValueError, match="Unsaved model instance"):
            await Remark.objects.update(member=Member())

    play(body)


def test_relation_over_two_columns_is_one_value(play: Play) -> None:
    async def body() -> None:
        found = await Remark.objects.order_by("id").values("member", "stars")
        assert found == [{"member": (1, 7), "stars": 0}, {"member": (2, 7), "stars": 0}]

    play(body)


def test_first_of_groups_is_allowed_where_the_whole_key_groups(play: Play) -> None:
    async def body() -> None:
        by_key = Remark.objects.values("pk").annotate(most=Max("stars"))
        assert await by_key.first() == {"pk": (1, 1), "most": 0}
        by_parts = Remark.objects.values("tenant", "id").annotate(most=Max("stars"))
        assert await by_parts.first() == {"tenant": 1, "id": 1, "most": 0}
        with pytest.raises(TypeError, match="Add an ordering with order_by"):
            await Remark.objects.values("tenant").annotate(most=Max("stars")).first()

    play(body)


def test_update_or_create_leaves_the_key_alone(play: Play) -> None:
    async def body() -> None:
        made = await Stamped.objects.create(id=1)
        again, created = await Stamped.objects.update_or_create(pk=made.pk, defaults={"text": "new"})
        assert (created, again.text, await Stamped.objects.count()) == (False, "new", 1)

    play(body)


def test_upsert_refuses_a_part_of_the_key(play: Play) -> None:
    async def body() -> None:
        has_target = connections["default"].features.supports_update_conflicts_with_target
        with pytest.raises(ValueError, match="cannot be used with primary keys in update_fields"):
            await Member.objects.bulk_create(
                [Member(tenant_id=1, id=8, email="eve")],
                update_conflicts=True,
                update_fields=["tenant_id"],
                unique_fields=["tenant_id", "id"] if has_target else None,
            )

    play(body)


def test_uniqueness_is_asked_of_others_when_a_part_of_the_key_is_missing(play: Play) -> None:
    async def body() -> None:
        member = await Member.objects.get(email="ann")
        member.id = None
        with pytest.raises(ValidationError, match="Member with this Email already exists"):
            await member.validate_unique()

    play(body)


def test_instance_with_half_a_key_has_no_hash() -> None:
    assert hash(Member(tenant_id=2, id=3)) == hash((2, 3))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Member(tenant_id=1))


def test_restriction_that_only_has_as_sql_joins_and_is_asked_each_time(play: Play, monkeypatch: Any) -> None:
    async def body() -> None:
        for number in (1, 2):
            await Board.objects.create(tenant_number=number)
        mine = Board.objects.filter(mine__id=7).values_list("tenant_number", flat=True)
        assert await mine == [1]
        monkeypatch.setattr(Mine, "wanted", "bob")
        assert await mine.all() == [2]

    play(body)


def test_lookups_of_a_relation_name_the_number_of_columns(play: Play) -> None:
    async def body() -> None:
        for lookup in ({"member": 1}, {"member": (1, 2, 3)}, {"member__gt": 1}):
            with pytest.raises(ValueError, match="lookup of 'member' must have 2 elements"):
                await Remark.objects.get(**lookup)
        with pytest.raises(ValueError, match="'in' lookup of 'member' must have 2 elements each"):
            await Remark.objects.get(member__in=(1, 2))

    play(body)


def test_old_names_of_joined_columns_warn() -> None:
    field = Remark._meta.get_field("member")
    with pytest.warns(DeprecationWarning, match=r"ForeignObject\.get_joining_columns\(\) is deprecated"):
        assert field.get_joining_columns() == (("tenant_id", "tenant_id"), ("member_id", "id"))
    with pytest.warns(DeprecationWarning, match=r"ForeignObject\.get_reverse_joining_columns\(\) is deprecated"):
        assert field.get_reverse_joining_columns() == (("tenant_id", "tenant_id"), ("id", "member_id"))
    with pytest.warns(DeprecationWarning, match=r"ForeignObjectRel\.get_joining_columns\(\) is deprecated"):
        field.remote_field.get_joining_columns()
