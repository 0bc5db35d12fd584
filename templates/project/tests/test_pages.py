"""The pages."""


async def test_welcome_page_answers(client):
    response = await client.get("/")
    assert response.status_code == 200
    assert "@@project_title@@" in response.text


async def test_post_list_shows_titles_and_authors(client, post):
    response = await client.get("/posts/")
    assert response.status_code == 200
    assert "Notes" in response.text
    assert "Ada" in response.text


async def test_post_page_shows_the_body(client, post):
    response = await client.get(f"/posts/{post.pk}/")
    assert response.status_code == 200
    assert "On the engine." in response.text


async def test_missing_post_is_not_found(client):
    response = await client.get("/posts/999/")
    assert response.status_code == 404
