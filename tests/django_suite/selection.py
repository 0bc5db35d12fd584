"""Which of Django's tests describe the ORM through its public API: a static reading of each test method.

A test's category is the most internal thing that it, or a helper of its class that it calls, touches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

# From the most internal to the plainest; a test has the first that fits.
CATEGORIES: Final = (
    "sql-internals",
    "backend",
    "migrations",
    "web",
    "checks",
    "registry",
    "threads",
    "deconstruct",
    "pickle",
    "serialize",
    "meta-api",
    "raw-sql",
    "multi-db",
    "portable",
)
INTERNAL: Final = frozenset(CATEGORIES[:4])

_SQL_MODULES: Final = (
    "django.db.models.sql",
    "django.db.models.query_utils",
    "django.db.models.options",
    "django.db.models.fields.related_descriptors",
    "django.db.models.fields.related_lookups",
    "django.db.models.fields.reverse_related",
    "django.db.models.fields.tuple_lookups",
    "django.db.models.utils",
    "django.db.models.base",
    "django.db.utils",
)
_MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "migrations": ("django.db.migrations",),
    "backend": ("django.db.backends", "django.core.management"),
    "web": tuple(
        f"django.{name}"
        for name in (
            "contrib.admin",
            "contrib.sessions",
            "contrib.messages",
            "forms",
            "template",
            "urls",
            "http",
            "views",
        )
    ),
    "serialize": ("django.core.serializers",),
    "checks": ("django.core.checks",),
    "registry": ("django.apps",),
    "sql-internals": _SQL_MODULES,
}
_PUBLIC_IN_INTERNAL: Final = frozenset(
    {"IntegrityError", "DatabaseError", "ProgrammingError", "OperationalError", "Q", "ConnectionRouter"}
)
_ATTRIBUTES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "as_sql",
            "get_compiler",
            "captured_queries",
            "alias_map",
            "alias_refcount",
            "resolve_expression",
            "sql_with_params",
            "queries",
            "query",
        ),
        "sql-internals",
    ),
    "schema_editor": "backend",
    "_meta": "meta-api",
    "check": "checks",
    "deconstruct": "deconstruct",
    "raw": "raw-sql",
    "extra": "raw-sql",
    "cursor": "raw-sql",
    "using": "multi-db",
    "db_manager": "multi-db",
    "Thread": "threads",
    "contribute_to_class": "registry",
    "register_model": "registry",
}
_CONNECTION_INTERNALS: Final = frozenset(
    "ops introspection creation data_types operators client pg_version connection validation".split()
)
_NAMES: Final[Mapping[str, str]] = {
    "pickle": "pickle",
    "threading": "threads",
    "Thread": "threads",
    "isolate_apps": "registry",
    "CaptureQueriesContext": "sql-internals",
    "serializers": "serialize",
    "forms": "web",
}


def categories_in(root: Path, app: str) -> dict[str, str]:
    """The category of every test method of an app, by `module.Class.method`."""
    found: dict[str, str] = {}
    for file in sorted((root / app).rglob("*.py")):
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        tree = ast.parse(file.read_text(encoding="utf8"))
        imports = _imports(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for name, category in _categories_of(node, imports):
                    found[f"{module}.{node.name}.{name}"] = category
    return found


def _imports(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({alias.asname or alias.name: node.module for alias in node.names})
        elif isinstance(node, ast.Import):
            names.update({(alias.asname or alias.name).split(".")[0]: alias.name for alias in node.names})
    return names


def _categories_of(cls: ast.ClassDef, imports: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    functions = [node for node in cls.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    helpers = {node.name: node for node in functions if not node.name.startswith("test")}
    isolated = any("isolate_apps" in ast.dump(decorator) for decorator in cls.decorator_list)
    for function in functions:
        if function.name.startswith("test"):
            touched = set(_touched(function, helpers, imports))
            if isolated:
                touched.add("registry")
            yield function.name, next((name for name in CATEGORIES if name in touched), "portable")


def _touched(
    function: ast.FunctionDef | ast.AsyncFunctionDef, helpers: Mapping[str, ast.AST], imports: Mapping[str, str]
) -> Iterator[str]:
    bodies: list[ast.AST] = [function]
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and _base(node) == "self" and node.attr in helpers:
            bodies.append(helpers[node.attr])
    for body in bodies:
        for node in ast.walk(body):
            if isinstance(node, ast.Attribute):
                yield from _of_attribute(node)
            elif isinstance(node, ast.Name):
                yield from _of_name(node.id, imports)


def _base(node: ast.Attribute) -> str:
    return node.value.id if isinstance(node.value, ast.Name) else ""


def _of_attribute(node: ast.Attribute) -> Iterator[str]:
    base = _base(node)
    if node.attr in _ATTRIBUTES:
        yield _ATTRIBUTES[node.attr]
    if base in {"connection", "conn"} and node.attr in _CONNECTION_INTERNALS:
        yield "backend"
    if base == "self" and node.attr == "client":
        yield "web"


def _of_name(name: str, imports: Mapping[str, str]) -> Iterator[str]:
    module = imports.get(name)
    if module is None:
        return
    if name in _NAMES:
        yield _NAMES[name]
    for category, prefixes in _MODULES.items():
        if any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes):
            if category == "sql-internals" and name in _PUBLIC_IN_INTERNAL:
                continue
            yield category
