"""Who writes."""

from covet.database.orm import Model
from covet.database.orm.fields import CharField


class Author(Model):
    """A writer, known by name."""

    name = CharField(max_length=100, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
