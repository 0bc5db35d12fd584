"""ContentType: a row for every model, in Django's own table; its manager keeps what it has seen.

Generic relations ask it. Rows hardly ever change, so that a lookup costs a query once in a process.
"""

from __future__ import annotations

import functools
from typing import Any

from covet.database.connections.registry import connections
from covet.database.orm.expressions.base import Expression
from covet.database.orm.expressions.outputs import output
from covet.database.orm.fields.text import CharField
from covet.database.orm.managers import Manager
from covet.database.orm.models.base import Model
from covet.database.orm.query import Q
from covet.database.transaction.hooks import on_commit
from covet.utils.translation import gettext_lazy as _


class ContentTypeManager(Manager[Any]):
    """Finds content types by model, id or natural key; each is asked for once."""

    use_in_migrations = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cache: dict[str, dict[Any, Any]] = {}
        self._uncommitted: set[tuple[str, Any]] = set()

    async def get_by_natural_key(self, app_label: str, model: str) -> Any:
        """The content type of a model given by its names.

        Raises:
            ContentType.DoesNotExist: there is none.
        """
        known = self._known((app_label, model))
        if known is None:
            known = await self.get(app_label=app_label, model=model)
            self._keep(self.db, known)
        return known

    async def get_for_model(self, model: Any, for_concrete_model: bool = True) -> Any:
        """The content type of a model or instance; made when there is none.

        Args:
            model: a model class or an instance.
            for_concrete_model: a proxy counts as the model whose table it shares.
        """
        known = self.known_for_model(model, for_concrete_model=for_concrete_model)
        if known is not None:
            return known
        meta = _meta_of(model, for_concrete_model=for_concrete_model)
        key = {"app_label": meta.app_label, "model": meta.model_name}
        try:
            found = await self.get(**key)
        except self.model.DoesNotExist:
            found, created = await self.get_or_create(**key)
            if created:
                self._distrust(self.db, found)
        self._keep(self.db, found)
        return found

    async def get_for_models(self, *models: Any, for_concrete_models: bool = True) -> dict[Any, Any]:
        """The content types of several models, by model; those not known yet in one query.

        Args:
            models: model classes or instances.
            for_concrete_models: proxies count as the models whose tables they share.
        """
        results: dict[Any, Any] = {}
        wanted: dict[tuple[str, str], list[Any]] = {}
        for model in models:
            known = self.known_for_model(model, for_concrete_model=for_concrete_models)
            if known is not None:
                results[model] = known
                continue
            meta = _meta_of(model, for_concrete_model=for_concrete_models)
            wanted.setdefault((meta.app_label, meta.model_name), []).append(model)
        if not wanted:
            return results
        condition = Q.create(
            [Q(app_label=label, model=name) for label, name in wanted],
            connector=Q.OR,
        )
        for found in await self.filter(condition):
            for model in wanted.pop((found.app_label, found.model), ()):
                results[model] = found
            self._keep(self.db, found)
        for (label, name), waiting in wanted.items():
            made = await self.create(app_label=label, model=name)
            self._distrust(self.db, made)
            self._keep(self.db, made)
            results.update(dict.fromkeys(waiting, made))
        return results

    async def create_missing(self, *models: Any) -> list[Any]:
        """Make the content types that `models` lack (a proxy has its own); what was made. Set-up calls it."""
        names = dict.fromkeys((model._meta.app_label, model._meta.model_name) for model in models)
        there = {pair async for pair in self.values_list("app_label", "model")}
        return list(
            await self.bulk_create(
                [self.model(app_label=label, model=name) for label, name in names if (label, name) not in there]
            )
        )

    async def get_for_id(self, id: Any) -> Any:
        """The content type of that primary key.

        Raises:
            ContentType.DoesNotExist: there is none.
        """
        known = self._known(id)
        if known is None:
            known = await self.get(pk=id)
            self._keep(self.db, known)
        return known

    async def get_for_ids(self, ids: Any) -> dict[Any, Any]:
        """Content types by primary key; those not known yet in one query."""
        found = {key: known for key in ids if (known := self._known(key)) is not None}
        missing = [key for key in ids if key not in found]
        if missing:
            for content_type in await self.filter(pk__in=missing):
                self._keep(self.db, content_type)
                found[content_type.pk] = content_type
        return found

    def known_for_model(self, model: Any, *, for_concrete_model: bool = True, using: str | None = None) -> Any:
        """The content type of a model or instance, if it was asked for before; never queries."""
        meta = _meta_of(model, for_concrete_model=for_concrete_model)
        return self._known((meta.app_label, meta.model_name), using)

    def known_for_id(self, key: Any, *, using: str | None = None) -> Any:
        """The content type of that primary key, if it was asked for before; never queries."""
        return self._known(key, using)

    def clear_cache(self) -> None:
        """Forget every content type (they were deleted, or made in a transaction that was rolled back)."""
        self._cache.clear()

    def _known(self, key: Any, using: str | None = None) -> Any:
        return self._cache.get(using or self.db, {}).get(key)

    def _distrust(self, using: str, content_type: Any) -> None:
        """Keep a new row out of the cache until its transaction has committed: it may be rolled back."""
        if connections[using].in_transaction():
            key = (using, content_type.pk)
            self._uncommitted.add(key)
            on_commit(functools.partial(self._uncommitted.discard, key), using=using)

    def _keep(self, using: str, content_type: Any) -> None:
        key = content_type.natural_key()
        if self._uncommitted and (using, content_type.pk) in self._uncommitted:
            if connections[using].in_transaction():
                return
            self._uncommitted.discard((using, content_type.pk))
        cache = self._cache.setdefault(using, {})
        cache[key] = content_type
        cache[content_type.pk] = content_type


class ContentType(Model):
    """One model, as a row that other rows can refer to."""

    app_label = CharField(max_length=100)
    model = CharField(_("python model class name"), max_length=100)

    objects = ContentTypeManager()

    class Meta:  # noqa: D106 - options, as in every model
        app_label = "contenttypes"
        verbose_name = _("content type")
        verbose_name_plural = _("content types")
        db_table = "django_content_type"
        unique_together = (("app_label", "model"),)

    def __str__(self) -> str:
        return self.app_labeled_name

    @property
    def name(self) -> str:
        """The model's verbose name; the row's own when no such model is defined."""
        model = self.model_class()
        return str(self.model) if not model else str(model._meta.verbose_name)

    @property
    def app_labeled_name(self) -> str:
        """Application and model, as people read them."""
        model = self.model_class()
        if not model:
            return str(self.model)
        return f"{model._meta.app_config.verbose_name} | {model._meta.verbose_name}"

    def model_class(self) -> Any:
        """The model, or None when it is not defined (any more)."""
        try:
            return self._meta.apps.get_model(self.app_label, self.model)
        except LookupError:
            return None

    async def get_object_for_this_type(self, using: str | None = None, **kwargs: Any) -> Any:
        """The one object of this type that meets the conditions.

        Raises:
            AttributeError: the model is not defined. ObjectDoesNotExist: there is no such object.
        """
        return await self._rows(using).get(**kwargs)

    def get_all_objects_for_this_type(self, **kwargs: Any) -> Any:
        """The objects of this type that meet the conditions, a QuerySet."""
        return self._rows(None).filter(**kwargs)

    def _rows(self, using: str | None) -> Any:
        return self.model_class()._base_manager.using(using)

    def natural_key(self) -> tuple[str, str]:
        """Application label and model name."""
        return (self.app_label, self.model)


class ContentTypeId(Expression):
    """The primary key of a model's content type, found by the database itself.

    Conditions on generic relations are compiled before any content type need have been loaded.
    """

    def __init__(self, app_label: str, model_name: str) -> None:
        super().__init__(output_field=output("IntegerField"))
        self.app_label = app_label
        self.model_name = model_name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        del compiler
        quote = "`" if connection.vendor == "mysql" else '"'
        table, label, model, key = (
            f"{quote}{name}{quote}" for name in ("django_content_type", "app_label", "model", "id")
        )
        wanted = f"{label} = {_literal(self.app_label)} AND {model} = {_literal(self.model_name)}"
        return f"(SELECT {key} FROM {table} WHERE {wanted})", []  # noqa: S608 - names of models, escaped above

    def get_group_by_cols(self) -> list[Any]:
        return []


def content_type_key(model: Any, *, for_concrete_model: bool = True, using: str | None = None) -> Any:
    """The id of a model's content type where it is known, else an expression for it; never queries."""
    known = ContentType.objects.known_for_model(model, for_concrete_model=for_concrete_model, using=using)
    if known is not None:
        return known.pk
    meta = _meta_of(model, for_concrete_model=for_concrete_model)
    return ContentTypeId(meta.app_label, meta.model_name)


def _meta_of(model: Any, *, for_concrete_model: bool) -> Any:
    return model._meta.concrete_model._meta if for_concrete_model else model._meta


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
