"""What an instance does with its row: save, delete, refresh."""

from covet.database.orm.persistence.base import Persistence
from covet.database.orm.persistence.refreshing import get_order, set_order
from covet.database.orm.persistence.related_values import prepare_related_fields_for_save

__all__ = ["Persistence", "get_order", "prepare_related_fields_for_save", "set_order"]
