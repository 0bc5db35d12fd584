"""The lists of a model's fields, own and inherited, forward and reverse. A part of Options."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Final, NoReturn

from covet.exceptions import FieldDoesNotExist, choices


class ImmutableList(tuple[Any, ...]):
    """A tuple that says what to do to those who take it for a list."""

    warning: str

    def __new__(cls, items: Iterable[Any] = (), warning: str = "This list must not be changed.") -> ImmutableList:
        made = super().__new__(cls, tuple(items))
        made.warning = warning
        return made

    def _complain(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AttributeError(self.warning)

    append = extend = insert = pop = remove = sort = reverse = _complain
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _complain

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (list, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return super().__hash__()

    def __add__(self, other: Any) -> Any:
        return list(self) + list(other) if isinstance(other, list) else tuple(self) + tuple(other)

    def __radd__(self, other: Any) -> Any:
        return list(other) + list(self)


IMMUTABLE_WARNING: Final = (
    "The return type of '%s' should never be mutated. If you want to manipulate this list for your own use, make a "
    "copy first."
)


def immutable(name: str, items: Iterable[Any]) -> ImmutableList:
    """The result of `Options.<name>`."""
    return ImmutableList(items, IMMUTABLE_WARNING % name)


EMPTY_RELATION_TREE: Final = immutable("_relation_tree", ())


class FieldLists:
    """The part of Options that lists and finds fields."""

    FORWARD = (
        "fields",
        "many_to_many",
        "concrete_fields",
        "local_concrete_fields",
        "_non_pk_concrete_field_names",
        "_reverse_one_to_one_field_names",
        "_forward_fields_map",
        "managers",
        "managers_map",
        "base_manager",
        "default_manager",
        "db_returning_fields",
        "_property_names",
        "pk_fields",
        "total_unique_constraints",
        "referenced_by_generated",
    )
    REVERSE = ("related_objects", "fields_map", "_relation_tree")

    apps: Any
    model: Any
    proxy: bool
    swapped: Any
    abstract: bool
    object_name: str
    concrete_model: Any
    local_fields: list[Any]
    local_many_to_many: list[Any]
    private_fields: list[Any]
    parents: dict[Any, Any]
    pk: Any
    _lists: dict[Any, ImmutableList]

    def _expire_cache(self, forward: bool = True, reverse: bool = True) -> None:
        """Forget lists: a field or a relation has come."""
        names = (self.FORWARD if forward else ()) + (self.REVERSE if reverse else ())
        for name in names:
            self.__dict__.pop(name, None)
        self._lists = {}

    @functools.cached_property
    def fields(self) -> ImmutableList:
        """Forward fields without many-to-many ones, the parents' first."""
        return immutable("fields", (field for field in self._get_fields(reverse=False) if _is_plain(field)))

    @functools.cached_property
    def concrete_fields(self) -> ImmutableList:
        """The fields that have a column, the parents' first."""
        return immutable("concrete_fields", (field for field in self.fields if field.concrete))

    @functools.cached_property
    def local_concrete_fields(self) -> ImmutableList:
        """The fields with a column in the model's own table."""
        return immutable("local_concrete_fields", (field for field in self.local_fields if field.concrete))

    @functools.cached_property
    def many_to_many(self) -> ImmutableList:
        """Forward many-to-many fields."""
        found = self._get_fields(reverse=False)
        return immutable("many_to_many", (field for field in found if field.is_relation and field.many_to_many))

    @functools.cached_property
    def related_objects(self) -> ImmutableList:
        """The relations of other models to this one that are not hidden."""
        found = self._get_fields(forward=False, reverse=True)
        # A symmetrical relation has no accessor, but is no hidden one for that.
        shown = (rel for rel in found if not rel.hidden or (rel.field.many_to_many and rel.symmetrical))
        return immutable("related_objects", shown)

    @functools.cached_property
    def db_returning_fields(self) -> list[Any]:
        """The fields whose value the database makes at INSERT."""
        found = self._get_fields(forward=True, reverse=False, include_parents=_PROXIES)
        return [field for field in found if getattr(field, "db_returning", False)]

    @functools.cached_property
    def _non_pk_concrete_field_names(self) -> frozenset[str]:
        """Names and attnames of the fields that `update_fields` may name."""
        names: set[str] = set()
        own = set(self.pk_fields)
        for field in self.concrete_fields:
            if field not in own and not getattr(field, "generated", False):
                names.update((field.name, field.attname))
        return frozenset(names)

    @functools.cached_property
    def _reverse_one_to_one_field_names(self) -> frozenset[str]:
        """The names under which one-to-one relations of other models are seen here."""
        return frozenset(rel.name for rel in self.related_objects if rel.one_to_one)

    @functools.cached_property
    def pk_fields(self) -> list[Any]:
        """The fields of the primary key: one, unless it is a composite."""
        parts = getattr(self.pk, "fields", None)
        return list(parts) if parts else [self.pk]

    @property
    def is_composite_pk(self) -> bool:
        """Whether several columns make the primary key."""
        return bool(getattr(self.pk, "is_composite", False))

    @functools.cached_property
    def _forward_fields_map(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in self._get_fields(reverse=False):
            found[field.name] = field
            attname = getattr(field, "attname", None)
            if attname is not None:
                found[attname] = field
        return found

    @functools.cached_property
    def fields_map(self) -> dict[str, Any]:
        """Names of reverse relations, hidden ones included."""
        found: dict[str, Any] = {}
        for field in self._get_fields(forward=False, include_hidden=True):
            found[field.name] = field
            attname = getattr(field, "attname", None)
            if attname is not None:
                found[attname] = field
        return found

    def get_field(self, field_name: str) -> Any:
        """The field, or the relation of another model, of that name.

        Raises:
            FieldDoesNotExist: there is none; names the choices, the nearest first.
        """
        found = self._forward_fields_map.get(field_name)
        if found is not None:
            return found
        if not self.apps.models_ready:
            message = (
                f"{self.object_name} has no field named '{field_name}'. The app cache isn't ready yet, so if this is "
                "an auto-created related field, it won't be available yet."
            )
            raise FieldDoesNotExist(message)
        found = self.fields_map.get(field_name)
        if found is not None:
            return found
        known = [name for name in {**self._forward_fields_map, **self.fields_map} if not name.endswith("+")]
        listed = ", ".join(choices(field_name, known)) if isinstance(field_name, str) else ", ".join(sorted(known))
        message = f"{self.object_name} has no field named '{field_name}'; choose one of: {listed}"
        raise FieldDoesNotExist(message)

    def get_fields(self, include_parents: bool = True, include_hidden: bool = False) -> ImmutableList:
        """All fields, forward and reverse; hidden ones (`related_name='+'`) only when asked for.

        Args:
            include_parents: also those of multi-table parents.
            include_hidden: also relations whose name ends in `+`.
        """
        parents: Any = include_parents if include_parents is not False else _PROXIES
        return self._get_fields(include_parents=parents, include_hidden=include_hidden)

    def _get_fields(
        self,
        *,
        forward: bool = True,
        reverse: bool = True,
        include_parents: Any = True,
        include_hidden: bool = True,
        topmost: bool = True,
    ) -> ImmutableList:
        key = (forward, reverse, include_parents, include_hidden, topmost)
        # What a parent answers depends on the models already seen: only whole answers are kept.
        known = self._lists.get(key) if topmost else None
        if known is not None:
            return known
        found: list[Any] = []
        if reverse:
            self.apps.keeps_reverse(self)
        if include_parents is not False:
            found.extend(self._of_parents(key))
        if reverse and not self.proxy:
            relations = (field.remote_field for field in self._relation_tree)
            found.extend(rel for rel in relations if include_hidden or not rel.hidden)
        if forward:
            found += self.local_fields
            found += self.local_many_to_many
            if topmost:
                found += self.private_fields
        result = immutable("get_fields()", found)
        if topmost:
            self._lists[key] = result
        return result

    def _of_parents(self, key: tuple[Any, ...]) -> Iterable[Any]:
        forward, reverse, include_parents, include_hidden, _topmost = key
        # A model that is reached by two ways gives its fields once.
        taken: set[Any] = set()
        for parent in self.parents:
            if parent._meta.concrete_model != self.concrete_model and include_parents is _PROXIES:
                continue
            inherited = parent._meta._get_fields(
                forward=forward,
                reverse=reverse,
                include_parents=include_parents,
                include_hidden=include_hidden,
                topmost=False,
            )
            for field in inherited:
                is_foreign_link = getattr(field, "parent_link", False) and field.model != self.concrete_model
                if not is_foreign_link and field not in taken:
                    taken.add(field)
                    yield field

    # --- relations of other models ------------------------------------------------------------

    @functools.cached_property
    def _relation_tree(self) -> Any:
        """The fields of other models that point here; filled for all models of the registry at once."""
        models = self.apps.get_models(include_auto_created=True)
        pointing: dict[Any, list[Any]] = {}
        for model in models:
            meta = model._meta
            if meta.abstract:
                continue
            for field in meta._get_fields(reverse=False, include_parents=False):
                target = field.related_model if field.is_relation else None
                if target is not None and not isinstance(target, str):
                    remote = field.remote_field.model
                    if not isinstance(remote, str):
                        pointing.setdefault(remote._meta.concrete_model._meta, []).append(field)
        for model in models:
            # Only for the models that are in the registry: another of the same name may have been replaced.
            meta = model._meta
            meta.__dict__["_relation_tree"] = pointing.get(meta.concrete_model._meta, EMPTY_RELATION_TREE)
            meta.apps.keeps_reverse(meta)
        found: Any = self.__dict__.get("_relation_tree", EMPTY_RELATION_TREE)
        return found

    # --- inheritance --------------------------------------------------------------------------

    @functools.cached_property
    def all_parents(self) -> tuple[Any, ...]:
        """Every model this one inherits from, nearest first."""
        found = dict.fromkeys(self.parents)
        for parent in self.parents:
            found.update(dict.fromkeys(parent._meta.all_parents))
        return tuple(found)

    def get_parent_list(self) -> list[Any]:
        """Every model this one inherits from."""
        return list(self.all_parents)

    def get_base_chain(self, model: Any) -> list[Any]:
        """The models from the nearest parent up to `model`; empty when it is no ancestor."""
        if not self.parents:
            return []
        if model in self.parents:
            return [model]
        for parent in self.parents:
            chain: list[Any] = parent._meta.get_base_chain(model)
            if chain:
                return [parent, *chain]
        return []

    def get_ancestor_link(self, ancestor: Any) -> Any:
        """The field of this model that leads to `ancestor`, through parents; None when there is none."""
        if ancestor in self.parents:
            return self.parents[ancestor]
        for parent in self.parents:
            link = parent._meta.get_ancestor_link(ancestor)
            if link:
                # The link from here to that parent is what the caller can use.
                return self.parents[parent] or link
        return None

    def get_path_to_parent(self, parent: Any) -> list[Any]:
        """The steps from this model up to `parent`."""
        if self.model is parent:
            return []
        proxied = self.concrete_model
        path: list[Any] = []
        meta: Any = self
        for ancestor in self.get_base_chain(parent):
            if ancestor is proxied:
                meta = ancestor._meta
                continue
            link = meta.get_ancestor_link(ancestor)
            path.append(path_info()(meta, ancestor._meta, tuple(link.foreign_related_fields), link, False, True, None))
            meta = ancestor._meta
        return path

    def get_path_from_parent(self, parent: Any) -> list[Any]:
        """The steps from `parent` down to this model."""
        if self.model is parent:
            return []
        model = self.concrete_model
        chain = model._meta.get_base_chain(parent)
        chain.reverse()
        chain.append(model)
        path: list[Any] = []
        for ancestor, child in pairwise(chain):
            path.extend(child._meta.get_ancestor_link(ancestor).reverse_path_infos)
        return path


_PROXIES = object()


class _Late:
    """Names from the floor of relationships."""

    path_info: Callable[..., Any]


def path_info() -> Callable[..., Any]:
    """`PathInfo`, which relationships defines."""
    return _Late.path_info


def use_path_info(made: Callable[..., Any]) -> None:
    """Tell which class steps of a path are made of."""
    _Late.path_info = staticmethod(made)


def _is_plain(field: Any) -> bool:
    """A forward field that is no many-to-many and no relation without a column of its own."""
    if field.is_relation and field.many_to_many:
        return False
    if field.is_relation and field.one_to_many:
        return False
    if field.is_relation and field.many_to_one:
        return bool(hasattr(field.remote_field, "model") and field.remote_field.model)
    return True
