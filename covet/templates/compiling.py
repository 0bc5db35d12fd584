"""Jinja templates compiled to sync code that waits through the portal, wherever jinja2's own async mode would await.

Its async generators cost twice the time of plain ones, though most expressions of most templates have nothing to await.
Here a template is plain code; what a call, a filter, a test or an attribute answers is waited for if it is awaitable,
and a loop takes async iterables.
"""

from __future__ import annotations

import datetime as dt
import decimal
import inspect
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import jinja2
import markupsafe
from jinja2 import nodes
from jinja2.compiler import CodeGenerator
from jinja2.runtime import new_context
from markupsafe import Markup, escape

from covet._speedups import select
from covet.portal import portal, wait

if TYPE_CHECKING:
    from covet._speedups import _pages_py as pages
else:
    pages = select("pages")

PLAIN: Final[frozenset[type[Any]]] = frozenset(
    {str, int, float, bool, type(None), list, tuple, dict, Markup, decimal.Decimal, dt.datetime, dt.date, dt.time}
)
"""Types that are neither awaitable nor async iterables, found out at once."""
# markupsafe's own function for a str, which makes no Markup of it; where its name has moved, `escape` is as good.
_escape_text: Final = getattr(markupsafe, "_escape_inner", escape)
_CALLS: Final = (nodes.Call, nodes.Filter, nodes.Test)


def waited(value: Any) -> Any:
    """The value; what an awaitable one results in."""
    if type(value) in PLAIN or not inspect.isawaitable(value):
        return value
    return wait(value)


def iterated(value: Any) -> Any:
    """What a loop over `value` goes through."""
    kind = type(value)
    if kind in PLAIN or not hasattr(kind, "__aiter__") or isinstance(value, jinja2.Undefined):
        return value
    if hasattr(value, "_fetch_all"):
        # A QuerySet: its rows come all at once.
        return wait(value)
    return _pumped(value)


def _pumped(iterable: Any) -> Iterator[Any]:
    iterator = aiter(iterable)
    while True:
        try:
            item = wait(anext(iterator))
        except StopAsyncIteration:
            return
        yield item


# The text of a value in a page; always joined to other text, so that it need not be marked as safe.
escaped = pages.escaping(_escape_text, escape)


class Generator(CodeGenerator):
    """Writes the Python code of a template."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Nothing is called while a template is compiled: it might be a coroutine function.
        self.optimizer = None
        self._iterables: set[int] = set()

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """Write one node."""
        if id(node) not in self._iterables:
            return super().visit(node, *args, **kwargs)
        self.write("environment.iterated(")
        super().visit(node, *args, **kwargs)
        self.write(")")
        return None

    def visit_For(self, node: nodes.For, frame: Any) -> None:  # noqa: N802 - jinja2's name
        """A loop."""
        self._iterables.add(id(node.iter))
        super().visit_For(node, frame)

    def visit_Call(self, node: nodes.Call, frame: Any, forward_caller: bool = False) -> None:  # noqa: N802 - jinja2's name
        """A call."""
        self.write("environment.waited(")
        super().visit_Call(node, frame, forward_caller=forward_caller)
        self.write(")")

    def visit_Filter(self, node: nodes.Filter, frame: Any) -> None:  # noqa: N802 - jinja2's name
        """A filter; one that jinja2 has an async twin of takes async iterables."""
        if node.node is not None and hasattr(self.environment.filters.get(node.name), "jinja_async_variant"):
            self._iterables.add(id(node.node))
        self.write("environment.waited(")
        super().visit_Filter(node, frame)
        self.write(")")

    def visit_Test(self, node: nodes.Test, frame: Any) -> None:  # noqa: N802 - jinja2's name
        """A test."""
        self.write("environment.waited(")
        super().visit_Test(node, frame)
        self.write(")")

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: Any) -> str:
        if isinstance(node, _CALLS) or next(node.find_all(_CALLS), None) is not None:
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def _output_child_pre(self, node: nodes.Expr, frame: Any, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            return
        self.write("environment.escaped(")
        if finalize.src is not None:
            self.write(finalize.src)


class Template(jinja2.Template):
    """A compiled template."""

    def new_context(
        self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Mapping[str, Any] | None = None
    ) -> Any:
        """The variables of one rendering."""
        # jinja2 keeps its globals in a chain of mappings, and goes through it name by name each time.
        chain = self.globals
        known = chain if type(chain) is dict else {}
        for names in reversed(chain.maps) if isinstance(chain, ChainMap) else ():
            known.update(names)
        return new_context(self.environment, self.name, self.blocks, vars, shared, known or chain, locals)

    async def render_async(self, *args: Any, **kwargs: Any) -> str:
        """The text, rendered in a portal."""
        return await portal(self._rendered(args, kwargs))

    async def _rendered(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return self.render(*args, **kwargs)


class Environment(jinja2.Environment):
    """An environment whose templates wait."""

    code_generator_class = Generator
    template_class = Template
    waited = staticmethod(waited)
    iterated = staticmethod(iterated)
    escaped = staticmethod(escaped)

    # `{{ obj.attribute }}`
    getattr = pages.reading(PLAIN, jinja2.Environment.getattr, waited)  # type: ignore[assignment]

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`{{ obj[argument] }}`."""
        return waited(super().getitem(obj, argument))

    def call_filter(self, *args: Any, **kwargs: Any) -> Any:
        """A filter by name, as `map` calls it."""
        return waited(super().call_filter(*args, **kwargs))

    def call_test(self, *args: Any, **kwargs: Any) -> Any:
        """A test by name, as `select` calls it."""
        return waited(super().call_test(*args, **kwargs))
