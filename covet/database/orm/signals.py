"""Signals: receivers that are told when models are made, saved and deleted; awaited, except those of construction.

Every floor of the ORM may send; this one knows no model. A signal without receivers costs its sender one test.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, TypeVar, overload

logger = logging.getLogger("covet.dispatch")

Receiver = Callable[..., Any]
R = TypeVar("R", bound=Receiver)
Responses = list[tuple[Receiver, Any]]


class LazyModels(Protocol):
    """What resolves `app_label.ModelName`: the model registry."""

    def lazy_model_operation(self, function: Callable[..., Any], *model_keys: tuple[str, str]) -> None:
        """Call `function` with the models once all of them exist."""


class _Entry(NamedTuple):
    receiver_id: Any
    sender_id: int
    reference: Any
    is_weak: bool
    is_async: bool
    sender: Any

    def wants(self, sender: Any) -> bool:
        """Whether this receiver listens to `sender` (whose id may have been another object's before)."""
        if self.sender_id == _ANYONE:
            return True
        if self.sender_id != id(sender):
            return False
        return self.sender is None or self.sender() is sender

    def receiver(self) -> Receiver | None:
        """The receiver, or None when it was garbage collected."""
        return self.reference() if self.is_weak else self.reference  # type: ignore[no-any-return]


class _Live(NamedTuple):
    sync: tuple[Receiver, ...]
    asynchronous: tuple[Receiver, ...]


_ANYONE = id(None)
_NOBODY = _Live((), ())


class Dispatcher:
    """The register of one signal's receivers: who listens, to whom, held weakly or not."""

    allows_async = True

    def __init__(self, *, use_caching: bool = False) -> None:
        self.receivers: list[_Entry] = []
        self.lock = threading.RLock()
        self.use_caching = use_caching
        self.sender_receivers_cache: weakref.WeakKeyDictionary[Any, tuple[_Entry, ...]] = weakref.WeakKeyDictionary()
        self._has_dead_receivers = False

    @overload
    def connect(self, receiver: R, sender: Any = None, weak: bool = True, dispatch_uid: Any = None) -> R: ...

    @overload
    def connect(
        self, receiver: None = None, sender: Any = None, weak: bool = True, dispatch_uid: Any = None
    ) -> Callable[[R], R]: ...

    def connect(
        self, receiver: Receiver | None = None, sender: Any = None, weak: bool = True, dispatch_uid: Any = None
    ) -> Any:
        """Call `receiver` whenever the signal is sent; without a receiver, a decorator that connects.

        Args:
            receiver: a function, async function, method or callable object that takes keyword arguments.
            sender: listen to this sender only.
            weak: hold the receiver by a weak reference.
            dispatch_uid: connecting twice under one uid connects once.

        Returns:
            The receiver, or the decorator.

        Raises:
            TypeError: the receiver is not callable, or is async where the signal is sent by sync code.
            ValueError: the receiver does not accept keyword arguments.
        """
        if receiver is None:
            return lambda function: self.connect(function, sender=sender, weak=weak, dispatch_uid=dispatch_uid)
        is_async = self._check(receiver)
        reference: Any = receiver
        if weak:
            method = hasattr(receiver, "__self__") and hasattr(receiver, "__func__")
            kind: Any = weakref.WeakMethod if method else weakref.ref
            reference = kind(receiver, self._note_death)
        entry = _Entry(
            dispatch_uid or _identity(receiver), id(sender), reference, weak, is_async, _reference_to(sender)
        )
        with self.lock:
            self._clear_dead_receivers()
            if not any(other[:2] == entry[:2] and other.wants(sender) for other in self.receivers):
                self.receivers.append(entry)
            self.sender_receivers_cache.clear()
        return receiver

    def disconnect(self, receiver: Receiver | None = None, sender: Any = None, dispatch_uid: Any = None) -> bool | None:
        """Stop calling `receiver` (or what was connected under `dispatch_uid`); True if it was connected."""
        key = (dispatch_uid or _identity(receiver), id(sender))
        with self.lock:
            self._clear_dead_receivers()
            kept = [entry for entry in self.receivers if entry[:2] != key]
            found = len(kept) != len(self.receivers)
            self.receivers[:] = kept
            self.sender_receivers_cache.clear()
        return found

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether anyone would be called by a `send` from `sender`."""
        if not self.receivers:
            return False
        live = self._live_receivers(sender)
        return bool(live.sync or live.asynchronous)

    def _check(self, receiver: Receiver) -> bool:
        if not callable(receiver):
            msg = "Signal receivers must be callable."
            raise TypeError(msg)
        is_async = _is_async(receiver)
        if is_async and not self.allows_async:
            msg = (
                f"{_name(receiver)} is async, but this signal is sent while an object is constructed, where nothing "
                "can be awaited; connect a plain function."
            )
            raise TypeError(msg)
        if not _accepts_keywords(receiver):
            msg = "Signal receivers must accept keyword arguments (**kwargs)."
            raise ValueError(msg)
        return is_async

    def _note_death(self, _reference: Any) -> None:
        # No lock here: a collection may run anywhere, even while this thread holds it.
        self._has_dead_receivers = True

    def _clear_dead_receivers(self) -> None:
        if self._has_dead_receivers:
            self._has_dead_receivers = False
            self.receivers[:] = [entry for entry in self.receivers if entry.receiver() is not None]
            self.sender_receivers_cache.clear()

    def _live_receivers(self, sender: Any) -> _Live:
        if not self.receivers:
            return _NOBODY
        entries = self._entries_for(sender)
        if not entries:
            return _NOBODY
        found = [(receiver, entry.is_async) for entry in entries if (receiver := entry.receiver()) is not None]
        return _Live(
            tuple([receiver for receiver, is_async in found if not is_async]),
            tuple([receiver for receiver, is_async in found if is_async]),
        )

    def _entries_for(self, sender: Any) -> tuple[_Entry, ...]:
        cacheable = self.use_caching and sender is not None
        if cacheable and not self._has_dead_receivers:
            cached = self.sender_receivers_cache.get(sender)
            if cached is not None:
                return cached
        with self.lock:
            self._clear_dead_receivers()
            entries = tuple([entry for entry in self.receivers if entry.wants(sender)])
            if cacheable:
                self.sender_receivers_cache[sender] = entries
        return entries


class Signal(Dispatcher):
    """A signal whose receivers may be async: sync ones are called first, then async ones in turn.

    Receivers run one after the other in the order of connection, so that those inside a transaction
    see each other's writes.
    """

    async def send(self, sender: Any, **named: Any) -> Responses:
        """Call every receiver; the first error ends it.

        Returns:
            Pairs of receiver and response.
        """
        live = self._live_receivers(sender)
        responses: Responses = []
        for receiver in live.sync:
            response = receiver(signal=self, sender=sender, **named)
            # A lambda or partial around an async function cannot be told from outside.
            responses.append((receiver, await response if inspect.iscoroutine(response) else response))
        for receiver in live.asynchronous:
            responses.append((receiver, await receiver(signal=self, sender=sender, **named)))
        return responses

    async def send_robust(self, sender: Any, **named: Any) -> Responses:
        """Call every receiver; an error becomes that receiver's response and is logged."""
        live = self._live_receivers(sender)
        responses: Responses = []
        for receiver in (*live.sync, *live.asynchronous):
            try:
                response = receiver(signal=self, sender=sender, **named)
                if inspect.iscoroutine(response):
                    response = await response
            except Exception as error:  # noqa: BLE001 - robust sending hands every error back
                _log_failure(receiver, error)
                response = error
            responses.append((receiver, response))
        return responses

    async def asend(self, sender: Any, **named: Any) -> Responses:
        """`send` under Django's async name."""
        return await self.send(sender, **named)

    async def asend_robust(self, sender: Any, **named: Any) -> Responses:
        """`send_robust` under Django's async name."""
        return await self.send_robust(sender, **named)


class SyncSignal(Dispatcher):
    """A signal sent by sync code (class bodies, `__init__`): async receivers are refused at connect."""

    allows_async = False

    def send(self, sender: Any, **named: Any) -> Responses:
        """Call every receiver; the first error ends it."""
        if not self.receivers:
            return []
        return [
            (receiver, receiver(signal=self, sender=sender, **named)) for receiver in self._live_receivers(sender).sync
        ]

    def send_robust(self, sender: Any, **named: Any) -> Responses:
        """Call every receiver; an error becomes that receiver's response and is logged."""
        responses: Responses = []
        for receiver in self._live_receivers(sender).sync:
            try:
                response = receiver(signal=self, sender=sender, **named)
            except Exception as error:  # noqa: BLE001 - robust sending hands every error back
                _log_failure(receiver, error)
                response = error
            responses.append((receiver, response))
        return responses

    async def asend(self, sender: Any, **named: Any) -> Responses:
        """`send` for callers that await."""
        return self.send(sender, **named)

    async def asend_robust(self, sender: Any, **named: Any) -> Responses:
        """`send_robust` for callers that await."""
        return self.send_robust(sender, **named)


class _ModelSenders(Dispatcher):
    """Senders may be given as `app_label.ModelName` before the model exists."""

    @overload
    def connect(
        self,
        receiver: R,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        apps: LazyModels | None = None,
    ) -> R: ...

    @overload
    def connect(
        self,
        receiver: None = None,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        apps: LazyModels | None = None,
    ) -> Callable[[R], R]: ...

    def connect(
        self,
        receiver: Receiver | None = None,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        apps: LazyModels | None = None,
    ) -> Any:
        """As `Dispatcher.connect`; a string sender is connected as soon as that model exists.

        Raises:
            ValueError: a string sender is not of the form `app_label.ModelName`.
        """
        if not isinstance(sender, str):
            return super().connect(receiver, sender=sender, weak=weak, dispatch_uid=dispatch_uid)
        if receiver is None:
            return lambda function: self.connect(
                function, sender=sender, weak=weak, dispatch_uid=dispatch_uid, apps=apps
            )
        self._check(receiver)
        connect = super().connect
        _with_model(sender, lambda model: connect(receiver, sender=model, weak=weak, dispatch_uid=dispatch_uid), apps)
        return receiver

    def disconnect(
        self,
        receiver: Receiver | None = None,
        sender: Any = None,
        dispatch_uid: Any = None,
        apps: LazyModels | None = None,
    ) -> bool | None:
        """As `Dispatcher.disconnect`; None for a string sender, which may be resolved later."""
        if not isinstance(sender, str):
            return super().disconnect(receiver, sender=sender, dispatch_uid=dispatch_uid)
        disconnect = super().disconnect
        _with_model(sender, lambda model: disconnect(receiver, sender=model, dispatch_uid=dispatch_uid), apps)
        return None


class ModelSignal(_ModelSenders, Signal):
    """An awaited signal whose senders are models."""


class ModelInitSignal(_ModelSenders, SyncSignal):
    """A sync signal whose senders are models."""


def receiver(signal: Dispatcher | Iterable[Dispatcher], **options: Any) -> Callable[[R], R]:
    """Connect the decorated function to one signal or several.

    Args:
        signal: a signal, or a list of them.
        options: what `connect` takes (`sender`, `weak`, `dispatch_uid`).
    """

    def decorator(function: R) -> R:
        for each in (signal,) if isinstance(signal, Dispatcher) else signal:
            each.connect(function, **options)
        return function

    return decorator


def use_registry(registry: LazyModels) -> None:
    """Let `registry` resolve string senders; those connected earlier are handed to it now."""
    _registries[:] = [registry]
    for key, function in _waiting:
        registry.lazy_model_operation(function, key)
    _waiting.clear()


_registries: list[LazyModels] = []
_waiting: list[tuple[tuple[str, str], Callable[..., Any]]] = []


def _with_model(reference: str, function: Callable[[Any], Any], apps: LazyModels | None) -> None:
    app_label, dot, name = reference.partition(".")
    if not dot or "." in name or not app_label or not name:
        msg = (
            f"Invalid model reference '{reference}'. String model references must be of the form 'app_label.ModelName'."
        )
        raise ValueError(msg)
    key = (app_label, name.lower())
    registry = apps or (_registries[0] if _registries else None)
    if registry is None:
        _waiting.append((key, function))
    else:
        registry.lazy_model_operation(function, key)


def _identity(receiver: Any) -> Any:
    if hasattr(receiver, "__self__") and hasattr(receiver, "__func__"):
        return (id(receiver.__self__), id(receiver.__func__))
    return id(receiver)


def _reference_to(sender: Any) -> Any:
    if sender is None:
        return None
    try:
        return weakref.ref(sender)
    except TypeError:
        return lambda: sender


def _is_async(receiver: Any) -> bool:
    call = getattr(receiver, "__call__", None)  # noqa: B004 - the method itself is wanted, not callability
    return (
        inspect.iscoroutinefunction(receiver)
        or inspect.iscoroutinefunction(call)
        # `markcoroutinefunction` backports leave a mark that only asyncio reads before 3.12.
        or (sys.version_info < (3, 12) and asyncio.iscoroutinefunction(receiver))
    )


def _accepts_keywords(receiver: Receiver) -> bool:
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):  # builtins without a signature
        return True
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _name(receiver: Any) -> str:
    return str(getattr(receiver, "__qualname__", None) or repr(receiver))


def _log_failure(receiver: Receiver, error: Exception) -> None:
    logger.error("Error calling %s in Signal.send_robust() (%s)", _name(receiver), error, exc_info=error)


class_prepared = SyncSignal()
pre_init = ModelInitSignal(use_caching=True)
post_init = ModelInitSignal(use_caching=True)
pre_save = ModelSignal(use_caching=True)
post_save = ModelSignal(use_caching=True)
pre_delete = ModelSignal(use_caching=True)
post_delete = ModelSignal(use_caching=True)
m2m_changed = ModelSignal(use_caching=True)
pre_migrate = Signal()
post_migrate = Signal()
request_started = Signal()
request_finished = Signal()
got_request_exception = Signal()
