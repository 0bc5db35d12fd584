"""A whole application in one file: authors, books and a JSON API, on SQLite in memory.

uvicorn examples.library:app
"""

from typing import Any

from covet.app import Covet
from covet.conf import settings
from covet.database import get_adapter
from covet.database.orm import Count, Model
from covet.database.orm.fields import CharField, IntegerField
from covet.database.orm.relationships import ForeignKey
from covet.http import JSONResponse, Request, get_object_or_404

if not settings.is_configured:
    settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"], DATABASE="sqlite:///:memory:")

app = Covet()


class Author(Model):
    name = CharField(max_length=100, unique=True)

    class Meta:
        app_label = "library"


class Book(Model):
    author = ForeignKey(Author, on_delete="CASCADE", related_name="books")
    title = CharField(max_length=200)
    year = IntegerField()

    class Meta:
        app_label = "library"
        ordering = ["year"]


@app.on_startup
async def make_tables() -> None:
    """A project has migrations instead; this database is new each time."""
    adapter = await get_adapter()
    async with adapter.engine.begin() as connection:
        for model in (Author, Book):
            await connection.run_sync(model.table.create)
    author = await Author.objects.create(name="Mary Shelley")
    await Book.objects.create(author=author, title="Frankenstein", year=1818)
    await Book.objects.create(author=author, title="The Last Man", year=1826)


@app.get("/books/")
async def book_list(request: Request) -> list[dict[str, Any]]:
    """Books since a year. `book.author` loads the authors of all of them in one query."""
    books = await Book.objects.filter(year__gte=int(request.query_params.get("since", 0)))
    return [{"id": book.id, "title": book.title, "author": book.author.name} for book in books]


@app.get("/books/{pk:int}/")
async def book_detail(request: Request, pk: int) -> Book:
    """A handler may return a model: its fields become JSON."""
    return await get_object_or_404(Book, pk=pk)


@app.post("/books/")
async def add_book(request: Request) -> JSONResponse:
    """Adds a book, and its author on the first one."""
    author, _ = await Author.objects.get_or_create(name=request.json["author"])
    book = await Book.objects.create(author=author, title=request.json["title"], year=request.json["year"])
    return JSONResponse({"id": book.id}, status=201)


@app.get("/authors/")
async def author_list(request: Request) -> list[dict[str, Any]]:
    """Authors with how much they wrote."""
    authors = await Author.objects.annotate(count=Count("books")).order_by("-count", "name")
    return [{"name": author.name, "books": author.count} for author in authors]
