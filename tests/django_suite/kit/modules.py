"""Which names of `django.test` the kit answers for, by module."""

from __future__ import annotations

from typing import Any, Final

from django.test import utils

from tests.django_suite.kit import cases, decorators, queries

_CASES: Final[dict[str, Any]] = {
    "SimpleTestCase": cases.SimpleTestCase,
    "TransactionTestCase": cases.TransactionTestCase,
    "TestCase": cases.TestCase,
}
_DECORATORS: Final[dict[str, Any]] = {
    name: getattr(decorators, name)
    for name in (
        "override_settings",
        "modify_settings",
        "ignore_warnings",
        "tag",
        "skipIfDBFeature",
        "skipUnlessDBFeature",
        "skipUnlessAnyDBFeature",
    )
}
# Pure Python of Django's, which no framework under test could answer differently.
_BORROWED: Final[dict[str, Any]] = {
    name: getattr(utils, name)
    for name in (
        "Approximate",
        "captured_stderr",
        "captured_stdin",
        "captured_stdout",
        "extend_sys_path",
        "garbage_collect",
        "isolate_lru_cache",
        "requires_tz_support",
    )
}
_TOOLS: Final[dict[str, Any]] = {
    "isolate_apps": decorators.isolate_apps,
    "register_lookup": decorators.register_lookup,
    "TestContextDecorator": decorators.TestContextDecorator,
    "CaptureQueriesContext": queries.CaptureQueriesContext,
}

MODULES: Final[dict[str, dict[str, Any]]] = {
    "django.test": {**_CASES, **_DECORATORS},
    "django.test.testcases": {**_CASES, **_DECORATORS},
    "django.test.utils": {**_BORROWED, **_DECORATORS, **_TOOLS},
}
