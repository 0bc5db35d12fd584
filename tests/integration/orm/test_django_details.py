"""Details of Django's that its own tests look at: extra() beside values(), hidden order columns, old names."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest

from covet.database.connections import connections
from covet.database.orm import (
    CASCADE,
    Case,
    CharField,
    CheckConstraint,
    Count,
    DateTimeField,
    Exists,
    F,
    FilteredRelation,
    ForeignKey,
    Func,
    IntegerField,
    JSONField,
    ManyToManyField,
    Max,
    Model,
    OneToOneField,
    OuterRef,
    Prefetch,
    Q,
    Sum,
    Value,
    When,
    Window,
)
from covet.database.orm.constraints import BaseConstraint
from covet.database.orm.fields.json import KT
from covet.database.orm.functions import Mod, Now, RowNumber
from covet.database.transaction import transaction
from covet.exceptions import FieldDoesNotExist, FieldError
from covet.http.shortcuts import aget_list_or_404, aget_object_or_404
from tests.integration.orm.shop import LABEL, Car, Note, Post, Profile, Queries, Stage, Tag, User


class StampedByDatabase(DateTimeField):
    """Tells what the database made of its expression."""

    db_returning = True


class Visit(Model):
    at = StampedByDatabase(default=Now)
    notes = JSONField(null=True)

    class Meta:
        app_label = LABEL


class Left(Model):
    left_name = CharField(max_length=10, default="")

    class Meta:
        app_label = LABEL


class Right(Model):
    key = IntegerField(primary_key=True)
    right_name = CharField(max_length=10, default="")

    class Meta:
        app_label = LABEL


class Both(Left, Right):
    value = IntegerField(default=0)

    class Meta:
        app_label = LABEL


class Below(Both):
    depth = IntegerField(default=0)

    class Meta:
        app_label = LABEL


class Reader(User):
    class Meta:
        app_label = LABEL
        proxy = True


class Forgetful(User):
    """Its `save` loses the coroutine."""

    def save(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Awaits nothing."""

    class Meta:
        app_label = "django_details"
        proxy = True


async def _two_users() -> None:
    await User.create(username="ann", age=30)
    await User.create(username="ann", age=40)


def test_column_that_only_orders_distinct_rows_is_not_returned(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        await _two_users()
        names = User.objects.values_list("username").distinct().order_by("-age")
        assert await names == [("ann",), ("ann",)]
        assert await names.values("username") == [{"username": "ann"}] * 2

    stage.run(body)


def test_extra_after_named_values_is_not_returned_but_may_order(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        await _two_users()
        rows = User.objects.values("age").extra(select={"reverse_age": "-age"})
        assert await rows.order_by("reverse_age") == [{"age": 40}, {"age": 30}]
        with pytest.raises(FieldError, match=r"'other' into field\. Choices are: .*profile, reverse_age, username"):
            User.objects.extra(select={"reverse_age": "-age"}).values("other")

    stage.run(body)


def test_extra_after_all_values_comes_first(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        await _two_users()
        rows = User.objects.values_list().extra(select={"one": "1", "two": "2"})
        assert [row[:2] for row in await rows] == [(1, 2), (1, 2)]

    stage.run(body)


def test_function_that_is_declared_an_aggregate_is_one(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        counted = Func("username", function="COUNT")
        counted.contains_aggregate = True
        assert await User.objects.aggregate(names=counted) == {"names": 2}
        queries.clear()
        # What it is over no rows, only the database knows.
        assert await User.objects.none().aggregate(names=counted, age=Sum("age")) == {"names": 0, "age": None}
        assert len(queries) == 1

    stage.run(body)


def test_update_in_the_order_of_an_aggregate_is_refused(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        rows = User.objects.annotate(written=Count("posts")).order_by("-written")
        with pytest.raises(FieldError, match="Cannot update when ordering by an aggregate: Count"):
            await rows.update(age=1)

    stage.run(body)


def test_sync_save_that_saves_nothing_is_an_error(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        with pytest.raises(TypeError, match=r"Forgetful\.save\(\) returned nothing to await, and the instance is not"):
            await Forgetful.objects.create(username="ann")

    stage.run(body)


def test_rows_between_that_clash_after_all_are_ignored(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(_: Queries) -> None:
        ann = await User.create(username="ann")
        post = await Post.create(title="first", author=ann)
        tag = await Tag.create(name="new")
        await tag.posts.add(post)

        async def too_early(*_args: Any) -> list[Any]:
            return [post.pk]

        monkeypatch.setattr(type(tag.posts), "_get_add_plan", lambda *_args: (True, False, False))
        monkeypatch.setattr(type(tag.posts), "_get_missing_target_ids", too_early)
        await tag.posts.add(post)
        assert await tag.posts.count() == 1

    stage.run(body)


def test_old_name_of_prefetching_warns_and_works(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        ann = await User.create(username="ann")
        post = await Post.create(title="first", author=ann)
        profile = await Profile.create(user=ann)
        car = await Car.create(name="Mini")
        note = await Note.create(text="red", subject=car)
        asked: list[tuple[Any, Any, Any]] = [
            (Post.author, post, ann),
            (ann.posts, ann, post),
            (User.profile, ann, profile),
            (post.tags, post, None),
            (car.notes, car, note),
            (Note.subject, note, car),
        ]
        for place, instance, related in asked:
            with pytest.warns(DeprecationWarning, match=r"Use get_prefetch_querysets\(\) instead\."):
                pending = place.get_prefetch_queryset(type(instance).objects.all())
            source = await pending
            assert list(await source.queryset if hasattr(source.queryset, "_fetch_all") else source.queryset) == (
                [] if related is None else [related]
            )

    stage.run(body)


def test_chunk_size_of_aiterator_is_refused_when_iteration_begins(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        rows = User.objects.aiterator(chunk_size=0)
        with pytest.raises(ValueError, match=r"Chunk size must be strictly positive\."):
            async for _row in rows:
                pass

    stage.run(body)


async def test_shortcuts_name_themselves_in_errors() -> None:
    with pytest.raises(ValueError, match=r"First argument to aget_object_or_404\(\) must be a Model"):
        await aget_object_or_404("a string")
    with pytest.raises(ValueError, match=r"First argument to aget_list_or_404\(\) must be a Model"):
        await aget_list_or_404([])


@pytest.mark.parametrize("kind", [ForeignKey, OneToOneField, ManyToManyField])
def test_relation_deconstructs_to_the_path_that_users_import(kind: Any) -> None:
    field = kind(User, CASCADE) if kind is not ManyToManyField else kind(User)
    assert field.deconstruct()[1] == f"covet.database.orm.{kind.__name__}"


def test_manager_that_cannot_be_imported_does_not_deconstruct() -> None:
    made = type(Post.objects).from_queryset(type(Post.objects.all()), "MadeManager")()
    with pytest.raises(ValueError, match=r"Could not find manager MadeManager in covet\.database\.orm\.managers\."):
        made.deconstruct()


def test_base_constraint_leaves_its_methods_to_subclasses() -> None:
    constraint = BaseConstraint(name="mine")
    for method in (constraint.constraint_sql, constraint.create_sql, constraint.remove_sql):
        with pytest.raises(NotImplementedError, match="must be implemented by a subclass"):
            method(None, None)


def test_check_of_a_constraint_warns_and_stands_for_condition() -> None:
    condition = Q(age__gt=1)
    with pytest.warns(DeprecationWarning, match=r"in favor of `\.condition`"):
        constraint = CheckConstraint(check=condition, name="adult")
    assert constraint.condition is condition
    with pytest.warns(DeprecationWarning, match=r"in favor of `\.condition`"):
        constraint.check = Q(age__gt=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert constraint.condition == Q(age__gt=2)


def test_expression_of_a_returning_field_becomes_its_value(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        visit = await Visit.objects.create()
        if connections["default"].features.has_returning:
            assert visit.at == (await Visit.objects.get()).at

    stage.run(body)


def test_bulk_update_writes_none_as_null_into_json(stage: Stage) -> None:
    async def body(_: Queries) -> None:
        visit = await Visit.objects.create(notes={})
        for nothing in (None, Value(None)):
            visit.notes = nothing
            await Visit.objects.bulk_update([visit], ["notes"])
            assert await Visit.objects.filter(notes__isnull=True).count() == 1

    stage.run(body)


def test_child_of_two_parents_knows_the_key_of_the_one_it_is_reached_from(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await Left.objects.create()
        below = await Below.objects.create(key=70, value=1, depth=2)
        assert below.pk != 70
        rows = Right.objects.select_related("both__below").only("key", "both__value", "both__below__depth")
        queries.clear()
        right = await rows.get(key=70)
        assert (right.both.value, right.both.below.depth, right.both.below.key) == (1, 2, 70)
        assert len(queries) == 1
        # A deferred key of a parent is not the key of the parent between.
        assert (await Below.objects.only("depth").get()).key == 70

    stage.run(body)


def test_prefetch_answers_to_its_old_name() -> None:
    rows = User.objects.all()
    for prefetch, expected in ((Prefetch("posts", rows), rows), (Prefetch("posts"), None)):
        with pytest.warns(DeprecationWarning, match=r"Use get_current_querysets\(\) instead"):
            assert prefetch.get_current_queryset(0) is expected


def test_pickled_queryset_keeps_its_rows_and_its_query(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        older = User.objects.filter(age__gt=35).annotate(writes=Exists(Post.objects.filter(author=OuterRef("pk"))))
        older = older.prefetch_related("posts").order_by(F("age").desc())
        await older
        await Post.create(title="late", author=older[0])
        copied = pickle.loads(pickle.dumps(older))
        queries.clear()
        assert [user.age for user in copied] == [40]
        assert queries == []
        # What is chained on it goes on from its conditions, not from all rows.
        assert await copied.count() == 1
        assert await copied.filter(writes=True).values_list("age", flat=True) == [40]
        again = await copied.all()
        assert [[post.title for post in user.posts.all()] for user in again] == [["late"]]
        assert not await pickle.loads(pickle.dumps(User.objects.none())).exists()

    stage.run(body)


def test_pickled_query_without_rows_asks_again(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        older = User.objects.filter(age__gt=35).values("age")
        queries.clear()
        kept = pickle.dumps(older.query)
        assert queries == []
        rows = User.objects.all()
        rows.query = pickle.loads(kept)
        assert await rows == [{"age": 40}]
        assert str(rows.query) == str(older.query)
        with pytest.raises(TypeError, match="must be that of another QuerySet; got None"):
            rows.query = None  # type: ignore[assignment]

    stage.run(body)


def test_names_with_dots_are_names(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        table = User._meta.db_table
        rows = User.objects.annotate(**{f"{table}.age": -F("age")}).order_by(f"{table}.age")
        assert await rows.filter(**{f"{table}.age__lt": 0}).values_list("age", f"{table}.age") == [(40, -40), (30, -30)]
        assert await rows.aggregate(**{"most.years": Max("age")}) == {"most.years": 40}
        for refused in (rows.values, rows.order_by):
            with pytest.raises(FieldError, match=r"Cannot resolve keyword 'age\.x' into field"):
                refused("age.x")

    stage.run(body)


def test_text_of_a_key_by_its_path(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await Visit.objects.create(notes={"guest": {"name": "Ann", "age": 3}})
        texts = Visit.objects.annotate(name=KT("notes__guest__name"))
        assert await texts.filter(name__startswith="A").values_list("name", flat=True) == ["Ann"]

    stage.run(body)


def test_union_is_ordered_by_what_each_part_annotates(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        first = User.objects.annotate(place=Value(2)).filter(age=30)
        second = User.objects.annotate(place=Value(1)).filter(age=40)
        rows = first.union(second).values_list("age", flat=True)
        assert await rows.order_by("place") == [40, 30]
        assert await rows.order_by("-place") == [30, 40]

    stage.run(body)


def test_rows_of_a_filtered_relation_can_be_locked(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        ann = await User.create(username="ann", age=30)
        await Post.create(title="one", author=ann)
        rows = Post.objects.annotate(writer=FilteredRelation("author")).select_related("writer")
        async with transaction():
            for names in (("self",), ("self", "writer")):
                (post,) = await rows.select_for_update(of=names)
                assert post.writer == ann

    if stage.url.startswith("postgresql"):
        stage.run(body)


def test_many_rows_are_made_through_a_proxy(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        made = await Reader.objects.bulk_create([Reader(username="ann"), User(username="bob")])
        assert [user.pk is not None for user in made] == [True, True]
        assert await Reader.objects.count() == 2

    stage.run(body)


def test_order_by_expressions_keep_their_values_whatever_follows(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        for age in (31, 32, 33, 34, 35):
            await User.create(username="ann", age=age)
        rows = User.objects.order_by(Mod("age", 3), Case(When(age=33, then=1), default=0), "age")
        expected = [33, 31, 34, 32, 35]

        async def ages(found: Any) -> list[int]:
            return [user.age for user in await found]

        assert await ages(rows) == expected
        assert await ages(rows.filter(age__gt=31).exclude(age=35)) == [33, 34, 32]
        assert await ages(rows.annotate(more=F("age") + 100)) == expected
        assert await ages(rows.only("age")[1:3]) == [31, 34]
        assert await ages(rows.reverse()) == [35, 32, 34, 31, 33]
        assert await rows.values_list("age", flat=True) == expected
        assert await rows.values_list(F("age") + 50, flat=True) == [83, 81, 84, 82, 85]
        assert (await rows.first()).age == 33
        if connections["default"].vendor != "mysql":
            assert await ages(User.objects.filter(pk__in=rows.filter(age__lt=35)[:2]).order_by("age")) == [31, 33]
        assert await ages(User.objects.filter(age__lt=33) | rows) == expected
        united = User.objects.filter(age__lt=33).union(User.objects.filter(age=33))
        assert await ages(united.order_by(Mod("age", 3))) == [33, 31, 32]

    stage.run(body)


def test_rows_of_a_window_may_exist(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        ranked = User.objects.annotate(place=Window(RowNumber(), order_by="age"))
        assert await ranked.filter(place=2).exists()
        assert not await ranked.filter(place=3).exists()

    stage.run(body)


def test_rows_of_a_window_are_aggregated(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await _two_users()
        ranked = User.objects.annotate(place=Window(RowNumber(), order_by="age")).filter(place__gte=2)
        assert await ranked.aggregate(Sum("age"), Max("place"), n=Count("pk")) == {
            "age__sum": await User.objects.order_by("age").values_list("age", flat=True).last(),
            "place__max": 2,
            "n": 1,
        }
        assert await ranked.count() == 1

    stage.run(body)


def test_names_and_values_that_django_refuses(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        for refused in (lambda: User.objects.defer("pk"), lambda: User.objects.update(pk=3)):
            with pytest.raises(FieldDoesNotExist, match="User has no field named 'pk'; choose one of"):
                await refused()
        with pytest.raises(TypeError, match="'NoneType' object is not iterable"):
            User.objects.filter(age__in=None)

    stage.run(body)


def test_constraint_takes_its_name_by_position_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="Passing positional arguments to BaseConstraint is deprecated"):
        constraint = BaseConstraint("mine", "custom %(name)s message")
    assert constraint.get_violation_error_message() == "custom mine message"
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'name'"):
        BaseConstraint()


@pytest.mark.parametrize("name", ["delete", "adelete"])
def test_managers_cannot_delete_everything_by_mistake(name: str) -> None:
    assert not hasattr(User.objects, name)
    assert hasattr(User.objects.all(), name)
