"""Makes a schema with Django's own `migrate`, in a process of its own: `python -m ... URL`."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "django.contrib.redirects",
]


def database(url: str) -> dict[str, Any]:
    """Django's settings for an address."""
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.partition("///")[2]}
    engine = "mysql" if parts.scheme.startswith("mysql") else "postgresql"
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }


def configure(url: str, *apps: str) -> None:
    """Set Django up."""
    if url.startswith("mysql"):
        import pymysql

        # Django asks for a recent mysqlclient.
        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": database(url)},
        INSTALLED_APPS=[*APPS, *apps],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SITE_ID=1,
        USE_TZ=True,
        SECRET_KEY="x" * 50,
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[],
    )
    django.setup()


def main() -> None:
    """`URL COMMAND [arguments]`: any management command."""
    from django.core.management import call_command

    url, command, *rest = sys.argv[1:]
    if command == "version":
        import django

        print(*django.VERSION[:2])
        return
    if command == "zoo":
        # The tables of an app without migrations.
        configure(url, "tests.integration.migrations.zoo")
        command, rest = "migrate", ["--run-syncdb", "--verbosity", "0"]
    else:
        configure(url)
    call_command(command, *rest)


if __name__ == "__main__":
    main()
