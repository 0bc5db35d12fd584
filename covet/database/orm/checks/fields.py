"""Checks of one field's options; `Field.check()` runs them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any, Final

from covet.database.orm.checks.composite import check_key_name
from covet.database.orm.checks.relations import check_relation
from covet.database.orm.fields.binary import BinaryField
from covet.database.orm.fields.deconstruction import NOT_PROVIDED
from covet.database.orm.fields.files import FileField, ImageField
from covet.database.orm.fields.generated import CompositePrimaryKey, GeneratedField
from covet.database.orm.fields.json import JSONField
from covet.database.orm.fields.late import late
from covet.database.orm.fields.network import GenericIPAddressField, IPAddressField
from covet.database.orm.fields.numeric import AutoField, DecimalField, IntegerField, NullBooleanField
from covet.database.orm.fields.paths import FilePathField
from covet.database.orm.fields.postgres import ArrayField, HStoreField, RangeField
from covet.database.orm.fields.temporal import AutoNow
from covet.database.orm.fields.text import CharField, CommaSeparatedIntegerField
from covet.database.orm.vendor import default_vendor
from covet.utils import timezone
from covet.utils.checks import CheckMessage, Error, Warning
from covet.utils.functional import is_lazy


def check_field(field: Any) -> list[CheckMessage]:
    """Everything that is wrong with a field's declaration."""
    found: list[CheckMessage] = []
    for check in _CHECKS:
        found.extend(check(field))
    for kind, check in _BY_KIND:
        if isinstance(field, kind):
            found.extend(check(field))
    found.extend(check_relation(field))
    return found


def _name(field: Any) -> Iterator[CheckMessage]:
    name = field.name or ""
    if name.endswith("_"):
        yield Error("Field names must not end with an underscore.", obj=field, id="fields.E001")
    elif "__" in name:
        yield Error('Field names must not contain "__".', obj=field, id="fields.E002")
    elif name == "pk" and not getattr(field, "is_composite", False):
        yield Error("'pk' is a reserved word that cannot be used as a field name.", obj=field, id="fields.E003")


def _is_value(value: Any) -> bool:
    return isinstance(value, str) or is_lazy(value) or not hasattr(value, "__iter__")


def _is_choice(field: Any, value: Any) -> bool:
    """Whether `value` may be chosen: of an array or a range a list or tuple may, elsewhere it is a group."""
    return _is_value(value) or (isinstance(field, (ArrayField, RangeField)) and isinstance(value, (list, tuple)))


def _choices(field: Any) -> Iterator[CheckMessage]:
    choices = field.choices
    if not choices:
        return
    if not hasattr(choices, "__iter__") or isinstance(choices, str):
        message = "'choices' must be a mapping (e.g. a dictionary) or an iterable (e.g. a list or tuple)."
        yield Error(message, obj=field, id="fields.E004")
        return
    longest = 0
    for group in choices:
        if not isinstance(group, (list, tuple)) or len(group) != 2:
            yield _malformed(field)
            return
        value, label = group
        pairs = [(value, label)] if _is_value(label) else list(label)
        for pair in pairs:
            if (
                not isinstance(pair, (list, tuple))
                or len(pair) != 2
                or not _is_value(pair[1])
                or not _is_choice(field, pair[0])
            ):
                yield _malformed(field)
                return
            if isinstance(pair[0], str):
                longest = max(longest, len(pair[0]))
    if isinstance(field.max_length, int) and longest > field.max_length:
        message = f"'max_length' is too small to fit the longest value in 'choices' ({longest} characters)."
        yield Error(message, obj=field, id="fields.E009")


def _malformed(field: Any) -> Error:
    return Error(
        "'choices' must be a mapping of actual values to human readable names or an iterable containing (actual value, "
        "human readable name) tuples.",
        obj=field,
        id="fields.E005",
    )


def _common(field: Any) -> Iterator[CheckMessage]:
    if field.db_index not in (None, True, False):
        yield Error("'db_index' must be None, True or False.", obj=field, id="fields.E006")
    if field.primary_key and field.null:
        yield Error(
            "Primary keys must not have null=True.",
            hint="Set null=False on the field, or remove primary_key=True argument.",
            obj=field,
            id="fields.E007",
        )
    for position, validator in enumerate(field._validators):  # noqa: SLF001 - as given
        if not callable(validator):
            yield Error(
                "All 'validators' must be callable.",
                hint=f"validators[{position}] ({validator!r}) isn't a function or instance of a validator class.",
                obj=field,
                id="fields.E008",
            )


def _database(field: Any) -> Iterator[CheckMessage]:
    default = field.db_default
    if (
        default is not NOT_PROVIDED
        and hasattr(default, "resolve_expression")
        and not getattr(default, "allowed_default", False)
    ):
        yield Error(f"{default} cannot be used in db_default.", obj=field, id="fields.E012")
    if field.db_comment and not field.many_to_many and default_vendor() == "sqlite":
        features = field.model._meta.required_db_features if hasattr(field, "model") else ()
        if "supports_comments" not in features:
            message = "SQLite does not support comments on columns (db_comment)."
            yield Warning(message, obj=field, id="fields.W163")


_REMOVED: Final = {
    CommaSeparatedIntegerField: (
        "is removed",
        "CharField(validators=[validate_comma_separated_integer_list])",
        "fields.E901",
    ),
    IPAddressField: ("has been removed", "GenericIPAddressField", "fields.E900"),
    NullBooleanField: ("is removed", "BooleanField(null=True, blank=True)", "fields.E903"),
}


def _removed(field: Any) -> Iterator[CheckMessage]:
    for kind, (verb, instead, code) in _REMOVED.items():
        if isinstance(field, kind):
            message = f"{kind.__name__} {verb} except for support in historical migrations."
            yield Error(message, hint=f"Use {instead} instead.", obj=field, id=code)


def _char(field: Any) -> Iterator[CheckMessage]:
    length = field.max_length
    if length is None:
        if default_vendor() == "mysql":
            yield Error("CharFields must define a 'max_length' attribute.", obj=field, id="fields.E120")
    elif isinstance(length, bool) or not isinstance(length, int) or length <= 0:
        yield Error("'max_length' must be a positive integer.", obj=field, id="fields.E121")


def _integer(field: Any) -> Iterator[CheckMessage]:
    if field.max_length is not None:
        yield Warning(
            f"'max_length' is ignored when used with {type(field).__name__}.",
            hint="Remove 'max_length' from field",
            obj=field,
            id="fields.W122",
        )


def _decimal(field: Any) -> Iterator[CheckMessage]:
    places, digits = _number(field.decimal_places), _number(field.max_digits)
    problems = []
    if field.decimal_places is None:
        problems.append(("DecimalFields must define a 'decimal_places' attribute.", "fields.E130"))
    elif places is None or places < 0:
        problems.append(("'decimal_places' must be a non-negative integer.", "fields.E131"))
    if field.max_digits is None:
        problems.append(("DecimalFields must define a 'max_digits' attribute.", "fields.E132"))
    elif digits is None or digits <= 0:
        problems.append(("'max_digits' must be a positive integer.", "fields.E133"))
    if default_vendor() == "postgresql" and field.decimal_places is None and field.max_digits is None:
        return
    if not problems and places is not None and digits is not None and places > digits:
        problems.append(("'max_digits' must be greater or equal to 'decimal_places'.", "fields.E134"))
    for message, code in problems:
        yield Error(message, obj=field, id=code)


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _auto_now(field: Any) -> Iterator[CheckMessage]:
    if sum([bool(field.auto_now), bool(field.auto_now_add), field.has_default()]) > 1:
        yield Error(
            "The options auto_now, auto_now_add, and default are mutually exclusive. Only one of these options may be "
            "present.",
            obj=field,
            id="fields.E160",
        )
    elif field.has_default() and _is_recent(field.default):
        yield Warning(
            "Fixed default value provided.",
            hint="It seems you set a fixed date / time / datetime value as default for this field. This may not be "
            "what you want. If you want to have the current date as default, use `django.utils.timezone.now`",
            obj=field,
            id="fields.W161",
        )


def _is_recent(value: Any) -> bool:
    """Whether a default looks like the moment at which the module was imported."""
    now = timezone.now()
    if isinstance(value, dt.datetime):
        reference = now if value.tzinfo is not None or now.tzinfo is None else timezone.make_naive(now)
        if reference.tzinfo is None and value.tzinfo is not None:
            reference = dt.datetime.now(dt.UTC)
        return abs(reference - value) <= dt.timedelta(seconds=10)
    if isinstance(value, dt.date):
        return abs(now.date() - value) <= dt.timedelta(days=1)
    if isinstance(value, dt.time):
        moment = dt.datetime.combine(now.date(), value, tzinfo=now.tzinfo)
        return abs(now - moment) <= dt.timedelta(seconds=10)
    return False


def _mutable(field: Any) -> Iterator[CheckMessage]:
    if field.default is not NOT_PROVIDED and field.default is not None and not callable(field.default):
        make, made = ("list", "[]") if isinstance(field, ArrayField) else ("dict", "{}")
        yield Warning(
            f"{type(field).__name__} default should be a callable instead of an instance so that it's not shared "
            "between all field instances.",
            hint=f"Use a callable instead, e.g., use `{make}` instead of `{made}`.",
            obj=field,
            id="fields.E010",
        )


def _array(field: Any) -> Iterator[CheckMessage]:
    base = field.base_field
    if base.remote_field:
        yield Error("Base field for array cannot be a related field.", obj=field, id="postgres.E002")
        return
    # The items' field is no field of the model: the model is the array's.
    problems = check_field(base)
    for serious, kind, code, make in ((True, "errors", "E001", Error), (False, "warnings", "W004", Warning)):
        texts = [f"\n    {one.msg} ({one.id})" for one in problems if one.is_serious() is serious]
        if texts:
            message = f"Base field for array has {kind}:{''.join(texts)}"
            yield make(message, obj=field, id=f"postgres.{code}")


def _binary(field: Any) -> Iterator[CheckMessage]:
    if isinstance(field.default, str):
        message = "BinaryField's default cannot be a string. Use bytes content instead."
        yield Error(message, obj=field, id="fields.E170")


def _generated(field: Any) -> Iterator[CheckMessage]:
    inner = field.output_field
    # The type is no field of the model: it has its name for the messages only.
    inner.name = inner.name or ""
    problems = [one for one in check_field(inner) if one.id not in {"fields.E100"}]
    for serious, kind, code, make in ((True, "errors", "E223", Error), (False, "warnings", "W224", Warning)):
        texts = [f"\n    {one.msg} ({one.id})" for one in problems if one.is_serious() is serious]
        if texts:
            message = f"GeneratedField.output_field has {kind}:{''.join(texts)}"
            yield make(message, obj=field, id=f"fields.{code}")


def _auto(field: Any) -> Iterator[CheckMessage]:
    if not field.primary_key:
        yield Error("AutoFields must set primary_key=True.", obj=field, id="fields.E100")


def _address(field: Any) -> Iterator[CheckMessage]:
    if not field.null and field.blank:
        message = "GenericIPAddressFields cannot have blank=True if null=False, as blank values are stored as nulls."
        yield Error(message, obj=field, id="fields.E150")


def _path(field: Any) -> Iterator[CheckMessage]:
    if not field.allow_files and not field.allow_folders:
        message = "FilePathFields must have either 'allow_files' or 'allow_folders' set to True."
        yield Error(message, obj=field, id="fields.E140")


def _file(field: Any) -> Iterator[CheckMessage]:
    if field._primary_key_set_explicitly:  # noqa: SLF001 - one subsystem with FileField
        message = f"'primary_key' is not a valid argument for a {type(field).__name__}."
        yield Error(message, obj=field, id="fields.E201")
    if isinstance(field.upload_to, str) and PurePath(field.upload_to).is_absolute():
        yield Error(
            f"{type(field).__name__}'s 'upload_to' argument must be a relative path, not an absolute path.",
            obj=field,
            id="fields.E202",
            hint="Remove the leading slash.",
        )


def _image(field: Any) -> Iterator[CheckMessage]:
    if find_spec("PIL") is None:
        yield Error(
            "Cannot use ImageField because Pillow is not installed.",
            hint='Run command "python -m pip install Pillow".',
            obj=field,
            id="fields.E210",
        )


Check = Callable[[Any], Iterator[CheckMessage]]
_CHECKS: Final[tuple[Check, ...]] = (_name, _choices, _database, _common, _removed)
_BY_KIND: Final[tuple[tuple[Any, Check], ...]] = (
    (AutoField, _auto),
    (GeneratedField, _generated),
    (CompositePrimaryKey, check_key_name),
    (CharField, _char),
    (IntegerField, _integer),
    (DecimalField, _decimal),
    (AutoNow, _auto_now),
    (JSONField, _mutable),
    (HStoreField, _mutable),
    (ArrayField, _mutable),
    (ArrayField, _array),
    (BinaryField, _binary),
    (GenericIPAddressField, _address),
    (FilePathField, _path),
    (FileField, _file),
    (ImageField, _image),
)

late.check_field = check_field
