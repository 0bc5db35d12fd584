"""Tortoise ORM over asyncpg behind Starlette."""

import os
from contextlib import asynccontextmanager

import orjson
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from tortoise import Tortoise, fields
from tortoise.expressions import RawSQL
from tortoise.models import Model

SIZE = int(os.environ.get("BENCH_POOL", "10"))
pages = Environment(loader=FileSystemLoader(os.path.join(os.path.dirname(__file__), "pages")), autoescape=True)


class User(Model):
    id = fields.BigIntField(primary_key=True)
    username = fields.CharField(max_length=150)
    email = fields.CharField(max_length=254)
    age = fields.IntField()
    is_active = fields.BooleanField()
    date_joined = fields.DatetimeField()

    class Meta:
        table = "bench_user"


class Tag(Model):
    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=50)

    class Meta:
        table = "bench_tag"


class Post(Model):
    id = fields.BigIntField(primary_key=True)
    author = fields.ForeignKeyField("models.User", related_name="posts")
    title = fields.CharField(max_length=200)
    content = fields.TextField()
    views = fields.IntField()
    is_published = fields.BooleanField()
    created_at = fields.DatetimeField()
    tags = fields.ManyToManyField(
        "models.Tag", related_name="posts", through="bench_post_tags", forward_key="tag_id", backward_key="post_id"
    )

    class Meta:
        table = "bench_post"


class Comment(Model):
    id = fields.BigIntField(primary_key=True)
    post = fields.ForeignKeyField("models.Post", related_name="comments")
    author = fields.ForeignKeyField("models.User", related_name="comments")
    content = fields.TextField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "bench_comment"


class Fortune(Model):
    id = fields.BigIntField(primary_key=True)
    message = fields.CharField(max_length=2048)

    class Meta:
        table = "bench_fortune"


def answer(data):
    return Response(orjson.dumps(data), media_type="application/json")


def shown(user):
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "age": user.age,
        "is_active": user.is_active,
        "date_joined": user.date_joined,
    }


async def plaintext(request):
    return PlainTextResponse("Hello, World!")


async def hello(request):
    return answer({"message": "Hello, World!"})


async def row(request):
    return answer(shown(await User.get(id=int(request.path_params["pk"]))))


async def rows(request):
    age = 18 + int(request.query_params["from"]) % 40
    return answer([shown(user) for user in await User.filter(age__gte=age).order_by("id").limit(20)])


async def complex_join(request):
    counted = RawSQL('(SELECT COUNT(*) FROM bench_comment WHERE bench_comment.post_id = "bench_post"."id")')
    posts = (
        await Post.filter(is_published=True, views__gte=int(request.query_params["from"]) % 3000)
        .annotate(comment_count=counted)
        .select_related("author")
        .order_by("-created_at")
        .limit(20)
    )
    return answer(
        [
            {
                "id": post.id,
                "title": post.title,
                "created_at": post.created_at,
                "author": post.author.username,
                "comments": post.comment_count,
            }
            for post in posts
        ]
    )


async def m2m(request):
    first = int(request.query_params["from"])
    posts = await Post.filter(id__gte=first).order_by("id").limit(20).prefetch_related("tags")
    return answer([{"id": post.id, "title": post.title, "tags": [tag.name for tag in post.tags]} for post in posts])


async def queries(request):
    first = int(request.path_params["first"])
    return answer([shown(await User.get(id=(first + step * 97) % 9000 + 1)) for step in range(20)])


async def fortunes(request):
    found = await Fortune.all()
    found.append(Fortune(id=0, message="Additional fortune added at request time."))
    found.sort(key=lambda fortune: fortune.message)
    return HTMLResponse(pages.get_template("fortunes.html").render(fortunes=found))


async def insert(request):
    data = await request.json()
    comment = await Comment.create(post_id=data["post"], author_id=data["author"], content=data["content"])
    return answer({"id": comment.id})


async def update(request):
    user = await User.get(id=int(request.path_params["pk"]))
    user.age = user.age % 60 + 18
    await user.save(update_fields=["age"])
    return answer({"id": user.id, "age": user.age})


@asynccontextmanager
async def lifespan(_app):
    await Tortoise.init(
        db_url=os.environ["BENCH_DSN"].replace("postgresql://", "asyncpg://") + f"?minsize={SIZE}&maxsize={SIZE}",
        modules={"models": [__name__]},
        _enable_global_fallback=True,  # Starlette runs its lifespan in another task than requests
    )
    yield
    await Tortoise.close_connections()


app = Starlette(
    routes=[
        Route("/plaintext", plaintext),
        Route("/json", hello),
        Route("/row/{pk:int}", row),
        Route("/rows", rows),
        Route("/complex", complex_join),
        Route("/natural", complex_join),
        Route("/m2m", m2m),
        Route("/queries/{first:int}", queries),
        Route("/fortunes", fortunes),
        Route("/insert", insert, methods=["POST"]),
        Route("/update/{pk:int}", update, methods=["POST"]),
    ],
    lifespan=lifespan,
)
