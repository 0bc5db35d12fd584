"""The floor: bare ASGI and raw asyncpg, SQL and JSON written by hand. Nothing can be much cheaper.

Connections are handed over by hand too: asyncpg's own pool resets a connection each time it comes back, which is
a round trip to the server for every query.
"""

import asyncio
import datetime as dt
import html
import os
from collections import deque
from urllib.parse import parse_qs

import asyncpg
import orjson

DSN = os.environ["BENCH_DSN"]
SIZE = int(os.environ.get("BENCH_POOL", "10"))
USER = "SELECT id, username, email, age, is_active, date_joined FROM bench_user"
ONE = f"{USER} WHERE id = $1"
TWENTY = f"{USER} WHERE age >= $1 ORDER BY id LIMIT 20"
# What Django and CovetPy send for `complex`; `natural` is the same page with what it shows and no more.
COMPLEX = (
    "SELECT p.id, p.author_id, p.title, p.content, p.views, p.is_published, p.created_at, "
    "u.id, u.username, u.email, u.age, u.is_active, u.date_joined, "
    "COALESCE((SELECT count(c.id) FROM bench_comment c WHERE c.post_id = p.id GROUP BY c.post_id), 0) "
    "FROM bench_post p JOIN bench_user u ON p.author_id = u.id WHERE p.is_published AND p.views >= $1 "
    "ORDER BY p.created_at DESC LIMIT 20"
)
NATURAL = (
    "SELECT p.id, p.title, p.created_at, u.username, (SELECT count(c.id) FROM bench_comment c WHERE c.post_id = p.id) "
    "FROM bench_post p JOIN bench_user u ON p.author_id = u.id WHERE p.is_published AND p.views >= $1 "
    "ORDER BY p.created_at DESC LIMIT 20"
)
# The columns that Django and CovetPy ask for in `m2m`, too.
PAGE = (
    "SELECT id, author_id, title, content, views, is_published, created_at FROM bench_post "
    "WHERE id >= $1 ORDER BY id LIMIT 20"
)
TAGS = (
    "SELECT t.id, t.name, m.post_id FROM bench_tag t JOIN bench_post_tags m ON m.tag_id = t.id "
    "WHERE m.post_id = ANY($1)"
)
idle: deque[asyncpg.Connection] = deque()
waiting: deque[asyncio.Future[asyncpg.Connection]] = deque()


async def start() -> None:
    idle.extend([await asyncpg.connect(DSN, command_timeout=30) for _ in range(SIZE)])


class Lease:
    """`async with Lease() as connection`: the one used last, or the next that comes free."""

    async def __aenter__(self) -> asyncpg.Connection:
        if idle:
            self.connection = idle.pop()
        else:
            turn = asyncio.get_running_loop().create_future()
            waiting.append(turn)
            self.connection = await turn
        return self.connection

    async def __aexit__(self, *_: object) -> None:
        if waiting:
            waiting.popleft().set_result(self.connection)
        else:
            idle.append(self.connection)


def user(row: asyncpg.Record) -> dict[str, object]:
    return {
        "id": row[0],
        "username": row[1],
        "email": row[2],
        "age": row[3],
        "is_active": row[4],
        "date_joined": row[5],
    }


async def answer(method: str, path: str, query: bytes, body: bytes) -> tuple[bytes, bytes]:
    name, _, tail = path[1:].partition("/")
    if name == "plaintext":
        return b"Hello, World!", b"text/plain"
    if name == "json":
        return orjson.dumps({"message": "Hello, World!"}), b"application/json"
    if name == "row":
        async with Lease() as connection:
            row = await connection.fetchrow(ONE, int(tail))
        return orjson.dumps(user(row)), b"application/json"
    if name == "rows":
        age = 18 + int(parse_qs(query)[b"from"][0]) % 40
        async with Lease() as connection:
            rows = await connection.fetch(TWENTY, age)
        return orjson.dumps([user(row) for row in rows]), b"application/json"
    if name == "complex":
        async with Lease() as connection:
            rows = await connection.fetch(COMPLEX, int(parse_qs(query)[b"from"][0]) % 3000)
        listed = [
            {"id": row[0], "title": row[2], "created_at": row[6], "author": row[8], "comments": row[13]} for row in rows
        ]
        return orjson.dumps(listed), b"application/json"
    if name == "natural":
        async with Lease() as connection:
            rows = await connection.fetch(NATURAL, int(parse_qs(query)[b"from"][0]) % 3000)
        listed = [
            {"id": row[0], "title": row[1], "created_at": row[2], "author": row[3], "comments": row[4]} for row in rows
        ]
        return orjson.dumps(listed), b"application/json"
    if name == "m2m":
        async with Lease() as connection:
            posts = await connection.fetch(PAGE, int(parse_qs(query)[b"from"][0]))
            tags = await connection.fetch(TAGS, [row[0] for row in posts])
        by_post: dict[int, list[str]] = {}
        for row in tags:
            by_post.setdefault(row[2], []).append(row[1])
        return orjson.dumps(
            [{"id": row[0], "title": row[2], "tags": by_post.get(row[0], [])} for row in posts]
        ), b"application/json"
    if name == "queries":
        first = int(tail)
        async with Lease() as connection:
            rows = [await connection.fetchrow(ONE, (first + step * 97) % 9000 + 1) for step in range(20)]
        return orjson.dumps([user(row) for row in rows]), b"application/json"
    if name == "fortunes":
        async with Lease() as connection:
            found = await connection.fetch("SELECT id, message FROM bench_fortune")
        rows = [(row[0], row[1]) for row in found]
        rows.append((0, "Additional fortune added at request time."))
        rows.sort(key=lambda row: row[1])
        items = "".join(f"<tr><td>{number}</td><td>{html.escape(text)}</td></tr>" for number, text in rows)
        page = f"<!DOCTYPE html><html><head><title>Fortunes</title></head><body><table><tr><th>id</th><th>message</th></tr>{items}</table></body></html>"
        return page.encode(), b"text/html; charset=utf-8"
    if name == "insert":
        data = orjson.loads(body)
        async with Lease() as connection:
            key = await connection.fetchval(
                "INSERT INTO bench_comment (post_id, author_id, content, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
                data["post"],
                data["author"],
                data["content"],
                dt.datetime.now(dt.UTC),
            )
        return orjson.dumps({"id": key}), b"application/json"
    if name == "update":
        async with Lease() as connection:
            row = await connection.fetchrow(ONE, int(tail))
            await connection.execute("UPDATE bench_user SET age = $1 WHERE id = $2", row[3] % 60 + 18, row[0])
        return orjson.dumps({"id": row[0], "age": row[3] % 60 + 18}), b"application/json"
    raise KeyError(path)


async def app(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    if scope["method"] == "POST":
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
    content, kind = await answer(scope["method"], scope["path"], scope["query_string"], body)
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", kind), (b"content-length", str(len(content)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": content})
