"""The ORM: models, managers and QuerySets, awaited. Everything that `django.db.models` offers, by its name."""

from covet.database.orm import aggregates, constraints, fields, functions, indexes, lookups, on_delete, signals
from covet.database.orm.aggregates import *  # noqa: F403 - the front door re-exports what the module declares public
from covet.database.orm.constraints import *  # noqa: F403 - as above
from covet.database.orm.deletion import Collector
from covet.database.orm.expressions import *  # noqa: F403 - as above
from covet.database.orm.fields import *  # noqa: F403 - as above
from covet.database.orm.indexes import *  # noqa: F403 - as above
from covet.database.orm.lookups import Lookup, Transform
from covet.database.orm.managers import BaseManager, EmptyManager, Manager, ModelManager
from covet.database.orm.models import DEFERRED, Model, ModelBase
from covet.database.orm.on_delete import CASCADE, DO_NOTHING, PROTECT, RESTRICT, SET, SET_DEFAULT, SET_NULL
from covet.database.orm.prefetch import Prefetch, aprefetch_related_objects, prefetch_related_objects
from covet.database.orm.query import FilteredRelation, Q
from covet.database.orm.queryset import QuerySet, RawQuerySet
from covet.database.orm.queryset.late import late as _late
from covet.database.orm.related import ManyToManyDescriptor as _attached
from covet.database.orm.relationships import *  # noqa: F403 - as above
from covet.exceptions import ProtectedError, RestrictedError

_late.collector = Collector
_late.prefetch = prefetch_related_objects
