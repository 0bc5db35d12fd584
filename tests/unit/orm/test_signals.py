"""Signals: connection, order, weak references, string senders, and what is refused."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest

from covet.database.orm import signals
from covet.database.orm.signals import ModelInitSignal, ModelSignal, Signal, SyncSignal, receiver


class Book:
    pass


class Magazine:
    pass


def test_async_receiver_connected_by_decorator_gets_instance_and_created() -> None:
    """Promise 104."""
    post_save = ModelSignal()
    seen: list[tuple[Any, bool]] = []

    @post_save.connect(sender=Book)
    async def saved(sender: type, instance: Book, created: bool, **kwargs: Any) -> None:
        await asyncio.sleep(0)
        seen.append((instance, created))

    book = Book()
    asyncio.run(post_save.send(sender=Book, instance=book, created=True))
    asyncio.run(post_save.send(sender=Magazine, instance=Magazine(), created=True))
    assert seen == [(book, True)]


def test_bare_decorator_keeps_the_function() -> None:
    signal = Signal()

    @signal.connect
    def listener(**kwargs: Any) -> int:
        return 3

    assert asyncio.run(signal.send(sender=None)) == [(listener, 3)]


def test_sync_receivers_run_before_async_ones() -> None:
    signal = Signal()

    async def late(**kwargs: Any) -> str:
        return "late"

    def early(**kwargs: Any) -> str:
        return "early"

    signal.connect(late)
    signal.connect(early)
    assert asyncio.run(signal.send(sender=Book)) == [(early, "early"), (late, "late")]


def test_lambda_around_an_async_function_is_awaited() -> None:
    signal = Signal()

    async def answer(**kwargs: Any) -> int:
        return 42

    wrapper = lambda **kwargs: answer(**kwargs)  # noqa: E731
    signal.connect(wrapper)
    assert asyncio.run(signal.asend(sender=Book)) == [(wrapper, 42)]


def test_receiver_decorator_takes_several_signals() -> None:
    first, second = Signal(), Signal()
    seen: list[Any] = []

    @receiver([first, second], sender=Book)
    def listener(signal: Signal, **kwargs: Any) -> None:
        seen.append(signal)

    asyncio.run(first.send(sender=Book))
    asyncio.run(second.send(sender=Book))
    asyncio.run(second.send(sender=Magazine))
    assert seen == [first, second]


def test_async_receiver_of_construction_is_refused() -> None:
    signal = ModelInitSignal()

    async def listener(**kwargs: Any) -> None: ...

    with pytest.raises(TypeError) as caught:
        signal.connect(listener, sender=Book)
    assert str(caught.value) == (
        "test_async_receiver_of_construction_is_refused.<locals>.listener is async, but this signal is sent while an "
        "object is constructed, where nothing can be awaited; connect a plain function."
    )
    assert signal.receivers == []


def test_receiver_must_take_keywords() -> None:
    with pytest.raises(ValueError, match=r"^Signal receivers must accept keyword arguments \(\*\*kwargs\)\.$"):
        Signal().connect(lambda sender: None)


def test_receiver_must_be_callable() -> None:
    with pytest.raises(TypeError, match=r"^Signal receivers must be callable\.$"):
        Signal().connect(3)  # type: ignore[call-overload]


def test_weakly_held_receiver_disappears_and_a_strong_one_stays() -> None:
    weak, strong = Signal(use_caching=True), Signal(use_caching=True)

    class Listener:
        def hear(self, **kwargs: Any) -> int:
            return 1

    listener = Listener()
    weak.connect(listener.hear)
    strong.connect(Listener().hear, weak=False)
    assert len(asyncio.run(weak.send(sender=Book))) == 1
    del listener
    gc.collect()
    assert not weak.has_listeners(Book)
    assert weak.receivers == []
    assert strong.has_listeners(Book)


def test_dispatch_uid_connects_once_and_disconnects() -> None:
    signal = Signal()

    def first(**kwargs: Any) -> None: ...

    def second(**kwargs: Any) -> None: ...

    signal.connect(first, dispatch_uid="once")
    signal.connect(second, dispatch_uid="once")
    assert len(signal.receivers) == 1
    assert signal.disconnect(dispatch_uid="once") is True
    assert signal.disconnect(dispatch_uid="once") is False


def test_receiver_that_disconnects_another_does_not_stop_this_round() -> None:
    signal = Signal()
    seen: list[str] = []

    def first(**kwargs: Any) -> None:
        signal.disconnect(second)
        seen.append("first")

    def second(**kwargs: Any) -> None:
        seen.append("second")

    signal.connect(first)
    signal.connect(second)
    asyncio.run(signal.send(sender=Book))
    asyncio.run(signal.send(sender=Book))
    assert seen == ["first", "second", "first"]


def test_error_of_a_receiver_passes_through_send_and_is_handed_back_by_send_robust(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signal = Signal()

    async def fails(**kwargs: Any) -> None:
        raise KeyError("this")

    def works(**kwargs: Any) -> int:
        return 1

    signal.connect(fails)
    signal.connect(works)
    with pytest.raises(KeyError):
        asyncio.run(signal.send(sender=Book))
    with caplog.at_level(logging.ERROR, logger="covet.dispatch"):
        responses = asyncio.run(signal.send_robust(sender=Book))
    assert responses[0] == (works, 1)
    assert isinstance(responses[1][1], KeyError)
    assert caplog.messages == [f"Error calling {fails.__qualname__} in Signal.send_robust() ('this')"]


def test_string_sender_resolves_when_its_model_appears() -> None:
    class Registry:
        pending: list[tuple[Any, Any]] = []

        def lazy_model_operation(self, function: Any, *keys: tuple[str, str]) -> None:
            self.pending.append((keys, function))

    registry = Registry()
    signal = ModelInitSignal()
    seen: list[Any] = []

    def listener(instance: Any, **kwargs: Any) -> None:
        seen.append(instance)

    signal.connect(listener, sender="shop.Book", apps=registry)
    assert not signal.has_listeners(Book)
    ((keys, function),) = registry.pending
    assert keys == (("shop", "book"),)
    function(Book)
    signal.send(sender=Book, instance="book")
    assert seen == ["book"]


def test_string_sender_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid model reference") as caught:
        signals.post_save.connect(lambda **kwargs: None, sender="Book")
    assert str(caught.value) == (
        "Invalid model reference 'Book'. String model references must be of the form 'app_label.ModelName'."
    )


def test_signal_does_not_keep_its_sender_alive() -> None:
    import weakref

    signal = Signal(use_caching=True)

    def listener(**kwargs: Any) -> None: ...

    signal.connect(listener)

    class Short:
        pass

    reference = weakref.ref(Short)
    asyncio.run(signal.send(sender=Short))
    del Short
    gc.collect()
    assert reference() is None


def test_sync_signal_sends_without_a_loop() -> None:
    signal = SyncSignal()

    def listener(**kwargs: Any) -> int:
        return 7

    signal.connect(listener, sender=Book)
    assert signal.send(sender=Book) == [(listener, 7)]
    assert signal.send(sender=Magazine) == []
