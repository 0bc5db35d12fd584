"""Keeping secrets out of debug pages: by the names of things, and by the values found under such names."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from covet.conf import settings

MASK: Final = "********"
SECRET_NAME: Final = re.compile(
    r"api|auth|token|key|secret|pass|pwd|signature|cookie|credential|dsn|session|private|otp|ssn|card|cvv",
    re.IGNORECASE,
)
# Names that contain one of these words and are no secrets.
HARMLESS: Final = re.compile(
    r"^(authors?(_\w+)?|authored\w*|authorship\w*|keys?|keyword\w*|keep\w*|monkey\w*|http_accept\w*|cookies?_?names?|\w*_cookie_(name|age|path|domain|"
    r"secure|httponly|samesite)|passed|auth_user_model|authentication_backends|password_hashers|"
    r"auth_password_validators|passwords?_validators|session_engine|max_keys|primary_key|foreign_key|capitals?)$",
    re.IGNORECASE,
)
# Bounded and anchored on both sides: these run over text that a client may have chosen.
_PAIR: Final = re.compile(
    r"""(?<![\w-])(?P<head>['"]?(?P<name>[\w-]{1,80})['"]?\s{0,4}[=:]\s{0,4})"""
    r"""(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,;)}\]&'"]+)"""
)
_LITERAL: Final = re.compile(
    r"""(?<![\w-])(?P<head>['"]?(?P<name>[\w-]{1,80})['"]?\s{0,4}[=:]\s{0,4}[rbf]?)"""
    r"""(?:'(?:[^'\\]|\\.)+'|"(?:[^"\\]|\\.)+")"""
)
_URL_PASSWORD: Final = re.compile(r"(?P<start>(?<!\w)\w{1,20}://[^\s:/@]{0,200}:)[^\s@/]{1,500}(?=@)")
LONGEST: Final = 5_000
"""Characters of one text that are shown."""
SHORTEST: Final = 4
"""Shorter secrets are masked where they stand, and not searched for elsewhere: they would hit everything."""


class _Repr(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 5
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 30
        self.maxstring = self.maxother = 1200

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        shown = list(x.items())[: self.maxdict]
        pairs = (f"{self.repr1(key, level - 1)}: {self._value(key, value, level - 1)}" for key, value in shown)
        return "{" + ", ".join(pairs) + (", ..." if len(x) > len(shown) else "") + "}"

    def _value(self, key: Any, value: Any, level: int) -> str:
        return repr(MASK) if isinstance(key, str) and is_secret(key) else self.repr1(value, level)


_repr = _Repr()


def is_secret(name: str) -> bool:
    """Whether a variable, setting, header or field of that name holds a secret."""
    return SECRET_NAME.search(name) is not None and HARMLESS.match(name) is None


def _masked_pair(found: re.Match[str]) -> str:
    return f"{found['head']}{MASK}" if is_secret(found["name"]) else found[0]


def _masked_literal(found: re.Match[str]) -> str:
    return f"{found['head']}'{MASK}'" if is_secret(found["name"]) else found[0]


class Masker:
    """Masks what it is given; collects the values of secrets first, so that they are masked wherever they turn up."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        for name in settings.names() if settings.is_configured else ():
            if is_secret(name):
                self.learn(getattr(settings, name))
        for value in (settings.DATABASE, settings.DATABASES, settings.REDIS_URL):
            self._learn_nested(value)

    def learn(self, value: Any) -> None:
        """Remember a secret's value."""
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            if SHORTEST <= len(value) <= 10_000 and not value.isspace() and value.lower() not in _COMMON:
                self._values.add(value)
        elif isinstance(value, (list, tuple, set)):
            for item in list(value)[:50]:
                self.learn(item)

    def learn_from(self, mapping: Mapping[Any, Any]) -> None:
        """Remember the values under secret names, in nested mappings too."""
        for name, value in list(mapping.items())[:500]:
            if isinstance(name, str) and is_secret(name):
                self.learn(value)
            elif isinstance(value, Mapping):
                self._learn_nested(value)

    def _learn_nested(self, value: Any, depth: int = 4) -> None:
        if isinstance(value, str):
            for found in _URL_PASSWORD.finditer(value):
                self.learn(found[0].rpartition(":")[2])
        elif depth and isinstance(value, Mapping):
            for name, item in list(value.items())[:200]:
                if isinstance(name, str) and is_secret(name):
                    self.learn(item)
                else:
                    self._learn_nested(item, depth - 1)
        elif depth and hasattr(value, "__dict__") and not isinstance(value, type):
            self._learn_nested(vars(value), depth - 1)

    def text(self, text: str) -> str:
        """`text` with every known secret and every `password=...` masked."""
        return _PAIR.sub(_masked_pair, self._known(text[:LONGEST]))

    def _known(self, text: str) -> str:
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, MASK)
            escaped = repr(value)[1:-1]
            if escaped != value:
                text = text.replace(escaped, MASK)
        return _URL_PASSWORD.sub(rf"\g<start>{MASK}", text)

    def source(self, line: str) -> str:
        """A line of code whose literals that are secrets are masked; the code stays readable."""
        return _LITERAL.sub(_masked_literal, self._known(line[:LONGEST]))

    def show(self, name: str, value: Any) -> str:
        """A short representation of a value called `name`."""
        if is_secret(name):
            return repr(MASK)
        try:
            shown = _repr.repr(value)
        except Exception as error:  # noqa: BLE001 - a broken __repr__ must not break the page
            shown = f"<{type(value).__name__}: repr() raised {type(error).__name__}>"
        return self.text(shown)

    def shown(self, items: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
        """Names and representations."""
        return [(name, self.show(name, value)) for name, value in items]


_COMMON: Final = frozenset({"none", "true", "false", "default", "utf-8", "null"})
