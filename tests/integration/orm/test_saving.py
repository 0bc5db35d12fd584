"""Saving, deleting and refreshing instances, as the guide and Django have them."""

from __future__ import annotations

from typing import Any

import pytest

from covet.database.orm import F
from covet.database.orm.signals import post_delete, post_save, pre_delete, pre_save
from covet.database.transaction import transaction
from covet.exceptions import DatabaseError, ObjectDoesNotExist, ProtectedError, RestrictedError, ValidationError
from tests.integration.orm.shop import (
    Account,
    Answer,
    Licence,
    Place,
    Post,
    Profile,
    Queries,
    Question,
    Restaurant,
    Stage,
    Tag,
    User,
    Validated,
)


def test_save_override_awaits_its_parent_and_stores_the_slug(stage: Stage) -> None:
    """Promise 49."""

    async def body(queries: Queries) -> None:
        author = await User.create(username="alice")
        post = Post(title="Hello World", author=author)
        await post.save()
        assert (await Post.objects.get(pk=post.pk)).slug == "hello-world"

    stage.run(body)


def test_clean_runs_on_save_and_its_value_error_is_its_message(stage: Stage) -> None:
    """Promise 51."""

    async def body(queries: Queries) -> None:
        user = User(username="alice", age=16)
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is held below
            await user.save()
        assert str(caught.value) == "User must be 18 or older"
        assert await User.objects.count() == 0
        await user.save(validate=False)
        assert await User.objects.count() == 1

    stage.run(body)


def test_validation_on_save_can_be_turned_off_by_the_setting(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await User.create(username="child", age=5)
        assert await User.objects.filter(age=5).exists()

    stage.run(body, VALIDATE_ON_SAVE=False)


def test_validators_run_on_save_and_blank_values_pass(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await User.create(username="")
        with pytest.raises(ValidationError) as caught:
            await User.create(username="x" * 101)
        assert caught.value.message_dict == {"username": ["Ensure this value has at most 100 characters (it has 101)."]}

    stage.run(body)


def test_update_fields_validates_only_what_is_written(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice")
        user.username = "x" * 101
        user.bio = "likes SQL"
        await user.save(update_fields=["bio"])
        assert (await User.objects.get(pk=user.pk)).bio == "likes SQL"

    stage.run(body)


def test_async_clean_is_awaited_by_save(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await Validated.create(name="one")
        with pytest.raises(ValidationError) as caught:
            await Validated.create(name="one")
        assert str(caught.value) == "There is one already."

    stage.run(body)


def test_create_delete_pk_and_does_not_exist(stage: Stage) -> None:
    """Promise 52."""

    async def body(queries: Queries) -> None:
        user = await User.create(username="alice")
        assert user.pk == user.id
        assert await User.objects.get(pk=user.pk) == user
        key = user.pk
        assert await user.delete() == (1, {"integration_shop.User": 1})
        assert user.pk is None
        with pytest.raises(User.DoesNotExist):
            await User.objects.get(pk=key)
        assert issubclass(User.DoesNotExist, ObjectDoesNotExist)

    stage.run(body)


def test_delete_without_key_is_refused(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is held below
            await User(username="new").delete()
        assert str(caught.value) == "User object can't be deleted because its id attribute is set to None."

    stage.run(body)


def test_saving_a_known_row_is_one_update_and_a_new_key_is_update_then_insert(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice")
        queries.clear()
        user.username = "bob"
        await user.save()
        assert [sql.split()[0] for sql in queries] == ["UPDATE"]
        queries.clear()
        await User(pk=user.pk + 1000, username="carol").save()
        assert [sql.split()[0] for sql in queries] == ["UPDATE", "INSERT"]

    stage.run(body)


def test_force_update_of_a_missing_row_raises(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        with pytest.raises(DatabaseError, match=r"^Forced update did not affect any rows\.$"):
            await User(pk=999_999, username="nobody").save(force_update=True)
        with pytest.raises(DatabaseError, match=r"^Save with update_fields did not affect any rows\.$"):
            await User(pk=999_999, username="nobody").save(update_fields=["bio"])

    stage.run(body)


def test_update_fields_names_unknown_fields(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice")
        with pytest.raises(ValueError, match="do not exist in this model") as caught:
            await user.save(update_fields=["bio", "colour"])
        assert str(caught.value).endswith("or are non-concrete fields: colour")

    stage.run(body)


def test_expressions_are_saved_by_the_database(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice", age=30)
        user.age = F("age") + 5
        await user.save(validate=False)
        await user.refresh_from_db()
        assert user.age == 35

    stage.run(body)


def test_unsaved_related_object_is_refused(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        post = Post(title="x", author=User(username="unsaved"))
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is held below
            await post.save()
        assert str(caught.value) == ("save() prohibited to prevent data loss due to unsaved related object 'author'.")

    stage.run(body)


def test_related_object_saved_later_lends_its_key(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        author = User(username="alice")
        post = Post(title="x", author=author)
        await author.save()
        await post.save()
        assert post.author_id == author.pk

    stage.run(body)


def test_deferred_fields_are_not_overwritten(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice", bio="long")
        partly = await User.objects.only("username").get(pk=user.pk)
        await User.objects.filter(pk=user.pk).update(bio="changed")
        partly.username = "bob"
        await partly.save()
        fresh = await User.objects.get(pk=user.pk)
        assert (fresh.username, fresh.bio) == ("bob", "changed")

    stage.run(body)


def test_multi_table_parents_are_saved_and_deleted_together(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        restaurant = await Restaurant.create(name="Da Mario", serves_pizza=True)
        place = await Place.objects.get(pk=restaurant.pk)
        assert place.name == "Da Mario"
        assert restaurant.place_ptr == place
        restaurant.name = "Da Luigi"
        await restaurant.save()
        assert (await Place.objects.get()).name == "Da Luigi"
        count, labels = await restaurant.delete()
        assert (count, labels) == (2, {"integration_shop.Restaurant": 1, "integration_shop.Place": 1})

    stage.run(body)


def test_keep_parents_leaves_the_parent_row(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        restaurant = await Restaurant.create(name="Da Mario")
        await restaurant.delete(keep_parents=True)
        assert await Place.objects.count() == 1
        assert await Restaurant.objects.count() == 0

    stage.run(body)


def test_cascade_follows_a_key_declared_by_strings(stage: Stage) -> None:
    """Promise 47."""

    async def body(queries: Queries) -> None:
        alice = await User.create(username="alice")
        bob = await User.create(username="bob")
        await Profile.create(user=alice)
        post = await Post.create(title="one", author=alice, editor=bob)
        await Tag.create(name="t")
        await post.tags.add(await Tag.objects.get())
        kept = await Post.create(title="two", author=bob, editor=alice)
        assert [each.title for each in await alice.posts.all()] == ["one"]
        count, labels = await alice.delete()
        assert count == 4
        assert labels == {
            "integration_shop.Tag_posts": 1,
            "integration_shop.Profile": 1,
            "integration_shop.Post": 1,
            "integration_shop.User": 1,
        }
        await kept.refresh_from_db()
        assert kept.editor_id is None

    stage.run(body)


def test_queryset_delete_answers_with_the_count(stage: Stage) -> None:
    """Promise 64."""

    async def body(queries: Queries) -> None:
        for name in ("a", "b", "c"):
            await Tag.create(name=name)
        result = await Tag.objects.filter(name__in=["a", "b"]).delete()
        assert result[0] == 2
        assert result == (2, {"integration_shop.Tag": 2})

    stage.run(body)


def test_delete_of_many_rows_takes_as_many_queries_as_of_one(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        author = await User.create(username="alice")
        await Post.objects.bulk_create([Post(title=str(number), author=author) for number in range(300)])
        queries.clear()
        await author.delete()
        many = len(queries)
        other = await User.create(username="bob")
        await Post.create(title="one", author=other)
        queries.clear()
        await other.delete()
        assert many == len(queries)

    stage.run(body)


def test_protect_names_what_refuses(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        alice = await User.create(username="alice")
        account = await Account.create(owner=alice)
        with pytest.raises(ProtectedError) as caught:
            await alice.delete()
        assert caught.value.args[0] == (
            "Cannot delete some instances of model 'User' because they are referenced through protected foreign keys: "
            "'Account.owner'."
        )
        assert caught.value.protected_objects == {account}

    stage.run(body)


def test_restrict_names_what_refuses(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        alice = await User.create(username="alice")
        licence = await Licence.create(holder=alice)
        with pytest.raises(RestrictedError) as caught:
            await alice.delete()
        assert caught.value.args[0] == (
            "Cannot delete some instances of model 'User' because they are referenced through restricted foreign keys: "
            "'Licence.holder'."
        )
        assert caught.value.restricted_objects == {licence}

    stage.run(body)


def test_failed_cascade_deletes_nothing(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        alice = await User.create(username="alice")
        await Post.create(title="one", author=alice)

        def refuse(**kwargs: Any) -> None:
            raise RuntimeError("no")

        post_delete.connect(refuse, sender=User)
        try:
            with pytest.raises(RuntimeError):
                await alice.delete()
        finally:
            post_delete.disconnect(refuse, sender=User)
        assert (await User.objects.count(), await Post.objects.count()) == (1, 1)

    stage.run(body)


def test_save_and_delete_signals_in_order(stage: Stage) -> None:
    """Promise 104."""

    async def body(queries: Queries) -> None:
        seen: list[Any] = []

        @post_save.connect(sender=User)
        async def saved(sender: Any, instance: Any, created: bool, **kwargs: Any) -> None:
            seen.append(("post_save", created, await User.objects.filter(pk=instance.pk).exists()))

        @pre_save.connect(sender=User)
        def saving(sender: Any, instance: Any, **kwargs: Any) -> None:
            seen.append(("pre_save", instance.pk is None))

        @pre_delete.connect(sender=User)
        async def deleting(sender: Any, instance: Any, origin: Any, **kwargs: Any) -> None:
            seen.append(("pre_delete", origin is instance))

        @post_delete.connect(sender=User)
        def deleted(sender: Any, instance: Any, **kwargs: Any) -> None:
            seen.append(("post_delete", instance.pk is not None))

        user = await User.create(username="alice")
        await user.save()
        await user.delete()
        assert seen == [
            ("pre_save", True),
            ("post_save", True, True),
            ("pre_save", False),
            ("post_save", False, True),
            ("pre_delete", True),
            ("post_delete", True),
        ]

    stage.run(body)


def test_refresh_takes_a_queryset_and_names(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice", bio="old")
        await User.objects.filter(pk=user.pk).update(username="bob", bio="new")
        await user.refresh_from_db(fields=["bio"])
        assert (user.username, user.bio) == ("alice", "new")
        async with transaction():
            await user.arefresh_from_db(from_queryset=User.objects.filter(username="bob"))
        assert user.username == "bob"
        with pytest.raises(ValueError, match="Relations and transforms are not allowed in fields"):
            await user.refresh_from_db(fields=["posts__title"])

    stage.run(body)


def test_neighbours_by_date(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        author = await User.create(username="alice")
        first = await Post.create(title="first", author=author)
        second = await Post.create(title="second", author=author)
        assert await first.get_next_by_created_at() == second
        assert await second.get_previous_by_created_at() == first
        with pytest.raises(Post.DoesNotExist):
            await second.get_next_by_created_at()

    stage.run(body)


def test_order_with_respect_to_keeps_and_changes_places(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        question = await Question.create(text="?")
        answers = [await Answer.create(question=question, text=str(number)) for number in range(3)]
        keys = [answer.pk for answer in answers]
        assert list(await question.get_answer_order()) == keys
        await question.set_answer_order(keys[::-1])
        assert list(await question.get_answer_order()) == keys[::-1]
        moved = await Answer.objects.get(pk=keys[2])
        assert await moved.get_next_in_order() == answers[1]

    stage.run(body)


def test_content_of_a_failed_insert_leaves_the_instance_new(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await Tag.create(name="one")
        second = Tag(name="one")
        with pytest.raises(DatabaseError):
            await second.save()
        assert second.pk is None
        assert second._state.adding

    stage.run(body)
