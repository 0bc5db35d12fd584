"""Model: what every model class derives from."""

from covet.database.orm.models.base import DEFERRED, Model
from covet.database.orm.models.metaclass import ModelBase
from covet.database.orm.state import ModelState

__all__ = ["DEFERRED", "Model", "ModelBase", "ModelState"]
