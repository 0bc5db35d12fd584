"""A schema changes under load, and nobody notices."""

import asyncio
from pathlib import Path

import pytest

from covet.app import Covet
from covet.database.migrations.commands import guarding
from covet.database.orm.fields import CharField, IntegerField
from covet.http import JSONResponse, Request
from covet.routing import Router
from covet.testing import TestClient
from tests.integration.migrations.laboratory import laboratory, make_models

UNSAFE = '''\
from covet.database.migrations import Migration


class Migration(Migration):
    """Pages and titles."""

    async def up(self):
        await self.add_column('lab_book', 'pages', 'INTEGER NOT NULL', fill=100)
        await self.create_index('book_title', 'lab_book', ['title'])
        await self.add_unique('lab_book', ['isbn'])
        await self.add_constraint('lab_book', 'book_size', 'CHECK (size >= 0)')

    async def down(self):
        await self.drop_constraint('lab_book', 'book_size')
        await self.drop_unique('lab_book', ['isbn'])
        await self.drop_index('book_title', 'lab_book')
        await self.drop_column('lab_book', 'pages')
'''


@pytest.mark.postgresql
async def test_safe_sequence_under_load_fails_no_request(postgresql_url: str, tmp_path: Path) -> None:
    """Promise 15: expand, backfill and contract run while requests are served; 0 of them fail."""
    async with laboratory(postgresql_url, tmp_path) as lab:
        models = make_models(
            Book={"title": CharField(max_length=30), "isbn": CharField(max_length=30), "size": IntegerField()}
        )
        await lab.auto(models)
        await lab.apply()
        await lab.run(
            "INSERT INTO lab_book (title, isbn, size) SELECT 't' || g, 'i' || g, g FROM generate_series(1, 5000) g"
        )
        (lab.folder / "0002_pages.py").write_text(UNSAFE)
        [guarded] = await guarding.guard(lab.project)
        assert [each.code for each in guarded.unsafe] == ["MG102", "MG108", "MG110", "MG112"]
        written = [path.name for path in guarding.rewrite(guarded)]
        assert written == ["0002_pages_expand.py", "0003_pages_backfill.py", "0004_pages_contract.py"]

        book = models[0]
        router = Router()
        counter = iter(range(10**9))
        writes_pages = False
        old_inserts = 0

        @router.get("/books/")
        async def books(request: Request) -> JSONResponse:
            return JSONResponse([each.title async for each in book.objects.filter(size__lt=10)])

        @router.post("/books/")
        async def add(request: Request) -> JSONResponse:
            nonlocal old_inserts
            number = next(counter)
            if writes_pages:
                await lab.adapter.execute(
                    "INSERT INTO lab_book (title, isbn, size, pages) VALUES ($1, $2, 1, 7)",
                    f"n{number}",
                    f"new{number}",
                )
            else:
                old_inserts += 1
                await book.objects.create(title=f"n{number}", isbn=f"new{number}", size=1)
                old_inserts -= 1
            return JSONResponse({})

        codes: list[int] = []
        stop = asyncio.Event()

        async def load(client: TestClient) -> None:
            while not stop.is_set():
                codes.append((await client.get("/books/")).status_code)
                codes.append((await client.post("/books/", json={})).status_code)

        async with TestClient(Covet(router), raise_server_exceptions=False) as client:
            users = [asyncio.create_task(load(client)) for _ in range(6)]
            await asyncio.sleep(0.3)
            assert await lab.apply("0003") == ["0002_pages_expand", "0003_pages_backfill"]
            # The new release takes over; when the old one has ended, the column may be demanded.
            writes_pages = True
            while old_inserts:
                await asyncio.sleep(0.01)
            await lab.run("UPDATE lab_book SET pages = 7 WHERE pages IS NULL")
            assert await lab.apply() == ["0004_pages_contract"]
            await asyncio.sleep(0.3)
            stop.set()
            await asyncio.gather(*users)
        assert len(codes) > 50
        assert [code for code in codes if code >= 400] == []
        assert not (await lab.schema())["lab_book"].columns["pages"].nullable
