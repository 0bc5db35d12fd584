"""Files as fields and forms hand them around: something to read, with a name and a size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import PurePath
from typing import IO, Any, Self

from covet.exceptions import SuspiciousFileOperation


def validate_file_name(name: str, allow_relative_path: bool = False) -> str:
    """`name`, when it stays below the folder that it is joined to.

    Raises:
        SuspiciousFileOperation: it does not, or names no file.
    """
    if os.path.basename(name) in {"", ".", ".."}:
        raise SuspiciousFileOperation(f"Could not derive file name from '{name}'")
    if allow_relative_path:
        path = PurePath(str(name).replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise SuspiciousFileOperation(f"Detected path traversal attempt in '{name}'")
    elif name != os.path.basename(name):
        raise SuspiciousFileOperation(f"File name '{name}' includes path elements")
    return name


class File:
    """A file object with a name.

    Args:
        file: what is read. name: its name; the file object's own when not given.
    """

    DEFAULT_CHUNK_SIZE = 64 * 2**10

    def __init__(self, file: IO[Any] | None, name: str | None = None) -> None:
        self.file: Any = file
        self.name = getattr(file, "name", None) if name is None else name
        if file is not None and hasattr(file, "mode"):
            self.mode = file.mode

    def __str__(self) -> str:
        return self.name or ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self or 'None'}>"

    def __bool__(self) -> bool:
        return bool(self.name)

    def __len__(self) -> int:
        return self.size

    def __getattr__(self, name: str) -> Any:
        if name in {"read", "readline", "readlines", "seek", "tell", "write", "writelines", "flush", "truncate"}:
            return getattr(self.file, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def size(self) -> int:
        """The size in bytes.

        Raises:
            AttributeError: it cannot be found out.
        """
        known = self.__dict__.get("_size")
        if known is not None:
            return int(known)
        if hasattr(self.file, "size"):
            return int(self.file.size)
        name = getattr(self.file, "name", None)
        if isinstance(name, (str, os.PathLike)) and os.path.exists(name):
            return os.path.getsize(name)
        if hasattr(self.file, "tell") and hasattr(self.file, "seek"):
            position = self.file.tell()
            self.file.seek(0, os.SEEK_END)
            end = int(self.file.tell())
            self.file.seek(position)
            return end
        raise AttributeError("Unable to determine the file's size.")

    @size.setter
    def size(self, value: int) -> None:
        self.__dict__["_size"] = value

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self.file or bool(self.file.closed)

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        """The content in pieces of `chunk_size` bytes."""
        size = chunk_size or self.DEFAULT_CHUNK_SIZE
        if hasattr(self.file, "seek"):
            self.file.seek(0)
        while data := self.file.read(size):
            yield data

    def multiple_chunks(self, chunk_size: int | None = None) -> bool:
        """Whether `chunks` yields more than one piece."""
        return self.size > (chunk_size or self.DEFAULT_CHUNK_SIZE)

    def __iter__(self) -> Iterator[Any]:
        self.file.seek(0)
        yield from self.file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self, mode: str | None = None, *args: Any, **kwargs: Any) -> Self:
        """Read it from the start, opened again if it was closed.

        Raises:
            ValueError: it cannot be opened again.
        """
        if not self.closed:
            self.file.seek(0)
        elif self.name and os.path.exists(self.name):
            self.file = open(self.name, mode or self.mode, *args, **kwargs)  # noqa: SIM115 - the caller closes it
        else:
            raise ValueError("The file cannot be reopened.")
        return self

    def close(self) -> None:
        """Close it."""
        self.file.close()


class ContentFile(File):
    """Content in memory, as a file."""

    def __init__(self, content: str | bytes, name: str | None = None) -> None:
        stream: Any = StringIO(content) if isinstance(content, str) else BytesIO(content)
        super().__init__(stream, name=name)
        self.size = len(content.encode() if isinstance(content, str) else content)

    def __str__(self) -> str:
        return "Raw content"

    def __bool__(self) -> bool:
        return True

    def open(self, mode: str | None = None, *args: Any, **kwargs: Any) -> Self:
        """Read it from the start."""
        del mode, args, kwargs
        self.seek(0)
        return self

    def close(self) -> None:
        """Nothing: memory needs no closing."""


__all__ = ["ContentFile", "File", "SuspiciousFileOperation", "validate_file_name"]
