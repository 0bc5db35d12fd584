"""What a system check finds: a message with a code that never changes its meaning, advice, and what it is about."""

from __future__ import annotations

from typing import Any, Final

DEBUG: Final = 10
INFO: Final = 20
WARNING: Final = 30
ERROR: Final = 40
CRITICAL: Final = 50


class CheckMessage:
    """One finding.

    Args:
        level: `WARNING`, `ERROR` …
        msg: what is wrong.
        hint: what to do about it.
        obj: the model or field that it is about.
        id: the code, such as `fields.E120`.
    """

    def __init__(self, level: int, msg: str, hint: str | None = None, obj: Any = None, id: str | None = None) -> None:
        self.level = level
        self.msg = msg
        self.hint = hint
        self.obj = obj
        self.id = id

    def _key(self) -> tuple[Any, ...]:
        return self.level, self.msg, self.hint, self.obj, self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckMessage) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.level, self.msg, self.id))

    def __str__(self) -> str:
        about = "?" if self.obj is None else _label(self.obj)
        code = f"({self.id}) " if self.id else ""
        hint = f"\n\tHINT: {self.hint}" if self.hint else ""
        return f"{about}: {code}{self.msg}{hint}"

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: level={self.level!r}, msg={self.msg!r}, hint={self.hint!r}, obj={self.obj!r}, "
            f"id={self.id!r}>"
        )

    def is_serious(self, level: int = ERROR) -> bool:
        """Whether it is an error, or worse."""
        return self.level >= level


def _label(value: Any) -> str:
    meta = getattr(value, "_meta", None)
    return str(meta.label) if meta is not None else str(value)


class Warning(CheckMessage):
    """Something that works, but hardly as meant."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(WARNING, *args, **kwargs)


class Error(CheckMessage):
    """Something that cannot work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(ERROR, *args, **kwargs)


class Info(CheckMessage):
    """Something worth knowing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(INFO, *args, **kwargs)
