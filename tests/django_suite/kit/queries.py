"""Counting the queries of a block."""

from __future__ import annotations

import unittest
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.django_suite.shim import namespace

WRONG_COUNT: Final = "queries executed"


class CaptureQueriesContext:
    """Collects the queries that one connection makes."""

    captured_queries: Sequence[Mapping[str, Any]]

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.captured_queries)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        return self.captured_queries[index]

    def __len__(self) -> int:
        return len(self.captured_queries)

    def __enter__(self) -> CaptureQueriesContext:
        self._capture = namespace.subject.capture(getattr(self.connection, "alias", "default"))
        self.captured_queries = self._capture.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._capture.__exit__(*error)


class AssertNumQueries(CaptureQueriesContext):
    """Fails when the count differs, unless the run only records counts."""

    strict = True

    def __init__(self, case: unittest.TestCase, expected: int, connection: Any) -> None:
        super().__init__(connection)
        self.case = case
        self.expected = expected

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if error[0] is not None:
            return
        made = len(self)
        self.case.__dict__.setdefault("query_counts", []).append((self.expected, made))
        if self.strict and made != self.expected:
            listing = "\n".join(str(query["sql"]) for query in self.captured_queries)
            self.case.fail(f"{made} {WRONG_COUNT}, {self.expected} expected\nCaptured queries were:\n{listing}")
