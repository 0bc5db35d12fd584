"""Reads what SQLite and MariaDB keep as text: CREATE TABLE taken apart into values."""

from __future__ import annotations

import re

from covet.database.migrations.create_text import ColumnText, TableText, parse
from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import Token, normal, quote, words
from covet.database.migrations.states.base import (
    ColumnState,
    ConstraintKind,
    ConstraintState,
    IndexState,
    SchemaState,
    TableState,
)

_KINDS: dict[str, ConstraintKind] = {"PRIMARY": "p", "UNIQUE": "u", "CHECK": "c", "FOREIGN": "f", "REFERENCES": "f"}


async def read_sqlite(session: Session) -> SchemaState:
    """Every table of a SQLite file."""
    schema: SchemaState = {}
    rows = await session.fetch(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'index', name"
    )
    for kind, name, table, sql in rows:
        if kind == "table" and not sql.upper().startswith("CREATE VIRTUAL"):
            text = parse(sql)
            text.name = name
            schema[name] = table_state(text)
        elif kind == "index":
            schema[table].indexes.append(_sqlite_index(name, sql, schema[table]))
    return schema


async def read_mysql(session: Session) -> SchemaState:
    """Every table of the current MariaDB database."""
    schema: SchemaState = {}
    rows = await session.fetch(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = database() AND table_type = 'BASE TABLE' ORDER BY table_name"
    )
    for (name,) in rows:
        sql = (await session.fetch(f"SHOW CREATE TABLE {quote(name, 'mysql')}"))[0][1]
        text = parse(sql)
        state = schema[name] = table_state(text, keys=True)
        comment = re.search(r"COMMENT='((?:[^'\\]|''|\\.)*)'", text.options)
        state.comment = comment.group(1).replace("''", "'") if comment else None
    return schema


def table_state(text: TableText, *, keys: bool = False) -> TableState:
    """A CREATE TABLE statement as values; with `keys`, MariaDB's KEY lines are indexes."""
    table = TableState(text.name)
    for column in text.columns:
        table.columns[column.name] = _column(column)
        for clause in column.clauses:
            if not _is_implied(column, clause):
                _add_inline(table, column, clause)
    for item in text.constraints:
        _add_constraint(table, item, keys=keys)
    if table.primary_key:
        for name in table.primary_key:
            column_state = table.columns[name]
            table.columns[name] = ColumnState(
                column_state.name, column_state.type, False, *list(vars(column_state).values())[3:]
            )
    if keys:
        covered = {each.columns for each in table.of_kind("f")}
        # InnoDB makes an index for every foreign key that has none.
        table.indexes = [each for each in table.indexes if each.is_unique or each.columns not in covered]
    return table


def _column(column: ColumnText) -> ColumnState:
    kind = " ".join(column.type.lower().split())
    if any("json_valid" in normal(clause) for clause in column.clauses if words(clause)[0].upper == "CHECK"):
        kind = "json"
    default = column.default
    if default is not None and default.upper() == "NULL":
        default = None
    generated = column.clause("GENERATED", "AS")
    collate = column.clause("COLLATE") if kind != "json" else None
    comment = column.clause("COMMENT")
    counting = any(
        "AUTO" in clause.upper()
        for clause in column.clauses
        if words(clause)[0].kind == "word" and (words(clause)[0].upper in {"AUTO_INCREMENT", "PRIMARY"})
    )
    return ColumnState(
        column.name,
        kind,
        column.is_nullable,
        None if default is None else _default(default, kind),
        counting,
        None if generated is None else _generated(generated),
        None if collate is None else words(collate)[1].value.lower(),
        None if comment is None else words(comment)[1].value,
    )


def _default(text: str, kind: str) -> str:
    meaning = words(text)
    if len(meaning) == 1 and meaning[0].kind == "string":
        # MariaDB and SQLAlchemy quote numbers too.
        value = meaning[0].value
        is_number = "char" not in kind and "text" not in kind and re.fullmatch(r"-?\d+(\.\d+)?", value)
        return value if is_number else meaning[0].text
    value = normal(text)
    return {"true": "1", "false": "0"}.get(value, value)


def _generated(text: str) -> str:
    meaning = words(text)
    stored = meaning[-1].upper in {"STORED", "PERSISTENT"}
    start = next(token.at for token in meaning if token.text == "(")
    end = text.rindex(")")
    return f"{normal(text[start : end + 1])} {'stored' if stored else 'virtual'}"


def _is_implied(column: ColumnText, clause: str) -> bool:
    if words(clause)[0].upper != "CHECK":
        return False
    text = normal(clause.strip()[len("CHECK") :])
    name = column.name.lower()
    positive = column.type.lower().endswith(" unsigned") and text == f"{name} >= 0"
    return positive or "json_valid" in text


def _add_inline(table: TableState, column: ColumnText, clause: str) -> None:
    meaning = words(clause)
    name = None
    if meaning[0].upper == "CONSTRAINT":
        name, meaning = meaning[1].value, meaning[2:]
    kind = _KINDS.get(meaning[0].upper)
    if kind is None:
        return
    definition = {
        "p": f"PRIMARY KEY ({column.name})",
        "u": f"UNIQUE ({column.name})",
        "c": f"CHECK ({_condition(clause[meaning[0].at + len('CHECK') :], table)})" if kind == "c" else "",
        "f": _reference((column.name,), meaning) if kind == "f" else "",
        "x": "",
    }[kind]
    table.constraints.append(ConstraintState(kind, name, (column.name,), definition))


def _add_constraint(table: TableState, item: str, *, keys: bool) -> None:
    meaning = words(item)
    name = None
    if meaning[0].upper == "CONSTRAINT":
        name, meaning = meaning[1].value, meaning[2:]
    word = meaning[0].upper
    if keys and word in {"KEY", "FULLTEXT", "SPATIAL"} | ({"UNIQUE"} if meaning[1].upper == "KEY" else set()):
        _add_key(table, meaning, word)
        return
    kind = _KINDS[word]
    columns = _names(meaning)
    if kind == "c":
        text = _condition(item[meaning[0].at + len("CHECK") :], table)
        if _folds(table, text):
            return
        mentioned = tuple(c for c in table.columns if c.lower() in {t.value.lower() for t in meaning})
        table.constraints.append(ConstraintState("c", name, mentioned, f"CHECK ({text})"))
        return
    if kind == "f":
        definition = _reference(columns, meaning[_after_bracket(meaning) :])
    else:
        definition = f"{'PRIMARY KEY' if kind == 'p' else 'UNIQUE'} ({', '.join(columns)})"
    table.constraints.append(ConstraintState(kind, name, columns, definition))


def _folds(table: TableState, check: str) -> bool:
    """Whether a CHECK of a table is the one that belongs to an UNSIGNED column."""
    return any(
        column.type.endswith(" unsigned") and check == f"{name.lower()} >= 0" for name, column in table.columns.items()
    )


def _add_key(table: TableState, meaning: list[Token], word: str) -> None:
    named = next(token for token in meaning if token.kind == "name")
    columns = _names(meaning)
    tail = " ".join(token.text.lower() for token in meaning[meaning.index(named) + 1 :])
    if word == "UNIQUE":
        table.constraints.append(ConstraintState("u", named.value, columns, f"UNIQUE ({', '.join(columns)})"))
    elif word == "KEY":
        # FULLTEXT and SPATIAL are made by raw SQL; no model can ask for them, so none is missed.
        table.indexes.append(IndexState(named.value, columns, is_unique=False, definition=tail))


def _names(meaning: list[Token]) -> tuple[str, ...]:
    start = next((index for index, token in enumerate(meaning) if token.text == "("), len(meaning))
    end = _after_bracket(meaning) - 1
    skipped = {"ASC", "DESC"}
    return tuple(
        token.value
        for token in meaning[start + 1 : end]
        if token.kind in {"name", "word"} and token.upper not in skipped
    )


def _after_bracket(meaning: list[Token]) -> int:
    depth = 0
    for index, token in enumerate(meaning):
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
            if depth == 0:
                return index + 1
    return len(meaning)


def _reference(columns: tuple[str, ...], meaning: list[Token]) -> str:
    """A foreign key's canonical text; `meaning` starts at REFERENCES."""
    other = meaning[1].value
    named = _names(meaning)
    upper = " ".join(token.upper for token in meaning[_after_bracket(meaning) if named else 2 :])
    text = f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {other}({', '.join(named)})"
    for event in ("ON UPDATE", "ON DELETE"):
        action = re.search(rf"{event} (CASCADE|SET NULL|SET DEFAULT|RESTRICT)", upper)
        if action and action.group(1) != "RESTRICT":
            text += f" {event} {action.group(1)}"
    if re.search(r"(?<!NOT )DEFERRABLE", upper):
        text += " DEFERRABLE"
        if "INITIALLY DEFERRED" in upper:
            text += " INITIALLY DEFERRED"
    return text


def _condition(sql: str, table: TableState) -> str:
    """A condition's normal form; a boolean may be compared with 1, as Django 6.1 has it, or stand alone."""
    columns = {name.lower() for name, column in table.columns.items() if column.type == "bool"}
    meaning = words(sql)
    parts: list[str] = []
    place = 0
    while place < len(meaning):
        token, following = meaning[place], [each.text for each in meaning[place + 1 : place + 3]]
        if token.value.lower() in columns and following in (["=", "0"], ["=", "1"]):
            parts += [token.text] if following[1] == "1" else ["NOT", token.text]
            place += 3
        else:
            parts.append(token.text)
            place += 1
    return normal(" ".join(parts))


def _sqlite_index(name: str, sql: str, table: TableState) -> IndexState:
    meaning = words(sql)
    unique = meaning[1].upper == "UNIQUE"
    place = next(index for index, token in enumerate(meaning) if token.kind == "word" and token.upper == "ON")
    rest = meaning[place + 2 :]
    inner = rest[: _after_bracket(rest)]
    columns: list[str] = []
    part: list[Token] = []
    depth = 0
    for token in inner[1:]:
        if (token.text == "," and depth == 0) or (token.text == ")" and depth == 0):
            columns.append(
                part[0].value
                if len(part) == 1 or part[-1].upper in {"ASC", "DESC"}
                else normal(" ".join(each.text for each in part))
            )
            part = []
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        part.append(token)
    head = ", ".join(normal(each) for each in _items(inner))
    where = rest[len(inner) :]
    condition = f" WHERE {_condition(' '.join(t.text for t in where[1:]), table)}" if where else ""
    return IndexState(name, tuple(columns), unique, f"({head}){condition}")


def _items(inner: list[Token]) -> list[str]:
    items: list[str] = []
    depth = 0
    part: list[str] = []
    for token in inner[1:-1]:
        if token.text == "," and depth == 0:
            items.append(" ".join(part))
            part = []
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        part.append(token.text)
    return [*items, " ".join(part)]
