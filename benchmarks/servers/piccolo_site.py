"""Piccolo over asyncpg behind Starlette."""

import os
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import orjson
from jinja2 import Environment, FileSystemLoader
from piccolo.columns import BigInt, BigSerial, Boolean, ForeignKey, Integer, Text, Timestamptz, Varchar
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

_url = urlsplit(os.environ["BENCH_DSN"])
SIZE = int(os.environ.get("BENCH_POOL", "10"))
DB = PostgresEngine(
    config={
        "host": _url.hostname,
        "port": _url.port or 5432,
        "user": _url.username,
        "password": _url.password or "",
        "database": _url.path[1:],
    }
)
pages = Environment(loader=FileSystemLoader(os.path.join(os.path.dirname(__file__), "pages")), autoescape=True)


class User(Table, tablename="bench_user", db=DB):
    id = BigSerial(primary_key=True)
    username = Varchar(150)
    email = Varchar(254)
    age = Integer()
    is_active = Boolean()
    date_joined = Timestamptz()


class Post(Table, tablename="bench_post", db=DB):
    id = BigSerial(primary_key=True)
    author_id = ForeignKey(User)
    title = Varchar(200)
    content = Text()
    views = Integer()
    is_published = Boolean()
    created_at = Timestamptz()


class Comment(Table, tablename="bench_comment", db=DB):
    id = BigSerial(primary_key=True)
    post_id = BigInt()
    author_id = BigInt()
    content = Text()
    created_at = Timestamptz()


class Fortune(Table, tablename="bench_fortune", db=DB):
    id = BigSerial(primary_key=True)
    message = Varchar(2048)


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
    return answer(shown(await User.objects().get(User.id == int(request.path_params["pk"]))))


async def rows(request):
    age = 18 + int(request.query_params["from"]) % 40
    return answer([shown(user) for user in await User.objects().where(User.age >= age).order_by(User.id).limit(20)])


async def queries(request):
    first = int(request.path_params["first"])
    return answer([shown(await User.objects().get(User.id == (first + step * 97) % 9000 + 1)) for step in range(20)])


async def fortunes(request):
    found = [(fortune.id, fortune.message) for fortune in await Fortune.objects()]
    found.append((0, "Additional fortune added at request time."))
    found.sort(key=lambda pair: pair[1])
    listed = [{"id": number, "message": text} for number, text in found]
    return HTMLResponse(pages.get_template("fortunes.html").render(fortunes=listed))


async def insert(request):
    data = await request.json()
    comment = Comment(post_id=data["post"], author_id=data["author"], content=data["content"])
    await comment.save()
    return answer({"id": comment.id})


async def update(request):
    user = await User.objects().get(User.id == int(request.path_params["pk"]))
    user.age = user.age % 60 + 18
    await user.save([User.age])
    return answer({"id": user.id, "age": user.age})


@asynccontextmanager
async def lifespan(_app):
    await DB.start_connection_pool(min_size=SIZE, max_size=SIZE)
    yield
    await DB.close_connection_pool()


app = Starlette(
    routes=[
        Route("/plaintext", plaintext),
        Route("/json", hello),
        Route("/row/{pk:int}", row),
        Route("/rows", rows),
        Route("/queries/{first:int}", queries),
        Route("/fortunes", fortunes),
        Route("/insert", insert, methods=["POST"]),
        Route("/update/{pk:int}", update, methods=["POST"]),
    ],
    lifespan=lifespan,
)
