"""FastAPI with SQLAlchemy's asyncio ORM and asyncpg, as its documentation has it."""

import datetime as dt
import os
from contextlib import asynccontextmanager
from typing import Annotated

import orjson
from fastapi import Body, Depends, FastAPI, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, selectinload
from sqlalchemy.types import DateTime

SIZE = int(os.environ.get("BENCH_POOL", "10"))
engine = create_async_engine(
    os.environ["BENCH_DSN"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=SIZE, max_overflow=0
)
make_session = async_sessionmaker(engine, expire_on_commit=False)
pages = Environment(loader=FileSystemLoader(os.path.join(os.path.dirname(__file__), "pages")), autoescape=True)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "bench_user"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    username: Mapped[str] = mapped_column(String(150))
    email: Mapped[str]
    age: Mapped[int]
    is_active: Mapped[bool]
    date_joined: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))


post_tags = Table(
    "bench_post_tags",
    Base.metadata,
    Column("id", BigInteger, primary_key=True),
    Column("post_id", ForeignKey("bench_post.id")),
    Column("tag_id", ForeignKey("bench_tag.id")),
)


class Tag(Base):
    __tablename__ = "bench_tag"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str]


class Post(Base):
    __tablename__ = "bench_post"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("bench_user.id"))
    title: Mapped[str]
    content: Mapped[str]
    views: Mapped[int]
    is_published: Mapped[bool]
    created_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))
    author: Mapped[User] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=post_tags)


class Comment(Base):
    __tablename__ = "bench_comment"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    post_id: Mapped[int]
    author_id: Mapped[int]
    content: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True))


class Fortune(Base):
    __tablename__ = "bench_fortune"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message: Mapped[str]


@asynccontextmanager
async def lifespan(_app):
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session():
    async with make_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


def encoded(data):
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


@app.get("/plaintext", response_class=PlainTextResponse)
async def plaintext():
    return "Hello, World!"


@app.get("/json")
async def hello():
    return encoded({"message": "Hello, World!"})


@app.get("/row/{pk}")
async def row(pk: int, session: Session):
    return encoded(shown(await session.get(User, pk)))


@app.get("/rows")
async def rows(session: Session, start: Annotated[int, Query(alias="from")]):
    found = await session.scalars(select(User).where(User.age >= 18 + start % 40).order_by(User.id).limit(20))
    return encoded([shown(user) for user in found])


@app.get("/complex")
@app.get("/natural")
async def complex_join(session: Session, start: Annotated[int, Query(alias="from")]):
    counted = select(func.count(Comment.id)).where(Comment.post_id == Post.id).scalar_subquery()
    found = await session.execute(
        select(Post, counted)
        .options(joinedload(Post.author, innerjoin=True))
        .where(Post.is_published.is_(True), Post.views >= start % 3000)
        .order_by(Post.created_at.desc())
        .limit(20)
    )
    return encoded(
        [
            {
                "id": post.id,
                "title": post.title,
                "created_at": post.created_at,
                "author": post.author.username,
                "comments": count,
            }
            for post, count in found
        ]
    )


@app.get("/m2m")
async def m2m(session: Session, start: Annotated[int, Query(alias="from")]):
    found = await session.scalars(
        select(Post).where(Post.id >= start).order_by(Post.id).options(selectinload(Post.tags)).limit(20)
    )
    return encoded([{"id": post.id, "title": post.title, "tags": [tag.name for tag in post.tags]} for post in found])


@app.get("/queries/{first}")
async def queries(first: int, session: Session):
    return encoded([shown(await session.get(User, (first + step * 97) % 9000 + 1)) for step in range(20)])


@app.get("/fortunes")
async def fortunes(session: Session):
    found = [(row.id, row.message) for row in await session.scalars(select(Fortune))]
    found.append((0, "Additional fortune added at request time."))
    found.sort(key=lambda pair: pair[1])
    listed = [{"id": number, "message": text} for number, text in found]
    return HTMLResponse(pages.get_template("fortunes.html").render(fortunes=listed))


@app.post("/insert")
async def insert(
    session: Session, post: Annotated[int, Body()], author: Annotated[int, Body()], content: Annotated[str, Body()]
):
    comment = Comment(post_id=post, author_id=author, content=content, created_at=dt.datetime.now(dt.UTC))
    session.add(comment)
    await session.commit()
    return encoded({"id": comment.id})


@app.post("/update/{pk}")
async def update(pk: int, session: Session):
    user = await session.get(User, pk)
    user.age = user.age % 60 + 18
    await session.commit()
    return encoded({"id": user.id, "age": user.age})
