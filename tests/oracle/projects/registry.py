"""The projects: what is installed for each, and the settings that it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.process import ENGINES

CORE = ("contenttypes", "auth", "sessions", "sites", "messages", "staticfiles", "admin")


@dataclass(frozen=True)
class Project:
    """A Django project.

    Attributes:
        module: what has to be importable for it to run.
        apps: its part of INSTALLED_APPS.
        auto_field: DEFAULT_AUTO_FIELD, `BigAutoField` or `AutoField`.
        settings: what else it wants.
        known: by database, words of differences that the project's own migrations leave behind; Django knows as
            little of them as the models.
        unwritten: models of tables that are filled by the database alone.
        middleware, context_processors: what it refuses to start without.
    """

    module: str
    apps: Sequence[str]
    auto_field: str = "AutoField"
    settings: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unwritten: Sequence[str] = ()
    middleware: Sequence[str] = ()
    context_processors: Sequence[str] = ()


def _oscar() -> list[str]:
    dashboards = (
        "reports", "users", "orders", "catalogue", "offers", "partners", "pages", "ranges", "reviews", "vouchers",
        "communications", "shipping",
    )  # fmt: skip
    parts = (
        "analytics", "checkout", "address", "shipping", "catalogue", "communication", "partner", "basket", "payment",
        "offer", "order", "customer", "search", "voucher", "wishlists", "dashboard",
    )  # fmt: skip
    return [
        "django.contrib.flatpages", "oscar.config.Shop",
        *(f"oscar.apps.{name}.apps.{name.capitalize()}Config" for name in parts),
        "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
        *(f"oscar.apps.dashboard.{name}.apps.{name.capitalize()}DashboardConfig" for name in dashboards),
        "widget_tweaks", "haystack", "treebeard", "django_tables2",
    ]  # fmt: skip


PROJECTS: dict[str, Project] = {
    "accounts": Project(
        "allauth",
        [
            "allauth", "allauth.account", "allauth.socialaccount", "allauth.mfa", "allauth.usersessions",
            "oauth2_provider", "django_celery_beat",
        ],
        middleware=["allauth.account.middleware.AccountMiddleware"],
    ),
    "cms": Project(
        "cms",
        ["cms", "menus", "treebeard", "sekizai"],
        settings={"LANGUAGES": [("en", "English"), ("de", "German")], "LANGUAGE_CODE": "en", "CMS_CONFIRM_VERSION4": True},
        context_processors=["django.template.context_processors.request", "sekizai.context_processors.sekizai",
                            "cms.context_processors.cms_settings"],
        middleware=["django.middleware.locale.LocaleMiddleware"],
    ),
    "helpdesk": Project("helpdesk", ["django.contrib.humanize", "helpdesk", "rest_framework"], settings={"HELPDESK_TEAMS_MODEL": "auth.Group", "HELPDESK_TEAMS_MIGRATION_DEPENDENCIES": [("auth", "0012_alter_user_first_name_max_length")], "HELPDESK_KBITEM_TEAM_GETTER": lambda item: None}),
    "machina": Project(
        "machina",
        [
            "mptt", "haystack", "widget_tweaks", "machina",
            *(
                f"machina.apps.{name}"
                for name in (
                    "forum", "forum_conversation", "forum_conversation.forum_attachments",
                    "forum_conversation.forum_polls", "forum_feeds", "forum_moderation", "forum_search",
                    "forum_tracking", "forum_member", "forum_permission",
                )
            ),
        ],
    ),
    "oscar": Project("oscar", _oscar(), known={vendor: ["customer_notification_date_sent"] for vendor in ENGINES}),
    "wagtail": Project(
        "wagtail",
        [
            "wagtail.contrib.forms", "wagtail.contrib.search_promotions", "wagtail.embeds", "wagtail.sites",
            "wagtail.users", "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search",
            "wagtail.admin", "wagtail", "modelcluster", "modelsearch", "taggit", "django_tasks",
        ],
        # A collation that is set by raw SQL.
        known={"postgresql": ["ColumnState(name='path'"] * 2},
        # A virtual table, whose rows are those of another one.
        unwritten=["SQLiteFTSIndexEntry"],
    ),
    "wiki": Project(
        "wiki",
        [
            "django.contrib.humanize", "django_nyt", "mptt", "sekizai", "sorl.thumbnail", "wiki",
            *(
                f"wiki.plugins.{name}"
                for name in ("attachments", "editsection", "globalhistory", "help", "images", "links", "macros",
                             "notifications", "redlinks")
            ),
        ],
        # On SQLite Django's migration of the key leaves the columns that point to it as they were.
        known={"sqlite": ["table='nyt_notification', old=ColumnState(name='subscription_id', type='integer'"]},
    ),
}  # fmt: skip


def configure(database: Mapping[str, Any], name: str) -> None:
    """Set Django up for a project."""
    import django
    from django.conf import settings

    project = PROJECTS[name]
    extra = dict(project.settings)
    if name == "oscar":
        from oscar import defaults

        extra |= {key: getattr(defaults, key) for key in dir(defaults) if key.isupper()}
    settings.configure(
        DATABASES={"default": dict(database)},
        INSTALLED_APPS=[*(f"django.contrib.{each}" for each in CORE), *project.apps],
        DEFAULT_AUTO_FIELD=f"django.db.models.{project.auto_field}",
        SITE_ID=1,
        USE_TZ=True,
        SECRET_KEY="x" * 50,
        ROOT_URLCONF="",
        MEDIA_ROOT="/nowhere",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *project.middleware,
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": project.context_processors},
            }
        ],
        STATIC_URL="/static/",
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        OAUTH2_PROVIDER_APPLICATION_MODEL="oauth2_provider.Application",
        WAGTAILADMIN_BASE_URL="http://localhost",
        SILENCED_SYSTEM_CHECKS=["models.E034"],
        **extra,
    )
    django.setup()
