"""Every setting CovetPy knows: its name, its type and its default; `covet.conf.loader` reads this and nothing else.

Names are Django's wherever Django has one. A value in the project's settings module is held against the type here,
and an environment variable `COVET_<NAME>` is parsed into it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

PathSetting = str | os.PathLike[str]


class Defaults:
    """The declaration of all settings; never instantiated."""

    # Core
    DEBUG: bool = False
    SECRET_KEY: str = ""
    SECRET_KEY_FALLBACKS: Sequence[str] = ()
    ALLOWED_HOSTS: Sequence[str] = ()
    INSTALLED_APPS: Sequence[str] = ()
    ROOT_ROUTER: Any = None
    ROOT_URLCONF: str | None = None
    ASGI_APPLICATION: str | None = None
    MIDDLEWARE: Sequence[Any] = ()
    APPEND_SLASH: bool = True
    PREPEND_WWW: bool = False
    LOGGING: Mapping[str, Any] = {}
    LOGGING_CONFIG: str | None = "logging.config.dictConfig"
    SITE_ID: int | None = None
    ADMINS: Sequence[Any] = ()
    MANAGERS: Sequence[Any] = ()
    INTERNAL_IPS: Sequence[str] = ()
    FORCE_SCRIPT_NAME: str | None = None
    WSGI_APPLICATION: str | None = None
    TEST_RUNNER: str | None = None
    SILENCED_SYSTEM_CHECKS: Sequence[str] = ()
    HEALTH_PREFIX: str = "/healthz"
    SHUTDOWN_DELAY: float = 0.0
    SHUTDOWN_GRACE: float = 30.0
    FIXTURE_DIRS: Sequence[PathSetting] = ()
    SERIALIZATION_MODULES: Mapping[str, str] = {}

    # Database
    DATABASE: Any = None
    DATABASES: Mapping[str, Any] = {}
    DATABASE_ROUTERS: Sequence[Any] = ()
    DEFAULT_AUTO_FIELD: str = "covet.database.orm.fields.BigAutoField"
    DEFAULT_TABLESPACE: str = ""
    DEFAULT_INDEX_TABLESPACE: str = ""
    MIGRATIONS_DIR: PathSetting = "migrations"
    MIGRATION_MODULES: Mapping[str, str | None] = {}
    VALIDATE_ON_SAVE: bool = True
    IMPLICIT_LOADING: Literal["batch", "warn", "raise"] = "batch"
    REVERSE_AGGREGATE_SUBQUERIES: bool = True

    # Models that others replace
    AUTH_USER_MODEL: str = "auth.User"
    AUTHENTICATION_BACKENDS: Sequence[str] = ()
    AUTH_PASSWORD_VALIDATORS: Sequence[Mapping[str, Any]] = ()
    PASSWORD_HASHERS: Sequence[str] = ()
    PASSWORD_RESET_TIMEOUT: int = 60 * 60 * 24 * 3
    LOGIN_URL: str = "/accounts/login/"
    LOGIN_REDIRECT_URL: str = "/accounts/profile/"
    LOGOUT_REDIRECT_URL: str | None = None

    # Time, language, format
    TIME_ZONE: str = "UTC"
    USE_TZ: bool = True
    LANGUAGE_CODE: str = "en-us"
    LANGUAGES: Sequence[Any] = ()
    LANGUAGE_COOKIE_NAME: str = "django_language"
    LOCALE_PATHS: Sequence[PathSetting] = ()
    USE_I18N: bool = True
    USE_L10N: bool = True
    USE_THOUSAND_SEPARATOR: bool = False
    THOUSAND_SEPARATOR: str = ","
    DECIMAL_SEPARATOR: str = "."
    NUMBER_GROUPING: int = 0
    FIRST_DAY_OF_WEEK: int = 0
    FORMAT_MODULE_PATH: Any = None
    DATE_FORMAT: str = "N j, Y"
    DATETIME_FORMAT: str = "N j, Y, P"
    TIME_FORMAT: str = "P"
    SHORT_DATE_FORMAT: str = "m/d/Y"
    SHORT_DATETIME_FORMAT: str = "m/d/Y P"
    YEAR_MONTH_FORMAT: str = "F Y"
    MONTH_DAY_FORMAT: str = "F j"
    DATE_INPUT_FORMATS: Sequence[str] = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
    DATETIME_INPUT_FORMATS: Sequence[str] = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M")
    TIME_INPUT_FORMATS: Sequence[str] = ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M")
    DEFAULT_CHARSET: str = "utf-8"

    # Templates, static files, uploads
    TEMPLATES: Mapping[str, Any] | Sequence[Mapping[str, Any]] = {}
    STATIC_URL: str | None = "/static/"
    STATIC_ROOT: PathSetting | None = None
    STATICFILES_DIRS: Sequence[Any] = ()
    STATICFILES_FINDERS: Sequence[str] = ()
    STATICFILES_STORAGE: str | None = None
    STORAGES: Mapping[str, Any] = {}
    MEDIA_URL: str = "/media/"
    MEDIA_ROOT: PathSetting = ""
    DATA_UPLOAD_MAX_MEMORY_SIZE: int | None = 2_621_440
    DATA_UPLOAD_MAX_NUMBER_FIELDS: int | None = 1_000
    DATA_UPLOAD_MAX_NUMBER_FILES: int | None = 100
    FILE_UPLOAD_MAX_MEMORY_SIZE: int = 2_621_440
    FILE_UPLOAD_TEMP_DIR: PathSetting | None = None
    FILE_UPLOAD_HANDLERS: Sequence[str] = ()
    FILE_UPLOAD_PERMISSIONS: int | None = 0o644
    FILE_UPLOAD_DIRECTORY_PERMISSIONS: int | None = None

    # Cache, tasks, channel layers: in-process until a URL or a backend says otherwise
    CACHES: Mapping[str, Any] = {}
    CACHE_MIDDLEWARE_ALIAS: str = "default"
    CACHE_MIDDLEWARE_KEY_PREFIX: str = ""
    CACHE_MIDDLEWARE_SECONDS: int = 600
    REDIS_URL: str | None = None
    TASKS: Mapping[str, Any] = {}
    CHANNEL_LAYERS: Mapping[str, Any] = {}

    # Sessions and CSRF
    SESSION_ENGINE: str = "covet.security.sessions.database"
    SESSION_CACHE_ALIAS: str = "default"
    SESSION_COOKIE_NAME: str = "sessionid"
    SESSION_COOKIE_AGE: int = 60 * 60 * 24 * 14
    SESSION_COOKIE_DOMAIN: str | None = None
    SESSION_COOKIE_PATH: str = "/"
    SESSION_COOKIE_SECURE: bool = False
    SESSION_COOKIE_HTTPONLY: bool = True
    SESSION_COOKIE_SAMESITE: Literal["Lax", "Strict", "None", False] | None = "Lax"
    SESSION_SAVE_EVERY_REQUEST: bool = False
    SESSION_EXPIRE_AT_BROWSER_CLOSE: bool = False
    SESSION_FILE_PATH: PathSetting | None = None
    SESSION_SERIALIZER: str | None = None
    CSRF_COOKIE_NAME: str = "csrftoken"
    CSRF_COOKIE_AGE: int | None = 60 * 60 * 24 * 7 * 52
    CSRF_COOKIE_DOMAIN: str | None = None
    CSRF_COOKIE_PATH: str = "/"
    CSRF_COOKIE_SECURE: bool = False
    CSRF_COOKIE_HTTPONLY: bool = False
    CSRF_COOKIE_SAMESITE: Literal["Lax", "Strict", "None", False] | None = "Lax"
    CSRF_HEADER_NAME: str = "HTTP_X_CSRFTOKEN"
    CSRF_TRUSTED_ORIGINS: Sequence[str] = ()
    CSRF_USE_SESSIONS: bool = False
    CSRF_FAILURE_VIEW: str | None = None

    # Security headers, proxies, CORS
    SECURE_CONTENT_TYPE_NOSNIFF: bool = True
    SECURE_CROSS_ORIGIN_OPENER_POLICY: str | None = "same-origin"
    SECURE_HSTS_SECONDS: int = 0
    SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = False
    SECURE_HSTS_PRELOAD: bool = False
    SECURE_PROXY_SSL_HEADER: Sequence[str] | None = None
    SECURE_REDIRECT_EXEMPT: Sequence[str] = ()
    SECURE_REFERRER_POLICY: str | Sequence[str] | None = "same-origin"
    SECURE_SSL_HOST: str | None = None
    SECURE_SSL_REDIRECT: bool = False
    SECURE_CSP: Mapping[str, Any] = {}
    SECURE_CSP_REPORT_ONLY: Mapping[str, Any] = {}
    X_FRAME_OPTIONS: str = "DENY"
    USE_X_FORWARDED_HOST: bool = False
    USE_X_FORWARDED_PORT: bool = False
    TRUSTED_PROXIES: Sequence[str] = ()
    DISALLOWED_USER_AGENTS: Sequence[Any] = ()
    IGNORABLE_404_URLS: Sequence[Any] = ()
    CORS_ALLOWED_ORIGINS: Sequence[str] = ()
    CORS_ALLOWED_ORIGIN_REGEXES: Sequence[Any] = ()
    CORS_ALLOW_ALL_ORIGINS: bool = False
    CORS_ALLOW_CREDENTIALS: bool = False
    CORS_ALLOW_HEADERS: Sequence[str] = ()
    CORS_ALLOW_METHODS: Sequence[str] = ()
    CORS_EXPOSE_HEADERS: Sequence[str] = ()
    CORS_PREFLIGHT_MAX_AGE: int = 86_400

    # JSON web tokens
    JWT_ALGORITHM: str = "HS256"
    JWT_SECRET_KEY: str | None = None
    JWT_EXPIRATION: int = 3_600

    # E-mail
    EMAIL_BACKEND: str = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST: str = "localhost"
    EMAIL_PORT: int = 25
    EMAIL_HOST_USER: str = ""
    EMAIL_HOST_PASSWORD: str = ""
    EMAIL_USE_TLS: bool = False
    EMAIL_USE_SSL: bool = False
    EMAIL_USE_LOCALTIME: bool = False
    EMAIL_TIMEOUT: int | None = None
    EMAIL_FILE_PATH: PathSetting | None = None
    EMAIL_SSL_CERTFILE: PathSetting | None = None
    EMAIL_SSL_KEYFILE: PathSetting | None = None
    EMAIL_SUBJECT_PREFIX: str = "[Covet] "
    DEFAULT_FROM_EMAIL: str = "webmaster@localhost"
    SERVER_EMAIL: str = "root@localhost"

    # Error pages
    DEFAULT_EXCEPTION_REPORTER: str | None = None
    DEFAULT_EXCEPTION_REPORTER_FILTER: str | None = None
    MESSAGE_STORAGE: str | None = None
    MESSAGE_LEVEL: int = 20
    MESSAGE_TAGS: Mapping[int, str] = {}
    SIGNING_BACKEND: str | None = None
    ABSOLUTE_URL_OVERRIDES: Mapping[str, Any] = {}
    FORMS_URLFIELD_ASSUME_HTTPS: bool = False
    FORM_RENDERER: str | None = None
    DEBUG_PROPAGATE_EXCEPTIONS: bool = False
