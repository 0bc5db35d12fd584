"""Peers: groups that hold nothing alive, and batches that serve until something is written."""

from __future__ import annotations

import asyncio
import gc
import pickle
from types import SimpleNamespace
from typing import Any

from covet.database.adapters.changes import changes_here, note_statement
from covet.database.orm.peers import MISSING, Peers, at_hand, group, peers_of, shared


class Row:
    def __init__(self, key: int) -> None:
        self.key = key
        self._state = SimpleNamespace(peers=None)


async def load(rows: list[Row]) -> dict[int, str]:
    await asyncio.sleep(0)
    return {row.key: f"value {row.key}" for row in rows}


def ask(row: Row, fetched: list[Any], tables: tuple[str, ...] | None = ("author",)) -> Any:
    async def fetch(rows: list[Any]) -> dict[Any, Any]:
        fetched.append([each.key for each in rows])
        return await load(rows)

    return shared(row, "author", row.key, members=lambda: peers_of(row), fetch=fetch, tables=tables)


def test_group_is_weak_and_has_no_cycle() -> None:
    gc.disable()
    try:
        rows = [Row(number) for number in range(3)]
        group(rows)
        kept = rows[1]
        del rows
        assert peers_of(kept) == [kept]
    finally:
        gc.enable()


def test_single_row_has_no_peers() -> None:
    row = Row(1)
    group([row])
    assert row._state.peers is None
    assert peers_of(row) == [row]


def test_copy_that_is_not_of_the_group_counts_itself() -> None:
    rows = [Row(1), Row(2)]
    group(rows)
    copied = Row(1)
    copied._state.peers = rows[0]._state.peers
    assert peers_of(copied) == [*rows, copied]


def test_pickled_group_is_empty() -> None:
    rows = [Row(1), Row(2)]
    peers = pickle.loads(pickle.dumps(Peers(rows)))
    assert peers.living() == []


def test_one_fetch_serves_all_members() -> None:
    async def main() -> None:
        rows = [Row(number) for number in range(3)]
        group(rows)
        fetched: list[Any] = []
        assert [await ask(row, fetched) for row in rows] == ["value 0", "value 1", "value 2"]
        assert fetched == [[0, 1, 2]]
        assert at_hand(rows[2], "author", 2) == "value 2"
        assert at_hand(rows[2], "editor", 2) is MISSING

    asyncio.run(main())


def test_members_that_ask_at_once_wait_for_one_fetch() -> None:
    async def main() -> None:
        rows = [Row(number) for number in range(3)]
        group(rows)
        fetched: list[Any] = []
        # The counter of writes is shared by tasks that are started where it exists already.
        changes_here()
        assert await asyncio.gather(*[ask(row, fetched) for row in rows]) == ["value 0", "value 1", "value 2"]
        assert fetched == [[0, 1, 2]]

    asyncio.run(main())


def test_write_to_the_table_ends_the_batch_for_good() -> None:
    async def main() -> None:
        rows = [Row(number) for number in range(3)]
        group(rows)
        fetched: list[Any] = []
        await ask(rows[0], fetched)
        note_statement('UPDATE "author" SET name = $1')
        assert await ask(rows[1], fetched) is MISSING
        assert await ask(rows[2], fetched) is MISSING
        assert len(fetched) == 1

    asyncio.run(main())


def test_write_to_another_table_does_not() -> None:
    async def main() -> None:
        rows = [Row(number) for number in range(2)]
        group(rows)
        fetched: list[Any] = []
        await ask(rows[0], fetched)
        note_statement("INSERT INTO post (title) VALUES ($1)")
        note_statement("SELECT 1")
        assert await ask(rows[1], fetched) == "value 1"

    asyncio.run(main())


def test_batch_over_unknown_tables_ends_with_any_write() -> None:
    async def main() -> None:
        rows = [Row(number) for number in range(2)]
        group(rows)
        fetched: list[Any] = []
        await ask(rows[0], fetched, tables=None)
        note_statement("INSERT INTO post (title) VALUES ($1)")
        assert await ask(rows[1], fetched, tables=None) is MISSING

    asyncio.run(main())


def test_statements_whose_table_is_not_known_end_every_batch() -> None:
    async def main() -> None:
        for sql in ("WITH x AS (SELECT 1) UPDATE a SET b = 1", "CALL f()", "ROLLBACK", "TRUNCATE author"):
            rows = [Row(number) for number in range(2)]
            group(rows)
            fetched: list[Any] = []
            await ask(rows[0], fetched)
            note_statement(sql)
            assert await ask(rows[1], fetched) is MISSING, sql

    asyncio.run(main())


def test_failed_fetch_leaves_the_others_to_ask_for_themselves() -> None:
    async def main() -> None:
        rows = [Row(number) for number in range(2)]
        group(rows)

        async def fail(_rows: list[Any]) -> dict[Any, Any]:
            await asyncio.sleep(0.01)
            raise ZeroDivisionError

        first = asyncio.ensure_future(
            shared(rows[0], "author", 0, members=lambda: rows, fetch=fail, tables=("author",))
        )
        await asyncio.sleep(0)
        fetched: list[Any] = []
        waiting = asyncio.ensure_future(ask(rows[1], fetched))
        results = await asyncio.gather(first, waiting, return_exceptions=True)
        assert isinstance(results[0], ZeroDivisionError)
        assert results[1] is MISSING

    asyncio.run(main())


def test_tables_are_read_out_of_statements() -> None:
    async def main() -> None:
        changes = changes_here()
        for sql, table in (
            ('INSERT INTO "shop_book" (id) VALUES (1)', "shop_book"),
            ("UPDATE `shop_book` SET id = 1", "shop_book"),
            ('DELETE FROM "schema"."shop_book" WHERE id = 1', "schema.shop_book"),
            ("INSERT OR IGNORE INTO shop_book (id) VALUES (1)", "shop_book"),
            ('UPDATE "a b" SET id = 1', "a b"),
        ):
            before, unknown = changes.up_to((table,)), changes.unknown
            note_statement(sql)
            assert (changes.up_to((table,)), changes.unknown) == (before + 1, unknown), sql

    asyncio.run(main())
