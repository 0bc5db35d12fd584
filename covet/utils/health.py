"""Readiness checks: each floor registers what must answer before requests are welcome; the application asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

Check = Callable[[], Awaitable[None]]

LIMIT: Final = 2.0
"""Seconds that a check may take."""

_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Ask `check` for readiness under `name`; it raises when its service cannot be used. A second call replaces."""
    _checks[name] = check


def registered_checks() -> dict[str, Check]:
    """The checks by name."""
    return dict(_checks)


async def run_checks(limit: float = LIMIT) -> dict[str, str]:
    """Ask every check at once: `ok`, or the kind of failure (never its message, which may tell secrets)."""
    names = list(_checks)
    outcomes = await asyncio.gather(*[_outcome(_checks[name], limit) for name in names])
    return dict(zip(names, outcomes, strict=True))


async def _outcome(check: Check, limit: float) -> str:
    try:
        async with asyncio.timeout(limit):
            await check()
    except TimeoutError:
        return "timeout"
    except Exception as exc:  # noqa: BLE001 - whatever it is, the service cannot be used
        return type(exc).__name__
    return "ok"
