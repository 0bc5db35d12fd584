"""Where the files of FileField are kept: a folder, unless the setting STORAGES names another place."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shutil
import string
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured
from covet.utils import timezone
from covet.utils.deconstruct import deconstructible
from covet.utils.files import File, SuspiciousFileOperation, validate_file_name
from covet.utils.text import get_valid_filename

_LETTERS = string.ascii_letters + string.digits


class Storage:
    """A place for files; a subclass defines `_open`, `_save`, `delete`, `exists`, `size`, `url`."""

    def open(self, name: str, mode: str = "rb") -> File:
        """The file of that name."""
        return self._open(name, mode)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Keep `content` under `name` or a free name like it; answers with the name.

        Raises:
            SuspiciousFileOperation: the name leads outside.
        """
        if name is None:
            name = content.name
        if not hasattr(content, "chunks"):
            content = File(content, name)
        found = self.get_available_name(str(name), max_length=max_length)
        saved = self._save(found, content)
        return validate_file_name(saved, allow_relative_path=True)

    def _open(self, name: str, mode: str) -> File:
        raise AttributeError(f"{type(self).__name__} defines no _open()")

    def _save(self, name: str, content: File) -> str:
        raise AttributeError(f"{type(self).__name__} defines no _save()")

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        raise AttributeError(f"{type(self).__name__} defines no exists()")

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Whether a file can be saved under exactly that name."""
        return not self.exists(name) and not (max_length and len(name) > max_length)

    def get_valid_name(self, name: str) -> str:
        """The name without what file systems refuse."""
        return get_valid_filename(name)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Another name: with seven random letters."""
        word = "".join(secrets.choice(_LETTERS) for _ in range(7))
        return f"{file_root}_{word}{file_ext}"

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """A free name like `name`, not longer than `max_length`.

        Raises:
            SuspiciousFileOperation: no name is short enough.
        """
        name = str(name).replace("\\", "/")
        folder, file_name = os.path.split(name)
        if ".." in Path(folder).parts:
            raise SuspiciousFileOperation(f"Detected path traversal attempt in '{folder}'")
        validate_file_name(file_name)
        root, extension = os.path.splitext(file_name)
        while not self.is_name_available(name, max_length=max_length):
            name = os.path.join(folder, self.get_alternative_name(root, extension))
            excess = 0 if max_length is None else len(name) - max_length
            if excess > 0:
                root = root[:-excess]
                if not root:
                    raise SuspiciousFileOperation(
                        f'Storage can not find an available filename for "{name}". Please make sure that the '
                        'corresponding file field allows sufficient "max_length".'
                    )
                name = os.path.join(folder, self.get_alternative_name(root, extension))
        return name

    def generate_filename(self, filename: str) -> str:
        """The name that `upload_to` made, its last part without what file systems refuse.

        Raises:
            SuspiciousFileOperation: the name leads outside.
        """
        folder, name = os.path.split(str(filename).replace("\\", "/"))
        if ".." in Path(folder).parts:
            raise SuspiciousFileOperation(f"Detected path traversal attempt in '{folder}'")
        return os.path.normpath(os.path.join(folder, self.get_valid_name(name)))


@deconstructible(path="covet.utils.storage.FileSystemStorage")
class FileSystemStorage(Storage):
    """Files in a folder.

    Args:
        location: the folder; MEDIA_ROOT when not given. base_url: its URL; MEDIA_URL when not given.
        file_permissions_mode, directory_permissions_mode: what made files and folders get.
        allow_overwrite: keep a new file under the same name instead of a free one.
    """

    def __init__(
        self,
        location: Any = None,
        base_url: str | None = None,
        file_permissions_mode: int | None = None,
        directory_permissions_mode: int | None = None,
        allow_overwrite: bool = False,
    ) -> None:
        self._location, self._base_url = location, base_url
        self._file_mode, self._directory_mode = file_permissions_mode, directory_permissions_mode
        self._allow_overwrite = allow_overwrite

    @property
    def base_location(self) -> str:
        """The folder as given."""
        return str(settings.MEDIA_ROOT if self._location is None else self._location)

    @property
    def location(self) -> str:
        """The folder, absolute."""
        return os.path.abspath(self.base_location)

    @property
    def base_url(self) -> str:
        """The URL below which the files are."""
        url = settings.MEDIA_URL if self._base_url is None else self._base_url
        return url if url.endswith("/") else f"{url}/"

    def path(self, name: str) -> str:
        """The file's path.

        Raises:
            SuspiciousFileOperation: it lies outside of the folder.
        """
        base = Path(self.location)
        found = Path(os.path.abspath(base / name))
        if found != base and base not in found.parents:
            raise SuspiciousFileOperation(
                f"The joined path ({found}) is located outside of the base path component ({base})"
            )
        return str(found)

    def _open(self, name: str, mode: str) -> File:
        return File(open(self.path(name), mode))

    def _save(self, name: str, content: File) -> str:
        path = self.path(name)
        os.makedirs(os.path.dirname(path), mode=self._directory_mode or 0o777, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if self._allow_overwrite else os.O_EXCL)
        while True:
            try:
                descriptor = os.open(path, flags, 0o666)
            except FileExistsError:
                # Another process took the name between the look and the leap.
                name = self.get_available_name(name)
                path = self.path(name)
            else:
                break
        temporary = getattr(content, "temporary_file_path", None)
        with open(descriptor, "wb") as target:
            for chunk in content.chunks() if temporary is None else ():
                target.write(chunk.encode() if isinstance(chunk, str) else chunk)
        if temporary is not None:
            # An upload that is on disk already is moved, with the permissions that a new file has here.
            permissions = os.stat(path).st_mode
            shutil.move(temporary(), path)
            os.chmod(path, permissions)
        mode = settings.FILE_UPLOAD_PERMISSIONS if self._file_mode is None else self._file_mode
        if mode is not None:
            os.chmod(path, mode)
        return str(os.path.relpath(path, self.location)).replace("\\", "/")

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        if self._allow_overwrite:
            return not (max_length and len(name) > max_length)
        return super().is_name_available(name, max_length=max_length)

    def delete(self, name: str) -> None:
        """Remove the file, or the empty folder.

        Raises:
            ValueError: the name is empty.
        """
        if not name:
            raise ValueError("The name must be given to delete().")
        path = self.path(name)
        try:
            if os.path.isdir(path):
                os.rmdir(path)
            else:
                os.remove(path)
        except FileNotFoundError:
            pass

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.path(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """(folders, files) in a folder."""
        folders: list[str] = []
        files: list[str] = []
        with os.scandir(self.path(path)) as entries:
            for entry in entries:
                (folders if entry.is_dir() else files).append(entry.name)
        return folders, files

    def size(self, name: str) -> int:
        """The size in bytes."""
        return os.path.getsize(self.path(name))

    def url(self, name: str | None) -> str:
        """The file's URL."""
        path = quote((name or "").replace("\\", "/"), safe="/~!*()'").lstrip("/")
        return urljoin(self.base_url, path)

    def get_modified_time(self, name: str) -> dt.datetime:
        """When it was last changed."""
        return _moment(os.path.getmtime(self.path(name)))

    def get_created_time(self, name: str) -> dt.datetime:
        """When it was made, where the system knows."""
        return _moment(os.path.getctime(self.path(name)))

    def get_accessed_time(self, name: str) -> dt.datetime:
        """When it was last read."""
        return _moment(os.path.getatime(self.path(name)))


def _moment(stamp: float) -> dt.datetime:
    moment = dt.datetime.fromtimestamp(stamp, tz=dt.UTC)
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


class DefaultStorage:
    """The storage that the setting STORAGES calls `default`, made when it is first used."""

    def __init__(self) -> None:
        self._made: tuple[Any, Any] | None = None

    @property
    def wrapped(self) -> Any:
        """The storage itself."""
        stated = dict(settings.STORAGES).get("default")
        key = repr(stated)
        if self._made is None or self._made[0] != key:
            self._made = (key, _make(stated))
        return self._made[1]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.wrapped, name)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self.wrapped

    def __hash__(self) -> int:
        return hash(type(self))


def _make(stated: Any) -> Any:
    if not stated:
        return FileSystemStorage()
    path = stated["BACKEND"]
    if path.startswith("django.core.files.storage."):
        path = f"covet.utils.storage.{path.rpartition('.')[2]}"
    module, _dot, name = path.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"STORAGES['default'] names {path!r}, which cannot be imported"
        raise ImproperlyConfigured(message) from error
    return kind(**stated.get("OPTIONS", {}))


default_storage: Any = DefaultStorage()

__all__ = ["DefaultStorage", "FileSystemStorage", "Storage", "default_storage"]
