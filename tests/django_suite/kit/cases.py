"""The test case classes of `django.test`: class and test savepoints, flushing, asserts."""

from __future__ import annotations

import collections
import contextlib
import copy
import inspect
import json
import sys
import unittest
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from django.test.html import parse_html
from django.test.utils import compare_xml

from covet.portal import wait
from tests.django_suite.kit.decorators import modify_settings, override_settings
from tests.django_suite.kit.queries import AssertNumQueries
from tests.django_suite.shim import NotProvided, namespace
from tests.django_suite.waiting import settle, settling


class SimpleTestCase(unittest.TestCase):
    """Asserts and settings; makes no query by itself."""

    databases: ClassVar[Any] = frozenset()
    _overridden_settings: ClassVar[dict[str, Any] | None] = None
    _modified_settings: ClassVar[list[Any] | None] = None
    maxDiff = 2000

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if cls._overridden_settings:
            cls._enable(override_settings(**cls._overridden_settings))
        if cls._modified_settings:
            cls._enable(modify_settings(cls._modified_settings))

    @classmethod
    def _enable(cls, decorator: Any) -> None:
        decorator.enable()
        cls.addClassCleanup(decorator.disable)

    # -- running -------------------------------------------------------------------------------------------------

    def _callTestMethod(self, method: Callable[[], Any]) -> None:
        result = method()
        if inspect.iscoroutine(result):
            wait(result)

    def addCleanup(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        super().addCleanup(settling(function), *args, **kwargs)

    def run(self, result: Any = None) -> Any:
        method = getattr(self, self._testMethodName)
        if getattr(type(self), "__unittest_skip__", False) or getattr(method, "__unittest_skip__", False):
            return super().run(result)
        try:
            self._pre_setup()
        except Exception:
            result.addError(self, sys.exc_info())
            return None
        try:
            return super().run(result)
        finally:
            try:
                self._post_teardown()
            except Exception:
                result.addError(self, sys.exc_info())

    def _pre_setup(self) -> None:
        """What comes before `setUp`."""

    def _post_teardown(self) -> None:
        """What comes after `tearDown` and the cleanups."""

    # -- settings and asserts ------------------------------------------------------------------------------------

    def settings(self, **options: Any) -> override_settings:
        return override_settings(**options)

    def modify_settings(self, **operations: Any) -> modify_settings:
        return modify_settings(**operations)

    def assertRaises(self, expected: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        if args:
            return super().assertRaises(expected, settling(args[0]), *args[1:], **kwargs)
        return super().assertRaises(expected, **kwargs)

    def assertLogs(self, logger: Any = None, level: Any = None) -> Any:
        name = namespace.subject.logger_name(logger) if isinstance(logger, str) else logger
        return super().assertLogs(name, level)

    def assertRaisesMessage(self, expected_exception: Any, expected_message: str, *args: Any, **kwargs: Any) -> Any:
        return self._assert_message(self.assertRaises, "exception", expected_exception, expected_message, args, kwargs)

    def assertWarnsMessage(self, expected_warning: Any, expected_message: str, *args: Any, **kwargs: Any) -> Any:
        return self._assert_message(self.assertWarns, "warning", expected_warning, expected_message, args, kwargs)

    def _assert_message(self, check: Any, attribute: str, kind: Any, text: str, args: Any, kwargs: Any) -> Any:
        @contextlib.contextmanager
        def block() -> Iterator[Any]:
            with check(kind) as context:
                yield context
            self.assertIn(text, str(getattr(context, attribute)))

        function = args[0] if args else kwargs.pop("callable_obj", None)
        if function is None:
            return block()
        with block():
            settle(function(*args[1:], **kwargs))
        return None

    def assertQuerySetEqual(
        self, qs: Any, values: Any, transform: Any = None, ordered: bool = True, msg: Any = None
    ) -> None:
        expected, items = list(values), list(qs)
        if transform is not None:
            items = [settle(transform(item)) for item in items]
        if not ordered:
            self.assertDictEqual(collections.Counter(items), collections.Counter(expected), msg=msg)
            return
        if len(expected) > 1 and not getattr(qs, "ordered", True):
            raise ValueError("an ordered comparison of several values needs an ordered QuerySet")
        self.assertEqual(items, expected, msg=msg)

    def assertNumQueries(self, num: int, func: Any = None, *args: Any, using: str = "default", **kwargs: Any) -> Any:
        counted = AssertNumQueries(self, num, namespace.subject.connection(using))
        if func is None:
            return counted
        with counted:
            settle(func(*args, **kwargs))
        return None

    def assertJSONEqual(self, raw: str, expected_data: Any, msg: Any = None) -> None:
        expected = json.loads(expected_data) if isinstance(expected_data, str) else expected_data
        self.assertEqual(json.loads(raw), expected, msg)

    def assertXMLEqual(self, xml1: str, xml2: str, msg: Any = None) -> None:
        self.assertTrue(compare_xml(xml1, xml2), msg or f"{xml1} != {xml2}")

    def assertHTMLEqual(self, html1: str, html2: str, msg: Any = None) -> None:
        self.assertEqual(parse_html(html1), parse_html(html2), msg)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("assert") or name == "client":
            raise NotProvided(f"TestCase.{name}")
        raise AttributeError(name)


class TransactionTestCase(SimpleTestCase):
    """Tests that commit: the tables are emptied afterwards."""

    databases: ClassVar[Any] = frozenset({"default"})
    available_apps: ClassVar[Any] = None
    serialized_rollback = False
    reset_sequences = False
    fixtures: ClassVar[Iterable[str] | None] = None

    @classmethod
    def _aliases(cls) -> list[str]:
        known = namespace.subject.aliases
        return [alias for alias in known if cls.databases == "__all__" or alias in cls.databases]

    def _pre_setup(self) -> None:
        if self.fixtures:
            namespace.subject.load_fixtures(self.fixtures)

    def _post_teardown(self) -> None:
        for alias in self._aliases():
            wait(namespace.subject.flush(alias))


class TestCase(TransactionTestCase):
    """Tests in a transaction for the class, with a savepoint for each."""

    _class_blocks: ClassVar[list[tuple[str, Any]]]

    @classmethod
    def _enter_blocks(cls) -> list[tuple[str, Any]]:
        blocks = []
        for alias in cls._aliases():
            block = namespace.subject.atomic(alias)
            wait(block.__aenter__())
            blocks.append((alias, block))
        return blocks

    @classmethod
    def _leave_blocks(cls, blocks: list[tuple[str, Any]]) -> None:
        for alias, block in reversed(blocks):
            namespace.subject.mark_for_rollback(alias)
            wait(block.__aexit__(None, None, None))

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls._class_blocks = cls._enter_blocks()
        try:
            if cls.fixtures:
                namespace.subject.load_fixtures(cls.fixtures)
            before = dict(cls.__dict__)
            settle(cls.setUpTestData())
            for name, value in list(cls.__dict__.items()):
                if name not in before or before[name] is not value:
                    setattr(cls, name, TestData(name, value))
        except BaseException:
            cls._leave_blocks(cls._class_blocks)
            cls.doClassCleanups()
            raise

    @classmethod
    def tearDownClass(cls) -> None:
        cls._leave_blocks(cls._class_blocks)
        super().tearDownClass()

    @classmethod
    def setUpTestData(cls) -> Any:
        """Rows that every test of the class starts with."""

    def _pre_setup(self) -> None:
        self._blocks = self._enter_blocks()

    def _post_teardown(self) -> None:
        self._leave_blocks(self._blocks)

    @classmethod
    @contextlib.contextmanager
    def captureOnCommitCallbacks(cls, *, using: str = "default", execute: bool = False) -> Iterator[list[Any]]:
        callbacks: list[Any] = []
        start = len(namespace.subject.pending_callbacks(using))
        try:
            yield callbacks
        finally:
            while True:
                pending = list(namespace.subject.pending_callbacks(using))
                for entry in pending[start:]:
                    callbacks.append(entry[1])
                    if execute:
                        settle(entry[1]())
                if len(pending) == len(namespace.subject.pending_callbacks(using)):
                    break
                start = len(pending)


class TestData:
    """A class attribute of which every test gets a copy of its own."""

    def __init__(self, name: str, data: Any) -> None:
        self.name = name
        self.data = data

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self.data
        memo = instance.__dict__.setdefault("_test_data_memo", {})
        value = copy.deepcopy(self.data, memo)
        setattr(instance, self.name, value)
        return value
