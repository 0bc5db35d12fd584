import os

SECRET_KEY = "benchmarks-only-0123456789abcdef-0123456789"
ALLOWED_HOSTS = ["*"]
DEBUG = False
ASGI_APPLICATION = "benchmarks.servers.covet_site:app"
DATABASES = {"default": {"URL": os.environ["BENCH_DSN"], "POOL_SIZE": int(os.environ.get("BENCH_POOL", "10"))}}
MIDDLEWARE: list[str] = []
VALIDATE_ON_SAVE = False
TEMPLATES = {"backend": "jinja2", "dirs": [os.path.join(os.path.dirname(__file__), "pages")], "auto_escape": True}
