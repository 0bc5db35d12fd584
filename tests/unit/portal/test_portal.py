"""The portal: waiting from sync frames, with everything that asyncio promises left intact."""

import asyncio
import contextvars
import gc
import sys
import threading
import weakref

import pytest
from greenlet import getcurrent
from sqlalchemy.util import await_only, greenlet_spawn

import covet
from covet.exceptions import NotInPortal
from covet.portal import PortalTaskFactory, at_close, in_portal, install, portal, wait
from covet.portal import greenlets as portal_module
from tests.pace import cost

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def loops():
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    try:
        import uvloop
    except ImportError:
        return
    yield pytest.param(uvloop.new_event_loop, id="uvloop")


@pytest.fixture(params=loops())
def run(request):
    def run_it(coro):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(coro)

    return run_it


def attribute():
    return wait(asyncio.sleep(0.001, "loaded"))


async def reads_attribute():
    return attribute()


def test_sync_code_waits_inside_a_portal(run):
    assert run(portal(reads_attribute())) == "loaded"


def test_waiting_outside_a_portal_names_the_remedies(run):
    async def main():
        with pytest.raises(NotInPortal) as caught:
            attribute()
        return str(caught.value)

    assert run(main()) == (
        "cannot wait for I/O from sync code outside a portal; await it, or run the code through "
        "`await covet.portal.portal(coroutine)` or `covet.run(main())`"
    )


def test_in_portal_tells_where_wait_works(run):
    async def inside():
        return in_portal()

    async def main():
        return in_portal(), await portal(inside()), in_portal()

    assert run(main()) == (False, True, False)


def test_other_tasks_go_on_while_sync_code_waits(run):
    async def main():
        ticks = []

        async def tick():
            for number in range(5):
                ticks.append(number)
                await asyncio.sleep(0.005)

        async def blocking():
            return wait(asyncio.sleep(0.05))

        await asyncio.gather(tick(), portal(blocking()))
        return ticks

    assert run(main()) == [0, 1, 2, 3, 4]


def test_context_variables_pass_in_and_out(run):
    async def reads():
        await asyncio.sleep(0)
        return variable.get()

    async def writes():
        variable.set("inner")
        wait(asyncio.sleep(0.001))
        variable.set(variable.get() + " twice")

    async def main():
        variable.set("outer")
        seen = await portal(reads())
        await portal(writes())
        return seen, variable.get()

    assert run(main()) == ("outer", "inner twice")


def test_context_variables_of_concurrent_portals_do_not_mix(run):
    async def work(name):
        variable.set(name)
        for _ in range(10):
            wait(asyncio.sleep(0))
            await asyncio.sleep(0)
            assert variable.get() == name
        return name

    async def main():
        return await asyncio.gather(*[asyncio.create_task(portal(work(str(n)))) for n in range(20)])

    assert run(main()) == [str(n) for n in range(20)]


def test_awaitables_that_are_no_coroutines_are_accepted(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.001, future.set_result, 7)

        async def inside():
            other = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.001, other.set_result, 8)
            return wait(other)

        return await portal(future), await portal(inside())

    assert run(main()) == (7, 8)


def test_a_portal_in_a_portal_is_a_plain_await(run):
    async def inner():
        return getcurrent()

    async def outer():
        return getcurrent() is await portal(inner())

    assert run(portal(outer())) is True


def test_exceptions_come_out_unchanged_and_without_the_portals_frames_as_cycles(run):
    class OddError(Exception):
        pass

    async def fails():
        wait(asyncio.sleep(0))
        raise OddError("x")

    async def main():
        gc.collect()
        gc.disable()
        try:
            try:
                await portal(fails())
            except OddError as exc:
                reference = weakref.ref(exc)
            return reference() is None
        finally:
            gc.enable()

    assert run(main()) is True


def test_an_exception_raised_by_what_is_waited_for_reaches_the_sync_frame(run):
    async def fails():
        await asyncio.sleep(0)
        raise ValueError("from below")

    async def main():
        try:
            wait(fails())
        except ValueError as exc:
            return str(exc)

    assert run(portal(main())) == "from below"


def test_cancellation_reaches_sync_code_and_its_finally_may_wait(run):
    log = []

    async def main():
        async def worker():
            try:
                wait(asyncio.sleep(10))
            except asyncio.CancelledError:
                log.append("cancelled")
                raise
            finally:
                wait(asyncio.sleep(0.001))
                log.append("cleaned")

        task = asyncio.create_task(portal(worker()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert run(main()) is True
    assert log == ["cancelled", "cleaned"]


def test_timeouts_work_inside_and_outside(run):
    async def inside():
        async with asyncio.timeout(0.01):
            wait(asyncio.sleep(10))

    async def main():
        with pytest.raises(TimeoutError):
            await portal(inside())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(portal(asyncio.sleep(10)), 0.01)
        return "ok"

    assert run(main()) == "ok"


def test_tasks_created_inside_a_portal_are_inside_one(run):
    async def child():
        return in_portal(), attribute()

    async def parent():
        install()
        gathered = await asyncio.gather(child(), child())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(child())
        waited = await asyncio.wait_for(asyncio.create_task(child()), 30)
        return {*gathered, task.result(), waited}

    assert run(portal(parent())) == {(True, "loaded")}


def test_grandchildren_are_inside_one_too(run):
    async def grandchild():
        return attribute()

    async def child():
        return await asyncio.create_task(grandchild())

    async def parent():
        install()
        return await asyncio.create_task(child())

    assert run(portal(parent())) == "loaded"


def test_tasks_created_outside_a_portal_stay_outside(run):
    async def child():
        return in_portal()

    async def main():
        install()
        return await asyncio.create_task(child())

    assert run(main()) is False


def test_a_carried_task_keeps_its_name_and_its_coroutines(run):
    async def child():
        return asyncio.current_task().get_name(), asyncio.current_task().get_coro().__qualname__

    async def parent():
        install()
        return await asyncio.create_task(child(), name="mine")

    assert run(portal(parent())) == ("mine", child_name(test_a_carried_task_keeps_its_name_and_its_coroutines))


def child_name(test):
    return f"{test.__name__}.<locals>.child"


@pytest.mark.filterwarnings("error")
def test_a_task_cancelled_before_it_starts_warns_of_nothing(run):
    async def child():
        raise AssertionError("never started")

    async def parent():
        install()
        task = asyncio.create_task(child())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()

    run(portal(parent()))


def test_install_composes_with_a_factory_and_wraps_once(run):
    made = []

    async def child():
        return in_portal()

    async def main():
        loop = asyncio.get_running_loop()

        def theirs(loop, coro, **options):
            made.append(coro)
            return asyncio.Task(coro, loop=loop, **options)

        loop.set_task_factory(theirs)
        install()
        first = loop.get_task_factory()
        install()
        assert loop.get_task_factory() is first
        assert isinstance(first, PortalTaskFactory)

        async def inside():
            return await asyncio.create_task(child())

        made.clear()
        carried = await portal(inside())
        return carried, len(made)

    assert run(main()) == (True, 1)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_wait_too():
    # On asyncio's own loop: uvloop 0.23 does not run eager tasks at all.
    async def child():
        first = attribute()
        await asyncio.sleep(0.001)
        return first, attribute()

    async def parent():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        install()
        return await asyncio.gather(asyncio.create_task(child()), asyncio.create_task(child()))

    assert asyncio.run(portal(parent())) == [("loaded", "loaded")] * 2


def test_sqlalchemys_greenlet_spawn_works_inside_a_portal(run):
    def sync():
        first = await_only(asyncio.sleep(0.001, "theirs"))
        second = wait(asyncio.sleep(0.001, "ours"))
        third = await_only(asyncio.sleep(0.001, "theirs again"))
        return first, second, third, in_portal()

    async def inside():
        return await greenlet_spawn(sync)

    assert run(portal(inside())) == ("theirs", "ours", "theirs again", True)


def test_cancellation_reaches_a_wait_under_sqlalchemys_greenlet(run):
    def sync():
        try:
            wait(asyncio.sleep(10))
        except asyncio.CancelledError:
            await_only(asyncio.sleep(0.001))
            raise

    async def main():
        task = asyncio.create_task(portal(greenlet_spawn(sync)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return "ok"

    assert run(main()) == "ok"


def test_workers_are_reused_and_hold_nothing(run):
    class Held:
        pass

    async def main():
        held = Held()
        reference = weakref.ref(held)

        async def returns(value):
            await asyncio.sleep(0)
            return value

        before = len(portal_module._idle.workers)
        for _ in range(200):
            await portal(returns(held))
        assert len(portal_module._idle.workers) <= max(before, 1)
        del held
        gc.collect()
        return reference()

    assert run(main()) is None


def test_a_failure_leaves_nothing_behind_in_its_worker(run):
    class Held:
        pass

    async def main():
        held = Held()
        reference = weakref.ref(held)

        async def fails(value):
            await asyncio.sleep(0)
            raise RuntimeError("no")

        for _ in range(3):
            with pytest.raises(RuntimeError):
                await portal(fails(held))
        del held
        gc.collect()
        return reference()

    assert run(main()) is None


def test_an_abandoned_portal_closes_its_coroutine(run):
    log = []

    async def never():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            log.append("closed")

    async def main():
        coro = portal(never())
        coro.send(None)
        del coro
        gc.collect()

    run(main())
    assert log == ["closed"]


def test_an_abandoned_portal_closed_inside_another_portal_disturbs_nobody(run):
    log = []

    async def never():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            log.append("closed")

    async def main():
        abandoned = portal(never())
        abandoned.send(None)
        kept = [abandoned]
        del abandoned

        async def inside():
            kept.clear()
            gc.collect()
            log.append("still here")
            return attribute()

        return await portal(inside())

    assert run(main()) == "loaded"
    assert log == ["closed", "still here"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_abandoned_portal_collected_in_another_thread_disturbs_nobody(run):
    log = []

    async def never():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            log.append("closed")

    async def main():
        abandoned = portal(never())
        abandoned.send(None)
        kept = [abandoned]
        del abandoned
        thread = threading.Thread(target=kept.clear)
        thread.start()
        thread.join()
        # The greenlet can only be unwound in its own thread: at the next switch.
        result = await portal(reads_attribute())
        gc.collect()
        return result

    assert run(main()) == "loaded"
    assert log == ["closed"]


def test_threads_have_workers_of_their_own():
    results = []

    def thread():
        results.append(asyncio.run(_many()))

    async def _many():
        return await asyncio.gather(*[portal(reads_attribute()) for _ in range(20)])

    threads = [threading.Thread(target=thread) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results == [["loaded"] * 20] * 4


def test_the_workers_of_a_thread_end_with_it():
    references = []

    def thread():
        asyncio.run(portal_many())
        references.extend(weakref.ref(worker) for worker in portal_module._idle.workers)

    async def portal_many():
        await asyncio.gather(*[portal(reads_attribute()) for _ in range(5)])

    each = threading.Thread(target=thread)
    each.start()
    each.join()
    asyncio.run(portal_many())
    gc.collect()
    assert [reference() for reference in references if reference() is not None] == []
    assert len(references) == 5


def test_deep_sync_recursion_waits_at_its_bottom(run):
    def dive(depth):
        return attribute() if depth == 0 else dive(depth - 1)

    async def main():
        return await asyncio.gather(*[portal(deep()) for _ in range(20)])

    async def deep():
        return dive(200)

    assert run(main()) == ["loaded"] * 20


def test_waiting_inside_sort_keys_and_comprehensions(run):
    def key(number):
        return wait(asyncio.sleep(0, -number))

    async def main():
        return sorted(range(5), key=key), [wait(asyncio.sleep(0, n)) for n in range(3)]

    assert run(portal(main())) == ([4, 3, 2, 1, 0], [0, 1, 2])


def test_async_generators_and_context_managers_pass_through(run):
    async def numbers():
        for number in range(3):
            yield wait(asyncio.sleep(0, number))

    async def main():
        return [number async for number in numbers()]

    assert run(portal(main())) == [0, 1, 2]


def test_run_returns_the_result_from_inside_a_portal():
    async def main():
        return in_portal(), await asyncio.gather(reads_attribute(), reads_attribute())

    assert covet.run(main()) == (True, ["loaded", "loaded"])


def test_run_refuses_what_is_no_coroutine():
    async def main():
        """Never called."""

    with pytest.raises(TypeError, match=r"covet.run\(\) takes a coroutine, as in covet.run\(main\(\)\)"):
        covet.run(main)


def test_run_awaits_the_closers_also_after_a_failure(monkeypatch):
    from covet.portal import runner

    monkeypatch.setattr(runner, "_closers", [])
    log = []

    @at_close
    async def first():
        log.append("first")

    @at_close
    async def second():
        log.append("second")
        raise RuntimeError("a closer failed")

    async def main():
        raise KeyError("main failed")

    with pytest.raises((KeyError, RuntimeError)):
        covet.run(main())
    assert log == ["second", "first"]


def test_a_call_costs_microseconds():
    async def nothing():
        """Does nothing."""

    async def main():
        for _ in range(2000):
            await portal(nothing())

    # Measured 1.7 us on an idle core; the bound only catches a fresh greenlet for each call (15 us).
    assert cost(lambda: asyncio.run(main())) / 2000 < 10e-6
