"""Text functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.outputs import OutputField, is_a, output
from covet.database.orm.expressions.values import Value
from covet.database.orm.functions.comparison import Cast, Coalesce
from covet.database.orm.lookups.base import Transform

SQL = tuple[str, Sequence[Any]]


class MySQLSHA2Mixin(Func):
    """SHA2 with the number of bits, on MySQL."""

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """The call."""
        template = f"SHA2(%(expressions)s, {self.function[3:]})"
        return super().as_sql(compiler, connection, template=template, **extra_context)


class PostgreSQLSHAMixin(Func):
    """PostgreSQL's own digests of bytes; it has them all but SHA-1."""

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """The call, as hexadecimal digits."""
        template = "ENCODE(%(function)s(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
        return super().as_sql(compiler, connection, template=template, **extra_context)


class Chr(Transform):
    """The character of a code point."""

    function = "CHR"
    lookup_name = "chr"
    output_field = OutputField("CharField")

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """CHAR with a character set."""
        template = "%(function)s(%(expressions)s USING utf16)"
        return super().as_sql(compiler, connection, function="CHAR", template=template, **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """CHAR."""
        return super().as_sql(compiler, connection, function="CHAR", **extra_context)


class ConcatPair(Func):
    """Two texts, one after the other; NULL counts as empty."""

    function = "CONCAT"

    def pipes_concat_sql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """With the operator."""
        return Func.as_sql(
            self.coalesce(), compiler, connection, template="(%(expressions)s)", arg_joiner=" || ", **extra_context
        )

    as_sqlite = pipes_concat_sql

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """With the operator, on text."""
        clone = self.copy()
        clone.set_source_expressions(
            [
                source if is_a(source.output_field, "CharField", "TextField") else Cast(source, output("TextField"))
                for source in self.get_source_expressions()
            ]
        )
        return clone.pipes_concat_sql(compiler, connection, **extra_context)  # type: ignore[no-any-return]

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """CONCAT_WS, which skips NULLs."""
        return super().as_sql(
            compiler,
            connection,
            function="CONCAT_WS",
            template="%(function)s('', %(expressions)s)",
            **extra_context,
        )

    def coalesce(self) -> Any:
        """A copy in which NULLs are empty texts."""
        clone = self.copy()
        clone.set_source_expressions([Coalesce(source, Value("")) for source in self.get_source_expressions()])
        return clone


class Concat(Func):
    """Texts one after another; NULL counts as empty."""

    function = None
    template = "%(expressions)s"

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        if len(expressions) < 2:
            raise ValueError("Concat must take at least two expressions")
        super().__init__(self._paired(expressions, output_field=extra.get("output_field")), **extra)

    def _paired(self, expressions: Sequence[Any], output_field: Any) -> ConcatPair:
        first, *rest = expressions
        second = rest[0] if len(rest) == 1 else self._paired(rest, output_field)
        return ConcatPair(first, second, output_field=output_field)


class Left(Func):
    """The first `length` characters."""

    function = "LEFT"
    arity = 2
    output_field = OutputField("CharField")

    def __init__(self, expression: Any, length: Any, **extra: Any) -> None:
        if not hasattr(length, "resolve_expression") and length < 1:
            raise ValueError("'length' must be greater than 0.")
        super().__init__(expression, length, **extra)

    def get_substr(self) -> Substr:
        """The same as a `Substr`."""
        return Substr(self.source_expressions[0], Value(1), self.source_expressions[1])

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """SUBSTR."""
        return self.get_substr().as_sqlite(compiler, connection, **extra_context)


class Length(Transform):
    """The number of characters."""

    function = "LENGTH"
    lookup_name = "length"
    output_field = OutputField("IntegerField")

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """CHAR_LENGTH: LENGTH counts bytes there."""
        return super().as_sql(compiler, connection, function="CHAR_LENGTH", **extra_context)


class Lower(Transform):
    """In lower case."""

    function = "LOWER"
    lookup_name = "lower"


class LPad(Func):
    """Filled up to `length` on the left."""

    function = "LPAD"
    output_field = OutputField("CharField")

    def __init__(self, expression: Any, length: Any, fill_text: Any = None, **extra: Any) -> None:
        if not hasattr(length, "resolve_expression") and length is not None and length < 0:
            raise ValueError("'length' must be greater or equal to 0.")
        super().__init__(expression, length, Value(" ") if fill_text is None else fill_text, **extra)


class LTrim(Transform):
    """Without leading spaces."""

    function = "LTRIM"
    lookup_name = "ltrim"


class MD5(Transform):
    """The MD5 digest as hexadecimal digits."""

    function = "MD5"
    lookup_name = "md5"


class Ord(Transform):
    """The code point of the first character."""

    function = "ASCII"
    lookup_name = "ord"
    output_field = OutputField("IntegerField")

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """ORD."""
        return super().as_sql(compiler, connection, function="ORD", **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """UNICODE."""
        return super().as_sql(compiler, connection, function="UNICODE", **extra_context)


class Repeat(Func):
    """The text `number` times."""

    function = "REPEAT"
    output_field = OutputField("CharField")

    def __init__(self, expression: Any, number: Any, **extra: Any) -> None:
        if not hasattr(number, "resolve_expression") and number is not None and number < 0:
            raise ValueError("'number' must be greater or equal to 0.")
        super().__init__(expression, number, **extra)


class Replace(Func):
    """Every occurrence of `text` replaced."""

    function = "REPLACE"

    def __init__(self, expression: Any, text: Any, replacement: Any = None, **extra: Any) -> None:
        super().__init__(expression, text, Value("") if replacement is None else replacement, **extra)


class Reverse(Transform):
    """The characters backwards."""

    function = "REVERSE"
    lookup_name = "reverse"


class Right(Left):
    """The last `length` characters."""

    function = "RIGHT"

    def get_substr(self) -> Substr:
        length = self.source_expressions[1]
        return Substr(self.source_expressions[0], length * Value(-1), length)


class RPad(LPad):
    """Filled up to `length` on the right."""

    function = "RPAD"


class RTrim(Transform):
    """Without trailing spaces."""

    function = "RTRIM"
    lookup_name = "rtrim"


class SHA1(Transform):
    """The SHA-1 digest as hexadecimal digits; on PostgreSQL it needs the extension pgcrypto."""

    function = "SHA1"
    lookup_name = "sha1"

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """The extension's DIGEST."""
        template = "ENCODE(DIGEST(%(expressions)s, 'sha1'), 'hex')"
        return super().as_sql(compiler, connection, template=template, **extra_context)


class SHA224(MySQLSHA2Mixin, PostgreSQLSHAMixin, Transform):
    """The SHA-224 digest as hexadecimal digits."""

    function = "SHA224"
    lookup_name = "sha224"


class SHA256(MySQLSHA2Mixin, PostgreSQLSHAMixin, Transform):
    """The SHA-256 digest as hexadecimal digits."""

    function = "SHA256"
    lookup_name = "sha256"


class SHA384(MySQLSHA2Mixin, PostgreSQLSHAMixin, Transform):
    """The SHA-384 digest as hexadecimal digits."""

    function = "SHA384"
    lookup_name = "sha384"


class SHA512(MySQLSHA2Mixin, PostgreSQLSHAMixin, Transform):
    """The SHA-512 digest as hexadecimal digits."""

    function = "SHA512"
    lookup_name = "sha512"


class StrIndex(Func):
    """The position of the first occurrence, from 1; 0 where there is none."""

    function = "INSTR"
    arity = 2
    output_field = OutputField("IntegerField")

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """STRPOS."""
        return super().as_sql(compiler, connection, function="STRPOS", **extra_context)


class Substr(Func):
    """`length` characters (or all that follow) from position `pos`, counted from 1."""

    function = "SUBSTRING"
    output_field = OutputField("CharField")

    def __init__(self, expression: Any, pos: Any, length: Any = None, **extra: Any) -> None:
        if not hasattr(pos, "resolve_expression") and pos < 1:
            raise ValueError("'pos' must be greater than 0")
        arguments = [expression, pos] if length is None else [expression, pos, length]
        super().__init__(*arguments, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> SQL:
        """SUBSTR."""
        return super().as_sql(compiler, connection, function="SUBSTR", **extra_context)


class Trim(Transform):
    """Without spaces around it."""

    function = "TRIM"
    lookup_name = "trim"


class Upper(Transform):
    """In upper case."""

    function = "UPPER"
    lookup_name = "upper"


def _without_hyphens(expression: Any) -> Replace:
    return Replace(expression, Value("-"), Value(""), output_field=output("CharField"))


late.without_hyphens = _without_hyphens
