"""SQLAlchemy's pool under the leases: `engine` and queries share its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import AsyncAdaptedQueuePool

if TYPE_CHECKING:
    from covet.database.adapters.leases import Leases


class LeasedPool(AsyncAdaptedQueuePool):
    """A queue pool that asks the leases for a connection when it has none left to open."""

    leases: Leases | None = None
    _asking = 0

    def _do_get(self) -> Any:
        self._asking += 1
        self._balance()
        try:
            return super()._do_get()
        finally:
            self._asking -= 1
            self._balance()

    def _balance(self) -> None:
        """One turn in the leases' queue for each asker that finds nothing here.

        Turns belong to nobody in particular: asyncio's queue lets a newcomer take what an older asker was
        woken for.
        """
        leases = self.leases
        if leases is None:
            return
        free = self.checkedin()
        full = self.checkedout() + free >= leases.source.limit
        wanted = max(0, self._asking - free) if full else 0
        leases.lend(wanted)
