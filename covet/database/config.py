"""`DatabaseConfig`: where a database is and how its pool behaves; validated, and silent about its secrets.

Settings, `connections` and the command line read it. It opens nothing and imports no driver.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from covet.exceptions import ImproperlyConfigured, choices

ENGINES: Final = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "asyncpg": "postgresql",
    "postgis": "postgresql",
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "postgresql_psycopg2": "postgresql",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "aiosqlite": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "asyncmy": "mysql",
}
PORTS: Final = {"postgresql": 5432, "mysql": 3306}
MASK: Final = "********"
MEMORY: Final = ":memory:"
SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
POOLERS: Final = ("session", "transaction")
SESSION_TARGETS: Final = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
DJANGO_KEYS: Final = {
    "HOST": "host",
    "PORT": "port",
    "NAME": "database",
    "USER": "user",
    "PASSWORD": "password",
    "TIME_ZONE": "time_zone",
    "ATOMIC_REQUESTS": "atomic_requests",
    "CONN_MAX_AGE": "pool_recycle",
    "OPTIONS": "options",
}
IGNORED_DJANGO_KEYS: Final = frozenset(
    {"ENGINE", "TEST", "AUTOCOMMIT", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS"}
)
URL_OPTIONS: Final = {
    "sslmode": "ssl",
    "connect_timeout": "connect_timeout",
    "application_name": "application_name",
    "target_session_attrs": "target_session_attrs",
}


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """One database: its server, its pool and its time limits. All times are in seconds.

    Args:
        engine: `postgresql`, `sqlite` or `mysql` (MariaDB too).
        host: the server, or several separated by commas (the first that fits `target_session_attrs` is used),
            or the directory of a Unix socket.
        port: one port, or one for each host, separated by commas.
        database: its name; for SQLite the file, or `:memory:`.
        user: the role that connects.
        password: its password; never shown by `repr`.
        url: `postgresql://user:password@host:5432/name?sslmode=require`; other arguments override its parts.
        pool_size: connections kept open (20; SQLite 5).
        max_overflow: connections beyond them under load (10; SQLite 0).
        pool_recycle: the age at which a connection is replaced; 0 or None for never.
        pool_timeout: how long a query waits for a free connection before `PoolTimeout`.
        pool_idle: how long a connection may be unused before it is checked, and before overflow is closed.
        ssl: a mode such as `require` or `verify-full`, True, False, or an `ssl.SSLContext`.
        connect_timeout: for opening one connection.
        command_timeout: for one query, measured by the client; None for no limit.
        statement_timeout: the server's own limit for one statement; None for the server's default.
        idle_in_transaction_session_timeout: the server's limit for an idle transaction.
        lock_timeout: the server's limit for waiting on a lock.
        application_name: shown in the server's list of sessions.
        pooler: `transaction` behind PgBouncer in transaction mode (no prepared statements, no session
            settings), `session` in its session mode, None without: one that is found is taken for `transaction`.
        statement_cache_size: prepared statements kept on each connection; 0 means a pooler in transaction mode.
        target_session_attrs: which of several hosts will do: `primary`, `read-write`, `any` …
        replicas: aliases of databases that answer reads, for database routers.
        time_zone: the session's time zone, and the one SQLite's and MySQL's naive values are in.
        atomic_requests: whether each request runs in a transaction.
        options: passed to the driver as they are.
    """

    engine: str = "postgresql"
    host: str = ""
    port: int | str | None = None
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    pool_size: int | None = None
    max_overflow: int | None = None
    pool_recycle: float | None = 3600
    pool_timeout: float = 5.0
    pool_idle: float = 30.0
    ssl: Any = None
    connect_timeout: float = 5.0
    command_timeout: float | None = None
    statement_timeout: float | None = None
    idle_in_transaction_session_timeout: float | None = 60.0
    lock_timeout: float | None = None
    application_name: str = "covet"
    pooler: str | None = None
    statement_cache_size: int = 512
    target_session_attrs: str = ""
    replicas: tuple[str, ...] = ()
    time_zone: str | None = None
    atomic_requests: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.url:
            self._apply(_parse_url(self.url))
        if not isinstance(self.engine, str) or (vendor := ENGINES.get(_short_name(self.engine))) is None:
            names = ", ".join(choices(str(self.engine), ENGINES.values()))
            raise ImproperlyConfigured(f"no database engine {self.engine!r}; choose one of: {names}")
        sqlite = vendor == "sqlite"
        for name, value in (
            ("engine", vendor),
            ("database", str(self.database) or (MEMORY if sqlite else "")),
            ("replicas", (self.replicas,) if isinstance(self.replicas, str) else tuple(self.replicas)),
            ("pool_size", (5 if sqlite else 20) if self.pool_size is None else self.pool_size),
            ("max_overflow", (0 if sqlite else 10) if self.max_overflow is None else self.max_overflow),
            ("pool_recycle", self.pool_recycle or None),
            ("options", dict(self.options)),
            # Either setting means PgBouncer in transaction mode, and implies the other.
            ("statement_cache_size", 0 if self.pooler == "transaction" else self.statement_cache_size),
            ("pooler", "transaction" if self.pooler is None and self.statement_cache_size == 0 else self.pooler),
        ):
            object.__setattr__(self, name, value)
        self._validate()

    def _apply(self, parts: dict[str, Any]) -> None:
        """Fill from the URL what was left at its default."""
        for each in dataclasses.fields(self):
            if each.name in parts and each.name != "options" and getattr(self, each.name) == each.default:
                object.__setattr__(self, each.name, parts[each.name])
        object.__setattr__(self, "options", {**parts.get("options", {}), **self.options})

    def _validate(self) -> None:
        if self.engine != "sqlite" and not self.database:
            raise ImproperlyConfigured(f"DatabaseConfig needs `database`, the name of the {self.engine} database")
        for name in ("pool_size", "max_overflow", "statement_cache_size"):
            _check_number(name, getattr(self, name), whole=True, least=1 if name == "pool_size" else 0)
        for name in ("pool_timeout", "pool_idle", "connect_timeout"):
            _check_number(name, getattr(self, name), whole=False, least=0.001)
        for name in _OPTIONAL_TIMES:
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name), whole=False, least=0)
        _check_choice("pooler", self.pooler, POOLERS)
        _check_choice("target_session_attrs", self.target_session_attrs or None, SESSION_TARGETS)
        if isinstance(self.ssl, str):
            _check_choice("ssl", self.ssl, SSL_MODES)
        ports = self.ports
        if len(ports) not in (1, len(self.hosts)):
            raise ImproperlyConfigured(f"{len(ports)} ports for {len(self.hosts)} hosts; give one, or one for each")

    @property
    def vendor(self) -> str:
        """`postgresql`, `sqlite` or `mysql`."""
        return self.engine

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host, `localhost` when none was named."""
        return tuple(part.strip() for part in self.host.split(",") if part.strip()) or ("localhost",)

    @property
    def ports(self) -> tuple[int, ...]:
        """One port, or one for each host."""
        if self.port in (None, ""):
            return (PORTS.get(self.engine, 0),)
        try:
            ports = tuple(int(part) for part in str(self.port).split(","))
        except ValueError:
            ports = ()
        if not ports or not all(0 < port < 65536 for port in ports):
            raise ImproperlyConfigured(f"port must be a number from 1 to 65535, not {self.port!r}")
        return ports

    @property
    def is_memory(self) -> bool:
        """Whether it is a SQLite database that lives in memory."""
        return self.engine == "sqlite" and (
            self.database == MEMORY or ("mode=memory" in self.database and self.database.startswith("file:"))
        )

    @property
    def max_connections(self) -> int:
        """The most connections that one process opens."""
        if self.is_memory:
            return 1
        assert self.pool_size is not None
        assert self.max_overflow is not None
        return self.pool_size + self.max_overflow

    @property
    def safe_url(self) -> str:
        """The URL with the password masked, for messages and logs."""
        if self.engine == "sqlite":
            return f"sqlite:///{self.database}"
        user = quote(self.user, safe="")
        secret = f":{MASK}" if self.password else ""
        where = ",".join(f"{host}:{port}" for host, port in zip(self.hosts, self._ports_for_each_host(), strict=True))
        return f"{self.engine}://{user}{secret}{'@' if user or secret else ''}{where}/{quote(self.database, safe='')}"

    def _ports_for_each_host(self) -> tuple[int, ...]:
        return self.ports if len(self.ports) == len(self.hosts) else self.ports * len(self.hosts)

    def addresses(self) -> Iterator[tuple[str, int]]:
        """Each host with its port, in order."""
        return iter(zip(self.hosts, self._ports_for_each_host(), strict=True))

    def replace(self, **changes: Any) -> DatabaseConfig:
        """A copy with `changes`."""
        return dataclasses.replace(self, **{"url": "", **changes})

    def __repr__(self) -> str:
        parts = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in dataclasses.fields(self)
            if each.repr and each.name != "options" and getattr(self, each.name) != each.default
        ]
        if self.password:
            parts.append(f"password={MASK!r}")
        if self.options:
            parts.append(f"options=<{', '.join(sorted(self.options))}>")
        return f"DatabaseConfig({', '.join(parts)})"

    @classmethod
    def from_url(cls, url: str, **overrides: Any) -> DatabaseConfig:
        """Read a URL; `overrides` win over its parts."""
        return cls(url=url, **overrides)

    @classmethod
    def from_environment(cls, variable: str = "DATABASE_URL", **overrides: Any) -> DatabaseConfig:
        """Read the URL in an environment variable.

        Raises:
            ImproperlyConfigured: the variable is not set.
        """
        url = os.environ.get(variable)
        if not url:
            raise ImproperlyConfigured(f"the environment variable {variable} is not set")
        return cls(url=url, **overrides)

    @classmethod
    def from_django(cls, settings: Mapping[str, Any]) -> DatabaseConfig:
        """Read an entry of Django's DATABASES (ENGINE, NAME, USER …); our own keywords are accepted beside them."""
        known = {each.name for each in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        if engine := settings.get("ENGINE"):
            values["engine"] = _short_name(str(engine))
        for key, value in settings.items():
            if key in DJANGO_KEYS:
                if value not in (None, ""):
                    values[DJANGO_KEYS[key]] = str(value) if isinstance(value, Path) else value
            elif key.lower() in known and key not in IGNORED_DJANGO_KEYS:
                values[key.lower()] = value
            elif key not in IGNORED_DJANGO_KEYS:
                names = ", ".join(choices(key, {*DJANGO_KEYS, *IGNORED_DJANGO_KEYS, *map(str.upper, known)}))
                raise ImproperlyConfigured(f"unknown database setting {key!r}; choose one of: {names}")
        return cls(**_lift_options(values))

    @classmethod
    def of(cls, value: DatabaseConfig | Mapping[str, Any] | str) -> DatabaseConfig:
        """A config from whatever settings hold: a DatabaseConfig, Django's dict, or a URL."""
        if isinstance(value, DatabaseConfig):
            return value
        if isinstance(value, str):
            return cls.from_url(value)
        if isinstance(value, Mapping):
            return cls.from_django(value)
        raise ImproperlyConfigured(f"a database is a DatabaseConfig, a dict or a URL, not {value!r}")


_OPTIONAL_TIMES: Final = (
    "pool_recycle",
    "command_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
)


def _short_name(engine: str) -> str:
    """`django.db.backends.postgresql` and `postgresql+asyncpg` to their last meaningful word."""
    return engine.rpartition(".")[2].partition("+")[0].lower()


def _check_number(name: str, value: Any, *, whole: bool, least: float) -> None:
    kind = "a whole number" if whole else "a number of seconds"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value >= least:
        raise ImproperlyConfigured(f"{name} must be {kind} of at least {least:g}, not {value!r}")


def _check_choice(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ImproperlyConfigured(
            f"{name} cannot be {value!r}; choose one of: {', '.join(choices(str(value), allowed))}"
        )


def _lift_options(values: dict[str, Any]) -> dict[str, Any]:
    """Move what Django keeps in OPTIONS (libpq's words, `pool`) to our own fields."""
    options = dict(values.get("options") or {})
    for name, target in URL_OPTIONS.items():
        if name in options:
            values.setdefault(target, options.pop(name))
    pool = options.pop("pool", None)
    if isinstance(pool, Mapping):
        if "max_size" in pool:
            values.setdefault("pool_size", pool["max_size"])
            values.setdefault("max_overflow", 0)
        if "timeout" in pool:
            values.setdefault("pool_timeout", pool["timeout"])
    values["options"] = options
    return values


def _parse_url(url: str) -> dict[str, Any]:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ImproperlyConfigured(
            "a database URL looks like postgresql://user:password@host:5432/name or sqlite:///file"
        )
    parts: dict[str, Any] = {"engine": _short_name(scheme)}
    if ENGINES.get(parts["engine"]) == "sqlite":
        path, _, query = rest.partition("?")
        parts["database"] = unquote(path.removeprefix("/")) or MEMORY
        parts["options"] = dict(parse_qsl(query))
        return parts
    # Several hosts (`a:1,b:2`) are libpq's form, which urlsplit takes for one odd network location.
    split = urlsplit(f"x://{rest}")
    credentials, _, where = split.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    hosts, ports = [], []
    for part in where.split(","):
        host, _, port = part.rpartition(":") if part.rpartition(":")[2].isdigit() else (part, "", "")
        hosts.append(unquote(host).strip("[]"))
        ports.append(port)
    parts |= {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(hosts),
        "database": unquote(split.path.lstrip("/")),
    }
    if any(ports):
        default = str(PORTS.get(ENGINES.get(parts["engine"], ""), 0))
        parts["port"] = ",".join(port or default for port in ports)
    return {**parts, **_query_parts(dict(parse_qsl(split.query, keep_blank_values=True)))}


def _query_parts(query: dict[str, str]) -> dict[str, Any]:
    """`?sslmode=require&pool_size=5` as fields; what is no field is an option of the driver."""
    fields = {each.name: each for each in dataclasses.fields(DatabaseConfig)}
    parts: dict[str, Any] = {"options": {}}
    for name, value in query.items():
        target = URL_OPTIONS.get(name, name)
        if target == "host":
            parts["host"] = value
        elif target in fields and target not in ("options", "url", "engine"):
            parts[target] = _typed(fields[target].type, value)
        else:
            parts["options"][name] = value
    return parts


def _typed(annotation: Any, value: str) -> Any:
    kind = str(annotation)
    if "bool" in kind:
        return value.lower() in ("1", "true", "yes", "on")
    if "tuple" in kind:
        return tuple(value.split(","))
    try:
        if kind.startswith("int") and "str" not in kind:
            return int(value)
        return float(value) if kind.startswith("float") else value
    except ValueError:
        return value
