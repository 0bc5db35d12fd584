"""CovetPy as its documentation has it: models, a router, handlers, a template."""

import os

os.environ.setdefault("COVET_SETTINGS_MODULE", "benchmarks.servers.covet_settings")

from covet.app import Covet  # noqa: E402 - settings come first
from covet.database.orm import (  # noqa: E402
    CASCADE,
    BooleanField,
    CharField,
    Count,
    DateTimeField,
    EmailField,
    ForeignKey,
    IntegerField,
    ManyToManyField,
    Model,
    OuterRef,
    Subquery,
    TextField,
)
from covet.database.orm.functions import Coalesce  # noqa: E402
from covet.routing import Router  # noqa: E402
from covet.templates import render  # noqa: E402


class User(Model):
    username = CharField(max_length=150, unique=True)
    email = EmailField()
    age = IntegerField()
    is_active = BooleanField(default=True)
    date_joined = DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"


class Post(Model):
    author = ForeignKey(User, on_delete=CASCADE, related_name="posts")
    title = CharField(max_length=200)
    content = TextField()
    views = IntegerField()
    is_published = BooleanField()
    created_at = DateTimeField(auto_now_add=True)
    tags = ManyToManyField("Tag", related_name="posts")

    class Meta:
        app_label = "bench"


class Comment(Model):
    post = ForeignKey(Post, on_delete=CASCADE, related_name="comments")
    author = ForeignKey(User, on_delete=CASCADE, related_name="comments")
    content = TextField()
    created_at = DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"


class Tag(Model):
    name = CharField(max_length=50, unique=True)

    class Meta:
        app_label = "bench"


class Fortune(Model):
    message = CharField(max_length=2048)

    class Meta:
        app_label = "bench"


router = Router()
counted = Coalesce(
    Subquery(Comment.objects.filter(post=OuterRef("pk")).order_by().values("post").annotate(n=Count("id")).values("n")),
    0,
)


def shown(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "age": user.age,
        "is_active": user.is_active,
        "date_joined": user.date_joined,
    }


@router.get("/plaintext")
async def plaintext(request):
    return "Hello, World!"


@router.get("/json")
async def json(request):
    return {"message": "Hello, World!"}


@router.get("/row/{pk:int}")
async def row(request, pk):
    return shown(await User.objects.get(id=pk))


@router.get("/rows")
async def rows(request):
    age = 18 + int(request.query_params["from"]) % 40
    return [shown(user) for user in await User.objects.filter(age__gte=age).order_by("id")[:20]]


def listed(posts):
    return [
        {
            "id": post.id,
            "title": post.title,
            "created_at": post.created_at,
            "author": post.author.username,
            "comments": post.comment_count,
        }
        for post in posts
    ]


@router.get("/complex")
async def complex_join(request):
    least = int(request.query_params["from"]) % 3000
    return listed(
        await Post.objects.select_related("author")
        .annotate(comment_count=counted)
        .filter(is_published=True, views__gte=least)
        .order_by("-created_at")[:20]
    )


@router.get("/natural")
async def natural(request):
    least = int(request.query_params["from"]) % 3000
    return listed(
        await Post.objects.select_related("author")
        .annotate(comment_count=Count("comments"))
        .filter(is_published=True, views__gte=least)
        .order_by("-created_at")[:20]
    )


@router.get("/m2m")
async def m2m(request):
    first = int(request.query_params["from"])
    posts = await Post.objects.filter(id__gte=first).order_by("id").prefetch_related("tags")[:20]
    return [{"id": post.id, "title": post.title, "tags": [tag.name for tag in post.tags.all()]} for post in posts]


@router.get("/queries/{first:int}")
async def queries(request, first):
    return [shown(await User.objects.get(id=(first + step * 97) % 9000 + 1)) for step in range(20)]


@router.get("/fortunes")
async def fortunes(request):
    found = await Fortune.objects.all()
    listed = [*found, Fortune(id=0, message="Additional fortune added at request time.")]
    listed.sort(key=lambda fortune: fortune.message)
    return await render("fortunes.html", {"fortunes": listed})


@router.post("/insert")
async def insert(request):
    data = request.json
    comment = await Comment.objects.create(post_id=data["post"], author_id=data["author"], content=data["content"])
    return {"id": comment.id}


@router.post("/update/{pk:int}")
async def update(request, pk):
    user = await User.objects.get(id=pk)
    user.age = user.age % 60 + 18
    await user.save(update_fields=["age"])
    return {"id": user.id, "age": user.age}


app = Covet(router=router)
