"""`djshim`: the namespace that test modules see in place of `django`.

`djshim.a.b.NAME` is whatever the subject answers for `django.a.b.NAME`. A name it lacks becomes a `Missing`,
which costs only the tests that use it. The real `django` stays importable beside it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from tests.django_suite.subjects.base import Subject

NAMESPACE: Final = "djshim"


class NotProvided(Exception):
    """The subject has no such name: the test is `missing`, not failed."""


class Missing:
    """Stands where a name should be; any use of it raises `NotProvided`."""

    def __init__(self, name: str) -> None:
        self.__dict__["_missing"] = name

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotProvided(self.__dict__["_missing"])

    __call__ = __iter__ = __enter__ = __getitem__ = __len__ = __bool__ = __add__ = __or__ = __and__ = __invert__ = (
        _refuse
    )
    __mro_entries__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise NotProvided(f"{self.__dict__['_missing']}.{name}")

    def __repr__(self) -> str:
        return f"<Missing {self.__dict__['_missing']}>"


class Namespace:
    """The state of one run: the subject, the names it was asked for and the statements that it could not build."""

    def __init__(self) -> None:
        self._subject: Subject | None = None
        self.used: dict[str, bool] = {}
        self.broken: dict[str, dict[str, str]] = {}

    @property
    def subject(self) -> Subject:
        if self._subject is None:
            raise RuntimeError("no subject is installed; call shim.install() first")
        return self._subject

    def install(self, subject: Subject) -> None:
        self._subject = subject
        sys.meta_path.insert(0, _Finder())


namespace: Final = Namespace()


def django_name(dotted: str) -> str:
    """`django...` for `djshim...`."""
    return "django" + dotted.removeprefix(NAMESPACE)


def shim_name(dotted: str) -> str:
    """`djshim...` for `django...`."""
    return NAMESPACE + dotted.removeprefix("django")


class ShimModule(types.ModuleType):
    """A module whose names the subject resolves when they are first read."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        subject, module = namespace.subject, django_name(self.__name__)
        try:
            value = subject.resolve(module, name)
        except (AttributeError, ImportError, NotProvided):
            value = self._absent(module, name)
        else:
            if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] == "django":
                value = import_module(shim_name(value.__name__))
            namespace.used[f"{module}.{name}"] = True
        self.__dict__[name] = value
        return value

    def _absent(self, module: str, name: str) -> Any:
        if namespace.subject.is_module(f"{module}.{name}"):
            return import_module(f"{self.__name__}.{name}")
        namespace.used[f"{module}.{name}"] = False
        return Missing(f"{module}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__"):
            namespace.subject.assign(django_name(self.__name__), name, value)
        super().__setattr__(name, value)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] != NAMESPACE:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return ShimModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing runs: names are resolved when they are read."""
