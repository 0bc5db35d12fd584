"""Joins: which tables a query needs, shared where they can be. A part of Query."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from covet.database.orm.compiler.datastructures import INNER, LOUTER, BaseTable, Join, JoinInfo
from covet.database.orm.compiler.names import NameResolution
from covet.exceptions import FieldError

_LEVELS = "tuvwxyzabcdefghijklmnopqrs"


class Joins(NameResolution):
    """The part of Query that owns the alias map."""

    alias_map: dict[str, BaseTable | Join]
    refcount: dict[str, int]
    depth: int
    used_aliases: set[str] | None

    def new_alias(self, table_name: str) -> str:
        """A fresh alias: the table's own name first at the top level, then t2, t3 …; u1 … a level down."""
        if self.depth == 0 and table_name not in self.alias_map:
            return table_name
        letter = _LEVELS[self.depth % len(_LEVELS)]
        if self.depth >= len(_LEVELS):
            letter *= 1 + self.depth // len(_LEVELS)
        return f"{letter}{len(self.alias_map)}"

    def get_initial_alias(self) -> str:
        """The alias of the model's own table, joined at first use."""
        if self.alias_map:
            alias = next(iter(self.alias_map))
            self.refcount[alias] += 1
            return alias
        table = self.get_meta().db_table
        alias = self.new_alias(table)
        self.alias_map[alias] = BaseTable(table, alias)
        self.refcount[alias] = 1
        return alias

    def join(self, join: Join, reuse: set[str] | None = None) -> str:
        """The alias of `join`: an equal one (of those in `reuse`, when given), else a new one."""
        candidates = [
            alias
            for alias, known in self.alias_map.items()
            if (reuse is None or alias in reuse) and join.same_as(known)
        ]
        if candidates:
            alias = candidates[-1]
            self.refcount[alias] += 1
            return alias
        alias = self.new_alias(join.table_name)
        if join.filtered_relation is not None and alias == join.table_name:
            alias = join.filtered_relation.alias
        join.table_alias = alias
        parent = self.alias_map[join.parent_alias]
        join.join_type = LOUTER if parent.join_type == LOUTER or join.nullable else INNER
        self.alias_map[alias] = join
        self.refcount[alias] = 1
        return alias

    def unref_alias(self, alias: str) -> None:
        """One use of the alias less; an unused alias is not part of FROM."""
        self.refcount[alias] -= 1

    def is_nullable(self, field: Any) -> bool:
        """Whether a condition on the column may meet NULL."""
        return bool(field.null)

    def setup_joins(
        self, names: list[str], opts: Any, alias: str, *, can_reuse: set[str] | None = None, allow_many: bool = True
    ) -> JoinInfo:
        """Join everything that `names` crosses; trailing names are transforms of the last column."""
        joins = [alias]
        last_error: FieldError | None = None
        pivot = len(names)
        path: list[Any] = []
        final_field: Any = None
        targets: tuple[Any, ...] = ()
        transforms: list[str] = []
        while pivot > 0:
            try:
                path, final_field, targets, rest = self.names_to_path(
                    names[:pivot], opts, allow_many=allow_many, fail_on_missing=True
                )
            except FieldError as error:
                if pivot == 1:
                    raise
                last_error = error
                pivot -= 1
                continue
            transforms = rest + names[pivot:]
            break
        transform = _transformer(final_field, transforms, last_error)
        for info in path:
            filtered = info.filtered_relation
            nullable = self.is_nullable(info.join_field) if info.direct else True
            join = Join(info.to_opts.db_table, alias, "", INNER, info.join_field, nullable, filtered, multiple=info.m2m)
            reuse = can_reuse if info.m2m or filtered is not None else None
            alias = self.join(join, reuse=reuse)
            joins.append(alias)
            if filtered is not None and self.alias_map[alias] is join:
                self.attach_condition(join, filtered, can_reuse)
            opts = info.to_opts
        return JoinInfo(final_field, targets, opts, joins, path, transform)

    def attach_condition(self, join: Join, filtered: Any, can_reuse: set[str] | None) -> None:
        """Resolve a FilteredRelation's condition into the ON clause; Query does it."""
        raise AttributeError

    def trim_joins(
        self, targets: tuple[Any, ...], joins: list[str], path: list[Any]
    ) -> tuple[tuple[Any, ...], str, list[str]]:
        """Drop trailing joins whose target columns the table before already holds (`author__id`)."""
        joins = list(joins)
        for info in reversed(path):
            if len(joins) == 1 or not info.direct or info.filtered_relation is not None:
                break
            pairs = info.join_field.get_joining_fields()
            held = {remote.column: local for local, remote in pairs}
            if not {target.column for target in targets} <= set(held):
                break
            targets = tuple(held[target.column] for target in targets)
            self.unref_alias(joins.pop())
        return targets, joins[-1], joins

    def promote_joins(self, aliases: Iterable[str]) -> None:
        """Make these joins outer joins where they may be absent, and what hangs on them too."""
        pending = list(aliases)
        while pending:
            alias = pending.pop(0)
            join = self.alias_map[alias]
            if not isinstance(join, Join) or join.join_type == LOUTER:
                continue
            if join.nullable or self.alias_map[join.parent_alias].join_type == LOUTER:
                join.join_type = LOUTER
                pending.extend(
                    name
                    for name, other in self.alias_map.items()
                    if other.parent_alias == alias and name not in pending
                )

    def demote_joins(self, aliases: Iterable[str]) -> None:
        """Make these joins inner joins, and with each the chain that it hangs on."""
        pending = list(aliases)
        while pending:
            join = self.alias_map[pending.pop(0)]
            if not isinstance(join, Join) or join.join_type != LOUTER:
                continue
            join.join_type = INNER
            if self.alias_map[join.parent_alias].join_type == LOUTER:
                pending.append(join.parent_alias)


def _transformer(final_field: Any, names: list[str], error: FieldError | None) -> Any:
    """(field, alias) -> expression: the column with the named transforms around it."""

    def plain(query: Any, field: Any, alias: str) -> Any:
        return query.column_of(field, alias)

    build = plain
    for name in names:
        build = functools.partial(_apply_transform, name=name, inner=build, final_field=final_field, error=error)
    return build


def _apply_transform(
    query: Any, field: Any, alias: str, *, name: str, inner: Any, final_field: Any, error: FieldError | None
) -> Any:
    try:
        return query.try_transform(inner(query, field, alias), name)
    except FieldError:
        if error is not None and hasattr(final_field, "attname"):
            raise error from None
        raise
