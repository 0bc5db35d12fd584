"""System checks of models: declarations that Python accepts and a database or a query would not."""

from covet.database.orm.checks.fields import check_field
from covet.database.orm.checks.models import check_model, check_models

__all__ = ["check_field", "check_model", "check_models"]
