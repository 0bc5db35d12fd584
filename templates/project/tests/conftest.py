"""What the tests share."""

import pytest

from covet.testing import TestClient

from app.models import Author, Post
from asgi import app


@pytest.fixture
async def client():
    """A client that talks to the application in this process."""
    async with TestClient(app) as client:
        yield client


@pytest.fixture
async def post():
    """One post by Ada."""
    author = await Author.objects.create(name="Ada")
    return await Post.objects.create(author=author, title="Notes", body="On the engine.")
