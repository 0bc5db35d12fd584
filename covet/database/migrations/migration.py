"""`Migration`: one step of a schema's history, as the files of a project write it.

from covet.database.migrations import Migration

class Migration(Migration):
async def up(self):
await self.create_table('users', id='INTEGER PRIMARY KEY')
async def down(self):
await self.drop_table('users')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from covet.database.migrations.operations.constraints import ConstraintOperations
from covet.database.migrations.operations.indexes import IndexOperations
from covet.database.migrations.operations.tables import TableOperations
from covet.database.migrations.operations.twins import TwinOperations
from covet.exceptions import CovetError


class Irreversible(CovetError):
    """A migration that has no way back was to be rolled back."""


class Migration(TableOperations, IndexOperations, ConstraintOperations, TwinOperations):
    """The base of every migration; a file subclasses it under the same name.

    Attributes:
        dependencies: what must be applied first: `'0003_name'` of the same app, or `('app', '0003_name')`.
        run_before: migrations of other apps that must wait for this one.
        replaces: the names that a squashed migration stands for.
        atomic: whether one transaction holds the whole step and its record. False for what cannot run in
            one, such as `create_index(concurrently=True)`; an interrupted run then goes on where it stopped.
        database: the alias of the database it is for.
        is_baseline: whether it stands for what Django's migrations have made; `adopt` writes it.
    """

    dependencies: ClassVar[Sequence[str | tuple[str, str]]] = ()
    run_before: ClassVar[Sequence[tuple[str, str]]] = ()
    replaces: ClassVar[Sequence[str | tuple[str, str]]] = ()
    atomic: ClassVar[bool] = True
    database: ClassVar[str] = "default"
    is_baseline: ClassVar[bool] = False

    async def up(self) -> None:
        """Apply the step."""

    async def down(self) -> None:
        """Undo the step.

        Raises:
            Irreversible: unless the file says how.
        """
        raise Irreversible(
            f"{type(self).__module__}: this migration has no down(); write one, or restore the data from a backup."
        )
