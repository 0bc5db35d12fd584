"""Which of our modules answer for Django's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ORM: Final = "covet.database.orm"
DATABASE: Final = "tests.django_suite.subjects.database"

# django.db.models.X is answered by the first of these that exists and has the name.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "django.apps": (f"{ORM}.registry",),
    "django.apps.registry": (f"{ORM}.registry",),
    "django.conf": ("covet.conf",),
    "django.contrib.auth.models": ("tests.django_suite.subjects.contrib",),
    "django.contrib.contenttypes.checks": (f"{ORM}.contenttypes.checks",),
    "django.contrib.contenttypes.fields": (f"{ORM}.contenttypes",),
    "django.contrib.contenttypes.models": (f"{ORM}.contenttypes.models", f"{ORM}.contenttypes.manager"),
    "django.contrib.contenttypes.prefetch": (f"{ORM}.contenttypes.prefetch", f"{ORM}.contenttypes"),
    "django.contrib.postgres.aggregates": (f"{ORM}.postgres.aggregates",),
    "django.contrib.postgres.constraints": (ORM, f"{ORM}.constraints"),
    "django.contrib.postgres.expressions": (f"{ORM}.postgres.functions",),
    "django.contrib.postgres.fields": (f"{ORM}.fields.postgres",),
    "django.contrib.postgres.fields.array": (f"{ORM}.fields.postgres", f"{ORM}.postgres.arrays"),
    "django.contrib.postgres.fields.hstore": (f"{ORM}.fields.postgres", f"{ORM}.postgres.hstore"),
    "django.contrib.postgres.functions": (f"{ORM}.postgres.functions",),
    "django.contrib.postgres.indexes": (f"{ORM}.indexes",),
    "django.contrib.postgres.validators": (f"{ORM}.postgres.validators",),
    "django.contrib.postgres.search": (f"{ORM}.postgres.search", f"{ORM}.fields.postgres"),
    "django.db.backends.postgresql.psycopg_any": (f"{ORM}.ranges",),
    "django.contrib.sites.models": ("tests.django_suite.subjects.contrib",),
    "django.core.checks": ("covet.utils.checks",),
    "django.core.checks.messages": ("covet.utils.checks",),
    "django.core.exceptions": ("covet.exceptions",),
    "django.core.files": ("covet.utils.files",),
    "django.core.files.base": ("covet.utils.files",),
    "django.core.files.storage": ("covet.utils.storage",),
    "django.core.serializers": ("covet.serializers",),
    "django.core.serializers.base": ("covet.serializers.base",),
    "django.core.serializers.json": ("covet.serializers.json", "covet.utils.encoders"),
    "django.core.serializers.jsonl": ("covet.serializers.jsonl",),
    "django.core.serializers.python": ("covet.serializers.python",),
    "django.core.serializers.pyyaml": ("covet.serializers.pyyaml",),
    "django.core.serializers.xml_serializer": ("covet.serializers.xml_serializer",),
    "django.core.management": ("tests.django_suite.subjects.management",),
    "django.core.paginator": ("covet.paginator",),
    "django.core.validators": ("covet.utils.validators",),
    "django.db": (DATABASE, "covet.exceptions", ORM),
    "django.db.models": (ORM, f"{ORM}.models"),
    "django.db.models.base": (f"{ORM}.models", ORM, f"{ORM}.state"),
    "django.db.models.constants": (f"{ORM}.lookups.base", ORM),
    "django.db.models.deletion": (f"{ORM}.deletion", ORM, "covet.exceptions"),
    "django.db.models.enums": (f"{ORM}.fields.choices", ORM),
    "django.db.models.expressions": (f"{ORM}.expressions", ORM),
    "django.db.models.fields": (f"{ORM}.fields", ORM),
    "django.db.models.fields.json": (
        f"{ORM}.fields.json",
        f"{ORM}.lookups.json",
        f"{ORM}.lookups.json_keys",
        f"{ORM}.lookups.json_documents",
        ORM,
    ),
    "django.db.models.fields.related": (f"{ORM}.relationships", f"{ORM}.related", ORM),
    "django.db.models.functions": (f"{ORM}.functions",),
    "django.db.models.lookups": (f"{ORM}.lookups", ORM),
    "django.db.models.manager": (f"{ORM}.managers", ORM),
    "django.db.models.options": (f"{ORM}.options",),
    "django.db.models.query": (f"{ORM}.queryset", f"{ORM}.queryset.terminals", f"{ORM}.prefetch", ORM),
    "django.db.models.query_utils": (f"{ORM}.query", f"{ORM}.fields.attributes", f"{ORM}.compiler", ORM),
    "django.db.models.signals": (f"{ORM}.signals",),
    "django.db.models.sql": (f"{ORM}.compiler",),
    "django.db.transaction": (f"{DATABASE}.transactions", "covet.database.transaction", "covet.exceptions"),
    "django.db.utils": ("covet.exceptions", f"{ORM}.routers", DATABASE),
    "django.dispatch": (f"{ORM}.signals",),
    "django.dispatch.dispatcher": (f"{ORM}.signals",),
    "django.shortcuts": ("covet.shortcuts", "covet.http.shortcuts"),
    "django.http": ("covet.exceptions",),
    "django.utils.deprecation": ("tests.django_suite.subjects.deprecation",),
    "django.utils.connection": ("covet.exceptions",),
}
MODULES.update({f"django.utils.{name}": (f"covet.utils.{name}",) for name in (
    "dateparse", "deconstruct", "duration", "functional", "ipv6", "text", "timezone", "translation",
)})  # fmt: skip


def modules_for(module: str) -> Sequence[str]:
    """Our modules for one of Django's, in the order in which they are asked."""
    if module in MODULES:
        return MODULES[module]
    if module.startswith("django.db.models."):
        return (f"{ORM}.{module.removeprefix('django.db.models.')}", ORM)
    return ()
