"""IPv6 addresses: whether a text is one, and its shortest form."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address

from covet.exceptions import ValidationError
from covet.utils.translation import gettext_lazy as _

MAX_IPV6_ADDRESS_LENGTH = 39


def clean_ipv6_address(
    ip_str: str,
    unpack_ipv4: bool = False,
    error_message: str = _("This is not a valid IPv6 address."),
    max_length: int = MAX_IPV6_ADDRESS_LENGTH,
) -> str:
    """The address in its shortest form; an IPv4 one inside it stays readable, alone when `unpack_ipv4`.

    Raises:
        ValidationError: it is no IPv6 address.
    """
    try:
        if len(ip_str) > max_length:
            raise AddressValueError(ip_str)
        address = IPv6Address(int(IPv6Address(ip_str)))
    except ValueError:
        raise ValidationError(error_message, code="invalid", params={"protocol": _("IPv6")}) from None
    mapped = address.ipv4_mapped
    if mapped is None:
        return str(address)
    return str(mapped) if unpack_ipv4 else f"::ffff:{mapped}"


def is_valid_ipv6_address(ip_addr: str | IPv6Address) -> bool:
    """Whether it is an IPv6 address."""
    if isinstance(ip_addr, IPv6Address):
        return True
    if not isinstance(ip_addr, str) or len(ip_addr) > 45:
        return False
    try:
        IPv6Address(ip_addr)
    except ValueError:
        return False
    return True
