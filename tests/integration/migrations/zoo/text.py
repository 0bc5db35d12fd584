"""The source of the zoo's models, for one release of Django and one database; both sides run it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.migrations.zoo.special import POSTGRESQL, SPECIAL

_IMPORT = "from django.db import models\n"


def zoo_text(version: tuple[int, int], vendor: str) -> str:
    """The models as that release can say them.

    Args:
        version: Django's; 5.0 brought defaults and generated columns of the database, 5.1 renamed `check`.
        vendor: the database; what it cannot have is left out.
    """
    text = Path(__file__).with_name("source.py").read_text().replace(_IMPORT, "")
    text += SPECIAL
    if vendor == "postgresql":
        text += POSTGRESQL
    if version < (5, 0):
        text = re.sub(r"\w+ = models\.GeneratedField\(.*?\n    \)\n", "\n", text, flags=re.DOTALL)
        text = re.sub(
            r" +models\.UniqueConstraint\(.*nulls_distinct=.*\n", "", re.sub(r"db_default=[^)]*\)", ")", text)
        )
    return text


def django_text(version: tuple[int, int], vendor: str) -> str:
    """The same in the words of that release."""
    text = zoo_text(version, vendor)
    return text.replace("CheckConstraint(condition=", "CheckConstraint(check=") if version < (5, 1) else text
