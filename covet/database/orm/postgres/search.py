"""PostgreSQL's full text search and trigrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from covet.database.orm.expressions.base import Expression
from covet.database.orm.expressions.combinable import Combinable
from covet.database.orm.expressions.combined import CombinedExpression
from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.outputs import OutputField, field_class, is_a, output
from covet.database.orm.expressions.values import Value
from covet.database.orm.functions.comparison import Cast, Coalesce
from covet.database.orm.lookups.base import Lookup
from covet.database.orm.lookups.registry import builtin

SQL = tuple[str, Sequence[Any]]


def _expression(value: Any) -> Any:
    return value if hasattr(value, "resolve_expression") else Value(value)


@builtin("SearchVectorField")
class SearchVectorExact(Lookup):
    """The document matches the query."""

    lookup_name = "exact"

    def get_prep_lookup(self) -> Any:
        return self.rhs

    def query_side(self) -> Any:
        """The right side as a search query."""
        if isinstance(self.rhs, (SearchQuery, CombinedSearchQuery)):
            return self.rhs
        value = self.rhs if hasattr(self.rhs, "resolve_expression") else Value(self.rhs, output("TextField"))
        return SearchQuery(value, config=getattr(self.lhs, "config", None))

    def as_sql(self, compiler: Any, connection: Any) -> SQL:
        left, left_params = self.process_lhs(compiler, connection)
        query = self.query_side().resolve_expression(compiler.query)
        right, right_params = compiler.compile(query)
        return f"{left} @@ {right}", [*left_params, *right_params]


@builtin("CharField", "TextField")
class SearchLookup(SearchVectorExact):
    """The text, as a document, matches the query."""

    lookup_name = "search"

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> tuple[str, list[Any]]:
        side = self.lhs if lhs is None else lhs
        if not is_a(side.output_field, "SearchVectorField"):
            side = SearchVector(side, config=getattr(self.rhs, "config", None))
        return super().process_lhs(compiler, connection, side)


class SearchConfig(Expression):
    """The name of a text search configuration."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = _expression(config)

    @classmethod
    def from_parameter(cls, config: Any) -> Any:
        """`config` as a SearchConfig; None stays None."""
        return config if config is None or isinstance(config, cls) else cls(config)

    def get_source_expressions(self) -> list[Any]:
        return [self.config]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.config,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> SQL:
        text, params = compiler.compile(self.config)
        return f"{text}::regconfig", params


class SearchVectorCombinable(Combinable):
    """What `+` joins into one document."""

    ADD = "||"
    config: Any

    def _combine(self, other: Any, connector: str, reversed: bool) -> Any:
        if not isinstance(other, SearchVectorCombinable):
            raise TypeError(
                f"SearchVector can only be combined with other SearchVector instances, got {type(other).__name__}."
            )
        if reversed:
            return CombinedSearchVector(other, connector, self, self.config)
        return CombinedSearchVector(self, connector, other, self.config)


class SearchVector(SearchVectorCombinable, Func):
    """The texts as one document.

    Args:
        expressions: fields or expressions.
        config: the text search configuration.
        weight: A, B, C or D.
    """

    function = "to_tsvector"
    arg_joiner = " || ' ' || "
    output_field = OutputField("SearchVectorField")

    def __init__(self, *expressions: Any, config: Any = None, weight: Any = None) -> None:
        super().__init__(*expressions)
        self.config = SearchConfig.from_parameter(config)
        self.weight = None if weight is None else _expression(weight)

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        resolved = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        for name in ("config", "weight"):
            part = getattr(self, name)
            if part is not None:
                setattr(resolved, name, part.resolve_expression(query, allow_joins, reuse, summarize, for_save))
        return resolved

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, function: Any = None, template: str | None = None
    ) -> SQL:
        clone = self.copy()
        clone.set_source_expressions(
            [
                Coalesce(
                    source
                    if is_a(source.output_field, "CharField", "TextField")
                    else Cast(source, output("TextField")),
                    Value(""),
                )
                for source in self.get_source_expressions()
            ]
        )
        config = None
        if template is None:
            template = self.template
            if self.config is not None:
                config = compiler.compile(self.config)[0]
                template = "%(function)s(%(config)s, %(expressions)s)"
        text, params = Func.as_sql(clone, compiler, connection, function=function, template=template, config=config)
        if self.weight is not None:
            text = f'setweight({text}, {compiler.compile(self.weight)[0]}::"char")'
        return text, params


class CombinedSearchVector(SearchVectorCombinable, CombinedExpression):
    """Two documents as one."""

    def __init__(self, lhs: Any, connector: str, rhs: Any, config: Any, output_field: Any = None) -> None:
        self.config = config
        super().__init__(lhs, connector, rhs, output_field)

    def _resolve_output_field(self) -> Any:
        return output("SearchVectorField")


class SearchQueryCombinable(Combinable):
    """What `&` and `|` combine into one query."""

    BITAND = "&&"
    BITOR = "||"
    config: Any

    def _combine(self, other: Any, connector: str, reversed: bool) -> Any:
        if not isinstance(other, SearchQueryCombinable):
            raise TypeError(
                f"SearchQuery can only be combined with other SearchQuery instances, got {type(other).__name__}."
            )
        if reversed:
            return CombinedSearchQuery(other, connector, self, self.config)
        return CombinedSearchQuery(self, connector, other, self.config)

    def __or__(self, other: Any) -> Any:
        return self._combine(other, self.BITOR, False)

    def __ror__(self, other: Any) -> Any:
        return self._combine(other, self.BITOR, True)

    def __and__(self, other: Any) -> Any:
        return self._combine(other, self.BITAND, False)

    def __rand__(self, other: Any) -> Any:
        return self._combine(other, self.BITAND, True)


class SearchQuery(SearchQueryCombinable, Func):
    """What to search for.

    Args:
        value: the words.
        config: the text search configuration.
        invert: whether documents must not match.
        search_type: plain, phrase, raw or websearch.
    """

    output_field = OutputField("SearchQueryField")
    SEARCH_TYPES: Final = {
        "plain": "plainto_tsquery",
        "phrase": "phraseto_tsquery",
        "raw": "to_tsquery",
        "websearch": "websearch_to_tsquery",
    }

    def __init__(
        self,
        value: Any,
        output_field: Any = None,
        *,
        config: Any = None,
        invert: bool = False,
        search_type: str = "plain",
    ) -> None:
        self.function = self.SEARCH_TYPES.get(search_type)
        if self.function is None:
            raise ValueError(f"Unknown search_type argument '{search_type}'.")
        self.config = SearchConfig.from_parameter(config)
        self.invert = invert
        value = _expression(value)
        super().__init__(*((value,) if self.config is None else (self.config, value)), output_field=output_field)

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, function: Any = None, template: str | None = None
    ) -> SQL:
        text, params = super().as_sql(compiler, connection, function, template)
        return (f"!!({text})" if self.invert else text), params

    def __invert__(self) -> Any:
        clone = self.copy()
        clone.invert = not self.invert
        return clone

    def __str__(self) -> str:
        text = super().__str__()
        return f"~{text}" if self.invert else text


class CombinedSearchQuery(SearchQueryCombinable, CombinedExpression):
    """Two queries as one."""

    def __init__(self, lhs: Any, connector: str, rhs: Any, config: Any, output_field: Any = None) -> None:
        self.config = config
        super().__init__(lhs, connector, rhs, output_field)

    def _resolve_output_field(self) -> Any:
        return output("SearchQueryField")

    def __str__(self) -> str:
        return f"({super().__str__()})"


class SearchRank(Func):
    """How well a document matches."""

    function = "ts_rank"
    output_field = OutputField("FloatField")

    def __init__(
        self,
        vector: Any,
        query: Any,
        weights: Any = None,
        normalization: Any = None,
        cover_density: bool = False,
    ) -> None:
        if not hasattr(vector, "resolve_expression"):
            vector = SearchVector(vector)
        if not hasattr(query, "resolve_expression"):
            query = SearchQuery(query)
        expressions: list[Any] = [vector, query]
        if weights is not None:
            expressions.insert(0, Weights(weights))
        if normalization is not None:
            expressions.append(_expression(normalization))
        if cover_density:
            self.function = "ts_rank_cd"
        super().__init__(*expressions)


class Weights(Func):
    """The weights of D, C, B and A, as `ts_rank` takes them."""

    template = "(%(expressions)s)::float4[]"

    def __init__(self, weights: Any) -> None:
        if not hasattr(weights, "resolve_expression"):
            weights = Value(list(weights), field_class("ArrayField")(output("FloatField")))
        super().__init__(weights)


class SearchHeadline(Func):
    """The parts of a text that match, highlighted."""

    function = "ts_headline"
    template = "%(function)s(%(expressions)s%(options)s)"
    output_field = OutputField("TextField")

    def __init__(  # noqa: PLR0913 - ts_headline's options
        self,
        expression: Any,
        query: Any,
        *,
        config: Any = None,
        start_sel: str | None = None,
        stop_sel: str | None = None,
        max_words: int | None = None,
        min_words: int | None = None,
        short_word: int | None = None,
        highlight_all: bool | None = None,
        max_fragments: int | None = None,
        fragment_delimiter: str | None = None,
    ) -> None:
        if not hasattr(query, "resolve_expression"):
            query = SearchQuery(query)
        options = {
            "StartSel": start_sel,
            "StopSel": stop_sel,
            "MaxWords": max_words,
            "MinWords": min_words,
            "ShortWord": short_word,
            "HighlightAll": highlight_all,
            "MaxFragments": max_fragments,
            "FragmentDelimiter": fragment_delimiter,
        }
        self.options = {name: value for name, value in options.items() if value is not None}
        expressions = [expression, query]
        if config is not None:
            expressions.insert(0, SearchConfig.from_parameter(config))
        super().__init__(*expressions)

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, function: Any = None, template: str | None = None
    ) -> SQL:
        options = ""
        if self.options:
            listed = ", ".join(f"{name}={_option(value)}" for name, value in self.options.items())
            options = f", {compiler.compile(Value(listed))[0]}"
        return super().as_sql(compiler, connection, function=function, template=template, options=options)


def _option(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"


class TrigramBase(Func):
    """A comparison of an expression's trigrams with a text's."""

    output_field = OutputField("FloatField")

    def __init__(self, expression: Any, string: Any, **extra: Any) -> None:
        super().__init__(expression, _expression(string), **extra)


class TrigramWordBase(Func):
    """A comparison of a text's trigrams with the most similar part of an expression."""

    output_field = OutputField("FloatField")

    def __init__(self, string: Any, expression: Any, **extra: Any) -> None:
        super().__init__(_expression(string), expression, **extra)


class TrigramSimilarity(TrigramBase):
    """How similar they are, 0 to 1."""

    function = "SIMILARITY"


class TrigramDistance(TrigramBase):
    """1 less the similarity."""

    function = ""
    arg_joiner = " <-> "


class TrigramWordDistance(TrigramWordBase):
    """1 less the word similarity."""

    function = ""
    arg_joiner = " <<-> "


class TrigramStrictWordDistance(TrigramWordBase):
    """1 less the strict word similarity."""

    function = ""
    arg_joiner = " <<<-> "


class TrigramWordSimilarity(TrigramWordBase):
    """How similar the text is to the most similar part."""

    function = "WORD_SIMILARITY"


class TrigramStrictWordSimilarity(TrigramWordBase):
    """The same, with the part's boundaries at words."""

    function = "STRICT_WORD_SIMILARITY"
