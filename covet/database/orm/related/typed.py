"""The types of related managers: what `author.posts` and `post.tags` are to type checkers.

Annotate reverse relations with them (`posts: RelatedManager[Post]`, under `TYPE_CHECKING`); forward
many-to-many fields have theirs already. At run time every relation has a class of its own, which is not
one of these.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

M = TypeVar("M")

if TYPE_CHECKING:
    from covet.database.orm.managers import Manager

    Objects = Iterable[M] | AsyncIterable[M]

    class RelatedManager(Manager[M]):
        """The objects that refer to one instance by a foreign key."""

        def __call__(self, *, manager: str) -> RelatedManager[M]: ...
        async def add(self, *objs: M, bulk: bool = True) -> None: ...
        async def aadd(self, *objs: M, bulk: bool = True) -> None: ...
        async def remove(self, *objs: M, bulk: bool = True) -> None: ...
        async def aremove(self, *objs: M, bulk: bool = True) -> None: ...
        async def clear(self, *, bulk: bool = True) -> None: ...
        async def aclear(self, *, bulk: bool = True) -> None: ...
        async def set(self, objs: Objects[M], *, bulk: bool = True, clear: bool = False) -> None: ...
        async def aset(self, objs: Objects[M], *, bulk: bool = True, clear: bool = False) -> None: ...

    class ManyRelatedManager(Manager[M]):
        """The objects on the other side of a many-to-many relation; keys stand for objects."""

        through: type[Any]

        def __call__(self, *, manager: str) -> ManyRelatedManager[M]: ...
        async def add(self, *objs: M | int | str, through_defaults: dict[str, Any] | None = None) -> None: ...
        async def aadd(self, *objs: M | int | str, through_defaults: dict[str, Any] | None = None) -> None: ...
        async def remove(self, *objs: M | int | str) -> None: ...
        async def aremove(self, *objs: M | int | str) -> None: ...
        async def clear(self) -> None: ...
        async def aclear(self) -> None: ...
        async def set(
            self,
            objs: Objects[M] | Iterable[int | str],
            *,
            clear: bool = False,
            through_defaults: dict[str, Any] | None = None,
        ) -> None: ...
        async def aset(
            self,
            objs: Objects[M] | Iterable[int | str],
            *,
            clear: bool = False,
            through_defaults: dict[str, Any] | None = None,
        ) -> None: ...

else:

    class RelatedManager(Generic[M]):
        """The objects that refer to one instance by a foreign key."""

    class ManyRelatedManager(Generic[M]):
        """The objects on the other side of a many-to-many relation; keys stand for objects."""
