"""The version, in one place: the build, `covet version` and `covet.__version__` read it here."""

__version__ = "0.1.0"
