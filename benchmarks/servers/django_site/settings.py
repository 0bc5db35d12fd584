import os
from urllib.parse import urlsplit

_url = urlsplit(os.environ["BENCH_DSN"])
SECRET_KEY = "benchmarks-only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "benchmarks.servers.django_site.urls"
INSTALLED_APPS = ["benchmarks.servers.django_site"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path[1:],
        "USER": _url.username or "",
        "PASSWORD": _url.password or "",
        "HOST": _url.hostname or "",
        "PORT": _url.port or 5432,
        "CONN_MAX_AGE": None,
    }
}
if os.environ.get("BENCH_DJANGO_POOL"):
    # Each request has a thread of its own under ASGI: persistent connections would be opened and never used again.
    size = int(os.environ.get("BENCH_POOL", "10"))
    DATABASES["default"] |= {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": size, "max_size": size}}}
MIDDLEWARE: list[str] = []
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.join(os.path.dirname(os.path.dirname(__file__)), "pages")],
        "APP_DIRS": False,
        "OPTIONS": {"context_processors": []},
    }
]
if os.environ.get("BENCH_DEFAULTS"):
    INSTALLED_APPS += [
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "django.contrib.messages",
    ]
    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
    DATABASES["default"]["CONN_MAX_AGE"] = 0
