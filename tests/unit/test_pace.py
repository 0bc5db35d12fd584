"""Limits of time follow the machine's pace, and still hold what is far too slow."""

import time

import pytest

from tests import pace


def spin(seconds):
    started = time.process_time()
    while time.process_time() - started < seconds:
        pass


def test_a_block_that_takes_far_too_long_fails(monkeypatch):
    monkeypatch.setattr(pace, "slowness", lambda: 1.0)
    with pytest.raises(AssertionError, match=r"took 0\.\d+ s, 0\.020 s are allowed"), pace.cpu_time_within(0.01):
        spin(0.05)


def test_the_same_block_passes_on_a_slower_machine(monkeypatch):
    monkeypatch.setattr(pace, "slowness", lambda: 1000.0)
    with pace.cpu_time_within(0.01):
        spin(0.05)
    assert not pace.is_late(900, 1)
    assert pace.is_late(1001, 1)


def test_no_machine_is_faster_than_usual(monkeypatch):
    monkeypatch.setattr(pace, "_seconds", lambda function: pace.USUAL / 10)
    assert pace.slowness() == 1


async def test_waiting_ends_with_the_claim_or_fails():
    await pace.until(lambda: True)
    with pytest.raises(TimeoutError):
        await pace.until(lambda: False, 0.01)
