"""Operations on constraints: unique, check, foreign key, exclusion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from covet.database.migrations.create_text import TableText
from covet.database.migrations.definitions import Definition, constraint
from covet.database.migrations.names import foreign_key_name, unique_name
from covet.database.migrations.operations.base import Operations, operation
from covet.database.migrations.rebuild import rebuild
from covet.database.migrations.sqltext import literal, quote, quoted, words
from covet.exceptions import ProgrammingError


class ConstraintOperations(Operations):
    """add_constraint, drop_constraint, validate_constraint, and unique and foreign keys by their columns."""

    @operation
    async def add_constraint(self, table: str, name: str, definition: Definition, *, validate: bool = True) -> None:
        """Add a constraint under a name.

        Args:
            table: the table.
            name: the constraint.
            definition: such as `'CHECK (price >= 0)'` or `'UNIQUE ("a", "b")'`; a mapping without `default` for
                databases that alone have it.
            validate: False leaves the rows that exist unchecked (PostgreSQL's NOT VALID), so that the lock is
                short; `validate_constraint` checks them later.
        """
        text = constraint(definition, self.session.target)
        if text is None:
            self.say(f"constraint {name} left out: {self.vendor} has no such constraint")
            return
        await self._add(table, f"CONSTRAINT {self._quote(name)} {text}", validate=validate)

    @operation
    async def validate_constraint(self, table: str, name: str) -> None:
        """Check the rows that existed when a constraint was added unvalidated (PostgreSQL; others have done so)."""
        if self.vendor == "postgresql":
            await self._run(f"ALTER TABLE {self._touch(table)} VALIDATE CONSTRAINT {self._quote(name)}")

    @operation
    async def drop_constraint(self, table: str, name: str, *, vendors: Collection[str] | None = None) -> None:
        """Drop a constraint by its name.

        Args:
            table: the table.
            name: the constraint.
            vendors: the databases that have it; all unless given.
        """
        if vendors is not None and self.vendor not in vendors:
            return
        if self.vendor != "sqlite":
            await self._run(f"ALTER TABLE {self._touch(table)} DROP CONSTRAINT {self._quote(name)}")
            return
        self._touch(table)
        await rebuild(self.session, table, lambda text: _remove(text, lambda item: _name(item) == name, name))

    @operation
    async def rename_constraint(self, table: str, old: str, new: str) -> None:
        """Rename a constraint (PostgreSQL, SQLite)."""
        if self.vendor == "postgresql":
            await self._run(
                f"ALTER TABLE {self._touch(table)} RENAME CONSTRAINT {self._quote(old)} TO {self._quote(new)}"
            )
        elif self.vendor == "sqlite":
            self._touch(table)

            def renamed(text: TableText) -> None:
                text.constraints = [_rename(item, old, new) for item in text.constraints]

            await rebuild(self.session, table, renamed)
        else:
            await self._rename_on_mysql(table, old, new)

    @operation
    async def add_unique(
        self, table: str, columns: Sequence[str], *, name: str | None = None, index: str | None = None
    ) -> None:
        """Make the values of columns unique together.

        Args:
            table: the table.
            columns: its columns.
            name: the constraint; Django's name for it unless given.
            index: a unique index of theirs that becomes the constraint on PostgreSQL, in a moment; elsewhere it is
                as good as one, and stays.
        """
        if index is not None:
            if self.vendor == "postgresql":
                named = self._quote(name or index)
                attached = f"ADD CONSTRAINT {named} UNIQUE USING INDEX {self._quote(index)}"
                await self._run(f"ALTER TABLE {self._touch(table)} {attached}")
            return
        if self.vendor == "sqlite" and name is None and len(columns) == 1:
            self._touch(table)

            def mark(text: TableText) -> None:
                text.column(columns[0]).clauses.append("UNIQUE")

            await rebuild(self.session, table, mark)
            return
        named = name or unique_name(table, columns, self.vendor)
        await self._add(table, f"CONSTRAINT {self._quote(named)} UNIQUE ({quoted(columns, self.vendor)})")

    @operation
    async def drop_unique(self, table: str, columns: Sequence[str]) -> None:
        """Let the values of columns repeat; the constraint is found by its columns, whatever its name.

        A unique index that stands for it goes the same way: Django makes one of `unique_together` on SQLite.
        """
        index = await self._unique_index(table, columns)
        if index is not None:
            self._touch(table)
            await self._run(f"DROP INDEX {self._quote(index)}")
            return
        if self.vendor == "sqlite":
            self._touch(table)
            await rebuild(self.session, table, lambda text: _remove_unique(text, columns))
            return
        found = await self._named(table, "u", columns)
        if self.vendor == "mysql":
            await self._index_for_key(table, columns[0], found)
        await self._run(f"ALTER TABLE {self._touch(table)} DROP CONSTRAINT {self._quote(found)}")

    @operation
    async def add_foreign_key(
        self,
        table: str,
        columns: Sequence[str],
        other: str,
        other_columns: Sequence[str],
        *,
        name: str | None = None,
        on_delete: str | None = None,
        deferred: bool = True,
        validate: bool = True,
    ) -> None:
        """Make columns refer to another table's.

        Args:
            table: the table.
            columns: its columns.
            other: the table they point to.
            other_columns: the columns they point to.
            name: the constraint; Django's name for it unless given.
            on_delete: what the database does (`CASCADE`, `SET NULL`); nothing unless given, as in Django.
            deferred: checked at COMMIT, as in Django (PostgreSQL, SQLite).
            validate: False leaves the rows that exist unchecked (PostgreSQL's NOT VALID).
        """
        named = name or foreign_key_name(table, columns, other, other_columns, self.vendor)
        text = f"FOREIGN KEY ({quoted(columns)}) REFERENCES {quote(other)} ({quoted(other_columns)})"
        text += f" ON DELETE {on_delete}" if on_delete else ""
        text += " DEFERRABLE INITIALLY DEFERRED" if deferred else ""
        native = constraint(text, self.session.target)
        await self._add(table, f"CONSTRAINT {self._quote(named)} {native}", validate=validate)

    @operation
    async def drop_foreign_key(self, table: str, columns: Sequence[str]) -> None:
        """Drop the foreign key on columns; it is found by its columns, whatever its name."""
        if self.vendor == "sqlite":
            self._touch(table)
            await rebuild(self.session, table, lambda text: _remove_foreign_key(text, columns))
            return
        found = await self._named(table, "f", columns)
        keyword = "FOREIGN KEY" if self.vendor == "mysql" else "CONSTRAINT"
        await self._run(f"ALTER TABLE {self._touch(table)} DROP {keyword} {self._quote(found)}")
        if self.vendor == "mysql":
            # The index that InnoDB made for the key stays behind, under the key's name.
            left = await self.session.fetch(
                "SELECT 1 FROM information_schema.statistics WHERE table_schema = database() "
                f"AND table_name = {literal(table, 'mysql')} AND index_name = {literal(found, 'mysql')} LIMIT 1"
            )
            if left:
                await self._run(f"DROP INDEX {self._quote(found)} ON {self._touch(table)}")

    async def _unique_index(self, table: str, columns: Sequence[str]) -> str | None:
        """The unique index on exactly those columns that no constraint owns; on MariaDB the two are one."""
        if self.vendor == "mysql":
            return None
        if self.vendor == "sqlite":
            rows = await self.session.fetch(
                "SELECT l.name, (SELECT group_concat(i.name) FROM pragma_index_info(l.name) i) "
                f"FROM pragma_index_list({literal(table)}) l "
                "WHERE l.\"unique\" = 1 AND l.origin = 'c' AND l.partial = 0"
            )
        else:
            rows = await self.session.fetch(
                "SELECT c.relname, array_to_string(array(SELECT pg_get_indexdef(i.indexrelid, k, true) "
                "FROM generate_series(1, i.indnkeyatts) k), ',') "
                "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                f"WHERE i.indrelid = to_regclass({literal(quote(table))}) AND i.indisunique AND i.indpred IS NULL "
                "AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid "
                "AND o.contype IN ('p', 'u'))"
            )
        wanted = ",".join(columns).lower()
        return next((str(name) for name, keys in rows if str(keys).replace('"', "").lower() == wanted), None)

    async def _index_for_key(self, table: str, column: str, losing: str) -> None:
        """Give a foreign key its own index, where the only one that serves it is about to be dropped."""
        name, first = literal(table, "mysql"), literal(column, "mysql")
        keys = await self.session.fetch(
            "SELECT constraint_name FROM information_schema.key_column_usage WHERE table_schema = database() "
            f"AND table_name = {name} AND column_name = {first} AND referenced_table_name IS NOT NULL"
        )
        others = await self.session.fetch(
            "SELECT 1 FROM information_schema.statistics WHERE table_schema = database() AND table_name = "
            f"{name} AND column_name = {first} AND seq_in_index = 1 AND index_name <> {literal(losing, 'mysql')}"
        )
        if keys and not others:
            await self._run(f"CREATE INDEX {self._quote(keys[0][0])} ON {self._touch(table)} ({self._quote(column)})")

    async def _add(self, table: str, text: str, *, validate: bool = True) -> None:
        if self.vendor == "sqlite":
            self._touch(table)
            await rebuild(self.session, table, lambda whole: whole.constraints.append(text))
            return
        tail = "" if validate or self.vendor != "postgresql" else " NOT VALID"
        await self._run(f"ALTER TABLE {self._touch(table)} ADD {text}{tail}")

    async def _named(self, table: str, kind: str, columns: Sequence[str]) -> str:
        """The name of the constraint of a kind on exactly those columns."""
        if self.vendor == "postgresql":
            rows = await self.session.fetch(
                "SELECT c.conname, array_to_string(array(SELECT a.attname "
                "FROM unnest(c.conkey) WITH ORDINALITY k(n, o) "
                "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.o), ',') "
                f"FROM pg_constraint c WHERE c.contype = '{kind}' AND c.conrelid = to_regclass({literal(quote(table))})"
            )
        else:
            word = "UNIQUE" if kind == "u" else "FOREIGN KEY"
            rows = await self.session.fetch(
                "SELECT c.constraint_name, group_concat(k.column_name ORDER BY k.ordinal_position) "
                "FROM information_schema.table_constraints c JOIN information_schema.key_column_usage k "
                "USING (constraint_schema, constraint_name, table_name) "
                f"WHERE c.table_schema = database() AND c.table_name = {literal(table, 'mysql')} "
                f"AND c.constraint_type = '{word}' GROUP BY c.constraint_name"
            )
        found = [str(name) for name, keys in rows if str(keys).split(",") == list(columns)]
        if found:
            # Of two on the same columns, the one that was added without a name of its own.
            usual = unique_name(table, columns, self.vendor)
            return usual if usual in found else found[0]
        raise ProgrammingError(
            f"Table {table!r} has no such constraint on ({', '.join(columns)}); it has: "
            + (", ".join(f"{name} ({keys})" for name, keys in rows) or "none")
        )

    async def _rename_on_mysql(self, table: str, old: str, new: str) -> None:
        rows = await self.session.fetch(f"SHOW CREATE TABLE {self._touch(table)}")
        unique = f"UNIQUE KEY {quote(old, 'mysql')}" in rows[0][1]
        if unique:
            await self._run(f"ALTER TABLE {self._touch(table)} RENAME INDEX {self._quote(old)} TO {self._quote(new)}")
            return
        line = next(part.strip().rstrip(",") for part in rows[0][1].splitlines() if quote(old, "mysql") in part)
        fresh = line.replace(quote(old, "mysql"), quote(new, "mysql"), 1)
        await self._run(f"ALTER TABLE {self._touch(table)} DROP CONSTRAINT {self._quote(old)}, ADD {fresh}")


def _name(item: str) -> str | None:
    meaning = words(item)
    return meaning[1].value if meaning[0].upper == "CONSTRAINT" else None


def _rename(item: str, old: str, new: str) -> str:
    if _name(item) != old:
        return item
    token = words(item)[1]
    return item[: token.at] + quote(new) + item[token.at + len(token.text) :]


def _remove(text: TableText, matches: Callable[[str], bool], what: str) -> None:
    size = len(text.constraints) + sum(len(column.clauses) for column in text.columns)
    text.constraints = [item for item in text.constraints if not matches(item)]
    for column in text.columns:
        column.clauses = [clause for clause in column.clauses if not matches(clause)]
    if size == len(text.constraints) + sum(len(column.clauses) for column in text.columns):
        raise ProgrammingError(f"Table {text.name!r} has no constraint {what!r}.")


def _columns_after(item: str, keyword: str) -> list[str] | None:
    meaning = words(item)
    places = [index for index, token in enumerate(meaning) if token.upper == keyword]
    if not places:
        return None
    names: list[str] = []
    for token in meaning[places[0] + 1 :]:
        if token.text == ")":
            break
        if token.kind == "name" or (token.kind == "word" and token.upper != "KEY"):
            names.append(token.value.lower())
    return names


def _remove_unique(text: TableText, columns: Sequence[str]) -> None:
    wanted = [column.lower() for column in columns]
    if len(columns) == 1:
        column = text.column(columns[0])
        inline = [clause for clause in column.clauses if words(clause)[0].upper == "UNIQUE"]
        if inline:
            column.clauses = [clause for clause in column.clauses if clause not in inline]
            return
    _remove(text, lambda item: _columns_after(item, "UNIQUE") == wanted, f"UNIQUE ({', '.join(columns)})")


def _remove_foreign_key(text: TableText, columns: Sequence[str]) -> None:
    wanted = [column.lower() for column in columns]
    if len(columns) == 1 and text.column(columns[0]).clause("REFERENCES"):
        text.column(columns[0]).put("REFERENCES", None)
        return
    _remove(text, lambda item: _columns_after(item, "FOREIGN") == wanted, f"FOREIGN KEY ({', '.join(columns)})")
