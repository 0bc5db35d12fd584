"""Reading what is not loaded: inside a portal it is waited for, outside it is an error that says what to write.

Descriptors of relations and deferred fields call it, and hand over how to load.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from covet.conf import settings
from covet.exceptions import RelationNotLoaded
from covet.portal import in_portal, wait


def load_now(instance: Any, name: str, load: Callable[[Any], Awaitable[Any]], advice: str) -> Any:
    """What `load(instance)` answers, waited for in the running portal.

    Args:
        instance: whose attribute is read.
        name: the attribute.
        load: loads it.
        advice: what to write instead.

    Raises:
        RelationNotLoaded: there is no portal, or the setting IMPLICIT_LOADING is `raise`.
    """
    mode = settings.IMPLICIT_LOADING
    if mode == "raise":
        message = f"{_label(instance, name)} is not loaded, and IMPLICIT_LOADING is 'raise'; {advice}"
        raise RelationNotLoaded(message)
    if not in_portal():
        message = f"{_label(instance, name)} is not loaded, and outside a portal nothing can wait for it; {advice}"
        raise RelationNotLoaded(message)
    if mode == "warn":
        warnings.warn(f"{_label(instance, name)} was loaded implicitly; {advice}", RuntimeWarning, stacklevel=4)
    return wait(load(instance))


async def settled(answer: Any) -> Any:
    """What a hook answered: awaited if it is async. Hooks that a project overrides may be plain functions."""
    return await answer if inspect.isawaitable(answer) else answer


def _label(instance: Any, name: str) -> str:
    return f"{type(instance).__name__}.{name}"
