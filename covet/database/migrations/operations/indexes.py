"""Operations on indexes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from covet.database.migrations.index_text import IndexText
from covet.database.migrations.operations.base import Operations, operation
from covet.database.migrations.sqltext import literal, quote, quoted, requote, tokens
from covet.exceptions import NotSupportedError

_NAME = re.compile(r"^\w+$")


class IndexOperations(Operations):
    """create_index, drop_index, rename_index."""

    @operation
    async def create_index(
        self,
        name: str,
        table: str,
        columns: Sequence[str],
        *,
        unique: bool = False,
        where: str | None = None,
        include: Sequence[str] = (),
        using: str | None = None,
        options: str = "",
        concurrently: bool = False,
        vendors: Collection[str] | None = None,
    ) -> None:
        """Create an index.

        Args:
            name: the index.
            table: its table.
            columns: column names, or expressions such as `'lower("title")'` and `'"created" DESC'`.
            unique: whether values must differ.
            where: the condition of a partial index. MariaDB has none: there the index holds every row, and is left out
                where values must differ.
            include: columns stored beside the key (PostgreSQL).
            using: the access method (PostgreSQL), such as `gin`.
            options: what follows, such as `NULLS NOT DISTINCT` or `WITH (fillfactor=70)` (PostgreSQL).
            concurrently: build it without blocking writes (PostgreSQL; the migration says `atomic = False`).
                An invalid leftover of an interrupted build is dropped first.
            vendors: the databases that want it; all unless given.
        """
        if vendors is not None and self.vendor not in vendors:
            return
        wanted = IndexText(tuple(columns), using, tuple(include), options, where, unique)
        text = wanted.made_on(self.vendor)
        if text is None:
            self.say(
                f"index {name} left out: MariaDB has neither unique indexes of some rows nor indexes on expressions"
            )
            return
        keys = [quote(item, self.vendor) if _NAME.match(item) else requote(item, self.vendor) for item in text.items]
        words = ["CREATE", "UNIQUE INDEX" if unique else "INDEX"]
        if concurrently and self.vendor == "postgresql":
            await self._clear_invalid(name)
            words.append("CONCURRENTLY")
        words += [self._quote(name), "ON", self._touch(table)]
        words += [f"USING {text.using}"] if text.using else []
        words.append(f"({', '.join(keys)})")
        words += [f"INCLUDE ({quoted(text.include)})"] if text.include else []
        words += [text.options] if text.options else []
        words += [f"WHERE {text.where}"] if text.where else []
        if "CONCURRENTLY" in words:
            await self._without_hurry(" ".join(words))
        else:
            await self._run(" ".join(words))

    @operation
    async def drop_index(
        self,
        name: str,
        table: str,
        *,
        concurrently: bool = False,
        vendors: Collection[str] | None = None,
        if_exists: bool = False,
    ) -> None:
        """Drop an index.

        Args:
            name: the index.
            table: its table (MariaDB wants to know).
            concurrently: without blocking reads and writes (PostgreSQL; the migration says `atomic = False`).
            vendors: the databases that have it; all unless given.
            if_exists: do nothing where it is not there.
        """
        if vendors is not None and self.vendor not in vendors:
            return
        where = self._touch(table)
        known = "IF EXISTS " if if_exists else ""
        if self.vendor == "mysql":
            await self._run(f"DROP INDEX {known}{self._quote(name)} ON {where}")
        elif self.vendor == "postgresql" and concurrently:
            await self._without_hurry(f"DROP INDEX CONCURRENTLY IF EXISTS {self._quote(name)}")
        else:
            await self._run(f"DROP INDEX {known}{self._quote(name)}")

    @operation
    async def rename_index(self, table: str, old: str, new: str) -> None:
        """Rename an index."""
        where = self._touch(table)
        if self.vendor == "postgresql":
            await self._run(f"ALTER INDEX {self._quote(old)} RENAME TO {self._quote(new)}")
        elif self.vendor == "mysql":
            await self._run(f"ALTER TABLE {where} RENAME INDEX {self._quote(old)} TO {self._quote(new)}")
        else:
            rows = await self.session.fetch(
                f"SELECT sql FROM sqlite_master WHERE type = 'index' AND name = {literal(old)}"
            )
            if not rows:
                raise NotSupportedError(
                    f"Table {table!r} has no index {old!r} of its own text, so it cannot be renamed."
                )
            await self._run(f"DROP INDEX {self._quote(old)}")
            await self._run(_renamed(rows[0][0], old, new))

    async def _clear_invalid(self, name: str) -> None:
        rows = await self.session.fetch(
            "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            f"WHERE c.relname = {literal(name)} AND pg_table_is_visible(c.oid) AND NOT i.indisvalid"
        )
        if rows:
            self.say(f"index {name} was left invalid by an interrupted build; it is dropped and built again")
            await self._without_hurry(f"DROP INDEX CONCURRENTLY IF EXISTS {self._quote(name)}")

    async def _without_hurry(self, sql: str) -> None:
        """Run what waits for old transactions without holding anybody up; a lock_timeout would only spoil it."""
        limit = (await self.session.fetch("SELECT current_setting('lock_timeout')"))[0][0]
        await self._run("SET lock_timeout = 0")
        try:
            await self._run(sql)
        finally:
            await self._run(f"SET lock_timeout = {literal(limit)}")


def _renamed(sql: str, old: str, new: str) -> str:
    """The text of CREATE INDEX with the first mention of its name replaced."""
    done = False
    parts = []
    for token in tokens(sql):
        if not done and token.kind in {"name", "word"} and token.value.lower() == old.lower():
            parts.append(quote(new))
            done = True
        else:
            parts.append(token.text)
    return "".join(parts)
