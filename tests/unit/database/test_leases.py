"""Leases: last in first out, handed to waiters, checked after idleness, recycled, mended and dropped."""

import asyncio
from types import SimpleNamespace

import pytest

from covet.database.adapters.leases import Leases
from covet.exceptions import DatabaseUnavailable, PoolTimeout
from tests.pace import until


class Held:
    """A connection that remembers what was done to it."""

    def __init__(self, number, born=1e12):
        self.number = number
        self.used = True
        self.dead = False
        self.touched = False
        self.born = born
        self.answers = True
        self.well = True
        self.fate = "open"

    async def ping(self):
        if not self.answers:
            raise ConnectionResetError

    async def settle(self):
        self.touched = False
        return self.well

    async def release(self):
        self.fate = "released"

    def terminate(self):
        self.fate = "cut"


def source(**options):
    """What leases ask of an adapter."""
    made = []

    async def open_connection(leases):
        await asyncio.sleep(options.get("slow", 0))
        if failures:
            raise failures.pop(0)
        made.append(Held(len(made), born=options.get("born", 1e12)))
        return made[-1]

    failures = list(options.get("failures", ()))
    return SimpleNamespace(
        name="'default'",
        pool_size=options.get("pool_size", 2),
        limit=options.get("limit", 2),
        pool_timeout=options.get("pool_timeout", 60),
        pool_idle=options.get("pool_idle", 30),
        pool_recycle=options.get("pool_recycle"),
        is_shared=False,
        open=open_connection,
        is_transient=lambda error: error.sqlstate == "53300",
        made=made,
    )


def run(test):
    """A test coroutine in a loop of its own, with leases made inside it."""

    def synchronous():
        asyncio.run(test())

    synchronous.__name__ = test.__name__
    return synchronous


def leases_of(origin):
    return Leases(origin, asyncio.get_running_loop())


@run
async def test_the_connection_used_last_is_lent_first():
    leases = leases_of(source())
    one, other = await leases.acquire(), await leases.acquire()
    leases.put(one)
    leases.put(other)
    assert await leases.acquire() is other


@run
async def test_no_more_than_the_limit_is_opened_and_waiters_are_served_in_order():
    origin = source(limit=1)
    leases = leases_of(origin)
    held = await leases.acquire()
    served = []

    async def wait(name):
        connection = await leases.acquire()
        served.append(name)
        leases.put(connection)

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    await asyncio.sleep(0)
    leases.put(held)
    await asyncio.gather(*tasks)
    assert served == ["a", "b", "c"]
    assert len(origin.made) == leases.total == 1


@run
async def test_a_waiter_that_waits_too_long_is_told_the_figures():
    leases = leases_of(source(limit=1, pool_timeout=0.05))
    await leases.acquire()
    with pytest.raises(PoolTimeout) as caught:
        await leases.acquire()
    assert str(caught.value) == (
        "no connection to 'default' became free within 0.05 s: 1 of 1 are open, 0 of them opening; "
        "raise pool_size, or look for long transactions"
    )
    assert not leases.waiters


@run
async def test_a_waiter_cancelled_as_it_is_served_loses_nothing():
    leases = leases_of(source(limit=1))
    held = await leases.acquire()
    task = asyncio.create_task(leases.acquire())
    await asyncio.sleep(0)
    leases.put(held)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await leases.acquire() is held


@run
async def test_cancelling_who_waits_does_not_stop_the_opening():
    origin = source(slow=0.05)
    leases = leases_of(origin)
    task = asyncio.create_task(leases.acquire())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: origin.made)
    assert await leases.acquire() is origin.made[0]
    assert len(origin.made) == 1


@run
async def test_an_opening_that_fails_is_told_to_everybody_when_nothing_is_open():
    leases = leases_of(source(limit=1, failures=[DatabaseUnavailable("down")], slow=0.01))
    outcomes = await asyncio.gather(*[leases.acquire() for _ in range(5)], return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["down"] * 5
    assert len({id(outcome) for outcome in outcomes}) == 5
    assert leases.total == 0


@run
async def test_too_many_clients_is_tried_again():
    full = DatabaseUnavailable("full")
    full.sqlstate = "53300"
    leases = leases_of(source(failures=[full], pool_timeout=2))
    assert (await leases.acquire()).number == 0


@run
async def test_what_was_unused_for_long_is_checked_before_use():
    leases = leases_of(source())
    one, other = await leases.acquire(), await leases.acquire()
    leases.put(one)
    leases.put(other)
    leases._sweep()
    assert len(leases.idle) == 2
    leases._sweep()
    assert (len(leases.idle), len(leases.stale)) == (0, 2)
    other.answers = False
    assert await leases.acquire() is one
    assert (other.fate, leases.total) == ("cut", 1)


@run
async def test_overflow_that_is_unused_goes_back_to_the_pool():
    leases = leases_of(source(pool_size=1, limit=3))
    held = [await leases.acquire() for _ in range(3)]
    for each in held:
        leases.put(each)
    for _ in range(3):
        leases._sweep()
    await until(lambda: [each.fate for each in held].count("released") == 2)
    assert leases.total == 1
    assert sorted(each.fate for each in held) == ["open", "released", "released"]


@run
async def test_what_is_too_old_is_replaced():
    origin = source(pool_recycle=3600, born=-1e9)
    leases = leases_of(origin)
    old = await leases.acquire()
    leases.put(old)
    leases._sweep()
    assert (old.fate, leases.total) == ("cut", 0)


@run
async def test_one_dead_connection_puts_the_others_under_suspicion():
    leases = leases_of(source())
    one, other = await leases.acquire(), await leases.acquire()
    leases.put(one)
    leases.discard(other)
    leases.suspect()
    one.answers = False
    fresh = await leases.acquire()
    assert (fresh.number, one.fate, leases.total) == (2, "cut", 1)


@run
async def test_an_interrupted_connection_comes_back_when_it_is_well():
    leases = leases_of(source(limit=1))
    held = await leases.acquire()
    leases.mend(held)
    assert await leases.acquire() is held
    held.well = False
    leases.mend(held)
    assert (await leases.acquire()).number == 1
    assert held.fate == "cut"


@run
async def test_a_touched_session_is_mended_before_it_is_lent_again():
    leases = leases_of(source(limit=1))
    held = await leases.acquire()
    held.touched = True
    leases.put(held)
    assert not leases.idle
    assert await leases.acquire() is held
    assert held.touched is False


@run
async def test_closing_waits_for_what_is_lent_and_refuses_newcomers():
    leases = leases_of(source())
    held = await leases.acquire()
    closing = asyncio.create_task(leases.close(1))
    await asyncio.sleep(0.01)
    leases.put(held)
    await closing
    assert (held.fate, leases.total) == ("cut", 0)
    with pytest.raises(DatabaseUnavailable, match="the pool of 'default' is closed"):
        await leases.acquire()


@run
async def test_each_waiter_has_its_own_time():
    leases = Leases(source(limit=1), asyncio.get_running_loop())
    held = await leases.acquire()
    ended = []

    async def wait(timeout):
        try:
            leases.put(await leases.acquire(timeout))
        except PoolTimeout as error:
            ended.append((timeout, f"within {timeout:g} s" in str(error)))
        else:
            ended.append((timeout, "served"))

    waiting = [asyncio.ensure_future(wait(timeout)) for timeout in (0.06, 0.02, 60, 0.04)]
    await until(lambda: len(ended) > 2)
    assert sorted(ended) == [(0.02, True), (0.04, True), (0.06, True)]
    leases.put(held)
    await asyncio.gather(*waiting)
    assert ended[-1] == (60, "served")
    await leases.close()


@run
async def test_one_timer_looks_after_all_waiters():
    loop = asyncio.get_running_loop()
    leases = Leases(source(limit=1, pool_timeout=30), loop)
    timers = []
    call_at = loop.call_at

    def counting(when, callback, *arguments, **options):
        timers.append(callback)
        return call_at(when, callback, *arguments, **options)

    loop.call_at = counting
    held = await leases.acquire()
    waiting = [asyncio.ensure_future(leases.acquire()) for _ in range(20)]
    await asyncio.sleep(0)
    assert timers.count(leases._expire) == 1
    leases.put(held)
    for waiter in waiting:
        leases.put(await waiter)
    assert not leases._limits
    await leases.close()
