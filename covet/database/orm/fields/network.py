"""Addresses of the internet protocol."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal, overload

from covet.database.orm.fields.base import Field
from covet.database.orm.fields.values import TextValue
from covet.exceptions import ValidationError
from covet.utils import validators as checks
from covet.utils.functional import resolve
from covet.utils.ipv6 import MAX_IPV6_ADDRESS_LENGTH, clean_ipv6_address
from covet.utils.translation import gettext_lazy as _


class GenericIPAddressField(Field[TextValue]):
    """An IPv4 or IPv6 address.

    Args:
        verbose_name, name: as in `Field`.
        protocol: `both`, `IPv4` or `IPv6`.
        unpack_ipv4: whether `::ffff:192.0.2.1` is kept as `192.0.2.1`.
        *args, **kwargs: options of `Field`.

    Raises:
        ValueError: an unknown protocol, or `unpack_ipv4` with another than `both`.
    """

    empty_strings_allowed = False
    description = _("IP address")
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("Enter a valid %(protocol)s address.")}

    @overload
    def __init__(
        self: GenericIPAddressField[str | None],
        verbose_name: Any = None,
        name: str | None = None,
        protocol: str = "both",
        unpack_ipv4: bool = False,
        *args: Any,
        null: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: GenericIPAddressField[str | None],
        verbose_name: Any = None,
        name: str | None = None,
        protocol: str = "both",
        unpack_ipv4: bool = False,
        *args: Any,
        nullable: Literal[True],
        **kwargs: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: GenericIPAddressField[str],
        verbose_name: Any = None,
        name: str | None = None,
        protocol: str = "both",
        unpack_ipv4: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        protocol: str = "both",
        unpack_ipv4: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.unpack_ipv4 = unpack_ipv4
        self.protocol = protocol
        self.default_validators = checks.ip_address_validators(protocol, unpack_ipv4)  # type: ignore[misc]
        kwargs["max_length"] = MAX_IPV6_ADDRESS_LENGTH
        super().__init__(verbose_name, name, *args, **kwargs)

    @functools.cached_property
    def error_messages(self) -> dict[str, Any]:
        """Texts by code; the protocol's name is filled in by the validators."""
        return super().error_messages

    @functools.cached_property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The protocol's validators and the given ones."""
        return [*self.default_validators, *self._validators]

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.unpack_ipv4 is not False:
            kwargs["unpack_ipv4"] = self.unpack_ipv4
        if self.protocol != "both":
            kwargs["protocol"] = self.protocol
        if kwargs.get("max_length") == MAX_IPV6_ADDRESS_LENGTH:
            del kwargs["max_length"]
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "GenericIPAddressField"

    def to_python(self, value: Any) -> Any:
        if value is None:
            return None
        text = (value if isinstance(value, str) else str(value)).strip()
        if ":" in text:
            return clean_ipv6_address(text, self.unpack_ipv4, self.error_messages["invalid"])
        return text

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        if value is None:
            return None
        text = str(value)
        if ":" in text:
            try:
                return clean_ipv6_address(text, self.unpack_ipv4)
            except ValidationError:
                return text
        return text


class IPAddressField(Field[str]):
    """An IPv4 address, as older projects declare it."""

    empty_strings_allowed = False
    description = _("IPv4 address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 15
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        value = resolve(value)
        return None if value is None else str(value)

    def get_internal_type(self) -> str:
        return "IPAddressField"
