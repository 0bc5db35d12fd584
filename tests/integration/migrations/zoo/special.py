"""What not every database has, as text for both sides; Django leaves out there what it cannot make."""

SPECIAL = """
class Special(models.Model):
    title = models.CharField(max_length=30)
    size = models.IntegerField()
    flag = models.BooleanField(default=False)
    class Meta:
        app_label = "zoo"
        indexes = [
            models.Index(fields=["size"], name="zoo_flagged", condition=models.Q(flag=True, title="a = 1")),
            models.Index(fields=["size"], name="zoo_partial", condition=models.Q(size__gt=3)),
            models.Index(Lower("title").desc(), "size", name="zoo_lower"),
            models.Index(fields=["size"], name="zoo_cover", include=["title"]),
            models.Index(fields=["title"], name="zoo_ops", opclasses=["text_pattern_ops"]),
            models.Index(fields=["size", "-title"], name="zoo_down", opclasses=["int4_ops", "varchar_pattern_ops"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["size"], condition=models.Q(title="x"), name="zoo_unique_where"),
            models.UniqueConstraint(Lower("title"), name="zoo_unique_lower"),
            models.UniqueConstraint(fields=["size"], name="zoo_later", deferrable=models.Deferrable.DEFERRED),
            models.UniqueConstraint(fields=["size", "title"], name="zoo_nulls", nulls_distinct=False),
            models.UniqueConstraint(fields=["title"], name="zoo_with", include=["size"]),
            models.UniqueConstraint(fields=["title"], name="zoo_uops", opclasses=["text_pattern_ops"]),
        ]
"""
POSTGRESQL = """
class Deep(models.Model):
    title = models.CharField(max_length=30, db_collation="C", unique=True)
    class Meta:
        app_label = "zoo"
"""
