"""The JSON API."""

from typing import Any

from pydantic import BaseModel, Field, ValidationError

from covet.http import JSONResponse, Request, get_object_or_404

from app.models import Author, Post


class PostInput(BaseModel):
    """What a client sends to create a post."""

    title: str = Field(min_length=1, max_length=200)
    body: str = Field(min_length=1)
    author: str = Field(min_length=1, max_length=100)


def as_json(post: Post) -> dict[str, Any]:
    """A post as clients see it."""
    return {
        "id": post.id,
        "title": post.title,
        "body": post.body,
        "author": post.author.name,
        "created_at": post.created_at.isoformat(),
    }


async def list_posts(request: Request) -> list[dict[str, Any]]:
    """The newest fifty posts."""
    posts = await Post.objects.select_related("author").all()[:50]
    return [as_json(post) for post in posts]


async def create_post(request: Request) -> JSONResponse:
    """Creates a post, and its author on the first one."""
    try:
        data = PostInput.model_validate(request.json)
    except ValidationError as error:
        return JSONResponse({"errors": error.errors(include_url=False, include_context=False)}, status=422)
    author, _ = await Author.objects.get_or_create(name=data.author)
    post = await Post.objects.create(author=author, title=data.title, body=data.body)
    return JSONResponse(as_json(post), status=201)


async def show_post(request: Request, pk: int) -> dict[str, Any]:
    """One post."""
    post = await get_object_or_404(Post.objects.select_related("author"), pk=pk)
    return as_json(post)
