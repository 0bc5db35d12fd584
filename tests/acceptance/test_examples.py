"""The example applications answer, and the README's example makes the two queries it speaks of."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LIBRARY = """
import covet
from covet.testing import TestClient
from examples.library import app

async def main():
    async with TestClient(app) as client:
        books = (await client.get("/books/", params={"since": "1820"})).json()
        assert books == [{"id": 2, "title": "The Last Man", "author": "Mary Shelley"}], books
        assert (await client.get("/books/1/")).json()["title"] == "Frankenstein"
        assert (await client.get("/books/9/")).status_code == 404
        added = await client.post("/books/", json={"author": "Ada", "title": "Notes", "year": 1843})
        assert added.status_code == 201
        authors = (await client.get("/authors/")).json()
        assert authors == [{"name": "Mary Shelley", "books": 2}, {"name": "Ada", "books": 1}], authors

covet.run(main())
"""

README = """
import re, sys
import covet
from covet.conf import settings

settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"], DATABASE="sqlite:///:memory:")
names = {"__name__": "readme"}
exec(re.search(r"```python\\n(.*?)```", open(sys.argv[1]).read(), re.DOTALL).group(1), names)

from covet.app import Covet
from covet.database import get_adapter
from covet.testing import TestClient, assert_num_queries

async def main():
    adapter = await get_adapter()
    async with adapter.engine.begin() as connection:
        for model in ("Author", "Book"):
            await connection.run_sync(names[model].table.create)
    for number in range(20):
        author = await names["Author"].objects.create(name=f"Author {number}")
        await names["Book"].objects.create(author=author, title=f"Book {number}", year=1990 + number)
    async with TestClient(Covet(names["router"])) as client:
        with assert_num_queries(2):
            books = (await client.get("/books/?since=2000")).json()
    assert len(books) == 10, books
    assert books[0] == {"title": "Book 10", "author": "Author 10"}, books[0]

covet.run(main())
"""


def run(source: str, *arguments: str, folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVET_")}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'cli'}"
    result = subprocess.run(
        [sys.executable, "-c", source, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_library_example_answers(tmp_path):
    """Promise 12, 83."""
    run(LIBRARY, folder=tmp_path)


def test_readme_example_makes_two_queries(tmp_path):
    """Promise 12."""
    run(README, str(ROOT / "README.md"), folder=tmp_path)
