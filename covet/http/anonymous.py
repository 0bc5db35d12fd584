"""The user of a request that nobody logged in for; the security floor's authentication replaces it."""

from __future__ import annotations

from typing import Any


class AnonymousUser:
    """Nobody: Django's attributes, and no permission."""

    id = None
    pk = None
    username = ""
    is_staff = False
    is_active = False
    is_superuser = False
    is_authenticated = False
    is_anonymous = True

    def __str__(self) -> str:
        return "AnonymousUser"

    def __repr__(self) -> str:
        return "<AnonymousUser>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnonymousUser)

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        return True

    def get_username(self) -> str:
        """The empty string."""
        return self.username

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """False."""
        return False

    def has_perms(self, perms: Any, obj: Any = None) -> bool:
        """Whether no permission is asked for."""
        return not list(perms)

    def has_module_perms(self, app_label: str) -> bool:
        """False."""
        return False

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """The empty set."""
        return set()


ANONYMOUS = AnonymousUser()
