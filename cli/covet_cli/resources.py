"""Where the scaffold and the deployment templates are: inside the wheel, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

import covet
from covet.exceptions import ImproperlyConfigured


def data(name: str) -> Path:
    """A file or folder that ships as data: `templates`, `nginx`, `docker-compose.yml`.

    Raises:
        ImproperlyConfigured: the installation is incomplete.
    """
    package = Path(covet.__file__).parent
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.exists():
            return candidate
    raise ImproperlyConfigured(f"This installation of covetpy lacks its {name}; install it again.")
