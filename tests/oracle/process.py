"""Runs Django beside the tests: in a process of its own, so that its settings disturb nobody."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
ENGINES = {"postgresql": "postgresql", "sqlite": "sqlite3", "mysql": "mysql"}


def ask(function: str, *arguments: Any) -> Any:
    """What `module.function(*arguments)` returns in a process where Django is set up; JSON both ways."""
    command = [sys.executable, "-m", "tests.oracle.process", function, json.dumps(arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def database_settings(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for one of our addresses."""
    parts = urlsplit(url)
    vendor = parts.scheme.partition("+")[0].replace("mariadb", "mysql")
    name = parts.path[1:] if vendor != "sqlite" else url.partition(":///")[2]
    found = {"ENGINE": f"django.db.backends.{ENGINES[vendor]}", "NAME": name}
    if vendor != "sqlite":
        found.update(
            USER=parts.username or "", PASSWORD=parts.password or "", HOST=parts.hostname, PORT=parts.port or ""
        )
    return found


def set_up(url: str | None = None, *, use_tz: bool = True) -> None:
    """Configure Django for the database at `url`."""
    import django
    from django.conf import settings

    database = database_settings(url) if url else {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    if database["ENGINE"].endswith("mysql"):
        import pymysql

        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
    settings.configure(
        DATABASES={
            "default": database,
            "sqlite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
            "postgresql": {"ENGINE": "django.db.backends.postgresql", "NAME": "unused"},
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=use_tz,
        TIME_ZONE="Europe/Vienna",
        SECRET_KEY="only for tests",
        INSTALLED_APPS=["tests.oracle.zoo", *(["django.contrib.postgres"] if url and "postgresql" in url else [])],
    )
    django.setup()


if __name__ == "__main__":
    module, _dot, name = sys.argv[1].rpartition(".")
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))))
