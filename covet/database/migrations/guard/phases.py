"""Rewrites an unsafe migration as expand, backfill and contract: three files that a live system does not feel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from covet.database.migrations.create_text import parse_column
from covet.database.migrations.guard.calls import UNKNOWN, MigrationSource, OperationCall
from covet.database.migrations.guard.rules import Unsafe
from covet.database.migrations.guard.twins import (
    KEEP_THE_NAME,
    ByHand,
    CannotSplit,
    mentions,
    rename_calls,
    retype_calls,
    retyped,
)
from covet.database.migrations.names import foreign_key_name, unique_name
from covet.database.migrations.source import call
from covet.database.migrations.sqltext import VENDORS, Vendor, literal, quote


@dataclass
class Phases:
    """Calls by phase, with their ways back.

    Attributes:
        expand: what both releases can live with; before the new code.
        backfill: rows, in batches; while both run.
        contract: what only the new release can live with; after the old one is gone.
    """

    expand: list[str] = field(default_factory=list)
    backfill: list[str] = field(default_factory=list)
    contract: list[str] = field(default_factory=list)
    expand_back: list[str] = field(default_factory=list)
    contract_back: list[str] = field(default_factory=list)


def split(source: MigrationSource, unsafe: Sequence[Unsafe]) -> Phases:
    """Sort a migration's calls into phases; the unsafe ones in their safe form.

    Raises:
        CannotSplit: one of them has no safe form that files can hold.
    """
    phases = Phases()
    dangerous = {each.call.line for each in unsafe}
    refused: list[str] = []
    twins: list[tuple[str, set[str]]] = []
    for each in source.calls:
        changed = _changed(each) if each.line in dangerous else set()
        behind = [names for table, names in twins if table == each.table and _follows(each, names)]
        try:
            if behind and each.line in dangerous:
                raise ByHand(f"it follows a change of {', '.join(sorted(behind[0]))}: put it into a migration behind")
            if behind:
                phases.contract.append(f"await {each.source}")
            elif each.line not in dangerous:
                phases.expand.append(f"await {each.source}")
            else:
                _safe_form(each, phases, source)
        except ByHand as verdict:
            refused.append(f"{source.path.name}:{each.line}: {each.name} {each.table}: {verdict}")
        if changed:
            twins.append((each.table, changed))
    if refused:
        raise CannotSplit("Not rewritten, nothing is changed:\n" + "\n".join(refused))
    late = {_undo(each) for each in source.calls if f"await {each.source}" in phases.contract}
    behind_back, phases.expand_back = _ways_back(source, phases.expand_back, late, twins)
    phases.contract_back[:0] = behind_back
    return phases


def _ways_back(
    source: MigrationSource, made: list[str], late: set[tuple[str, str]], twins: list[tuple[str, set[str]]]
) -> tuple[list[str], list[str]]:
    """The calls of `down()` by phase, in its order: those of *contract*, and those of *expand* in their safe form."""
    contract: list[str] = []
    expand: list[str] = []
    left = list(made)
    for each in source.back:
        text = f"await {each.source}"
        twin = next((names for table, names in twins if table == each.table and mentions(each, names)), None)
        if twin is not None and (each.name == "rename_column" or "type" in each.options):
            drops = [one for one in left if one.startswith("await self.drop_twin(") and repr(each.table) in one]
            found = [one for one in drops if any(repr(name) in one for name in twin)]
        elif _key(each) in late:
            contract.append(text)
            continue
        else:
            head = _head(call(each.name, *each.arguments[:2]))
            found = [one for one in left if _head(one) == head]
            if not found:
                expand.append(text)
        expand += found[:1]
        left = [one for one in left if one not in found[:1]]
    return contract, [*reversed(left), *expand]


def _changed(each: OperationCall) -> set[str]:
    """The names of a column that gets a twin."""
    if each.name == "rename_column":
        return {str(each.argument(1)), str(each.argument(2))}
    return {str(each.argument(1, "name"))} if each.name == "alter_column" and "type" in each.options else set()


def _follows(each: OperationCall, names: set[str]) -> bool:
    """Whether an operation has to wait until a column has its place: it speaks of it, or of an index by its name."""
    return mentions(each, names) or each.name in {"rename_index", "rename_constraint", "drop_index", "drop_constraint"}


_INVERSE = {
    "add_column": "drop_column",
    "drop_column": "add_column",
    "create_table": "drop_table",
    "drop_table": "create_table",
    "create_index": "drop_index",
    "drop_index": "create_index",
    "rename_column": "rename_column",
    "rename_table": "rename_table",
    "alter_column": "alter_column",
    "add_unique": "drop_unique",
    "drop_unique": "add_unique",
    "add_constraint": "drop_constraint",
    "drop_constraint": "add_constraint",
    "add_foreign_key": "drop_foreign_key",
    "drop_foreign_key": "add_foreign_key",
}


def _key(each: OperationCall) -> tuple[str, str]:
    return each.name, each.table


def _undo(each: OperationCall) -> tuple[str, str]:
    """What undoes an operation: the name and the table of the other call."""
    table = str(each.argument(1)) if each.name == "rename_table" else each.table
    return _INVERSE.get(each.name, each.name), table


def _head(text: str) -> str:
    """A call's operation and its first two arguments, by which two calls are known to do the same."""
    return re.sub(r"[\s'\"]", "", text).rstrip("),").split("**")[0][:80]


def _safe_form(each: OperationCall, phases: Phases, source: MigrationSource) -> None:
    table = each.table
    if each.name == "rename_table":
        raise ByHand(KEEP_THE_NAME)
    if each.name == "rename_column":
        _put(phases, rename_calls(table, str(each.argument(1)), str(each.argument(2))))
        return
    if each.name == "alter_column" and "type" in each.options:
        _retype(each, phases, source)
        return
    if each.name == "add_column" and "GENERATED" not in str(each.argument(2, "definition")).upper():
        _add_column(each, table, phases)
    elif each.name == "alter_column" and each.options.get("nullable") is False and "type" not in each.options:
        name = str(each.argument(1, "name"))
        if "default" in each.options:
            phases.contract.append(call("alter_column", table, name, default=each.options["default"]))
        _set_not_null(table, name, each.options.get("fill"), phases)
    elif each.name == "create_index":
        options = {**each.options, "concurrently": True}
        phases.expand.append(call("create_index", *each.arguments, **options))
    elif each.name == "add_unique":
        _unique(each, table, phases)
    elif each.name in {"add_foreign_key", "add_constraint"}:
        _unvalidated(each, table, phases)
    elif each.name in {"run_python", "backfill"}:
        phases.backfill.append(f"await {each.source}")
    else:
        phases.contract.append(f"await {each.source}")


def _put(phases: Phases, calls: Mapping[str, Sequence[str]]) -> None:
    phases.expand += calls["expand"]
    phases.expand_back += calls["expand_back"]
    phases.backfill += calls["backfill"]
    phases.contract += calls["contract"]
    phases.contract_back += calls["contract_back"]


def _retype(each: OperationCall, phases: Phases, source: MigrationSource) -> None:
    """A change of type, and apart from it what else the same call changes."""
    table, name = each.table, str(each.argument(1, "name"))
    old, new = retyped(each, source)
    back = next(one for one in source.back if one.name == "alter_column" and one.argument(1, "name") == name)
    _put(phases, retype_calls(table, name, old, new))
    if "default" in each.options:
        phases.contract.append(call("alter_column", table, name, default=each.options["default"]))
        if "default" in back.options:
            phases.contract_back.insert(0, call("alter_column", table, name, default=back.options["default"]))
    if each.options.get("nullable") is False:
        before = len(phases.contract_back)
        _set_not_null(table, name, each.options.get("fill"), phases)
        phases.contract_back.insert(0, phases.contract_back.pop(before))
    elif each.options.get("nullable") is True:
        phases.contract.append(call("alter_column", table, name, nullable=True))
        phases.contract_back.insert(0, call("alter_column", table, name, nullable=False))


def _add_column(each: OperationCall, table: str, phases: Phases) -> None:
    name = str(each.argument(1, "name"))
    definition = each.argument(2, "definition")
    fill = each.options.get("fill")
    phases.expand_back.append(call("drop_column", table, name))
    if fill is not None and fill is not UNKNOWN and definition is not UNKNOWN:
        # A constant default costs no rewrite (PostgreSQL 11, MariaDB 10.3), and the release before needs it.
        texts = {
            vendor: f"{_for(definition, vendor)} DEFAULT {literal(_for(fill, vendor), vendor)}" for vendor in VENDORS
        }
        phases.expand.append(call("add_column", table, name, _merged(texts)))
        phases.contract.append(call("alter_column", table, name, default=None))
        given = literal(_for(fill, "postgresql"))
        phases.contract_back.append(call("alter_column", table, name, default=given))
        return
    columns = {vendor: parse_column(f"x {_for(definition, vendor)}") for vendor in VENDORS}
    is_required = any(text.clause("NOT") for text in columns.values())
    defaults = {vendor: text.default for vendor, text in columns.items()}
    for text in columns.values():
        text.put("NOT", None)
        text.put("DEFAULT", None)
    loose = {vendor: " ".join([text.type, *text.clauses]) for vendor, text in columns.items()}
    phases.expand.append(call("add_column", table, name, _merged(loose)))
    default = defaults["postgresql"]
    if default is not None:
        # A default that is another value for each row would rewrite the table; set afterwards, it is for new rows only.
        phases.expand.append(call("alter_column", table, name, default=default))
        phases.backfill.append(call("backfill", table, {name: default}, where=f"{quote(name)} IS NULL"))
    if is_required:
        _set_not_null(table, name, None, phases)


def _for(value: object, vendor: Vendor) -> object:
    """What a value, or a mapping by database, says for one database."""
    return value.get(vendor, value.get("default")) if isinstance(value, Mapping) else value


def _merged(texts: Mapping[Vendor, str]) -> object:
    first = texts["postgresql"]
    differing = {str(vendor): text for vendor, text in texts.items() if text != first}
    return {"default": first, **differing} if differing else first


def _set_not_null(table: str, name: str, fill: object, phases: Phases) -> None:
    column = quote(name)
    if fill is not None:
        phases.backfill.append(call("backfill", table, {name: literal(fill)}, where=f"{column} IS NULL"))
    check = f"{table}_{name}_set"[:63]
    phases.contract += [
        call("add_constraint", table, check, f"CHECK ({column} IS NOT NULL)", validate=False),
        call("validate_constraint", table, check),
        call("alter_column", table, name, nullable=False),
        call("drop_constraint", table, check),
    ]
    phases.contract_back.append(call("alter_column", table, name, nullable=True))


def _unique(each: OperationCall, table: str, phases: Phases) -> None:
    columns = list(each.argument(1, "columns") or [])
    name = str(each.options.get("name") or unique_name(table, columns))
    items = [column if column.replace("_", "a").isalnum() else quote(column) for column in columns]
    phases.expand.append(call("create_index", name, table, items, unique=True, concurrently=True))
    phases.expand.append(call("add_unique", table, columns, name=name, index=name))
    phases.expand_back.append(call("drop_unique", table, columns))


def _unvalidated(each: OperationCall, table: str, phases: Phases) -> None:
    phases.expand.append(call(each.name, *each.arguments, **{**each.options, "validate": False}))
    if each.name == "add_constraint":
        name = str(each.argument(1, "name"))
        phases.expand_back.append(call("drop_constraint", table, name))
    else:
        columns, other, others = (each.argument(place) for place in (1, 2, 3))
        name = str(each.options.get("name") or foreign_key_name(table, columns, other, others))
        phases.expand_back.append(call("drop_foreign_key", table, columns))
    phases.backfill.append(call("validate_constraint", table, name))
