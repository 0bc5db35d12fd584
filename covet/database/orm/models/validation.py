"""Validation of an instance: its fields, its own `clean()`, uniqueness and constraints, with Django's messages."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable
from typing import Any

from covet.database.orm.expressions.case import ExpressionWrapper
from covet.database.orm.expressions.refs import F
from covet.database.orm.expressions.values import DatabaseDefault, Value
from covet.database.orm.queryset.pending import pending
from covet.database.orm.routers import router
from covet.exceptions import NON_FIELD_ERRORS, ValidationError
from covet.utils.text import capfirst, get_text_list
from covet.utils.translation import gettext_lazy as _

UniqueCheck = tuple[Any, tuple[str, ...]]
DateCheck = tuple[Any, str, str, str]


async def _settled(result: Any) -> Any:
    """The result of a hook that may be async."""
    return await result if inspect.isawaitable(result) else result


class Validating:
    """`full_clean()` and what it is made of."""

    _meta: Any
    _state: Any

    def clean(self) -> Any:
        """Hook for validation over several fields; may be async."""

    @pending
    async def full_clean(
        self, exclude: Iterable[str] | None = None, validate_unique: bool = True, validate_constraints: bool = True
    ) -> None:
        """Validate everything: fields, `clean()`, uniqueness, constraints.

        Args:
            exclude: names of fields that are not validated.
            validate_unique: ask the database for duplicates.
            validate_constraints: check Meta.constraints.

        Raises:
            ValidationError: by field, with all that is wrong.
        """
        errors: dict[str, Any] = {}
        skipped = set(exclude or ())

        async def gather(step: Any, *args: Any) -> None:
            try:
                await _settled(step(*args))
            except ValidationError as error:
                error.update_error_dict(errors)

        def skip_failed() -> None:
            skipped.update(name for name in errors if name != NON_FIELD_ERRORS and name not in skipped)

        await gather(lambda: self.clean_fields(exclude=skipped))
        await gather(lambda: self._validate_references(skipped | set(errors)))
        errors = {field.name: errors[field.name] for field in self._meta.fields if field.name in errors}
        await gather(self.clean)
        if validate_unique:
            skip_failed()
            await gather(lambda: self.validate_unique(exclude=skipped))
        if validate_constraints:
            skip_failed()
            await gather(lambda: self.validate_constraints(exclude=skipped))
        if errors:
            raise ValidationError(errors)

    async def afull_clean(self, *args: Any, **kwargs: Any) -> None:
        """`full_clean` under an async name."""
        await self.full_clean(*args, **kwargs)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Convert and validate every field; queries nothing.

        Raises:
            ValidationError: by field.
        """
        errors: dict[str, Any] = {}
        for field in self._meta.fields:
            if (exclude and field.name in exclude) or field.generated:
                continue
            value = getattr(self, field.attname)
            if (field.blank and value in field.empty_values) or isinstance(value, DatabaseDefault):
                continue
            try:
                setattr(self, field.attname, field.clean(value, self))
            except ValidationError as error:
                errors[field.name] = error.error_list
        if errors:
            raise ValidationError(errors)

    async def _validate_references(self, exclude: Collection[str]) -> None:
        """Ask whether the rows that foreign keys refer to exist."""
        errors: dict[str, Any] = {}
        for field in self._meta.fields:
            exists = getattr(field, "validate_exists", None)
            if exists is None or field.name in exclude or not field.editable:
                continue
            value = getattr(self, field.attname)
            if isinstance(value, DatabaseDefault) or value in field.empty_values:
                continue
            try:
                await exists(value, self)
            except ValidationError as error:
                errors[field.name] = error.error_list
        if errors:
            raise ValidationError(errors)

    # --- uniqueness ---------------------------------------------------------------------------

    async def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Ask the database for duplicates.

        Raises:
            ValidationError: by field, or for the whole instance.
        """
        unique, dates = self._get_unique_checks(exclude=exclude)
        errors = await self._perform_unique_checks(unique)
        for key, found in (await self._perform_date_checks(dates)).items():
            errors.setdefault(key, []).extend(found)
        if errors:
            raise ValidationError(errors)

    def _lineage(self) -> list[Any]:
        return [type(self), *self._meta.all_parents]

    def _get_unique_checks(
        self, exclude: Collection[str] | None = None, include_meta_constraints: bool = False
    ) -> tuple[list[UniqueCheck], list[DateCheck]]:
        """What must be unique: (model, names), and (model, lookup, field, date field)."""
        excluded = exclude or ()
        unique: list[UniqueCheck] = []
        dates: list[DateCheck] = []
        lineage = self._lineage()
        for model in lineage:
            groups = list(model._meta.unique_together)
            if include_meta_constraints:
                groups += [constraint.fields for constraint in model._meta.total_unique_constraints]
            unique += [(model, tuple(group)) for group in groups if not any(name in excluded for name in group)]
        for model in lineage:
            for field in model._meta.local_fields:
                if field.name in excluded:
                    continue
                parts = getattr(field, "fields", None)
                names = (field.name,) if parts is None else tuple(part.name for part in parts)
                if field.unique and not any(name in excluded for name in names):
                    unique.append((model, names))
                for lookup in ("date", "year", "month"):
                    other = getattr(field, f"unique_for_{lookup}")
                    if other and other not in excluded:
                        dates.append((model, lookup, field.name, other))
        return unique, dates

    async def _perform_unique_checks(self, checks: Iterable[UniqueCheck]) -> dict[str, list[Any]]:
        errors: dict[str, list[Any]] = {}
        for model, names in checks:
            lookup = self._unique_lookup(model, names)
            if lookup is None:
                continue
            rows = self._others(model, model._default_manager.filter(**lookup))
            if await rows.exists():
                key = names[0] if len(names) == 1 else NON_FIELD_ERRORS
                errors.setdefault(key, []).append(self.unique_error_message(model, names))
        return errors

    def _unique_lookup(self, model: Any, names: tuple[str, ...]) -> dict[str, Any] | None:
        """The lookup that finds duplicates; None where there can be none."""
        lookup: dict[str, Any] = {}
        for name in names:
            field = self._meta.get_field(name)
            value = getattr(self, field.attname)
            if value is None:
                return None
            if isinstance(value, DatabaseDefault):
                value = value.expression
            if field in model._meta.pk_fields and not self._state.adding:
                return None
            lookup[name] = value
        return lookup

    def _others(self, model: Any, rows: Any) -> Any:
        key = self._get_pk_val(model._meta)  # type: ignore[attr-defined]
        if not self._state.adding and self._is_pk_set(model._meta):  # type: ignore[attr-defined]
            return rows.exclude(pk=key)
        return rows

    async def _perform_date_checks(self, checks: Iterable[DateCheck]) -> dict[str, list[Any]]:
        errors: dict[str, list[Any]] = {}
        for model, lookup_type, name, date_name in checks:
            date = getattr(self, date_name)
            if date is None:
                continue
            parts = ("day", "month", "year") if lookup_type == "date" else (lookup_type,)
            lookup = {f"{date_name}__{part}": getattr(date, part) for part in parts}
            lookup[name] = getattr(self, name)
            rows = self._others(model, model._default_manager.filter(**lookup))
            if await rows.exists():
                errors.setdefault(name, []).append(self.date_error_message(lookup_type, name, date_name))
        return errors

    def date_error_message(self, lookup_type: str, field_name: str, unique_for: str) -> ValidationError:
        """The error of a value that repeats within a day, month or year."""
        meta = self._meta
        field = meta.get_field(field_name)
        return ValidationError(
            field.error_messages["unique_for_date"],
            code="unique_for_date",
            params={
                "model": self,
                "model_name": capfirst(meta.verbose_name),
                "lookup_type": lookup_type,
                "field": field_name,
                "field_label": capfirst(field.verbose_name),
                "date_field": unique_for,
                "date_field_label": capfirst(meta.get_field(unique_for).verbose_name),
            },
        )

    def unique_error_message(self, model_class: Any, unique_check: tuple[str, ...]) -> ValidationError:
        """The error of a duplicate."""
        meta = model_class._meta
        params: dict[str, Any] = {
            "model": self,
            "model_class": model_class,
            "model_name": capfirst(meta.verbose_name),
            "unique_check": unique_check,
        }
        labels = [capfirst(meta.get_field(name).verbose_name) for name in unique_check]
        if len(unique_check) == 1:
            params["field_label"] = labels[0]
            message = meta.get_field(unique_check[0]).error_messages["unique"]
            return ValidationError(message, code="unique", params=params)
        params["field_labels"] = get_text_list(labels, _("and"))
        message = _("%(model_name)s with this %(field_labels)s already exists.")
        return ValidationError(message, code="unique_together", params=params)

    # --- constraints --------------------------------------------------------------------------

    def get_constraints(self) -> list[tuple[Any, list[Any]]]:
        """(model, its constraints) for the model and its parents."""
        return [(model, model._meta.constraints) for model in self._lineage() if model._meta.constraints]

    async def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check Meta.constraints.

        Raises:
            ValidationError: by field, or for the whole instance.
        """
        using = router.db_for_write(type(self), instance=self)
        errors: dict[str, Any] = {}
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    await _settled(constraint.validate(model, self, exclude=exclude, using=using))
                except ValidationError as error:
                    fields: tuple[str, ...] = getattr(constraint, "fields", ())
                    if getattr(error, "code", None) == "unique" and len(fields) == 1:
                        errors.setdefault(fields[0], []).append(error)
                    else:
                        errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)

    def _get_field_expression_map(self, meta: Any, exclude: Collection[str] | None = None) -> dict[str, Any]:
        """Values of the instance by the names that expressions use for them."""
        excluded = set(exclude or ())
        found: dict[str, Any] = {}
        generated = []
        for field in meta.local_concrete_fields:
            if field.name in excluded:
                continue
            if field.generated:
                if not any(source.name in excluded for source in field.referenced_fields):
                    generated.append(field)
                continue
            value = getattr(self, field.attname)
            if isinstance(value, DatabaseDefault):
                found[field.name] = value.expression
            else:
                found[field.name] = value if hasattr(value, "resolve_expression") else Value(value, field)
        replacements = {F(name): value for name, value in found.items()}
        for field in generated:
            expression = field.expression.replace_expressions(replacements)
            found[field.name] = ExpressionWrapper(expression, field.output_field)
        key = meta.pk
        if key is not None and key.name in found:
            found["pk"] = found[key.name]
        return found
