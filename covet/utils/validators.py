"""Validators: callables that raise ValidationError with Django's messages and codes."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from covet.exceptions import ValidationError
from covet.utils.deconstruct import deconstructible
from covet.utils.ipv6 import is_valid_ipv6_address
from covet.utils.translation import gettext_lazy as _
from covet.utils.translation import ngettext_lazy

EMPTY_VALUES: Final[tuple[Any, ...]] = (None, "", [], (), {})

_ASCII_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9\u00a1-\uffff](?:[a-z0-9\u00a1-\uffff-]{0,61}[a-z0-9\u00a1-\uffff])?\Z", re.IGNORECASE)
_TOP = re.compile(r"(?!-)(?:[a-z\u00a1-\uffff-]{2,63}|xn--[a-z0-9]{1,59})(?<!-)\Z", re.IGNORECASE)
_ASCII_TOP = re.compile(r"(?!-)(?:[a-z-]{2,63}|xn--[a-z0-9]{1,59})(?<!-)\Z", re.IGNORECASE)
_MAIL_TOP = re.compile(r"[a-z0-9-]{2,63}(?<!-)\Z", re.IGNORECASE)


def _punycode(domain: str) -> str:
    # Label by label, not through the `idna` codec: that one knows only the older IDNA 2003.
    labels = domain.split(".")
    return ".".join(part if part.isascii() else f"xn--{part.lower().encode('punycode').decode()}" for part in labels)


@deconstructible
class RegexValidator:
    """Refuses text that the pattern does not find (or does find, with `inverse_match`)."""

    regex: Any = ""
    message: Any = _("Enter a valid value.")
    code = "invalid"
    inverse_match = False
    flags: int = 0

    def __init__(
        self,
        regex: str | re.Pattern[str] | None = None,
        message: Any = None,
        code: str | None = None,
        inverse_match: bool | None = None,
        flags: int | None = None,
    ) -> None:
        given = {"regex": regex, "message": message, "code": code, "inverse_match": inverse_match, "flags": flags}
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)
        if self.flags and not isinstance(self.regex, str):
            message = "If the flags are set, regex must be a regular expression string."
            raise TypeError(message)
        if isinstance(self.regex, str):
            self.regex = re.compile(self.regex, self.flags)

    def __call__(self, value: Any) -> None:
        if bool(self.regex.search(str(value))) == bool(self.inverse_match):
            raise ValidationError(self.message, code=self.code, params={"value": value})

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RegexValidator)
            and (self.regex.pattern, self.regex.flags) == (other.regex.pattern, other.regex.flags)
            and (self.message, self.code, self.inverse_match) == (other.message, other.code, other.inverse_match)
        )

    def __hash__(self) -> int:
        return hash((self.regex, self.code, self.inverse_match))


def _is_domain(name: str, *, top: re.Pattern[str], label: re.Pattern[str]) -> bool:
    *labels, last = name.split(".")
    return bool(labels) and all(label.match(part) for part in labels) and bool(top.match(last))


@deconstructible
class DomainNameValidator:
    """Refuses what is no domain name, RFC 1034, international ones accepted unless told."""

    message: Any = _("Enter a valid domain name.")
    code = "invalid"
    max_length = 255

    def __init__(self, *, message: Any = None, code: str | None = None, accept_idna: bool = True) -> None:
        self.message = self.message if message is None else message
        self.code = self.code if code is None else code
        self.accept_idna = accept_idna

    def __call__(self, value: Any) -> None:
        if not isinstance(value, str) or len(value) > self.max_length or not self._accepts(value):
            raise ValidationError(self.message, code=self.code, params={"value": value})

    def _accepts(self, value: str) -> bool:
        name = value.removesuffix(".")
        if not self.accept_idna:
            return value.isascii() and _is_domain(name, top=_ASCII_TOP, label=_ASCII_LABEL)
        return _is_domain(name, top=_TOP, label=_LABEL)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DomainNameValidator) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.code, self.accept_idna))


validate_domain_name = DomainNameValidator()

_URL = re.compile(
    r"(?P<scheme>[a-z0-9.+-]*)://(?:[^\s:@/]+(?::[^\s:@/]*)?@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s/?#:@\[\]]+)(?::\d{1,5})?(?:[/?#]\S*)?\Z",
    re.IGNORECASE,
)
_IPV4 = re.compile(r"(?:(?:0|25[0-5]|2[0-4]\d|1\d?\d?|[1-9]\d?)(?:\.|\Z)){4}(?<!\.)\Z", re.ASCII)


@deconstructible
class URLValidator:
    """Refuses what is no URL of the given schemes."""

    message: Any = _("Enter a valid URL.")
    code = "invalid"
    schemes: Sequence[str] = ("http", "https", "ftp", "ftps")
    max_length = 2048
    unsafe_chars = frozenset("\t\r\n")

    def __init__(self, schemes: Sequence[str] | None = None, message: Any = None, code: str | None = None) -> None:
        if schemes is not None:
            self.schemes = schemes
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code

    def __call__(self, value: Any) -> None:
        if not isinstance(value, str) or len(value) > self.max_length or not self._accepts(value):
            raise ValidationError(self.message, code=self.code, params={"value": value})

    def _accepts(self, value: str) -> bool:
        if self.unsafe_chars & set(value) or value.split("://")[0].lower() not in self.schemes:
            return False
        found = _URL.match(value)
        if found is None:
            return False
        try:
            hostname = urlsplit(value).hostname
        except ValueError:
            return False
        host = found["host"]
        if hostname is None or len(hostname) > 253:
            return False
        if host.startswith("["):
            return is_valid_ipv6_address(host[1:-1])
        if _IPV4.match(host) or host.lower() == "localhost":
            return True
        name = host.removesuffix(".")
        if _is_domain(name, top=_TOP, label=_LABEL):
            return True
        try:
            return _is_domain(_punycode(name), top=_TOP, label=_LABEL)
        except UnicodeError:
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URLValidator) and (self.schemes, self.message, self.code) == (
            other.schemes,
            other.message,
            other.code,
        )

    def __hash__(self) -> int:
        return hash((tuple(self.schemes), self.code))


integer_validator = RegexValidator(re.compile(r"^-?\d+\Z"), message=_("Enter a valid integer."), code="invalid")


def validate_integer(value: Any) -> None:
    """Refuse what is no whole number.

    Raises:
        ValidationError: with code `invalid`.
    """
    integer_validator(value)


_ATOM = r"[-!#$%&'*+/=?^_`{}|~0-9a-z]+"
_MAIL_USER = re.compile(
    rf"(?:{_ATOM}(?:\.{_ATOM})*|\"(?:[\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*\")\Z",
    re.IGNORECASE,
)


@deconstructible
class EmailValidator:
    """Refuses what is no e-mail address; domains in `allowlist` need no dot."""

    message: Any = _("Enter a valid email address.")
    code = "invalid"
    domain_allowlist: Sequence[str] = ("localhost",)

    def __init__(self, message: Any = None, code: str | None = None, allowlist: Sequence[str] | None = None) -> None:
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code
        if allowlist is not None:
            self.domain_allowlist = allowlist

    def __call__(self, value: Any) -> None:
        if not value or not isinstance(value, str) or len(value) > 320 or not self._accepts(value):
            raise ValidationError(self.message, code=self.code, params={"value": value})

    def _accepts(self, value: str) -> bool:
        user, at, domain = value.rpartition("@")
        if not at or not _MAIL_USER.match(user):
            return False
        if domain in self.domain_allowlist or self.validate_domain_part(domain):
            return True
        try:
            return self.validate_domain_part(_punycode(domain))
        except UnicodeError:
            return False

    def validate_domain_part(self, domain_part: str) -> bool:
        """Whether it is a domain or an address in brackets."""
        if _is_domain(domain_part, top=_MAIL_TOP, label=_ASCII_LABEL):
            return True
        if domain_part[:1] == "[" and domain_part[-1:] == "]":
            return _is_address(domain_part[1:-1])
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EmailValidator) and (set(self.domain_allowlist), self.message, self.code) == (
            set(other.domain_allowlist),
            other.message,
            other.code,
        )

    def __hash__(self) -> int:
        return hash((frozenset(self.domain_allowlist), self.code))


validate_email = EmailValidator()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


validate_slug = RegexValidator(
    r"^[-a-zA-Z0-9_]+\Z",
    _("Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."),
    "invalid",
)
validate_unicode_slug = RegexValidator(
    r"^[-\w]+\Z",
    _("Enter a valid “slug” consisting of Unicode letters, numbers, underscores, or hyphens."),
    "invalid",
)


def validate_ipv4_address(value: Any) -> None:
    """Refuse what is no IPv4 address.

    Raises:
        ValidationError: with code `invalid`.
    """
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        message = _("Enter a valid %(protocol)s address.")
        raise ValidationError(message, code="invalid", params={"protocol": _("IPv4"), "value": value}) from None


def validate_ipv6_address(value: Any) -> None:
    """Refuse what is no IPv6 address.

    Raises:
        ValidationError: with code `invalid`.
    """
    if not is_valid_ipv6_address(value):
        message = _("Enter a valid %(protocol)s address.")
        raise ValidationError(message, code="invalid", params={"protocol": _("IPv6"), "value": value})


def validate_ipv46_address(value: Any) -> None:
    """Refuse what is neither an IPv4 nor an IPv6 address.

    Raises:
        ValidationError: with code `invalid`.
    """
    try:
        validate_ipv4_address(value)
    except ValidationError:
        try:
            validate_ipv6_address(value)
        except ValidationError:
            message = _("Enter a valid %(protocol)s address.")
            params = {"protocol": _("IPv4 or IPv6"), "value": value}
            raise ValidationError(message, code="invalid", params=params) from None


_ADDRESS_VALIDATORS: Final[dict[str, list[Callable[[Any], None]]]] = {
    "both": [validate_ipv46_address],
    "ipv4": [validate_ipv4_address],
    "ipv6": [validate_ipv6_address],
}


def ip_address_validators(protocol: str, unpack_ipv4: bool) -> list[Callable[[Any], None]]:
    """The validators of a GenericIPAddressField.

    Raises:
        ValueError: an unknown protocol, or `unpack_ipv4` with another than `both`.
    """
    if protocol != "both" and unpack_ipv4:
        message = "You can only use `unpack_ipv4` if `protocol` is set to 'both'"
        raise ValueError(message)
    try:
        return _ADDRESS_VALIDATORS[protocol.lower()]
    except KeyError:
        message = f"The protocol '{protocol}' is unknown. Supported: {list(_ADDRESS_VALIDATORS)}"
        raise ValueError(message) from None


def int_list_validator(
    sep: str = ",", message: Any = None, code: str = "invalid", allow_negative: bool = False
) -> RegexValidator:
    """A validator of whole numbers joined by `sep`."""
    number = r"-?\d+" if allow_negative else r"\d+"
    pattern = re.compile(rf"^{number}(?:{re.escape(sep)}{number})*\Z")
    return RegexValidator(pattern, message=message, code=code)


validate_comma_separated_integer_list = int_list_validator(message=_("Enter only digits separated by commas."))


@deconstructible
class BaseValidator:
    """Compares what `clean` makes of the value with a limit, which may be a callable."""

    message: Any = _("Ensure this value is %(limit_value)s (it is %(show_value)s).")
    code = "limit_value"

    def __init__(self, limit_value: Any, message: Any = None) -> None:
        self.limit_value = limit_value
        if message:
            self.message = message

    def __call__(self, value: Any) -> None:
        cleaned = self.clean(value)
        limit = self.limit_value() if callable(self.limit_value) else self.limit_value
        if self.compare(cleaned, limit):
            params = {"limit_value": limit, "show_value": cleaned, "value": value}
            raise ValidationError(self.message, code=self.code, params=params)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, self.__class__):
            return NotImplemented
        return (self.limit_value, self.message, self.code) == (other.limit_value, other.message, other.code)

    def __hash__(self) -> int:
        return hash((type(self), self.code))

    def compare(self, a: Any, b: Any) -> bool:
        """Whether the value `a` is refused by the limit `b`."""
        return a is not b

    def clean(self, x: Any) -> Any:
        """What is compared."""
        return x


@deconstructible
class MaxValueValidator(BaseValidator):
    """Refuses what is greater than the limit."""

    message = _("Ensure this value is less than or equal to %(limit_value)s.")
    code = "max_value"

    def compare(self, a: Any, b: Any) -> bool:
        return bool(a > b)


@deconstructible
class MinValueValidator(BaseValidator):
    """Refuses what is less than the limit."""

    message = _("Ensure this value is greater than or equal to %(limit_value)s.")
    code = "min_value"

    def compare(self, a: Any, b: Any) -> bool:
        return bool(a < b)


@deconstructible
class StepValueValidator(BaseValidator):
    """Refuses what is no multiple of the limit, counted from `offset`."""

    message = _("Ensure this value is a multiple of step size %(limit_value)s.")
    code = "step_size"

    def __init__(self, limit_value: Any, message: Any = None, offset: Any = None) -> None:
        super().__init__(limit_value, message)
        if offset is not None:
            self.message = _(
                "Ensure this value is a multiple of step size %(limit_value)s, starting from %(offset)s, e.g. "
                "%(offset)s, %(valid_value1)s, %(valid_value2)s, and so on."
            )
        self.offset = offset

    def __call__(self, value: Any) -> None:
        if self.offset is None:
            super().__call__(value)
            return
        cleaned = self.clean(value)
        limit = self.limit_value() if callable(self.limit_value) else self.limit_value
        if self.compare(cleaned, limit):
            first, second = self.offset + limit, self.offset + 2 * limit
            params = {"limit_value": limit, "offset": self.offset, "valid_value1": first, "valid_value2": second}
            raise ValidationError(self.message, code=self.code, params=params)

    def compare(self, a: Any, b: Any) -> bool:
        offset = 0 if self.offset is None else self.offset
        return not math.isclose(math.remainder(a - offset, b), 0, abs_tol=1e-9)


class _Sized(Protocol):
    def __len__(self) -> int: ...


@deconstructible
class MinLengthValidator(BaseValidator):
    """Refuses what is shorter than the limit."""

    message = ngettext_lazy(
        "Ensure this value has at least %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at least %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    )
    code = "min_length"

    def compare(self, a: Any, b: Any) -> bool:
        return bool(a < b)

    def clean(self, x: _Sized) -> int:
        return len(x)


@deconstructible
class MaxLengthValidator(BaseValidator):
    """Refuses what is longer than the limit."""

    message = ngettext_lazy(
        "Ensure this value has at most %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at most %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    )
    code = "max_length"

    def compare(self, a: Any, b: Any) -> bool:
        return bool(a > b)

    def clean(self, x: _Sized) -> int:
        return len(x)


@deconstructible
class DecimalValidator:
    """Refuses a number with more digits, before or after the point, than the column has."""

    messages: dict[str, Any] = {
        "invalid": _("Enter a number."),
        "max_digits": ngettext_lazy(
            "Ensure that there are no more than %(max)s digit in total.",
            "Ensure that there are no more than %(max)s digits in total.",
            "max",
        ),
        "max_decimal_places": ngettext_lazy(
            "Ensure that there are no more than %(max)s decimal place.",
            "Ensure that there are no more than %(max)s decimal places.",
            "max",
        ),
        "max_whole_digits": ngettext_lazy(
            "Ensure that there are no more than %(max)s digit before the decimal point.",
            "Ensure that there are no more than %(max)s digits before the decimal point.",
            "max",
        ),
    }

    def __init__(self, max_digits: int | None, decimal_places: int | None) -> None:
        self.max_digits = max_digits
        self.decimal_places = decimal_places

    def __call__(self, value: Decimal) -> None:
        _sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise ValidationError(self.messages["invalid"], code="invalid", params={"value": value})
        if exponent >= 0:
            total = len(digits) + exponent if digits != (0,) else len(digits)
            places = 0
        else:
            places = -exponent
            total = max(len(digits), places)
        limits = (
            ("max_digits", total, self.max_digits),
            ("max_decimal_places", places, self.decimal_places),
            ("max_whole_digits", total - places, self._whole()),
        )
        for code, number, limit in limits:
            if limit is not None and number > limit:
                raise ValidationError(self.messages[code], code=code, params={"max": limit, "value": value})

    def _whole(self) -> int | None:
        if self.max_digits is None or self.decimal_places is None:
            return None
        return self.max_digits - self.decimal_places

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.__class__) and (self.max_digits, self.decimal_places) == (
            other.max_digits,
            other.decimal_places,
        )

    def __hash__(self) -> int:
        return hash((self.max_digits, self.decimal_places))


@deconstructible
class FileExtensionValidator:
    """Refuses file names with another extension than the allowed ones."""

    message: Any = _("File extension “%(extension)s” is not allowed. Allowed extensions are: %(allowed_extensions)s.")
    code = "invalid_extension"

    def __init__(
        self, allowed_extensions: Iterable[str] | None = None, message: Any = None, code: str | None = None
    ) -> None:
        self.allowed_extensions = None if allowed_extensions is None else [each.lower() for each in allowed_extensions]
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code

    def __call__(self, value: Any) -> None:
        extension = Path(value.name).suffix[1:].lower()
        if self.allowed_extensions is not None and extension not in self.allowed_extensions:
            params = {
                "extension": extension,
                "allowed_extensions": ", ".join(self.allowed_extensions),
                "value": value,
            }
            raise ValidationError(self.message, code=self.code, params=params)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, self.__class__)
            and set(self.allowed_extensions or []) == set(other.allowed_extensions or [])
            and (self.message, self.code) == (other.message, other.code)
        )

    def __hash__(self) -> int:
        return hash((frozenset(self.allowed_extensions or ()), self.code))


IMAGE_EXTENSIONS: Final = (
    "apng", "avif", "avifs", "bmp", "dib", "gif", "jfif", "jpe", "jpeg", "jpg", "jp2", "j2k", "jpc", "jpf",
    "jpx", "j2c", "icns", "ico", "png", "pbm", "pgm", "ppm", "pnm", "tif", "tiff", "webp", "tga", "psd",
    "pcx", "svgz",
)  # fmt: skip


def validate_image_file_extension(value: Any) -> None:
    """Refuse names that are no image file's.

    Raises:
        ValidationError: with code `invalid_extension`.
    """
    FileExtensionValidator(allowed_extensions=get_available_image_extensions())(value)


def get_available_image_extensions() -> list[str]:
    """The extensions of image files that Pillow opens; the usual ones where it is not installed."""
    try:
        image = import_module("PIL.Image")
    except ImportError:
        return list(IMAGE_EXTENSIONS)
    image.init()
    return [extension.lower()[1:] for extension in image.EXTENSION]


@deconstructible
class ProhibitNullCharactersValidator:
    """Refuses text with a NUL character, which PostgreSQL cannot store."""

    message: Any = _("Null characters are not allowed.")
    code = "null_characters_not_allowed"

    def __init__(self, message: Any = None, code: str | None = None) -> None:
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code

    def __call__(self, value: Any) -> None:
        if "\x00" in str(value):
            raise ValidationError(self.message, code=self.code, params={"value": value})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.__class__) and (self.message, self.code) == (other.message, other.code)

    def __hash__(self) -> int:
        return hash((type(self), self.code))
