"""Names to fields: what `author__name__icontains` means on a model. A part of Query; it adds no join."""

from __future__ import annotations

from typing import Any

from covet.database.orm.compiler.datastructures import LOOKUP_SEP, MultiJoin
from covet.exceptions import FieldDoesNotExist, FieldError, choices


def field_names(opts: Any) -> set[str]:
    """Every name that a query on this model can start with."""
    if opts is None:
        return set()
    names: set[str] = set()
    for field in opts.get_fields():
        if field.concrete and getattr(field, "attname", None) and field.attname != field.name:
            names.add(field.attname)
        names.add(field.name)
    return names


class NameResolution:
    """The part of Query that reads names."""

    model: Any
    annotations: dict[str, Any]
    filtered_relations: dict[str, Any]
    extra_names: list[str]

    def get_meta(self) -> Any:
        """The options of the model that the query is over."""
        return self.model._meta

    @property
    def annotation_select(self) -> dict[str, Any]:
        """The annotations that are part of the result."""
        raise AttributeError

    def names_to_path(
        self, names: list[str], opts: Any, *, allow_many: bool = True, fail_on_missing: bool = False
    ) -> tuple[list[Any], Any, tuple[Any, ...], list[str]]:
        """(path, final field, target fields, names left over: lookups and transforms).

        Raises:
            FieldError: the first name is unknown; lists the choices.
            MultiJoin: a multi-valued relation on the way, with `allow_many` off.
        """
        path: list[Any] = []
        names_with_path: list[tuple[str, list[Any]]] = []
        final_field: Any = None
        targets: tuple[Any, ...] = ()
        position = 0
        for position, name in enumerate(names):
            steps: list[Any] = []
            if name == "pk" and opts is not None:
                name = opts.pk.name
            field, filtered = self._find(name, opts, position)
            if filtered is not None:
                path.extend(filtered.path)
            if field is None:
                if position == 0 or fail_on_missing:
                    self._raise_unknown(name, opts)
                position -= 1
                break
            if getattr(field, "is_relation", False) and not field.related_model:
                message = (
                    f"Field {field.name!r} does not generate an automatic reverse relation and therefore cannot be "
                    "used for reverse querying. If it is a GenericForeignKey, consider adding a GenericRelation."
                )
                raise FieldError(message)
            owner = getattr(field, "model", None)
            owner = owner._meta.concrete_model if owner is not None else None
            if opts is not None and owner is not None and owner is not opts.concrete_model:
                up = opts.get_path_to_parent(owner)
                if up:
                    path.extend(up)
                    steps.extend(up)
                    opts = up[-1].to_opts
            if not hasattr(field, "path_infos"):
                final_field, targets = field, (field,)
                names_with_path.append((name, steps))
                if fail_on_missing and position + 1 != len(names):
                    message = (
                        f"Cannot resolve keyword {names[position + 1]!r} into field. Join on '{name}' not permitted."
                    )
                    raise FieldError(message)
                break
            infos = field.get_path_info(filtered) if filtered is not None else field.path_infos
            if not allow_many:
                for inner, info in enumerate(infos):
                    if info.m2m:
                        steps.extend(infos[: inner + 1])
                        names_with_path.append((name, steps))
                        raise MultiJoin(position + 1, names_with_path)
            last = infos[-1]
            path.extend(infos)
            steps.extend(infos)
            names_with_path.append((name, steps))
            final_field, targets, opts = last.join_field, tuple(last.target_fields), last.to_opts
        return path, final_field, targets, names[position + 1 :]

    def _find(self, name: str, opts: Any, position: int) -> tuple[Any, Any]:
        """The field of that name, and the FilteredRelation it came through."""
        if opts is not None:
            try:
                return opts.get_field(name), None
            except FieldDoesNotExist:
                pass
        if name in self.annotation_select:
            return self.annotation_select[name].output_field, None
        if position == 0 and name in self.filtered_relations:
            filtered = self.filtered_relations[name]
            relation = filtered.relation_name
            if LOOKUP_SEP in relation:
                path, field, _, _ = self.names_to_path(relation.split(LOOKUP_SEP), opts)
                filtered.path = path[:-1]
                return field, filtered
            return opts.get_field(relation), filtered
        return None, None

    def _raise_unknown(self, name: str, opts: Any) -> None:
        available = {*field_names(opts), *self.annotation_select, *self.extra_names, *self.filtered_relations}
        listed = ", ".join(choices(name, available)[:0] + sorted(available))
        near = [known for known in choices(name, available)[:1] if known in available]
        error = FieldError(f"Cannot resolve keyword '{name}' into field. Choices are: {listed}")
        if near:
            error.add_note(f"Nearest: {near[0]}")
        raise error

    def solve_lookup_type(self, lookup: str) -> tuple[list[str], list[str], Any]:
        """(lookups and transforms, field path, annotation) of `a__b__gte`.

        Exactly one of path and annotation is set.
        """
        parts = lookup.split(LOOKUP_SEP)
        for length in range(len(parts), 0, -1):
            name = LOOKUP_SEP.join(parts[:length])
            if name in self.annotations:
                return parts[length:], [], self.annotations[name]
        _, _, _, rest = self.names_to_path(parts, self.get_meta())
        path = parts[: len(parts) - len(rest)]
        if len(rest) > 1 and not path:
            message = f'Invalid lookup "{lookup}" for model {self.get_meta().model.__name__}.'
            raise FieldError(message)
        return rest, path, None
