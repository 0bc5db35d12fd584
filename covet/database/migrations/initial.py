"""`--fake-initial`: whether the tables that a first migration makes are there already, without one difference."""

from __future__ import annotations

from covet.database.adapters.base import Adapter
from covet.database.migrations import differences
from covet.database.migrations.changes import Change
from covet.database.migrations.files import MigrationFile
from covet.database.migrations.session import open_session
from covet.database.migrations.shadow import shadow
from covet.database.migrations.states.base import SchemaState
from covet.database.migrations.states.reading import read_schema
from covet.exceptions import CovetError


class NotTheSame(CovetError):
    """Tables that a first migration makes exist, and differ from what it would make.

    Attributes:
        differences: what differs.
    """

    def __init__(self, title: str, found: list[str]) -> None:
        super().__init__(
            f"{title} cannot be taken as applied: the database differs from what it makes in {len(found)} places: "
            + "; ".join(found[:10])
        )
        self.differences = found


async def is_already_there(adapter: Adapter, each: MigrationFile) -> bool:
    """Whether everything that a migration makes exists just so.

    Returns:
        False where none of its tables exist.

    Raises:
        NotTheSame: they exist, wholly or in part, and differ.
    """
    made = await _made_by(adapter, each)
    async with open_session(adapter) as session:
        live = await read_schema(session)
    if not made or not set(made) & set(live):
        return False
    found = [f"table {name} is missing" for name in made if name not in live]
    for name in set(made) & set(live):
        changes: list[Change] = [
            *differences.column_changes(live[name], made[name]),
            *differences.table_changes(live[name], made[name]),
        ]
        found += [f"{type(change).__name__} on {name}" for change in changes]
    if found:
        raise NotTheSame(each.title, sorted(found))
    return True


async def _made_by(adapter: Adapter, each: MigrationFile) -> SchemaState:
    async with shadow(adapter) as session:
        await each.migration(session, skip_data=lambda text: None).up()
        return await read_schema(session)
