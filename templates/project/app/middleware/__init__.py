"""The project's own middleware; MIDDLEWARE in config/settings.py names the classes."""
