"""A schema changes under load, and nobody notices."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from covet.app import Covet
from covet.database.migrations.commands import guarding
from covet.database.orm.fields import CharField, IntegerField
from covet.http import JSONResponse, Request
from covet.routing import Router
from covet.testing import TestClient
from tests.integration.migrations.laboratory import laboratory, make_models
from tests.pace import until

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


TWO_NAMES = '''\
from covet.database.migrations import Migration


class Migration(Migration):
    """Names and sizes."""

    async def up(self):
        await self.rename_column('lab_book', 'name', 'title')
        await self.alter_column('lab_book', 'size', type='BIGINT')

    async def down(self):
        await self.alter_column('lab_book', 'size', type='INTEGER')
        await self.rename_column('lab_book', 'title', 'name')
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
            await until(lambda: len(codes) > 20)
            assert await lab.apply("0003") == ["0002_pages_expand", "0003_pages_backfill"]
            # The new release takes over; when the old one has ended, the column may be demanded.
            writes_pages = True
            while old_inserts:
                await asyncio.sleep(0.01)
            await lab.run("UPDATE lab_book SET pages = 7 WHERE pages IS NULL")
            assert await lab.apply() == ["0004_pages_contract"]
            seen = len(codes)
            await until(lambda: len(codes) > seen + 30)
            stop.set()
            await asyncio.gather(*users)
        assert len(codes) > 50
        assert [code for code in codes if code >= 400] == []
        assert not (await lab.schema())["lab_book"].columns["pages"].nullable


def library(title: str) -> list[Any]:
    return make_models(
        Book={title: CharField(max_length=30, unique=True), "size": IntegerField(), "isbn": CharField(max_length=30)}
    )


@pytest.mark.parametrize(
    "database_url",
    [pytest.param("postgresql", marks=pytest.mark.postgresql), pytest.param("mysql", marks=pytest.mark.mysql)],
    indirect=True,
)
async def test_rename_and_other_type_under_two_releases_fail_no_request(database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        [old], [new] = library("name"), library("title")
        await lab.auto([old])
        await lab.apply()
        await old.objects.bulk_create([old(name=f"n{n}", isbn=f"i{n}", size=n) for n in range(3000)])
        (lab.folder / "0002_title.py").write_text(TWO_NAMES)
        found = await guarding.guard(lab.project)
        assert [each.code for each in found[0].unsafe] == ["MG105", "MG106"]
        await guarding.rewritable(lab.project, found)
        names = [path.stem for path in guarding.rewrite(found[0])]
        router = Router()
        counter = iter(range(10**9))

        def release(model: Any, title: str, path: str) -> None:
            @router.get(path)
            async def seen(request: Request) -> JSONResponse:
                rows = [(getattr(each, title), each.size) async for each in model.objects.filter(size__lt=10)]
                return JSONResponse({"complete": all(name for name, _ in rows)})

            @router.post(path)
            async def changed(request: Request) -> JSONResponse:
                number = next(counter)
                made = await model.objects.create(**{title: f"{title}{number}", "isbn": "new", "size": number % 9})
                setattr(made, title, f"changed {number}")
                await made.save()
                again = await model.objects.get(**{title: f"changed {number}"})
                await model.objects.filter(pk=again.pk).update(size=again.size + 1)
                return JSONResponse({"complete": again.pk == made.pk})

        release(old, "name", "/old/")
        release(new, "title", "/new/")
        answers: dict[str, list[tuple[int, bool]]] = {"/old/": [], "/new/": []}
        ends = {path: asyncio.Event() for path in answers}

        async def load(client: TestClient, path: str) -> None:
            while not ends[path].is_set():
                for answer in (await client.get(path), await client.post(path, json={})):
                    whole = answer.status_code == 200 and answer.json()["complete"]
                    answers[path].append((answer.status_code, whole))

        async def served(path: str, more: int) -> None:
            """Until so many more requests were answered."""
            goal = len(answers[path]) + more
            while len(answers[path]) < goal:
                await asyncio.sleep(0.01)

        async with TestClient(Covet(router), raise_server_exceptions=False) as client:
            before = [asyncio.create_task(load(client, "/old/")) for _ in range(3)]
            await served("/old/", 20)
            assert await lab.apply("0003") == names[:2]
            after = [asyncio.create_task(load(client, "/new/")) for _ in range(3)]
            await asyncio.gather(served("/old/", 20), served("/new/", 20))
            ends["/old/"].set()
            await asyncio.gather(*before)
            assert await lab.apply() == names[2:]
            await served("/new/", 20)
            # The way back, while the new release is served; then the one before is started again.
            assert await lab.rollback() == names[2:]
            ends["/old/"].clear()
            before = [asyncio.create_task(load(client, "/old/")) for _ in range(3)]
            await asyncio.gather(served("/old/", 20), served("/new/", 20))
            ends["/new/"].set()
            await asyncio.gather(*after)
            assert await lab.rollback("0001") == [*reversed(names[:2])]
            await served("/old/", 20)
            ends["/old/"].set()
            await asyncio.gather(*before)
        assert {each for path in answers for each in answers[path]} == {(200, True)}
        assert set((await lab.schema())["lab_book"].columns) == {"id", "name", "isbn", "size"}
