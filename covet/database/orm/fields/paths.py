"""The path of a file that lies in a folder of the server."""

from __future__ import annotations

from typing import Any

from covet.database.orm.fields.base import Field
from covet.utils.functional import resolve
from covet.utils.translation import gettext_lazy as _


class FilePathField(Field[str]):
    """The path of a file in a folder.

    Args:
        verbose_name, name: as in `Field`.
        path: the folder, or a callable that returns it.
        match: a regular expression for base names. recursive: also in folders below.
        allow_files, allow_folders: what may be chosen.
        **kwargs: options of `Field`.
    """

    description = _("File path")

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        path: Any = "",
        match: str | None = None,
        recursive: bool = False,
        allow_files: bool = True,
        allow_folders: bool = False,
        **kwargs: Any,
    ) -> None:
        self.path, self.match, self.recursive = path, match, recursive
        self.allow_files, self.allow_folders = allow_files, allow_folders
        kwargs.setdefault("max_length", 100)
        super().__init__(verbose_name, name, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.path != "":
            kwargs["path"] = self.path
        for option, default in (("match", None), ("recursive", False), ("allow_files", True), ("allow_folders", False)):
            if getattr(self, option) is not default:
                kwargs[option] = getattr(self, option)
        if kwargs.get("max_length") == 100:
            del kwargs["max_length"]
        return name, path, args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return None if value is None else str(value)

    def get_internal_type(self) -> str:
        return "FilePathField"
