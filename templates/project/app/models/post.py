"""What is written."""

from covet.database.orm import Model
from covet.database.orm.fields import CharField, DateTimeField, TextField
from covet.database.orm.relationships import ForeignKey


class Post(Model):
    """One article."""

    author = ForeignKey("Author", on_delete="CASCADE", related_name="posts")
    title = CharField(max_length=200)
    body = TextField()
    created_at = DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.title
