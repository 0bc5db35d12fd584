"""Saving an instance: UPDATE, then INSERT where there was no row, with Django's rules and signals.

Models derive from `Saving`; `rows` writes each table.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from typing import Any

from covet.database.orm.persistence.plans import writes_of
from covet.database.orm.persistence.related_values import prepare_related_fields_for_save
from covet.database.orm.persistence.rows import RowWriting
from covet.database.orm.persistence.validation import is_validated, run_validators
from covet.database.orm.queryset.pending import pending
from covet.database.orm.routers import router
from covet.database.orm.signals import post_save, pre_save
from covet.database.transaction import transaction
from covet.database.transaction.inspection import mark_failed

ForceInsert = bool | tuple[type[Any], ...]


class Saving(RowWriting):
    """`save()` and what it is made of."""

    _meta: Any
    _state: Any
    pk: Any

    @pending
    async def save(
        self,
        *args: Any,
        force_insert: ForceInsert = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
        validate: bool | None = None,
    ) -> None:
        """Write the instance to its database.

        Args:
            *args: the next four, by position; Django deprecates that.
            force_insert: INSERT without trying an UPDATE; a tuple of parent models forces theirs too.
            force_update: UPDATE, and an error where there is no row.
            using: the database alias; a router chooses by default.
            update_fields: write these fields only.
            validate: run the fields' validators and `clean()`; None leaves it to `Meta.validate_on_save`
                and the setting VALIDATE_ON_SAVE.

        Raises:
            ValidationError: a value is refused.
            ValueError: contradictory arguments, an unknown field, or an unsaved related object.
            DatabaseError: a forced update touched no row.
        """
        if args:
            force_insert, force_update, using, update_fields = _from_positions(
                "save", args, force_insert, force_update, using, update_fields
            )
        prepare_related_fields_for_save(self, "save")
        cls: Any = type(self)
        for field in cls._meta.private_fields:
            if hasattr(field, "settle"):
                await field.settle(self)
        using = using or router.db_for_write(cls, instance=self)
        if force_insert and (force_update or update_fields):
            message = "Cannot force both insert and updating in model saving."
            raise ValueError(message)
        names = self._written_names(using, update_fields, inserting=bool(force_insert))
        if names is not None and not names:
            return
        if is_validated(cls) if validate is None else validate:
            await run_validators(self, names)
        await self.save_base(using=using, force_insert=force_insert, force_update=force_update, update_fields=names)

    async def asave(
        self,
        *args: Any,
        force_insert: ForceInsert = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        """`save` under Django's async name."""
        if args:
            force_insert, force_update, using, update_fields = _from_positions(
                "asave", args, force_insert, force_update, using, update_fields
            )
        await self.save(
            force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields, **options
        )

    def _written_names(
        self, using: str, update_fields: Iterable[str] | None, *, inserting: bool
    ) -> frozenset[str] | None:
        """The names to write; None for all of them."""
        if update_fields is not None:
            names = frozenset(update_fields)
            unknown = names - writes_of(type(self)).names
            if unknown:
                listed = ", ".join(sorted(unknown))
                message = (
                    "The following fields do not exist in this model, are m2m fields, primary keys, or are "
                    f"non-concrete fields: {listed}"
                )
                raise ValueError(message)
            return names
        if inserting or using != self._state.db:
            return None
        held = self.__dict__
        if writes_of(type(self)).attnames <= held.keys():
            return None
        writable = [field for field in self._meta.concrete_fields if not getattr(field, "generated", False)]
        loaded = [field.attname for field in writable if field.attname in held and not field.primary_key]
        return frozenset(loaded) or None

    def _validated_force_insert(self, force_insert: ForceInsert) -> tuple[type[Any], ...]:
        if force_insert is False or force_insert is None:
            return ()
        if force_insert is True:
            return (type(self),)
        if not isinstance(force_insert, tuple):
            message = "force_insert must be a bool or tuple."
            raise TypeError(message)
        for member in force_insert:
            if not isinstance(member, type) or not issubclass(member, Saving):
                message = f"Invalid force_insert member. {member!r} must be a model subclass."
                raise TypeError(message)
            if not issubclass(type(self), member):
                message = (
                    f"Invalid force_insert member. {member.__qualname__} must be a base of {type(self).__qualname__}."
                )
                raise TypeError(message)
        return force_insert

    async def save_base(
        self,
        raw: bool = False,
        force_insert: ForceInsert = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Collection[str] | None = None,
    ) -> None:
        """Write the instance without validation; `raw` writes values as they are, parents apart.

        Signals are sent here, so that loading fixtures sends them too.
        """
        using = using or router.db_for_write(type(self), instance=self)
        assert not (force_insert and (force_update or update_fields))
        assert update_fields is None or update_fields
        origin: Any = type(self)
        cls: Any = origin._meta.concrete_model if origin._meta.proxy else origin
        meta = cls._meta
        forced = () if force_insert is False else self._validated_force_insert(force_insert)
        sends = not meta.auto_created
        if sends and pre_save.receivers and pre_save.has_listeners(origin):
            await pre_save.send(sender=origin, instance=self, raw=raw, using=using, update_fields=update_fields)
        names = None if update_fields is None else frozenset(update_fields)
        if meta.parents:
            async with transaction(using=using, savepoint=False):
                inserted = False if raw else await self._save_parents(cls, using, names, forced)
                forces = bool(forced) or inserted
                updated = await self._save_table(
                    cls, using, names, raw=raw, force_insert=forces, force_update=force_update
                )
        else:
            try:
                updated = await self._save_table(
                    cls, using, names, raw=raw, force_insert=bool(forced), force_update=force_update
                )
            except Exception as error:
                # Also where the database would go on: code that passes on SQLite passes on PostgreSQL.
                mark_failed(error, using)
                raise
        state = self._state
        state.db = using
        state.adding = False
        if sends and post_save.receivers and post_save.has_listeners(origin):
            await post_save.send(
                sender=origin, instance=self, created=not updated, update_fields=update_fields, raw=raw, using=using
            )

    async def _save_parents(
        self,
        cls: Any,
        using: str,
        update_fields: frozenset[str] | None,
        forced: tuple[type[Any], ...],
        updated_parents: dict[Any, bool] | None = None,
    ) -> bool:
        """Save the rows of multi-table parents; whether any was inserted."""
        inserted = False
        seen: dict[Any, bool] = {} if updated_parents is None else updated_parents
        for parent, link in cls._meta.parents.items():
            key = parent._meta.pk.attname
            if link is not None and getattr(self, key) is None and getattr(self, link.attname) is not None:
                setattr(self, key, getattr(self, link.attname))
            updated = seen.get(parent)
            if updated is None:
                above = await self._save_parents(parent, using, update_fields, forced, seen)
                must = above or issubclass(parent, forced)
                updated = await self._save_table(parent, using, update_fields, force_insert=must)
                seen[parent] = updated
            if not updated:
                inserted = True
            if link is not None:
                setattr(self, link.attname, getattr(self, key))
                if link.is_cached(self):
                    link.delete_cached_value(self)
        return inserted


def _from_positions(method: str, args: tuple[Any, ...], *given: Any) -> tuple[Any, ...]:
    """The four arguments of `save`, of which the first were given by position.

    Raises:
        TypeError: there are more than four, or one is given twice.
    """
    warnings.warn(
        f"Passing positional arguments to {method}() is deprecated; name them", DeprecationWarning, stacklevel=3
    )
    names = ("force_insert", "force_update", "using", "update_fields")
    if len(args) > len(names):
        message = (
            f"Model.{method}() takes from 1 to {len(names) + 1} positional arguments but {len(args) + 1} were given"
        )
        raise TypeError(message)
    defaults = (False, False, None, None)
    for name, value, default in list(zip(names, given, defaults, strict=True))[: len(args)]:
        if value is not default:
            message = f"Model.{method}() got multiple values for argument '{name}'"
            raise TypeError(message)
    return (*args, *given[len(args) :])
