"""The app's models; what is imported here becomes a table."""

from .author import Author
from .post import Post

__all__ = ["Author", "Post"]
