"""Applications and models that somebody named: `app` or `app.Model`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from covet.database.orm.registry import apps
from covet.exceptions import CovetError


class UnknownLabel(CovetError):
    """There is no application or model of that name."""


class Chosen:
    """A set of models, given by applications and single models."""

    def __init__(self, labels: frozenset[str], models: frozenset[Any]) -> None:
        self.labels = labels
        self.models = models

    def __contains__(self, model: Any) -> bool:
        return model in self.models or model._meta.app_label in self.labels


def chosen_models(names: Iterable[str]) -> Chosen:
    """What `names` stand for.

    Raises:
        UnknownLabel: one stands for nothing; names the choices.
    """
    labels: set[str] = set()
    models: set[Any] = set()
    for name in names:
        if "." in name:
            models.add(named_model(name))
        else:
            labels.add(named_app(name).label)
    return Chosen(frozenset(labels), frozenset(models))


def named_app(label: str) -> Any:
    """The application of that label.

    Raises:
        UnknownLabel: there is none.
    """
    try:
        return apps.get_app_config(label)
    except LookupError as error:
        known = ", ".join(sorted(config.label for config in apps.get_app_configs()))
        raise UnknownLabel(f"there is no application {label!r}; choose one of: {known}") from error


def named_model(name: str) -> Any:
    """The model of `app.Model`.

    Raises:
        UnknownLabel: there is none.
    """
    try:
        return apps.get_model(name)
    except (LookupError, ValueError) as error:
        config = named_app(name.split(".")[0])
        known = ", ".join(sorted(model.__name__ for model in config.get_models()))
        raise UnknownLabel(f"there is no model {name!r}; choose one of: {known}") from error
