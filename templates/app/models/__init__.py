"""The app's models; what is defined or imported here becomes a table."""

from covet.database.orm import Model as Model
