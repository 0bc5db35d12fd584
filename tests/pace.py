"""How fast this machine is just now: limits of time are written for a usual one, and last longer on a slower one.

A machine that others use is slower in processor time too: they take its caches, and its host takes whole slices.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Iterator
from typing import Final

USUAL: Final = 0.0009
"""Seconds of processor time that `_work` takes where the limits were measured, with nothing else running."""


def slowness() -> float:
    """How many times as long as usual work takes here and now; at least 1."""
    return max(1.0, *(_seconds(_work) / USUAL for _ in range(8)))


def is_late(took: float, seconds: float) -> bool:
    """Whether something took longer than `seconds` at the usual pace."""
    return took > seconds and took > seconds * slowness()


@contextlib.contextmanager
def cpu_time_within(seconds: float) -> Iterator[None]:
    """The block takes at most `seconds` of processor time, at the usual pace.

    The pace is that before or after the block, and in between it may have been half of that.
    """
    before = slowness()
    # Or the collector looks through all that other tests have left.
    gc.freeze()
    started = time.process_time()
    try:
        yield
        took = time.process_time() - started
    finally:
        gc.unfreeze()
    allowed = 2 * seconds * max(before, slowness())
    assert took <= allowed, f"took {took:.3f} s, {allowed:.3f} s are allowed at this pace"


def cost(function: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of processor time that `function` takes at the usual pace: the least of several rounds."""
    usual = min(_seconds(_work) for _ in range(8)) / USUAL
    return min(_seconds(function) for _ in range(rounds)) / max(1.0, usual)


async def until(claim: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the claim holds; fail after `seconds`, which only a test that hangs waits for."""
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.005)


def _seconds(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def _work() -> object:
    words: dict[str, int] = {}
    for number in range(2000):
        word = f"{number * 7919 % 1000:x}"
        words[word] = words.get(word, 0) + len(word)
    return sorted(words.items(), key=lambda pair: (pair[1], pair[0]))
