"""Importing Django's test packages: rewritten in memory, statement by statement, never on disk."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
import types
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.django_suite import waiting
from tests.django_suite.shim import Missing, namespace, shim_name

SETTLE: Final = "__settle__"
ITEM: Final = "__item__"
# Where a class is, in a string, as `deconstruct()` and messages say it: "django.db.models.CharField".
CLASS_PATH: Final = re.compile(
    r"\bdjango\.(?:db\.models|contrib\.postgres|contrib\.contenttypes)(?:\.[a-z_]+)*\.(?:[A-Z]\w*|%s|$)"
)
NEVER_PENDING: Final = frozenset(
    """
    super locals globals vars dir isinstance issubclass len str repr int float list tuple dict set frozenset sorted
    range zip enumerate map filter type hasattr callable print bool bytes id iter min max sum any all abs round
    """.split()
)


class Rewriter(ast.NodeTransformer):
    """`django` becomes the shim namespace; calls in sync functions are settled."""

    def __init__(self) -> None:
        self._in_sync_function = False

    def visit_Import(self, node: ast.Import) -> Any:
        statements: list[ast.stmt] = []
        for alias in node.names:
            if alias.name.split(".")[0] != "django":
                statements.append(ast.Import([alias]))
                continue
            statements.append(ast.Import([ast.alias(shim_name(alias.name), alias.asname)]))
            if alias.asname is None:
                statements.append(ast.Assign([ast.Name("django", ast.Store())], ast.Name("djshim", ast.Load())))
        return [ast.copy_location(statement, node) for statement in statements]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if not node.level and node.module and node.module.split(".")[0] == "django":
            node.module = shim_name(node.module)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._visit_body(node, sync=True)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return self._visit_body(node, sync=True)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._visit_body(node, sync=False)

    def _visit_body(self, node: ast.AST, *, sync: bool) -> ast.AST:
        before, self._in_sync_function = self._in_sync_function, sync
        try:
            return self.generic_visit(node)
        finally:
            self._in_sync_function = before

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        if not self._in_sync_function or not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Tuple):
            return node
        key: ast.expr = node.slice
        if isinstance(key, ast.Slice):
            edges = [edge or ast.Constant(None) for edge in (key.lower, key.upper, key.step)]
            key = ast.Call(ast.Name("slice", ast.Load()), edges, [])
        return ast.copy_location(ast.Call(ast.Name(ITEM, ast.Load()), [node.value, key], []), node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str) and CLASS_PATH.search(node.value):
            text = CLASS_PATH.sub(lambda found: namespace.subject.class_path(found[0]), node.value)
            return ast.copy_location(ast.Constant(text), node)
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        name = _called_name(node)
        if name == "patch" and node.args:
            target = node.args[0]
            if isinstance(target, ast.Constant) and str(target.value).startswith("django."):
                patched = namespace.subject.patch_target(str(target.value))
                node.args[0] = ast.copy_location(ast.Constant(patched), target)
        if not self._in_sync_function or (isinstance(node.func, ast.Name) and name in NEVER_PENDING):
            return node
        return ast.copy_location(ast.Call(ast.Name(SETTLE, ast.Load()), [node], []), node)


def _called_name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


class SourceLoader(importlib.machinery.SourceFileLoader):
    """Runs a rewritten module one statement at a time, so that one that cannot be built costs only its users."""

    def get_code(self, fullname: str) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        source = Path(self.path).read_text(encoding="utf8")
        tree = ast.fix_missing_locations(Rewriter().visit(ast.parse(source, self.path)))
        broken = namespace.broken.setdefault(module.__name__, {})
        module.__dict__.update({SETTLE: waiting.settle, ITEM: waiting.item})
        for statement in tree.body:
            code = compile(ast.Module([statement], []), self.path, "exec")
            try:
                exec(code, module.__dict__)
            except Exception as error:
                if not namespace.subject.tolerates(error):
                    raise
                reason = f"{type(error).__name__}: {error}"
                for name in _bound_names(statement):
                    broken[name] = reason
                    module.__dict__[name] = Missing(f"{module.__name__}.{name} ({reason[:160]})")


def _bound_names(statement: ast.stmt) -> Iterable[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in statement.names]
    return [target.id for target in getattr(statement, "targets", []) if isinstance(target, ast.Name)]


class PackageFinder(importlib.abc.MetaPathFinder):
    """Finds the test packages (and only them) below Django's tests folder."""

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        self.root = root
        self.packages = frozenset(packages)

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        parts = fullname.split(".")
        if parts[0] not in self.packages:
            return None
        place = self.root.joinpath(*parts)
        if place.is_dir():
            start = place / "__init__.py"
            if not start.exists():
                return None
            loader = SourceLoader(fullname, str(start))
            return importlib.util.spec_from_file_location(
                fullname, start, loader=loader, submodule_search_locations=[str(place)]
            )
        file = place.with_suffix(".py")
        if not file.exists():
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=SourceLoader(fullname, str(file)))


def install(root: Path, packages: Iterable[str]) -> None:
    """Make the test packages importable by their own names."""
    sys.meta_path.insert(0, PackageFinder(root, packages))
