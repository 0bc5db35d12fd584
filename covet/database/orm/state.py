"""The state of one instance: where it lives, whether it is new, what relations it holds. Hydration makes thousands."""

from __future__ import annotations

from typing import Any


class ModelState:
    """What an instance knows about itself.

    Attributes:
        db: the alias it was read from or saved to; None before.
        adding: True until it is saved.
        peers: the group of one fetch (see `peers`), or None.
    """

    __slots__ = ("_cache", "adding", "db", "peers")

    def __init__(self, db: str | None = None, *, adding: bool = True, peers: Any = None) -> None:
        self.db = db
        self.adding = adding
        self.peers = peers
        self._cache: dict[str, Any] | None = None

    @property
    def fields_cache(self) -> dict[str, Any]:
        """Related objects by cache name."""
        cache = self._cache
        if cache is None:
            cache = self._cache = {}
        return cache

    @fields_cache.setter
    def fields_cache(self, cache: dict[str, Any]) -> None:
        self._cache = cache

    def __getstate__(self) -> dict[str, Any]:
        return {"db": self.db, "adding": self.adding, "fields_cache": dict(self.fields_cache)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.db = state["db"]
        self.adding = state["adding"]
        self.peers = None
        self._cache = dict(state["fields_cache"])

    def __copy__(self) -> ModelState:
        copied = ModelState(self.db, adding=self.adding, peers=self.peers)
        copied._cache = None if self._cache is None else dict(self._cache)
        return copied
