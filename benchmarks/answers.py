"""The answers of all stacks, compared before anything is timed: a stack that answers wrongly is not worth a figure."""

import html
import http.client
import json
import re
from typing import Any

import psycopg

from benchmarks.stacks import Stack, Workload

IDS = (5, 4321)
UPDATED = 8999  # none of the rows that the other workloads show
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{3})\d*)?(?:Z|\+00:00)")


class WrongAnswer(Exception):
    """A stack answered something else than the others; the message names both."""


def ask(port: int, workload: Workload, number: int) -> str:
    """The body of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = workload.body.replace("{id}", str(number)).encode() if workload.method == "POST" else None
        path = workload.path.replace("{id}", str(number))
        connection.request(workload.method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise WrongAnswer(f"{workload.method} {path}: {answer.status}\n{text[:500]}")
        return text
    finally:
        connection.close()


def comparable(name: str, text: str) -> Any:
    """An answer without what may differ: spaces, fractions of a millisecond, ways to escape, the order of tags."""
    if name == "plaintext":
        return text
    if name == "fortunes":
        if "<script>" in text:
            raise WrongAnswer("fortunes: a message was not escaped")
        return html.unescape(text.strip())
    data = json.loads(MOMENT.sub(lambda found: f"{found[1]}.{found[2] or '000'}Z", text))
    if name == "m2m":
        for post in data:
            post["tags"].sort()
    return data


class Answers:
    """What the first stack answered; the others must agree.

    Args:
        dsn: the database, in which the effect of writes is looked up.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._expected: dict[tuple[str, int], tuple[str, Any]] = {}

    def check(self, stack: Stack, workloads: tuple[Workload, ...], port: int) -> None:
        """Ask for every workload once or twice.

        Raises:
            WrongAnswer: an answer differs, or a write left something else in the database than it should.
        """
        for workload in workloads:
            if workload.name in stack.missing:
                continue
            try:
                if workload.name in ("insert", "update"):
                    self._check_write(workload, port)
                    continue
                for number in IDS if "{id}" in workload.path else IDS[:1]:
                    self._check_read(stack, workload, number, port)
            except WrongAnswer as error:
                raise WrongAnswer(f"{stack.name}: {error}") from None

    def _check_read(self, stack: Stack, workload: Workload, number: int, port: int) -> None:
        seen = comparable(workload.name, ask(port, workload, number))
        if not seen:
            raise WrongAnswer(f"{workload.name} is empty")
        # The natural spelling and the subquery ask for the same rows.
        key = ("complex" if workload.name == "natural" else workload.name, number)
        other, expected = self._expected.setdefault(key, (stack.name, seen))
        if seen != expected:
            raise WrongAnswer(f"{workload.name} {number} differs from {other}:\n{seen!r:.700}\n{expected!r:.700}")

    def _check_write(self, workload: Workload, port: int) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            before = connection.execute("SELECT age FROM bench_user WHERE id = %s", (UPDATED,)).fetchone()
            assert before is not None
            answer = json.loads(ask(port, workload, UPDATED))
            if workload.name == "update":
                age = before[0] % 60 + 18
                stored = connection.execute("SELECT age FROM bench_user WHERE id = %s", (UPDATED,)).fetchone()
                if answer != {"id": UPDATED, "age": age} or stored != (age,):
                    raise WrongAnswer(f"update answers {answer}, leaves {stored}, expected {age}")
                return
            wanted = json.loads(workload.body.replace("{id}", str(UPDATED)))
            stored = connection.execute(
                "DELETE FROM bench_comment WHERE id = %s AND created_at > now() - interval '1 minute' "
                "RETURNING post_id, author_id, content",
                (answer["id"],),
            ).fetchone()
            if stored != (wanted["post"], wanted["author"], wanted["content"]):
                raise WrongAnswer(f"insert answers {answer}, leaves {stored}")
