"""Settings: `from covet.conf import settings`; the values come from `config/settings.py` and the environment."""

from covet.conf.loader import Settings, settings
from covet.conf.override import override_settings

__all__ = ["Settings", "override_settings", "settings"]
