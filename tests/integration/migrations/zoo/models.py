"""The zoo's models as Django's, when Django loads this app."""

import django
from django.db import connection, models  # noqa: F401 - the source speaks of it
from django.db.models.functions import Lower  # noqa: F401 - the source speaks of it

from tests.integration.migrations.zoo.text import django_text

exec(compile(django_text(django.VERSION[:2], connection.vendor), "zoo", "exec"), globals())
