"""What only some databases have, as text for both sides: partial, covering and expression indexes, and the like."""

SPECIAL = """
class Special(models.Model):
    title = models.CharField(max_length=30)
    size = models.IntegerField()
    class Meta:
        app_label = "zoo"
        indexes = [
            models.Index(fields=["size"], name="zoo_partial", condition=models.Q(size__gt=3)),
            models.Index(Lower("title").desc(), "size", name="zoo_lower"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["size"], condition=models.Q(title="x"), name="zoo_unique_where"),
            models.UniqueConstraint(Lower("title"), name="zoo_unique_lower"),
        ]
"""
POSTGRESQL = """
class Deep(models.Model):
    title = models.CharField(max_length=30, db_collation="C")
    size = models.IntegerField()
    class Meta:
        app_label = "zoo"
        indexes = [
            models.Index(fields=["size"], name="zoo_cover", include=["title"]),
            models.Index(fields=["title"], name="zoo_ops", opclasses=["text_pattern_ops"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["size"], name="zoo_later", deferrable=models.Deferrable.DEFERRED),
            models.UniqueConstraint(fields=["size", "title"], name="zoo_nulls", nulls_distinct=False),
            models.UniqueConstraint(fields=["title"], name="zoo_with", include=["size"]),
        ]
"""
