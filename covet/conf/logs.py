"""Applying the LOGGING setting: the application does it when it prepares, the command line when it enters."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from covet.conf.loader import settings
from covet.exceptions import ImproperlyConfigured

_applied: list[Mapping[str, Any]] = []


def configure_logging() -> None:
    """Hands LOGGING to LOGGING_CONFIG, once for each value; does nothing where either is empty, as in Django.

    Raises:
        ImproperlyConfigured: LOGGING_CONFIG names nothing, or LOGGING is refused.
    """
    configuration = settings.LOGGING
    if not configuration or not settings.LOGGING_CONFIG or any(configuration is done for done in _applied):
        return
    apply = _configurator(settings.LOGGING_CONFIG)
    try:
        apply(configuration)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise ImproperlyConfigured(f"LOGGING is refused: {error.__cause__ or error}") from error
    _applied[:] = [configuration]


def _configurator(path: str) -> Callable[[Mapping[str, Any]], None]:
    module_name, _, name = path.rpartition(".")
    try:
        found: Callable[[Mapping[str, Any]], None] = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"LOGGING_CONFIG names {path!r}, which cannot be imported: {error}") from error
    return found
