"""Files and images: the column holds a name, the storage the content."""

from __future__ import annotations

import datetime as dt
import posixpath
from importlib import import_module
from typing import Any, ClassVar

from covet.database.orm.fields.attributes import DeferredAttribute
from covet.database.orm.fields.base import Field
from covet.database.orm.signals import post_init
from covet.exceptions import FieldError
from covet.utils import timezone
from covet.utils import validators as checks
from covet.utils.files import File, validate_file_name
from covet.utils.functional import resolve
from covet.utils.storage import Storage, default_storage
from covet.utils.translation import gettext_lazy as _


class FieldFile(File):
    """The file of one instance.

    Args:
        instance: whose it is. field: the FileField. name: its name in the storage.
    """

    def __init__(self, instance: Any, field: Any, name: str | None) -> None:
        super().__init__(None, name)
        self.instance = instance
        self.field = field
        self.storage = field.storage
        self._committed = True

    def __eq__(self, other: object) -> bool:
        return bool(self.name == (other.name if hasattr(other, "name") else other))

    def __hash__(self) -> int:
        return hash(self.name)

    def _require_file(self) -> None:
        if not self:
            raise ValueError(f"The '{self.field.name}' attribute has no file associated with it.")

    @property
    def file(self) -> Any:
        """The open file.

        Raises:
            ValueError: there is none.
        """
        self._require_file()
        found = self.__dict__.get("_file")
        if found is None:
            found = self.__dict__["_file"] = self.storage.open(self.name, "rb")
        return found

    @file.setter
    def file(self, file: Any) -> None:
        self.__dict__["_file"] = file

    @file.deleter
    def file(self) -> None:
        del self.__dict__["_file"]

    @property
    def path(self) -> str:
        """The path on the server."""
        self._require_file()
        return str(self.storage.path(self.name))

    @property
    def url(self) -> str:
        """The URL."""
        self._require_file()
        return str(self.storage.url(self.name))

    @property
    def size(self) -> int:
        """The size in bytes."""
        self._require_file()
        if not self._committed:
            return int(self.file.size)
        return int(self.storage.size(self.name))

    @size.setter
    def size(self, value: int) -> None:
        raise AttributeError("The size of a stored file cannot be set")

    def open(self, mode: str | None = "rb", *args: Any, **kwargs: Any) -> Any:
        """Read it from the start."""
        del args, kwargs
        self._require_file()
        if self.__dict__.get("_file") is None:
            self.file = self.storage.open(self.name, mode)
        else:
            self.file.open(mode)
        return self

    @property
    def closed(self) -> bool:
        """Whether it is not open."""
        file = self.__dict__.get("_file")
        return file is None or bool(file.closed)

    def close(self) -> None:
        """Close it."""
        file = self.__dict__.get("_file")
        if file is not None:
            file.close()

    def commit(self, name: str, content: Any) -> None:
        """Put `content` into the storage; the instance is not saved."""
        name = self.field.generate_filename(self.instance, name)
        self.name = self.storage.save(name, content, max_length=self.field.max_length)
        setattr(self.instance, self.field.attname, self.name)
        self._committed = True

    async def save(self, name: str, content: Any, save: bool = True) -> None:
        """Put `content` into the storage, then save the instance."""
        self.commit(name, content)
        if save:
            await self.instance.save()

    async def delete(self, save: bool = True) -> None:
        """Remove the file from the storage, then save the instance."""
        if not self:
            return
        if "_file" in self.__dict__:
            self.close()
            del self.file
        self.storage.delete(self.name)
        self.name = None
        setattr(self.instance, self.field.attname, self.name)
        if save:
            await self.instance.save()

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "_committed": True, "_file": None, "instance": self.instance, "field": self.field}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.storage = self.field.storage


class FileDescriptor(DeferredAttribute):
    """Gives the instance's value the face of a file."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, owner)
        name = self.field.attname
        kind = self.field.attr_class
        if isinstance(value, str) or value is None:
            instance.__dict__[name] = kind(instance, self.field, value)
        elif not isinstance(value, FieldFile) and hasattr(value, "read"):
            made = kind(instance, self.field, value.name)
            made.file = value
            made._committed = False  # noqa: SLF001 - one class with FieldFile
            instance.__dict__[name] = made
        elif isinstance(value, FieldFile):
            if not hasattr(value, "field"):
                value.field = self.field
                value.storage = self.field.storage
            if value.instance is not instance:
                value.instance = instance
        return instance.__dict__[name]

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class FileField(Field[FieldFile]):
    """A file.

    Args:
        verbose_name, name: as in `Field`.
        upload_to: the folder, with `strftime` marks, or a callable of instance and file name.
        storage: where files are kept: a storage, or a callable that returns one.
        **kwargs: options of `Field`.

    Raises:
        TypeError: `storage` is, or returns, no storage.
    """

    attr_class: ClassVar[type[FieldFile]] = FieldFile
    descriptor_class: ClassVar[type[Any]] = FileDescriptor
    description = _("File")

    def __init__(
        self, verbose_name: Any = None, name: str | None = None, upload_to: Any = "", storage: Any = None, **kwargs: Any
    ) -> None:
        self._primary_key_set_explicitly = "primary_key" in kwargs
        self.storage = storage or default_storage
        if callable(self.storage) and not isinstance(self.storage, Storage):
            self._storage_callable = self.storage
            self.storage = self.storage()
            if not isinstance(self.storage, Storage) and not hasattr(self.storage, "save"):
                raise TypeError(
                    f"{self.__class__.__qualname__}.storage must be a subclass/instance of "
                    f"{Storage.__module__}.{Storage.__qualname__}"
                )
        self.upload_to = upload_to
        kwargs.setdefault("max_length", 100)
        super().__init__(verbose_name, name, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if kwargs.get("max_length") == 100:
            del kwargs["max_length"]
        kwargs["upload_to"] = self.upload_to
        storage = getattr(self, "_storage_callable", self.storage)
        if storage is not default_storage:
            kwargs["storage"] = storage
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "FileField"

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return None if value is None else str(value)

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        file = super().pre_save(model_instance, add)
        if file.name is None and getattr(file, "_file", None) is not None:
            error = FieldError(f"File for {self.name} must have the name attribute specified to be saved.")
            if isinstance(file._file, File):  # noqa: SLF001 - the file that was assigned
                error.add_note("Pass a 'name' argument to ContentFile.")
            raise error
        if file and not file._committed:  # noqa: SLF001 - one class with FieldFile
            file.commit(file.name, file.file)
        return file

    def generate_filename(self, instance: Any, filename: str) -> str:
        """The name under which an upload is kept."""
        if callable(self.upload_to):
            filename = self.upload_to(instance, filename)
        else:
            folder = dt.datetime.strftime(timezone.now(), str(self.upload_to))
            filename = posixpath.join(folder, filename)
        filename = validate_file_name(filename, allow_relative_path=True)
        return str(self.storage.generate_filename(filename))

    def save_form_data(self, instance: Any, data: Any) -> None:
        # None is "no change", anything else false is "none".
        if data is not None:
            setattr(instance, self.name, data or "")


class ImageFieldFile(FieldFile):
    """The image of one instance."""

    @property
    def width(self) -> int | None:
        """In pixels."""
        return self._dimensions()[0]

    @property
    def height(self) -> int | None:
        """In pixels."""
        return self._dimensions()[1]

    def _dimensions(self) -> tuple[int | None, int | None]:
        known: tuple[int | None, int | None] | None = self.__dict__.get("_measured")
        if known is None:
            was_closed = self.closed
            self.open()
            known = self.__dict__["_measured"] = image_dimensions(self)
            if was_closed:
                self.close()
        return known

    def commit(self, name: str, content: Any) -> None:
        self.__dict__.pop("_measured", None)
        super().commit(name, content)

    async def delete(self, save: bool = True) -> None:
        self.__dict__.pop("_measured", None)
        await super().delete(save)


def image_dimensions(file: Any) -> tuple[int | None, int | None]:
    """(width, height) of an image in pixels; None where it cannot be read."""
    pillow = import_module("PIL.Image")
    position = file.tell()
    file.seek(0)
    try:
        with pillow.open(file.file if hasattr(file, "file") else file) as image:
            return image.size  # type: ignore[no-any-return]
    except OSError:
        return None, None
    finally:
        if not file.closed:
            file.seek(position)


class ImageFileDescriptor(FileDescriptor):
    """Measures an image when another is assigned."""

    def __set__(self, instance: Any, value: Any) -> None:
        before = instance.__dict__.get(self.field.attname)
        super().__set__(instance, value)
        # Not while the instance is made: the measures may be among the values still to come.
        if before is not None:
            self.field.update_dimension_fields(instance, force=True)


class ImageField(FileField):
    """An image; its width and height may be kept in other fields.

    Args:
        verbose_name, name: as in `Field`.
        width_field, height_field: names of the fields that keep the measures.
        **kwargs: options of `FileField`.
    """

    attr_class: ClassVar[type[FieldFile]] = ImageFieldFile
    descriptor_class: ClassVar[type[Any]] = ImageFileDescriptor
    description = _("Image")
    default_validators: ClassVar[Any] = [checks.validate_image_file_extension]

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        width_field: str | None = None,
        height_field: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.width_field, self.height_field = width_field, height_field
        super().__init__(verbose_name, name, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.width_field:
            kwargs["width_field"] = self.width_field
        if self.height_field:
            kwargs["height_field"] = self.height_field
        return name, path, args, kwargs

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if not cls._meta.abstract and (self.width_field or self.height_field):
            post_init.connect(self.update_dimension_fields, sender=cls)

    def update_dimension_fields(self, instance: Any, force: bool = False, *args: Any, **kwargs: Any) -> None:
        """Set the fields that keep width and height, where they do not fit the image."""
        del args, kwargs
        if not (self.width_field or self.height_field) or self.attname not in instance.__dict__:
            return
        file = getattr(instance, self.attname)
        if not file and not force:
            return
        filled = not (
            (self.width_field and not getattr(instance, self.width_field))
            or (self.height_field and not getattr(instance, self.height_field))
        )
        if filled and not force:
            return
        width, height = (file.width, file.height) if file else (None, None)
        if self.width_field:
            setattr(instance, self.width_field, width)
        if self.height_field:
            setattr(instance, self.height_field, height)
