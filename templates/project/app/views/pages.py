"""The pages people read."""

import platform

import covet
from covet.conf import settings
from covet.http import Request, Response, get_object_or_404
from covet.templates import render

from app.models import Post


async def welcome(request: Request) -> Response:
    """The first page of a new project; replace it with your own."""
    context = {
        "version": covet.__version__,
        "python": platform.python_version(),
        "database": settings.DATABASE.vendor,
        "post_count": await Post.objects.count(),
    }
    return await render("welcome.html", context)


async def post_list(request: Request) -> Response:
    """All posts, the newest first. The template reads `post.author`: all authors come in one query."""
    posts = await Post.objects.all()[:50]
    return await render("posts/list.html", {"posts": posts})


async def post_detail(request: Request, pk: int) -> Response:
    """One post."""
    post = await get_object_or_404(Post.objects.select_related("author"), pk=pk)
    return await render("posts/detail.html", {"post": post})
