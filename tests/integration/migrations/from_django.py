"""CovetPy models made of a Django project's own, in a process that has both: `python -m ... URL APPS`.

Prints what separates them from the database that Django's `migrate` made; nothing where adoption is clean.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import covet.database.orm as ours
from covet.database.config import DatabaseConfig
from covet.database.connections.registry import make_adapter
from covet.database.migrations.comparison import Wanted, compare
from covet.database.orm import functions
from covet.database.orm.registry import Apps
from tests.integration.migrations.django_side import database

DROPPED = {
    "verbose_name", "help_text", "validators", "choices", "storage", "upload_to", "default", "error_messages",
    "limit_choices_to", "related_name", "related_query_name", "editable", "blank", "serialize", "encoder", "decoder",
}  # fmt: skip
PROJECTS = {
    "wagtail": [
        "wagtail.contrib.forms", "wagtail.contrib.search_promotions", "wagtail.embeds",
        "wagtail.sites", "wagtail.users", "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search",
        "wagtail.admin", "wagtail", "modelcluster", "modelsearch", "taggit", "django_tasks",
    ],
    "oscar": [
        "django.contrib.flatpages", "oscar.config.Shop", "oscar.apps.analytics.apps.AnalyticsConfig",
        "oscar.apps.checkout.apps.CheckoutConfig", "oscar.apps.address.apps.AddressConfig",
        "oscar.apps.shipping.apps.ShippingConfig", "oscar.apps.catalogue.apps.CatalogueConfig",
        "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig", "oscar.apps.communication.apps.CommunicationConfig",
        "oscar.apps.partner.apps.PartnerConfig", "oscar.apps.basket.apps.BasketConfig",
        "oscar.apps.payment.apps.PaymentConfig", "oscar.apps.offer.apps.OfferConfig",
        "oscar.apps.order.apps.OrderConfig", "oscar.apps.customer.apps.CustomerConfig",
        "oscar.apps.search.apps.SearchConfig", "oscar.apps.voucher.apps.VoucherConfig",
        "oscar.apps.wishlists.apps.WishlistsConfig", "oscar.apps.dashboard.apps.DashboardConfig",
        *(
            f"oscar.apps.dashboard.{name}.apps.{name.capitalize()}DashboardConfig"
            for name in (
                "reports", "users", "orders", "catalogue", "offers", "partners", "pages", "ranges", "reviews",
                "vouchers", "communications", "shipping",
            )
        ),
        "widget_tweaks",
        "haystack", "treebeard", "django_tables2",
    ],
}  # fmt: skip


def configure(url: str, project: str) -> None:
    """Set the Django project up."""
    if url.startswith("mysql"):
        import pymysql

        pymysql.version_info = (2, 2, 4, "final", 0)
        pymysql.install_as_MySQLdb()
    import django
    from django.conf import settings

    extra: dict[str, Any] = {}
    if project == "oscar":
        from oscar import defaults

        extra = {name: getattr(defaults, name) for name in dir(defaults) if name.isupper()}
    core = ["contenttypes", "auth", "sessions", "sites", "messages", "staticfiles", "admin"]
    settings.configure(
        DATABASES={"default": database(url)},
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in core), *PROJECTS[project]],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SITE_ID=1,
        USE_TZ=True,
        SECRET_KEY="x" * 50,
        ROOT_URLCONF="",
        MEDIA_ROOT="/nowhere",
        STATIC_URL="/static/",
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        WAGTAILADMIN_BASE_URL="http://localhost",
        SILENCED_SYSTEM_CHECKS=["models.E034"],
        **extra,
    )
    django.setup()


class Converter:
    """Turns Django's model classes into ours, by what they deconstruct to."""

    def __init__(self) -> None:
        self.apps = Apps()
        self.made: dict[type, type] = {}

    def value(self, value: Any) -> Any:
        """A Django object as ours; anything else unchanged."""
        if isinstance(value, list | tuple):
            return type(value)(self.value(each) for each in value)
        if hasattr(value, "deconstruct") and type(value).__module__.startswith("django."):
            path, args, kwargs = value.deconstruct()[-3:]
            name = path.rpartition(".")[2]
            made = getattr(ours, name, None) or getattr(functions, name)
            return made(*self.value(list(args)), **{key: self.value(each) for key, each in kwargs.items()})
        return value

    def field(self, field: Any) -> Any:
        """A Django field as ours."""
        _, _, args, kwargs = field.deconstruct()
        name = _kind(field)
        kept = {key: self.value(each) for key, each in kwargs.items() if key not in DROPPED}
        if field.remote_field is not None:
            target = field.remote_field.model
            kept["to"] = "self" if target is field.model else target._meta.label
            kept["related_name"] = "+"
            if "through" in kept:
                kept["through"] = field.remote_field.through._meta.label
        # A field class of the project's own sets some options by itself.
        for option in ("null", "max_length", "unique", "db_index", "db_collation"):
            value = getattr(field, f"_{option}", getattr(field, option, None))
            if value:
                kept[option] = value
        kept = {key: each for key, each in kept.items() if key in _accepted(name)}
        return getattr(ours, name)(*args, **kept)

    def model(self, model: type) -> None:
        """A Django model as ours; what it inherits as tables first."""
        if model in self.made:
            return
        meta = model._meta
        parents = [parent for parent in meta.parents if not parent._meta.abstract]
        for parent in parents:
            self.model(parent)
        attributes: dict[str, Any] = {"__module__": __name__}
        for field in [*meta.local_fields, *meta.local_many_to_many]:
            is_link = field.remote_field is not None and getattr(field.remote_field, "parent_link", False)
            if is_link and field.name.endswith("_ptr"):
                continue
            if _kind(field) == "Field" and getattr(field, "column", None):
                attributes[field.name] = _raw(field)
            elif _kind(field) not in {"Field", "RelatedField"}:
                attributes[field.name] = self.field(field)
        attributes["Meta"] = type(
            "Meta",
            (),
            {
                "app_label": meta.app_label,
                "apps": self.apps,
                "db_table": meta.db_table,
                "unique_together": [tuple(each) for each in meta.unique_together],
                "indexes": [self.value(each) for each in meta.indexes],
                "constraints": [self.value(each) for each in meta.constraints],
            },
        )
        bases = tuple(self.made[parent] for parent in parents) or (ours.Model,)
        self.made[model] = type(meta.object_name, bases, attributes)


def _kind(field: Any) -> str:
    """The nearest class of a field that we have too."""
    return next((cls.__name__ for cls in type(field).__mro__ if hasattr(ours, cls.__name__)), "Field")


def _raw(field: Any) -> Any:
    """A field of a kind that we do not have, by its column type."""
    from django.db import connection

    text = field.db_type(connection)
    kind = type(type(field).__name__, (ours.Field,), {"db_type": lambda self, vendor: text})
    return kind(null=field.null, db_column=field.column)


def _accepted(name: str) -> set[str]:
    import inspect

    found: set[str] = set()
    for cls in getattr(ours, name).__mro__:
        if "__init__" in vars(cls):
            found |= set(inspect.signature(cls.__init__).parameters)
    return found


async def differences(url: str, models: list[Any]) -> list[str]:
    """What separates the models from the database."""
    adapter = make_adapter(DatabaseConfig(url=url))
    try:
        return [repr(change) for change in (await compare(adapter, Wanted.of(models))).changes]
    finally:
        await adapter.close()


def main() -> None:
    url, project = sys.argv[1:]
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    configure(url, project)
    from django.apps import apps
    from django.core.management import call_command

    call_command("migrate", "--verbosity", "0")
    # The projects number their rows with AutoField, made tables of many-to-many fields too.
    os.environ["COVET_DEFAULT_AUTO_FIELD"] = "covet.database.orm.fields.AutoField"
    converter = Converter()
    for model in apps.get_models():
        if not model._meta.proxy and model._meta.managed:
            converter.model(model)
    models = list(converter.apps.get_models(include_auto_created=True))
    found = asyncio.run(differences(url, models))
    print(f"{len(models)} models, {len(found)} differences")
    for each in found:
        print(each)


if __name__ == "__main__":
    main()
