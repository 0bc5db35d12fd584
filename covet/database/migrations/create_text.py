"""CREATE TABLE text taken apart and put together again: SQLite's stored SQL and MariaDB's SHOW CREATE TABLE."""

from __future__ import annotations

from dataclasses import dataclass, field

from covet.database.migrations.definitions import parts
from covet.database.migrations.sqltext import Token, Vendor, quote, split, words

_STARTS = frozenset(
    {
        "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "COLLATE", "GENERATED", "AS",
        "CONSTRAINT", "AUTO_INCREMENT", "COMMENT", "CHARACTER", "INVISIBLE",
    }
)  # fmt: skip
_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "KEY", "FULLTEXT", "SPATIAL"})


@dataclass
class ColumnText:
    """One column: its name, its type and the clauses behind, each as written."""

    name: str
    type: str
    clauses: list[str] = field(default_factory=list)

    def clause(self, *starts: str) -> str | None:
        """The first clause that starts with one of those words."""
        for clause in self.clauses:
            if words(clause)[0].upper in starts:
                return clause
        return None

    def put(self, start: str, clause: str | None) -> None:
        """Replace the clauses that start with a word; None removes them."""
        self.clauses = [text for text in self.clauses if words(text)[0].upper != start]
        if clause is not None:
            self.clauses.append(clause)

    @property
    def is_nullable(self) -> bool:
        """Whether NULL may be stored (as declared)."""
        return self.clause("NOT") is None and self.clause("PRIMARY") is None

    @property
    def is_generated(self) -> bool:
        """Whether the database computes it."""
        return self.clause("GENERATED", "AS") is not None

    @property
    def default(self) -> str | None:
        """The default's expression."""
        clause = self.clause("DEFAULT")
        return None if clause is None else clause[len("DEFAULT") :].strip()

    def sql(self, vendor: Vendor) -> str:
        """The column as CREATE TABLE wants it."""
        # MariaDB wants a column's CHECK behind everything else.
        last = [clause for clause in self.clauses if vendor == "mysql" and words(clause)[0].upper == "CHECK"]
        clauses = [clause for clause in self.clauses if clause not in last]
        return " ".join([quote(self.name, vendor), self.type, *clauses, *last]).strip()


@dataclass
class TableText:
    """One CREATE TABLE statement."""

    name: str
    columns: list[ColumnText]
    constraints: list[str]
    options: str = ""

    def column(self, name: str) -> ColumnText:
        """The column of that name, whatever its case.

        Raises:
            LookupError: there is none; the message names the choices.
        """
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        raise LookupError(
            f"Table {self.name!r} has no column {name!r}; choose one of: {', '.join(c.name for c in self.columns)}"
        )

    def sql(self, vendor: Vendor, *, name: str | None = None) -> str:
        """The statement, perhaps under another name."""
        body = ", ".join([column.sql(vendor) for column in self.columns] + self.constraints)
        return f"CREATE TABLE {quote(name or self.name, vendor)} ({body}) {self.options}".strip()


def parse(sql: str) -> TableText:
    """Take a CREATE TABLE statement apart."""
    meaning = words(sql)
    opened = next(token for token in meaning if token.text == "(")
    before = [token for token in meaning if token.at < opened.at]
    closed = _closing(meaning, opened)
    columns: list[ColumnText] = []
    constraints: list[str] = []
    for item in split(sql[opened.at + 1 : closed.at]):
        first = words(item)[0]
        if first.kind == "word" and first.upper in _TABLE_CONSTRAINTS:
            constraints.append(item)
        else:
            columns.append(parse_column(item))
    return TableText(before[-1].value, columns, constraints, sql[closed.at + 1 :].strip().rstrip(";"))


def parse_column(item: str) -> ColumnText:
    """Take one column's line apart."""
    first = words(item)[0]
    kind, rest = parts(item[first.at + len(first.text) :])
    return ColumnText(first.value, kind, clauses(rest))


def clauses(text: str) -> list[str]:
    """The clauses behind a column's type, each with what belongs to it."""
    starts: list[int] = []
    depth = 0
    meaning = words(text)
    for index, token in enumerate(meaning):
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0 and token.kind == "word" and token.upper in _STARTS and not _continues(meaning, index):
            starts.append(token.at)
    if not starts:
        return []
    ends = [*starts[1:], len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def _continues(meaning: list[Token], index: int) -> bool:
    before = meaning[index - 1].upper if index else ""
    word = meaning[index].upper
    following = meaning[index + 1].upper if index + 1 < len(meaning) else ""
    if word == "NULL":
        return before in {"NOT", "DEFAULT", "SET"}
    if word == "NOT":
        return following == "DEFERRABLE"
    if word == "DEFAULT":
        return before in {"SET", "BY"}
    if word == "AS":
        return before in {"ALWAYS", "DEFAULT"}
    # `CONSTRAINT name CHECK (...)` is one clause.
    return index > 1 and meaning[index - 2].upper == "CONSTRAINT"


def _closing(meaning: list[Token], opened: Token) -> Token:
    depth = 0
    for token in meaning:
        if token.at < opened.at:
            continue
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
            if depth == 0:
                return token
    raise ValueError("The statement has an opening bracket without its closing one.")
