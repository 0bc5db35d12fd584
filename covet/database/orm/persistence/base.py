"""`Persistence`: the base of Model that writes and reads an instance's row."""

from __future__ import annotations

from typing import Any

import covet.database.orm.related  # noqa: F401 - puts the descriptors on relations before the first model is made
from covet.database.orm.deletion import Collector
from covet.database.orm.persistence.refreshing import Refreshing
from covet.database.orm.persistence.saving import Saving
from covet.database.orm.queryset.pending import pending
from covet.database.orm.routers import router


class Persistence(Refreshing, Saving):
    """Saving, deleting and refreshing, awaited."""

    @pending
    async def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete the row and what depends on it.

        Args:
            using: the database alias; a router chooses by default.
            keep_parents: leave the rows of multi-table parents.

        Returns:
            The number of rows deleted, and that number by model label.

        Raises:
            ValueError: the instance has no primary key.
            ProtectedError: a relation with PROTECT refuses.
            RestrictedError: a relation with RESTRICT refuses.
        """
        if not self._is_pk_set():
            meta = self._meta
            message = (
                f"{meta.object_name} object can't be deleted because its {meta.pk.attname} attribute is set to None."
            )
            raise ValueError(message)
        using = using or router.db_for_write(type(self), instance=self)
        collector = Collector(using=using, origin=self)
        await collector.collect([self], keep_parents=keep_parents)
        return await collector.delete()

    async def adelete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """`delete` under Django's async name."""
        return await self.delete(*args, **kwargs)
