"""PostgreSQL's lookups that several kinds of field share, unaccent and trigrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.lookups.base import PostgresOperatorLookup, Transform, is_query
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.postgres.functions import ArraySubquery

SQL = tuple[str, Sequence[Any]]


class DataContains(PostgresOperatorLookup):
    """Contains the other."""

    lookup_name = "contains"
    postgres_operator = "@>"


class ContainedBy(PostgresOperatorLookup):
    """Is contained by the other."""

    lookup_name = "contained_by"
    postgres_operator = "<@"


class Overlap(PostgresOperatorLookup):
    """Has something in common with the other."""

    lookup_name = "overlap"
    postgres_operator = "&&"

    def get_prep_lookup(self) -> Any:
        if is_query(self.rhs):
            self.rhs = ArraySubquery(self.rhs)
        return super().get_prep_lookup()


@builtin("CharField", "TextField")
class Unaccent(Transform):
    """Without accents, on both sides."""

    bilateral = True
    lookup_name = "unaccent"
    function = "UNACCENT"


@builtin("CharField", "TextField")
class TrigramSimilar(PostgresOperatorLookup):
    """Similar, by the threshold that is set."""

    lookup_name = "trigram_similar"
    postgres_operator = "%%"


@builtin("CharField", "TextField")
class TrigramWordSimilar(PostgresOperatorLookup):
    """A part is similar."""

    lookup_name = "trigram_word_similar"
    postgres_operator = "%%>"


@builtin("CharField", "TextField")
class TrigramStrictWordSimilar(PostgresOperatorLookup):
    """A part that begins and ends at words is similar."""

    lookup_name = "trigram_strict_word_similar"
    postgres_operator = "%%>>"
