"""The project's settings; an environment variable overrides each: COVET_DEBUG=0, COVET_SECRET_KEY=…."""

import os
from pathlib import Path

from config.database import DATABASE as DATABASE

BASE_DIR = Path(__file__).resolve().parent.parent

# Fine on your own machine. With DEBUG off, the server refuses to start until COVET_SECRET_KEY is set.
SECRET_KEY = "@@secret_key@@"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

INSTALLED_APPS = ["app"]
ROOT_ROUTER = "app.routers.router"
MIDDLEWARE = [
    "covet.middleware.security.SecurityHeadersMiddleware",
    "app.middleware.timing.TimingMiddleware",
]

TEMPLATES = {"backend": "jinja2", "dirs": [BASE_DIR / "templates"], "auto_escape": True}

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

REDIS_URL = os.environ.get("REDIS_URL")
