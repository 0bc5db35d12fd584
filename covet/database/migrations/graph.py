"""The order of migrations: dependencies between files and apps, squashed files, and the picture of it all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from covet.database.migrations.files import Key, MigrationFile
from covet.exceptions import CovetError, choices


class BadGraph(CovetError):
    """Dependencies name what does not exist, or run in a circle."""


class Graph:
    """Migrations and what each waits for.

    Args:
        files: every migration, in the order of apps and numbers.
        applied: what the database has; a squashed file counts as applied when all that it replaces is, and
            steps aside when only a part of that is.
    """

    def __init__(self, files: Iterable[MigrationFile], applied: Collection[Key] = frozenset()) -> None:
        self.files: dict[Key, MigrationFile] = {each.key: each for each in files}
        self.applied = set(applied)
        self.replaced: dict[Key, Key] = {}
        self._choose_squashed()
        self.waits: dict[Key, list[Key]] = self._edges()
        self.order: list[MigrationFile] = self._sorted()

    def __getitem__(self, key: Key) -> MigrationFile:
        return self.files[key]

    def _choose_squashed(self) -> None:
        for key, each in list(self.files.items()):
            if not each.replaces:
                continue
            done = [old in self.applied for old in each.replaces]
            if key not in self.applied and any(done) and not all(done):
                del self.files[key]
                continue
            if all(done):
                self.applied.add(key)
            for old in each.replaces:
                self.replaced[old] = key
                self.files.pop(old, None)

    def _edges(self) -> dict[Key, list[Key]]:
        waits: dict[Key, list[Key]] = {}
        last: dict[str, Key] = {}
        for key, each in self.files.items():
            named = [self._resolve(key, wanted) for wanted in each.dependencies]
            own = [wanted for wanted in named if wanted[0] == each.app]
            if not own and each.app in last:
                named.append(last[each.app])
            waits[key] = list(dict.fromkeys(named))
            last[each.app] = key
        for key, each in self.files.items():
            for app, name in each.migration.run_before:
                waits[self._resolve(key, (app, name))].append(key)
        return waits

    def _resolve(self, asker: Key, wanted: Key) -> Key:
        seen = self.replaced.get(wanted, wanted)
        app, name = seen
        if seen in self.files:
            return seen
        own = [key for key in self.files if key[0] == app]
        if name == "__first__" and own:
            return own[0]
        if name == "__latest__" and own:
            return own[-1]
        known = choices(name, (key[1] for key in own)) if own else choices(app, (key[0] for key in self.files))
        raise BadGraph(
            f"{_title(asker)} depends on {_title(wanted)}, which does not exist; choose one of: {', '.join(known)}"
        )

    def _sorted(self) -> list[MigrationFile]:
        sorter: TopologicalSorter[Key] = TopologicalSorter(self.waits)
        try:
            sorter.prepare()
        except CycleError as error:
            circle = " -> ".join(_title(key) for key in error.args[1])
            raise BadGraph(f"Migrations wait for each other in a circle: {circle}") from error
        # Among those that are free to go, the order of the files, so that a plan is the same every time.
        rank = {key: index for index, key in enumerate(self.files)}
        order: list[MigrationFile] = []
        ready: list[Key] = []
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()], key=rank.__getitem__)
            key = ready.pop(0)
            order.append(self.files[key])
            sorter.done(key)
        return order

    def pending(self, upto: Key | None = None) -> list[MigrationFile]:
        """What is still to be applied, in order; up to and including one, with what it needs."""
        wanted = None if upto is None else self.ancestors(upto)
        return [each for each in self.order if each.key not in self.applied and (wanted is None or each.key in wanted)]

    def ancestors(self, key: Key) -> set[Key]:
        """A migration and everything it waits for."""
        return self._closure(key, self.waits)

    def descendants(self, key: Key) -> set[Key]:
        """A migration and everything that waits for it."""
        followers: dict[Key, list[Key]] = {each: [] for each in self.waits}
        for each, waits in self.waits.items():
            for other in waits:
                followers[other].append(each)
        return self._closure(key, followers)

    def find(self, name: str, app: str | None = None) -> Key:
        """The migration that a user named: whole, by a unique beginning, or by its number.

        Raises:
            BadGraph: none or several match; the message names the choices.
        """
        if app is None and "/" in name:
            app, name = name.split("/", 1)
        keys = [key for key in self.files if app is None or key[0] == app]
        exact = [key for key in keys if key[1] == name]
        near = exact or [key for key in keys if key[1].startswith(name)]
        if len(near) == 1:
            return near[0]
        if near:
            raise BadGraph(f"{name!r} names several migrations: {', '.join(map(_title, near))}")
        known = choices(name, (_title(key) for key in keys))
        raise BadGraph(f"There is no migration {name!r}; choose one of: {', '.join(known) or 'none exist'}")

    @staticmethod
    def _closure(key: Key, edges: Mapping[Key, Iterable[Key]]) -> set[Key]:
        found: set[Key] = set()
        todo = [key]
        while todo:
            each = todo.pop()
            if each not in found:
                found.add(each)
                todo += edges.get(each, ())
        return found


def _title(key: Key) -> str:
    return f"{key[0]}/{key[1]}" if key[0] else key[1]
