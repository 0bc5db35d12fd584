"""Checks of a model: names, columns, Meta's references to fields; `Model.check()` runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from covet.database.orm.checks.composite import check_composite_key
from covet.database.orm.constraints import CheckConstraint, UniqueConstraint
from covet.database.orm.expressions.refs import F
from covet.database.orm.expressions.values import RawSQL
from covet.database.orm.query import Q
from covet.database.orm.vendor import default_vendor
from covet.exceptions import FieldDoesNotExist
from covet.utils.checks import CheckMessage, Error, Warning


def check_models(models: Iterable[Any]) -> list[CheckMessage]:
    """Everything that is wrong with the models, and between them."""
    models = list(models)
    found: list[CheckMessage] = []
    for model in models:
        found.extend(model.check())
    found.extend(_shared_names(models))
    return found


def check_model(model: Any) -> list[CheckMessage]:
    """Everything that is wrong with one model's declaration, its fields apart."""
    if model._meta.swapped:
        return list(_swapped(model))
    clashes = [*_fields(model), *_properties(model), *_keys(model)]
    # Fields of one name have columns of one name: once is enough.
    found = clashes or list(_columns(model))
    for check in _CHECKS:
        found.extend(check(model))
    return found


def _swapped(model: Any) -> Iterator[CheckMessage]:
    meta = model._meta
    try:
        meta.apps.get_model(meta.swapped)
    except ValueError:
        yield Error(f"'{meta.swappable}' is not of the form 'app_label.app_name'.", id="models.E001")
    except LookupError:
        message = f"'{meta.swappable}' references '{meta.swapped}', which has not been installed, or is abstract."
        yield Error(message, id="models.E002")


def _name(model: Any) -> Iterator[CheckMessage]:
    name = model.__name__
    if name.startswith("_") or name.endswith("_"):
        yield Error(
            f"The model name '{name}' cannot start or end with an underscore as it collides with the query lookup "
            "syntax.",
            obj=model,
            id="models.E023",
        )
    elif "__" in name:
        yield Error(
            f"The model name '{name}' cannot contain double underscores as it collides with the query lookup syntax.",
            obj=model,
            id="models.E024",
        )


def _fields(model: Any) -> Iterator[CheckMessage]:
    meta = model._meta
    if meta.proxy and (meta.local_fields or meta.local_many_to_many):
        yield Error(f"Proxy model '{model.__name__}' contains model fields.", id="models.E017")
    used: dict[str, Any] = {}
    for parent in meta.all_parents:
        for field in parent._meta.local_fields:
            clash = used.get(field.name) or used.get(getattr(field, "attname", ""))
            if clash is not None and field.model is not clash.model:
                yield Error(
                    f"The field '{clash.name}' from parent model '{clash.model._meta.label_lower}' clashes with the "
                    f"field '{field.name}' from parent model '{field.model._meta.label_lower}'.",
                    obj=model,
                    id="models.E005",
                )
            used[field.name] = field
            used[field.attname] = field
    for parent in meta.all_parents:
        for field in parent._meta.get_fields():
            if field not in used.values() and field.name:
                used.setdefault(field.name, field)
    for link in meta.parents.values():
        clash = link and used.get(link.name)
        if clash:
            yield Error(
                f"The field '{link.name}' clashes with the field '{clash.name}' from model "
                f"'{clash.model._meta.label_lower}'.",
                obj=model,
                id="models.E006",
            )
    for field in meta.local_fields:
        clash = used.get(field.name) or used.get(field.attname)
        inherited = field.name == "id" and clash is not None and clash.name == "id" and clash.model is model
        if clash is not None and not inherited and clash is not field:
            yield Error(
                f"The field '{field.name}' clashes with the field '{clash.name}' from model "
                f"'{clash.model._meta.label_lower}'.",
                obj=field,
                id="models.E006",
            )
        used[field.name] = field
        used[field.attname] = field


def _columns(model: Any) -> Iterator[CheckMessage]:
    columns: list[str] = []
    for field in model._meta.local_fields:
        if field.column and field.column in columns:
            yield Error(
                f"Field '{field.name}' has column name '{field.column}' that is used by another field.",
                hint="Specify a 'db_column' for the field.",
                obj=model,
                id="models.E007",
            )
        columns.append(field.column)


def _keys(model: Any) -> Iterator[CheckMessage]:
    meta = model._meta
    fields = [field for field in meta.local_fields if field.name == "id" and field is not meta.pk]
    if fields and not fields[0].primary_key and meta.pk.name == "id":
        yield Error(
            "'id' can only be used as a field name if the field also sets 'primary_key=True'.",
            obj=model,
            id="models.E004",
        )
    if sum(field.primary_key for field in model._meta.local_fields) > 1:
        message = "The model cannot have more than one field with 'primary_key=True'."
        yield Error(message, obj=model, id="models.E026")


def _between(model: Any) -> Iterator[CheckMessage]:
    """Two many-to-many fields through one model are one relation, declared twice."""
    seen = set()
    for field in model._meta.local_many_to_many:
        through = field.remote_field.through
        key = (field.remote_field.model, model, through, repr(field.remote_field.through_fields))
        if key in seen and not isinstance(through, str) and not through._meta.auto_created:
            message = (
                "The model has two identical many-to-many relations through the intermediate model "
                f"'{through._meta.label}'."
            )
            yield Error(message, obj=model, id="models.E003")
        seen.add(key)


def _properties(model: Any) -> Iterator[CheckMessage]:
    accessors = {field.get_attname() for field in model._meta.local_fields if field.is_relation and field.concrete}
    for name in sorted(model._meta._property_names & accessors):  # noqa: SLF001 - a part of Options
        yield Error(f"The property '{name}' clashes with a related field accessor.", obj=model, id="models.E025")


def _together(model: Any) -> Iterator[CheckMessage]:
    groups = model._meta.unique_together
    if not isinstance(groups, (list, tuple)):
        yield Error("'unique_together' must be a list or tuple.", obj=model, id="models.E010")
    elif any(not isinstance(group, (list, tuple)) for group in groups):
        yield Error("All 'unique_together' elements must be lists or tuples.", obj=model, id="models.E011")
    else:
        for group in groups:
            yield from _local(model, group, "unique_together")


def _indexes(model: Any) -> Iterator[CheckMessage]:
    for index in model._meta.indexes:
        if index.name[:1] == "_" or index.name[:1].isdigit():
            message = f"The index name '{index.name}' cannot start with an underscore or a number."
            yield Error(message, obj=model, id="models.E033")
        if len(index.name) > index.max_name_length:
            message = f"The index name '{index.name}' cannot be longer than {index.max_name_length} characters."
            yield Error(message, obj=model, id="models.E034")
        yield from _local(model, [name for name, _order in index.fields_orders], "indexes")
        yield from _local(model, index.include, "indexes")
        for expression in index.expressions:
            yield from _local(model, dict.fromkeys(name for name, *_rest in referred(expression)), "indexes")


def _constraints(model: Any) -> Iterator[CheckMessage]:
    for constraint in model._meta.constraints:
        names = []
        if isinstance(constraint, UniqueConstraint):
            names += [*constraint.fields, *constraint.include]
        condition: Any = getattr(constraint, "condition", None)
        if isinstance(constraint, CheckConstraint):
            if any(isinstance(one, RawSQL) for one in condition.flatten()):
                yield Warning(
                    f"Check constraint {constraint.name!r} contains RawSQL() expression and won't be validated during "
                    "the model full_clean().",
                    hint="Silence this warning if you don't care about it.",
                    obj=model,
                    id="models.W045",
                )
            # As in Django, other expressions are the database's to judge.
            condition = condition if isinstance(condition, Q) else None
        expressions = (*_expressions(constraint), condition)
        for name, *rest in dict.fromkeys(tuple(path) for one in expressions for path in referred(one)):
            joined = _joined(model, name, rest)
            if joined is not None:
                yield joined
            names.append(name)
        composite = model._meta.is_composite_pk
        yield from _local(model, [name for name in dict.fromkeys(names) if composite or name != "pk"], "constraints")


def _expressions(constraint: Any) -> Iterator[Any]:
    for one in getattr(constraint, "expressions", ()):
        yield one[0] if isinstance(one, (list, tuple)) else one


def referred(expression: Any) -> Iterator[list[str]]:
    """The names that an expression or condition refers to, taken apart at `__`."""
    if isinstance(expression, str):
        yield expression.split("__")
    elif isinstance(expression, F):
        yield expression.name.split("__")
    elif hasattr(expression, "children"):
        for child in expression.children:
            if isinstance(child, tuple):
                yield child[0].split("__")
                yield from referred(child[1])
            else:
                yield from referred(child)
    elif hasattr(expression, "get_source_expressions"):
        for source in expression.get_source_expressions():
            yield from referred(source)


def _joined(model: Any, name: str, rest: Sequence[str]) -> Error | None:
    """The complaint about a name that leads to another table."""
    if not rest:
        return None
    try:
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if not field.is_relation or field.many_to_many or field.one_to_many:
        return None
    if field.get_transform(rest[0]) is not None or field.get_lookup(rest[0]) is not None:
        return None
    path = "__".join([name, *rest])
    return Error(f"'constraints' refers to the joined field '{path}'.", obj=model, id="models.E041")


_SKIPPED = {
    "index": "An index won't be created. Silence this warning if you don't care about it.",
    "constraint": "A constraint won't be created. Silence this warning if you don't care about it.",
    "condition": "Conditions will be ignored. Silence this warning if you don't care about it.",
    "columns": "Non-key columns will be ignored. Silence this warning if you don't care about it.",
}
_DISPLAY = {"sqlite": "SQLite", "mysql": "MariaDB", "postgresql": "PostgreSQL"}


def _unsupported(model: Any) -> Iterator[CheckMessage]:
    """What the default database leaves out."""
    vendor = default_vendor()
    if vendor == "postgresql" or model._meta.required_db_vendor not in {None, vendor}:
        return
    features = set(model._meta.required_db_features)

    def warn(what: str, hint: str | None, code: str, feature: str) -> Iterator[CheckMessage]:
        if feature not in features:
            message = f"{_DISPLAY[vendor]} does not support {what}."
            yield Warning(message, hint=_SKIPPED[hint] if hint else None, obj=model, id=code)

    indexes, uniques = (
        model._meta.indexes,
        [one for one in model._meta.constraints if isinstance(one, UniqueConstraint)],
    )
    limited = vendor == "mysql"
    if limited and any(one.condition is not None for one in indexes):
        yield from warn("indexes with conditions", "condition", "models.W037", "supports_partial_indexes")
    if any(one.include for one in indexes):
        yield from warn("indexes with non-key columns", "columns", "models.W040", "supports_covering_indexes")
    if limited and any(one.expressions for one in indexes):
        yield from warn("indexes on expressions", "index", "models.W043", "supports_expression_indexes")
    if limited and any(one.condition is not None for one in uniques):
        what = "unique constraints with conditions"
        yield from warn(what, "constraint", "models.W036", "supports_partial_indexes")
    if any(one.deferrable is not None for one in uniques):
        what = "deferrable unique constraints"
        yield from warn(what, "constraint", "models.W038", "supports_deferrable_unique_constraints")
    if any(one.include for one in uniques):
        what = "unique constraints with non-key columns"
        yield from warn(what, "constraint", "models.W039", "supports_covering_indexes")
    if limited and any(one.expressions for one in uniques):
        what = "unique constraints on expressions"
        yield from warn(what, "constraint", "models.W044", "supports_expression_indexes")
    if any(one.nulls_distinct is not None for one in uniques):
        what = "unique constraints with nulls distinct"
        yield from warn(what, "constraint", "models.W047", "supports_nulls_distinct_unique_constraints")
    if vendor == "sqlite" and model._meta.db_table_comment:
        yield from warn("comments on tables (db_table_comment)", None, "models.W046", "supports_comments")


def _local(model: Any, names: Iterable[str], option: str) -> Iterator[CheckMessage]:
    meta = model._meta
    for name in names:
        field = meta.pk if name == "pk" else meta._forward_fields_map.get(name)  # noqa: SLF001 - reverse names are none
        if field is None:
            yield Error(f"'{option}' refers to the nonexistent field '{name}'.", obj=model, id="models.E012")
            continue
        if getattr(field, "many_to_many", False):
            yield Error(
                f"'{option}' refers to a ManyToManyField '{name}', but ManyToManyFields are not permitted in "
                f"'{option}'.",
                obj=model,
                id="models.E013",
            )
        elif getattr(field, "is_composite", False):
            yield Error(
                f"'{option}' refers to a CompositePrimaryKey '{name}', but CompositePrimaryKeys are not permitted in "
                f"'{option}'.",
                obj=model,
                id="models.E048",
            )
        elif field not in meta.local_fields:
            yield Error(
                f"'{option}' refers to field '{name}' which is not local to model '{meta.object_name}'.",
                hint="This issue may be caused by multi-table inheritance.",
                obj=model,
                id="models.E016",
            )


def _ordering(model: Any) -> Iterator[CheckMessage]:
    meta = model._meta
    if getattr(meta, "_ordering_clash", False):
        message = "'ordering' and 'order_with_respect_to' cannot be used together."
        yield Error(message, obj=model, id="models.E021")
        return
    if meta.order_with_respect_to or not meta.ordering:
        return
    if not isinstance(meta.ordering, (list, tuple)):
        message = "'ordering' must be a tuple or list (even if you want to order by only one field)."
        yield Error(message, obj=model, id="models.E014")
        return
    for item in meta.ordering:
        if isinstance(item, str) and item != "?" and not _resolves(model, item.removeprefix("-")):
            name = item.removeprefix("-")
            message = f"'ordering' refers to the nonexistent field, related field, or lookup '{name}'."
            yield Error(message, obj=model, id="models.E015")


def _resolves(model: Any, path: str) -> bool:
    """Whether a name in `ordering` leads to a field of this or a related model, transforms behind it included."""
    current: Any = model
    field: Any = None
    if any(path in {one.name, one.attname} for one in model._meta.local_many_to_many):
        return False
    for part in path.split("__"):
        if current is None:
            return field is not None and (field.get_transform(part) is not None or field.get_lookup(part) is not None)
        try:
            field = current._meta.pk if part == "pk" else current._meta.get_field(part)
        except FieldDoesNotExist:
            return field is not None and field.get_transform(part) is not None
        if not field.is_relation and field.auto_created and not hasattr(field, "attname"):
            return False
        current = field.path_infos[-1].to_opts.model if field.is_relation and hasattr(field, "path_infos") else None
    return True


def _shared_names(models: list[Any]) -> Iterator[CheckMessage]:
    """Tables, indexes and constraints of one name."""
    tables: dict[str, list[Any]] = {}
    indexes: dict[str, list[str]] = {}
    constraints: dict[str, list[str]] = {}
    for model in models:
        meta = model._meta
        if meta.managed and not meta.proxy:
            tables.setdefault(meta.db_table, []).append(meta.label)
        for index in meta.indexes:
            indexes.setdefault(index.name, []).append(meta.label)
        for constraint in meta.constraints:
            constraints.setdefault(constraint.name, []).append(meta.label)
    for table, labels in tables.items():
        if len(labels) > 1:
            message = f"db_table '{table}' is used by multiple models: {', '.join(labels)}."
            yield Error(message, obj=table, id="models.E028")
    for kind, named, codes in (
        ("index", indexes, ("models.E029", "models.E030")),
        ("constraint", constraints, ("models.E031", "models.E032")),
    ):
        for name, labels in named.items():
            if len(labels) > 1:
                several = len(set(labels)) > 1
                where = "among models: " if several else "for model "
                message = f"{kind} name '{name}' is not unique {where}{', '.join(sorted(set(labels)))}."
                yield Error(message, id=codes[several])


_CHECKS = (check_composite_key, _name, _between, _together, _indexes, _constraints, _ordering, _unsupported)
