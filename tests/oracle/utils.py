"""Django's utilities and validators beside ours; returns only the differences."""

import datetime
import decimal
import random
from typing import Any

from tests.oracle.fields import _outcome, _shown
from tests.oracle.process import set_up

TEXTS = [
    "", "Hello World", "  spaces  and\ttabs ", "Héllo Wörld", "spam-_-eggs--ham", "___x___", "Ünïcødé ﬁ ǆ", "你好 世界", "İstanbul",
    "ß und Æ", "a.b,c;d", "C++ & C#", "50% off!", "e\u0301te\u0301", "🙂 smile", "under_score", "-leading", "trailing-", "a" * 80,
    "CamelCase", "HTTPServer", "ABC", "A1B2", "aBcD", "XMLHttpRequest", "x", "Two  Words", "file name.txt", "../up", ".", "..",
    "a/b", "ﬀ", "½", "№ 5", "tab\there", "new\nline",
]  # fmt: skip
MOMENTS = [
    "2012-04-23", "2012-4-9", "20120423", "2012-04-56", "2012-W05-1", "09:15:00", "10:10", "10:20:30.400", "10:20:30,4",
    "091500", "09:15:90", "4:8:16", "24:00", "2012-04-23T09:15:00", "2012-4-9 4:8:16", "2012-04-23T09:15:00Z",
    "2012-4-9 4:8:16-0320", "2012-04-23T10:20:30.400+02:30", "2012-04-23T10:20:30.400+02", "2012-04-23T10:20:30.400-02",
    "2012-04-23T10:20:30,400-02", "2012-04-23T10:20:30.400 +0230", "2012-04-23T10:20:30,400 +00", "2012-04-23T10:20:30   -02",
    "20120423091500", "2012-04-56T09:15:90", "2012-04-23T11:05:00-25:00", "", "now", "1:2:3.1234567", "23:59:59.9999999",
    "30", "15:30", "10:15:30", "4 15:30", "4 10:15:30", "1 day 10:15:30", "2 days, 3:04:05.6", "-4 15:30", "-172800", "-15:30",
    "-1:15:30", "-30.1", "-00:01:01", "-01:01", "P4Y", "P4M", "P4W", "P4D", "-P1D", "P0.5D", "P0,5D", "-PT0.5H", "PT5H", "-PT5H",
    "PT5M", "PT5S", "PT0.000005S", "+PT1H", "3 days -01:02:03", "15:30.1", "15:30.000100", "100:00:00", "1 1:1:1", "x days",
]  # fmt: skip
ADDRESSES = [
    "a@b.co", "a.b+c@sub.example.org", "a@localhost", "a@b", "a@-b.co", "a@b-.co", "@b.co", "a@", "a b@c.de", "a@b..co", "a@[1.2.3.4]",
    "a@[::1]", "a@[300.1.1.1]", '"quoted@x"@b.co', "a@bücher.example", "a@b.c", "a@b.co.", "a..b@c.de", ".a@b.co", "x" * 65 + "@b.co",
    "http://example.com", "https://example.com/path?q=1#f", "ftp://files.example.com", "http://user:pw@example.com:8080/x", "http://[::1]/",
    "http://1.2.3.4", "http://1.2.3", "http://256.1.1.1", "http://localhost:8000", "http://example", "http://exa mple.com",
    "http://-x.com", "http://x-.com", "http://bücher.example/", "http://例え.テスト", "javascript:alert(1)", "//example.com", "http://",
    "http://example.com:99999999", "http://example.com/\n", "http://a.b.c.d.example.com", "http://xn--bcher-kva.example", "HTTP://EXAMPLE.COM",
    "http://example.com.", "http://.example.com", "http://example..com", "git://example.com", "http://foo@bar@example.com", "example.com",
    "sub.example.co.uk", "bücher.example", "-x.com", "x", "x.1", "1.2.3.4", "::1", "2001:db8::1", "2001:db8::g", "01.2.3.4", "1.2.3.4 ",
    "slug-ok", "slug_ok", "slug not", "słúg", "12", "-12", "1,2,3", "1,,2", "+3", "1.5", "x\x00y", None, 5, "",
]  # fmt: skip
NUMBERS = [
    "0",
    "1.5",
    "123.45",
    "1234.5",
    "0.001",
    "1E+2",
    "1E-5",
    "-12.34",
    "00.10",
    "NaN",
    "Infinity",
    "99999",
    "1E+5",
]


def texts() -> list[str]:
    """Differences in slugs, capitals, lists, file names and shortened texts."""
    set_up()
    from django.utils import text as theirs

    from covet.utils import text as ours

    rng = random.Random(20)
    corpus = TEXTS + ["".join(chr(rng.randrange(1, 0x3000)) for _ in range(12)) for _ in range(300)]
    found: list[str] = []
    for text in corpus:
        for name, arguments in (
            ("slugify", (text,)),
            ("slugify", (text, True)),
            ("capfirst", (text,)),
            ("camel_case_to_spaces", (text,)),
            ("get_valid_filename", (text,)),
            ("phone2numeric", (text,)),
        ):
            _note(found, f"{name}{arguments!r}", getattr(theirs, name), getattr(ours, name), *arguments)
        for length in (0, 3, 10):
            _note(
                found, f"chars {length} of {text!r}", theirs.Truncator(text).chars, ours.Truncator(text).chars, length
            )
            _note(
                found, f"words {length} of {text!r}", theirs.Truncator(text).words, ours.Truncator(text).words, length
            )
    for items in ([], ["a"], ["a", "b"], ["a", "b", "c"]):
        _note(found, f"list {items}", theirs.get_text_list, ours.get_text_list, items, "and")
    return found


def moments() -> list[str]:
    """Differences in reading dates, times, moments and durations, and in writing durations."""
    set_up()
    from django.utils import dateparse as theirs
    from django.utils import duration as their_durations

    from covet.utils import dateparse as ours
    from covet.utils import duration as our_durations

    found: list[str] = []
    for text in MOMENTS:
        for name in ("parse_date", "parse_time", "parse_datetime", "parse_duration"):
            _note(found, f"{name}({text!r})", getattr(theirs, name), getattr(ours, name), text)
    for seconds in (0, 1, 59.5, 3600, 90061.000001, -1, -90061.5, 10**7):
        duration = datetime.timedelta(seconds=seconds)
        for name in ("duration_string", "duration_iso_string", "duration_microseconds"):
            _note(found, f"{name}({duration})", getattr(their_durations, name), getattr(our_durations, name), duration)
    return found


def validators() -> list[str]:
    """Differences in what validators refuse, with which words."""
    set_up()
    from django.core import validators as theirs

    from covet.utils import validators as ours

    found: list[str] = []
    names = (
        "validate_email validate_slug validate_unicode_slug validate_integer validate_ipv4_address validate_ipv6_address "
        "validate_ipv46_address validate_comma_separated_integer_list validate_domain_name"
    ).split()
    for value in ADDRESSES:
        for name in names:
            if name == "validate_email" and value == 5:
                continue  # Django fails with a TypeError
            _note(found, f"{name}({value!r})", getattr(theirs, name), getattr(ours, name), value)
        for kind in ("URLValidator", "ProhibitNullCharactersValidator"):
            _note(found, f"{kind}({value!r})", getattr(theirs, kind)(), getattr(ours, kind)(), value)
    for kind, limit in (
        ("MinValueValidator", 3), ("MaxValueValidator", 3), ("StepValueValidator", 3), ("MinLengthValidator", 2), ("MaxLengthValidator", 2),
    ):  # fmt: skip
        values: list[Any] = ["", "a", "ab", "abc"] if "Length" in kind else [-3, 0, 2, 3, 4, 6, 7.5]
        for value in values:
            _note(found, f"{kind}({value!r})", getattr(theirs, kind)(limit), getattr(ours, kind)(limit), value)
    for number in NUMBERS:
        for digits, places in ((5, 2), (2, 2), (None, 1), (4, None), (None, None)):
            pair = [module.DecimalValidator(digits, places) for module in (theirs, ours)]
            _note(found, f"decimal {digits} {places} {number}", *pair, decimal.Decimal(number))
    return found


def _note(found: list[str], what: str, theirs: Any, ours: Any, *arguments: Any) -> None:
    wanted, made = _outcome(theirs, *arguments), _outcome(ours, *arguments)
    if wanted != made:
        found.append(f"{what}: Django {wanted}, CovetPy {_shown(made)}")
