"""The JSON API."""

from app.models import Author, Post


async def test_created_post_is_listed(client):
    created = await client.post("/api/posts/", json={"title": "Hello", "body": "World", "author": "Ada"})
    assert created.status_code == 201
    listed = await client.get("/api/posts/")
    assert [post["title"] for post in listed.json()] == ["Hello"]
    assert listed.json()[0]["author"] == "Ada"


async def test_second_post_reuses_its_author(client, post):
    await client.post("/api/posts/", json={"title": "More", "body": "…", "author": "Ada"})
    assert await Author.objects.count() == 1
    assert await Post.objects.count() == 2


async def test_bad_post_is_refused_with_the_reason(client):
    response = await client.post("/api/posts/", json={"title": "", "body": "World"})
    assert response.status_code == 422
    assert {error["loc"][0] for error in response.json()["errors"]} == {"title", "author"}
    assert await Post.objects.count() == 0


async def test_one_post_is_shown(client, post):
    response = await client.get(f"/api/posts/{post.pk}/")
    assert response.json()["title"] == "Notes"
