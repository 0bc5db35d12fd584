"""Relations at run time: reading, batching, managers, prefetching, and what is refused."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref
from typing import Any

import pytest

from covet.database.orm import Prefetch, Q, prefetch_related_objects
from covet.database.orm.signals import m2m_changed
from covet.exceptions import RelationNotLoaded
from tests.integration.orm.shop import Car, Note, Place, Post, Profile, Queries, Restaurant, Stage, Tag, User


async def write_blog(authors: int = 3, posts: int = 6) -> list[Any]:
    """`posts` posts spread over `authors` authors, each with a profile."""
    writers = [await User.create(username=f"author{number}") for number in range(authors)]
    for writer in writers:
        await Profile.create(user=writer, motto=f"motto of {writer.username}")
    return [await Post.create(title=f"post{number}", author=writers[number % authors]) for number in range(posts)]


def test_loop_over_posts_and_their_authors_is_two_queries(stage: Stage) -> None:
    """Promise 12."""

    async def body(queries: Queries) -> None:
        await write_blog()
        queries.clear()
        posts = await Post.objects.all()
        names = [post.author.username for post in posts]
        assert names == ["author0", "author1", "author2"] * 2
        assert len(queries) == 2

    stage.run(body)


def test_authors_are_awaited_in_one_query_too(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        queries.clear()
        posts = await Post.objects.all()
        authors = await asyncio.gather(*[post.aauthor for post in posts])
        assert [author.username for author in authors] == ["author0", "author1", "author2"] * 2
        assert len(queries) == 2
        assert await posts[0].author is posts[0].author

    stage.run(body)


def test_chain_of_relations_is_a_query_for_each_step(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        queries.clear()
        posts = await Post.objects.all()
        assert {post.author.profile.motto for post in posts} == {f"motto of author{number}" for number in range(3)}
        assert len(queries) == 3

    stage.run(body)


def test_missing_reverse_one_to_one_is_known_for_all_peers(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await User.create(username="a")
        await User.create(username="b")
        queries.clear()
        for user in await User.objects.all():
            with pytest.raises(User.profile.RelatedObjectDoesNotExist, match=r"^User has no profile\.$"):
                _ = user.profile
            assert not hasattr(user, "profile")
        assert len(queries) == 2

    stage.run(body)


def test_reverse_managers_share_a_query(stage: Stage) -> None:
    """Promise 48."""

    async def body(queries: Queries) -> None:
        await write_blog()
        queries.clear()
        found = {user.username: [post.title for post in await user.posts.all()] for user in await User.objects.all()}
        assert found == {"author0": ["post0", "post3"], "author1": ["post1", "post4"], "author2": ["post2", "post5"]}
        assert len(queries) == 2
        user = await User.objects.get(username="author0")
        assert [post.title for post in await user.posts.all().limit(1)] == ["post0"]
        assert [post.title async for post in user.posts.order_by("-pk")] == ["post3", "post0"]

    stage.run(body)


def test_many_to_many_managers_share_a_query(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog()
        one, two = await Tag.create(name="one"), await Tag.create(name="two")
        await one.posts.add(*posts[:2])
        await posts[0].tags.add(two)
        queries.clear()
        found = [[tag.name for tag in await post.tags.all()] for post in await Post.objects.all()]
        assert found == [["one", "two"], ["one"], [], [], [], []]
        assert len(queries) == 2

    stage.run(body)


def test_objects_from_a_batch_know_whose_they_are(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        users = await User.objects.all()
        for user in users:
            for post in await user.posts.all():
                assert post.author is user

    stage.run(body)


def test_a_batch_is_not_older_than_what_this_task_wrote(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        posts = await Post.objects.all()
        assert posts[0].author.username == "author0"
        await User.objects.filter(username="author1").update(username="renamed")
        assert posts[1].author.username == "renamed"
        users = await User.objects.all()
        assert len(await users[0].posts.all()) == 2
        await Post.create(title="new", author=users[1])
        assert len(await users[1].posts.all()) == 3
        assert len(await users[0].posts.all()) == 2

    stage.run(body)


def test_writing_to_another_table_keeps_the_batch(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        posts = await Post.objects.all()
        queries.clear()
        for post in posts:
            post.title = f"{post.title} by {post.author.username}"
            await post.save()
        assert len(queries) == 1 + len(posts)

    stage.run(body)


def test_asking_twice_asks_the_database_twice(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        users = await User.objects.all()
        await users[0].posts.all()
        queries.clear()
        await users[0].posts.all()
        assert len(queries) == 1

    stage.run(body)


def test_groups_keep_no_instance_alive(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        gc.collect()
        gc.disable()
        try:
            posts = await Post.objects.all()
            assert posts[0].author.username
            assert len(await posts[0].author.posts.all()) == 2
            watched = [weakref.ref(post) for post in posts]
            survivor = posts[2]
            del posts
            # By counting alone: nothing waits for the cycle collector.
            assert [reference() is not None for reference in watched] == [False, False, True, False, False, False]
            queries.clear()
            assert survivor.author.username == "author2"
            assert not queries
        finally:
            gc.enable()

    stage.run(body)


def test_reading_prefetched_relations_keeps_no_instance_alive(stage: Stage) -> None:
    async def body(_queries: Queries) -> None:
        posts = await write_blog()
        tag = await Tag.create(name="one")
        await tag.posts.add(*posts)
        gc.collect()
        gc.disable()
        try:
            found = await Post.objects.prefetch_related("tags")
            narrowed = await Post.objects.prefetch_related(Prefetch("tags", Tag.objects.filter(name="two")))
            assert [[tag.name for tag in post.tags.all()] for post in found] == [["one"]] * 6
            assert [list(post.tags.all()) for post in narrowed] == [[]] * 6
            watched = [weakref.ref(instance) for instance in (*found, *narrowed)]
            del found, narrowed
            assert [reference for reference in watched if reference() is not None] == []
        finally:
            gc.enable()

    stage.run(body)


def test_prefetched_rows_can_be_chained_on(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog()
        for name in ("one", "two"):
            await (await Tag.create(name=name)).posts.add(*posts[:2])
        found = await Post.objects.prefetch_related("tags")
        queries.clear()
        assert [tag.name for tag in found[0].tags.all()] == ["one", "two"]
        assert bool(found[0].tags.all())
        assert len(found[5].tags.all()) == 0
        assert [tag.name for tag in found[0].tags.all()[1:2]] == ["two"]
        assert not queries
        assert [tag.name for tag in await found[0].tags.all().filter(name="two")] == ["two"]
        assert len(queries) == 1

    stage.run(body)


def test_prefetch_is_the_same_the_second_time(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog()
        await (await Tag.create(name="one")).posts.add(*posts[::2])
        queries.clear()
        seen = []
        for _ in range(3):
            found = await Post.objects.prefetch_related("tags", "author__posts").order_by("pk")
            seen.append([([tag.name for tag in post.tags.all()], len(post.author.posts.all())) for post in found])
        assert seen[0] == seen[1] == seen[2] == [(["one"], 2), ([], 2)] * 3
        assert len(set(queries)) == 4
        assert len(queries) == 12
        # Keys of another kind are another shape: nothing is repeated for them.
        assert await Post.objects.filter(pk__in=[]).prefetch_related("tags") == []

    stage.run(body)


def test_copies_and_pickles_leave_the_group(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        posts = await Post.objects.all()
        travelled = pickle.loads(pickle.dumps(posts[0]))
        copied = copy.deepcopy(posts[1])
        queries.clear()
        assert travelled.author.username == "author0"
        assert copied.author.username == "author1"
        assert len(queries) == 2
        assert not any("ANY (" in sql or "json_each" in sql for sql in queries)

    stage.run(body)


def test_deferred_fields_load_for_all_peers(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        queries.clear()
        posts = await Post.objects.only("title")
        assert [post.slug for post in posts] == [f"post{number}" for number in range(6)]
        assert len(queries) == 2

    stage.run(body)


def test_outside_a_portal_the_error_names_the_remedy(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        post = await Post.objects.first()

        def read() -> Any:
            return post.author

        loop = asyncio.get_running_loop()
        with pytest.raises(RelationNotLoaded) as caught:
            await loop.run_in_executor(None, read)
        assert str(caught.value) == (
            "Post.author is not loaded, and outside a portal nothing can wait for it; use `select_related('author')` "
            "in the query, or `await` the attribute `aauthor`"
        )

    stage.run(body)


def test_implicit_loading_may_raise_or_warn(stage: Stage) -> None:
    async def raising(queries: Queries) -> None:
        await write_blog()
        post = await Post.objects.first()
        with pytest.raises(RelationNotLoaded, match="IMPLICIT_LOADING is 'raise'"):
            _ = post.author
        assert (await post.aauthor).username == "author0"
        assert post.author.username == "author0"

    async def warning(queries: Queries) -> None:
        await write_blog()
        post = await Post.objects.first()
        with pytest.warns(RuntimeWarning, match=r"^Post\.author was loaded implicitly; use `select_related"):
            assert post.author.username == "author0"

    stage.run(raising, IMPLICIT_LOADING="raise")
    stage.run(warning, IMPLICIT_LOADING="warn")


def test_select_related_and_prefetch_related_count_their_queries(stage: Stage) -> None:
    """Promise 60."""

    async def body(queries: Queries) -> None:
        posts = await write_blog()
        tag = await Tag.create(name="one")
        await tag.posts.add(*posts)
        queries.clear()
        assert {post.author.username for post in await Post.objects.select_related("author")} == {
            "author0",
            "author1",
            "author2",
        }
        assert len(queries) == 1
        queries.clear()
        for post in await Post.objects.prefetch_related("tags"):
            assert [each.name for each in post.tags.all()] == ["one"]
            assert await post.tags.count() == 1
        assert len(queries) == 2
        queries.clear()
        for post in await Post.objects.select_related("author").prefetch_related("tags", "author__posts"):
            assert len(post.author.posts.all()) == 2
        assert len(queries) == 3

    stage.run(body)


def test_rows_of_a_prefetch_have_the_attributes_of_others(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog()
        tag = await Tag.create(name="one")
        await tag.posts.add(*posts)
        (plain,) = await Tag.objects.all()
        for _ in range(2):
            page = await Post.objects.prefetch_related("tags").order_by("pk")
            assert [[each.name for each in post.tags.all()] for post in page] == [["one"]] * 6
            assert {*vars(page[0].tags.all()[0])} == {*vars(plain)}
        (chosen,) = (await Post.objects.prefetch_related(Prefetch("tags", Tag.objects.filter(name="one")))[:1])[
            0
        ].tags.all()
        assert chosen == plain

    stage.run(body)


def test_prefetch_takes_a_queryset_and_an_attribute(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog()
        queries.clear()
        users = await User.objects.prefetch_related(
            Prefetch("posts", queryset=Post.objects.filter(title__gte="post3"), to_attr="late_posts")
        )
        assert [[post.title for post in user.late_posts] for user in users] == [["post3"], ["post4"], ["post5"]]
        assert len(queries) == 2
        assert len(await users[0].posts.all()) == 2

    stage.run(body)


def test_prefetch_of_a_slice_is_a_slice_for_each(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await write_blog(authors=2, posts=8)
        queries.clear()
        users = await User.objects.prefetch_related(Prefetch("posts", queryset=Post.objects.order_by("-pk")[:2]))
        assert [[post.title for post in user.posts.all()] for user in users] == [["post6", "post4"], ["post7", "post5"]]
        assert len(queries) == 2

    stage.run(body)


def test_prefetch_of_instances_that_are_here(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog()
        fresh = [await Post.objects.get(pk=post.pk) for post in posts]
        queries.clear()
        await prefetch_related_objects(fresh, "author__profile", "tags")
        assert len(queries) == 3
        with pytest.raises(AttributeError) as caught:
            await prefetch_related_objects(fresh, "colour")
        assert str(caught.value) == (
            "Cannot find 'colour' on Post object, 'colour' is an invalid parameter to prefetch_related()"
        )
        with pytest.raises(ValueError, match="does not resolve to an item that supports prefetching"):
            await prefetch_related_objects(fresh, "title")

    stage.run(body)


def test_async_manager_narrows_its_queries(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog(authors=1, posts=3)
        posts[0].is_published = False
        await posts[0].save()
        assert [post.title for post in await Post.published.all()] == ["post1", "post2"]
        author = await User.objects.get()
        assert [post.title for post in await author.posts(manager="published").all()] == ["post1", "post2"]
        assert await author.posts(manager="published").filter(title="post0").count() == 0

    stage.run(body)


def test_reverse_manager_writes(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        alice, bob = await User.create(username="alice"), await User.create(username="bob")
        post = await alice.posts.create(title="one")
        assert post.author is alice
        await alice.edited.add(post)
        await post.refresh_from_db()
        assert post.editor_id == alice.pk
        other = await bob.posts.create(title="two")
        await alice.edited.set([other])
        assert [each.title for each in await alice.edited.all()] == ["two"]
        await post.refresh_from_db()
        with pytest.raises(User.DoesNotExist, match=r"^<Post: one> is not related to <User: alice>\.$"):
            await alice.edited.remove(post)
        await alice.edited.clear()
        assert not await alice.edited.exists()
        assert not hasattr(alice.posts, "remove")
        made, created = await alice.posts.get_or_create(title="three")
        assert created
        assert made.author_id == alice.pk
        with pytest.raises(TypeError, match=r"^'Post' instance expected, got <User: bob>$"):
            await alice.edited.add(bob)
        with pytest.raises(ValueError, match=r"isn't saved\. Use bulk=False or save the object first\.$"):
            await alice.edited.add(Post(title="unsaved", author=bob))

    stage.run(body)


def test_many_to_many_manager_writes_and_announces(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        (post,) = await write_blog(authors=1, posts=1)
        one, two = await Tag.create(name="one"), await Tag.create(name="two")
        seen: list[Any] = []

        @m2m_changed.connect(sender=Post.tags.through)
        async def changed(action: str, pk_set: Any, reverse: bool, **kwargs: Any) -> None:
            seen.append((action, pk_set, reverse))

        await post.tags.add(one, two.pk)
        await post.tags.add(one)
        await post.tags.remove(two)
        await post.tags.set([two])
        await post.tags.clear()
        assert seen == [
            ("pre_add", {one.pk, two.pk}, True),
            ("post_add", {one.pk, two.pk}, True),
            ("pre_add", set(), True),
            ("post_add", set(), True),
            ("pre_remove", {two.pk}, True),
            ("post_remove", {two.pk}, True),
            ("pre_remove", {one.pk}, True),
            ("post_remove", {one.pk}, True),
            ("pre_add", {two.pk}, True),
            ("post_add", {two.pk}, True),
            ("pre_clear", None, True),
            ("post_clear", None, True),
        ]
        made = await post.tags.acreate(name="three")
        assert [tag.name for tag in await post.tags.all()] == [made.name]
        m2m_changed.disconnect(changed, sender=Post.tags.through)

    stage.run(body)


def test_adding_twice_is_one_link_and_one_statement(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        (post,) = await write_blog(authors=1, posts=1)
        tag = await Tag.create(name="one")
        await post.tags.add(tag)
        queries.clear()
        await post.tags.add(tag)
        assert len(queries) == 1
        assert await post.tags.count() == 1

    stage.run(body)


def test_assignment_is_checked(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        (post,) = await write_blog(authors=1, posts=1)
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is held below
            post.author = post
        assert str(caught.value) == f'Cannot assign "{post!r}": "Post.author" must be a "User" instance.'
        with pytest.raises(TypeError) as refused:
            post.tags = []
        assert str(refused.value) == (
            "Direct assignment to the reverse side of a many-to-many set is prohibited. Use tags.set() instead."
        )

    stage.run(body)


def test_another_key_forgets_the_related_object(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        posts = await write_blog(authors=2, posts=2)
        post = await Post.objects.select_related("author").get(pk=posts[0].pk)
        assert post.author.username == "author0"
        post.author_id = posts[1].author_id
        assert post.author.username == "author1"

    stage.run(body)


def test_parent_of_a_multi_table_child_needs_no_query(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        await Restaurant.create(name="Da Mario")
        restaurant = await Restaurant.objects.get()
        queries.clear()
        assert restaurant.place_ptr.name == "Da Mario"
        assert not queries
        assert (await Place.objects.get()).restaurant == restaurant

    stage.run(body)


def test_generic_relations_batch_filter_and_cascade(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        red, blue = await Car.create(name="red"), await Car.create(name="blue")
        user = await User.create(username="alice")
        await red.notes.create(text="fast")
        await blue.notes.create(text="slow")
        await Note.create(text="human", subject=user)
        queries.clear()
        notes = await Note.objects.all()
        assert [str(getattr(note.subject, "name", note.subject)) for note in notes] == ["red", "blue", "alice"]
        assert len(queries) == 3
        queries.clear()
        assert [[note.text for note in await car.notes.all()] for car in await Car.objects.all()] == [
            ["fast"],
            ["slow"],
        ]
        assert len(queries) == 2
        assert [car.name for car in await Car.objects.filter(notes__text="slow")] == ["blue"]
        assert [note.text for note in await Note.objects.filter(car__name="red")] == ["fast"]
        assert await red.delete() == (2, {"integration_shop.Note": 1, "integration_shop.Car": 1})
        assert (await notes[2].asubject) == user

    stage.run(body)


def test_generic_key_is_filled_in_where_nothing_can_wait(stage: Stage) -> None:
    async def body(queries: Queries) -> None:
        user = await User.create(username="alice")
        loop = asyncio.get_running_loop()
        note = await loop.run_in_executor(None, lambda: Note(text="x", subject=user))
        assert note.subject is user
        with pytest.raises(ValueError, match=r"^bulk_create\(\) cannot store 'subject': the content type of User"):
            await Note.objects.bulk_create([note])
        await note.save()
        assert (await Note.objects.get()).object_id == user.pk

    stage.run(body)


def test_negation_within_one_filter_means_the_row_that_is_joined(stage: Stage) -> None:
    """Django ties the negated condition to the row its neighbour joined, behind a forward relation too."""

    async def body(queries: Queries) -> None:
        posts = await write_blog(authors=1, posts=2)
        other = ~Q(user__posts__title=posts[0].title)
        within = Profile.objects.filter(Q(user__posts__isnull=False) & other)
        assert await within.values_list("user__posts__title", flat=True) == [posts[1].title]
        assert await Profile.objects.filter(user__posts__isnull=False).filter(other) == []

    stage.run(body)


def test_negation_of_having_none_means_having_one(stage: Stage) -> None:
    """There is no row to be tied to: beside its contrary the condition finds nobody."""

    async def body(queries: Queries) -> None:
        idle = await User.create(username="idle")
        none = Q(posts__id__isnull=True)
        assert await User.objects.filter(none) == [idle]
        assert await User.objects.filter(none & ~none) == []
        assert await User.objects.filter(none & ~Q(edited__id__isnull=False)) == [idle]

    stage.run(body)


def test_an_earlier_join_of_the_table_unties_a_negated_condition(stage: Stage) -> None:
    """As in Django, which knows a joined row by its table's alias: another join of the table has taken the name."""

    async def body(queries: Queries) -> None:
        posts = await write_blog(authors=1, posts=2)
        await Post.objects.filter(title=posts[0].title).update(editor=posts[0].author)
        within = Q(posts__isnull=False) & ~Q(posts__title=posts[0].title)
        assert await User.objects.filter(within).values_list("posts__title", flat=True) == [posts[1].title]
        assert await User.objects.filter(edited__isnull=False).filter(within) == []

    stage.run(body)


def test_negated_condition_is_never_about_another_relations_row(stage: Stage) -> None:
    """Django compares the post that is written with the one that is edited here: both stand under one alias."""

    async def body(queries: Queries) -> None:
        author = await User.create(username="author")
        await Post.create(title="written", author=author)
        await Post.create(title="edited", author=await User.create(username="other"), editor=author)
        written = Q(posts__title="written", username="author")
        assert await User.objects.filter(written & ~Q(edited__title="edited")) == []
        assert await User.objects.filter(written & ~Q(edited__title="written")) == [author]

    stage.run(body)
