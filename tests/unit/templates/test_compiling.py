"""Templates as sync code that waits: the same text as jinja2's own async mode, for everything that can be awaited."""

import asyncio

import jinja2
import pytest
from markupsafe import Markup

from covet.exceptions import NotInPortal
from covet.portal import portal
from covet.templates import JinjaEngine
from covet.templates.compiling import Environment, waited
from covet.templates.configuration import configurations

FILES = {
    "base.html": "<h1>{% block title %}base{% endblock %}</h1>{% block body %}{% endblock %}",
    "child.html": "{% extends 'base.html' %}{% block title %}{{ super() }} {{ later(1) }}{% endblock %}"
    "{% block body %}{% for n in stream() %}{{ n }}{% endfor %}{% endblock %}",
    "part.html": "[{{ later(name) }}]",
    "macros.html": "{% macro field(n) %}<b>{{ later(n) }}{{ caller() if caller }}</b>{% endmacro %}",
}
SOURCES = [
    "{{ text }} {{ number }} {{ 1.5 }} {{ none }} {{ safe }} {{ text|safe }} {{ text|e }} {{ page }}",
    "{{ later(3) }} {{ later(text) }} {{ later(safe) }} {{ later(later(2)) }}",
    "{{ thing.name }} {{ thing.promised }} {{ thing['name'] }} {{ thing.method(2) }} {{ thing.inner.name }}",
    "{{ missing }}|{{ thing.missing }}|{{ missing|default('d') }}|{{ thing.nothing|default('d', true) }}",
    "{% for n in stream() %}{{ n }}{{ loop.index }}{{ loop.last }}{{ loop.length }},{% else %}none{% endfor %}",
    "{% for n in numbers if n is odd_later %}{{ n|twice_later }},{% else %}none{% endfor %}",
    "{% for n in stream() if n > 1 %}{{ n }}{{ loop.index }}{% endfor %}",
    "{% for n in missing %}{{ n }}{% else %}none{% endfor %}",
    "{% for key, value in {'a': later(1)}.items() %}{{ key }}{{ value }}{% endfor %}",
    "{% for node in tree recursive %}{{ node.n }}{% if node.below %}({{ loop(node.below) }}){% endif %}{% endfor %}",
    "{{ stream()|list }} {{ stream()|join('-') }} {{ stream()|first }} {{ stream()|sum }}",
    "{{ stream()|map('twice_later')|join(',') }} {{ stream()|reject('odd')|list }}",
    "{{ numbers|map('twice_later')|list }} {{ things|map(attribute='promised')|join }} {{ 'abc'|twice_later }}",
    "{{ things|groupby('name')|length }} {{ numbers|slice(2)|list }} {{ (numbers|sort(reverse=true))[0] }} {{ numbers[1:] }}",
    "{% if later(0) %}yes{% else %}no{% endif %} {{ 'a' if later(1) else 'b' }} {{ later(1) + later(2) }} {{ 1 ~ text }}",
    "{% set x = later(text) %}{{ x }}{% set y %}<i>{{ x }}</i>{% endset %}{{ y }}",
    "{% filter upper %}{{ later('abc') }}<{% endfilter %} {% filter twice_later %}z{% endfilter %}",
    "{% autoescape false %}{{ text }}{{ later(text) }}{% endautoescape %}{% autoescape flag %}{{ text }}{% endautoescape %}",
    "{% with a = later(5) %}{{ a }}{% endwith %} {% set ns = namespace(n=0) %}{% for n in numbers %}{% set ns.n = ns.n + n %}{% endfor %}{{ ns.n }}",
    "{% macro m(a, b=2) %}{{ a }}{{ later(b) }}{% endmacro %}{{ m(1) }} {{ m(text, b=later(4)) }}",
    "{% import 'macros.html' as lib with context %}{{ lib.field(7) }}{% call lib.field(8) %}!{{ later(text) }}{% endcall %}",
    "{% from 'macros.html' import field with context %}{{ field(text) }}",
    "{% include 'part.html' %}{% include ['absent.html', 'part.html'] %}{% include 'absent.html' ignore missing %}",
    "{% extends 'child.html' %}{% block body %}{{ super() }}{{ self.title() }}{% endblock %}",
    "{{ '<'|upper }}{{ 2 is odd }}{{ 'x' in 'xyz' }}{{ [1, later(2)] }}{{ (later(1), 2) }}",
]


class Thing:
    nothing = None

    def __init__(self, name):
        self.name = name

    @property
    def promised(self):
        return later(f"promised <{self.name}>")

    @property
    def inner(self):
        return later(Thing("inner"))

    def method(self, n):
        return later(n * 2)


class Page:
    def __html__(self):
        return "<hr>"


async def later(value):
    await asyncio.sleep(0)
    return value


async def stream():
    for number in (1, 2, 3):
        await asyncio.sleep(0)
        yield number


async def twice_later(value):
    return await later(value) * 2


async def odd_later(value):
    return await later(value) % 2 == 1


def context():
    return {
        "text": "<&'\">", "number": 7, "none": None, "safe": Markup("<b>"), "page": Page(), "flag": True, "name": "<n>",
        "numbers": [1, 2, 3], "things": [Thing("a"), Thing("b"), Thing("a")], "thing": Thing("<t>"),
        "tree": [{"n": 1, "below": [{"n": 2, "below": []}]}, {"n": 3, "below": []}], "later": later, "stream": stream,
    }  # fmt: skip


def made(kind, **options):
    environment = kind(loader=jinja2.DictLoader(FILES), autoescape=True, **options)
    environment.filters["twice_later"] = twice_later
    environment.tests["odd_later"] = odd_later
    return environment


@pytest.mark.parametrize("source", SOURCES)
async def test_the_text_is_that_of_the_async_mode(source):
    """The reference is jinja2 itself."""
    expected = await made(jinja2.Environment, enable_async=True).from_string(source).render_async(context())
    assert await made(Environment).from_string(source).render_async(context()) == expected
    assert expected


@pytest.mark.parametrize("options", [{"finalize": lambda value: value if value is not None else "-"}, {"optimized": False}])
async def test_options_of_the_environment_are_kept(options):
    source = SOURCES[0]
    expected = await made(jinja2.Environment, enable_async=True, **options).from_string(source).render_async(context())
    assert await made(Environment, **options).from_string(source).render_async(context()) == expected


async def test_tests_by_name_are_waited_for():
    """In jinja2's async mode a coroutine, which is true, stands for the test's answer."""
    template = made(Environment).from_string("{{ numbers|select('odd_later')|list }}")
    assert await template.render_async(context()) == "[1, 3]"


async def test_other_tasks_go_on_while_a_template_waits():
    order = []

    async def slow():
        order.append("asked")
        asked.set()
        await other_done.wait()
        order.append("answered")
        return "x"

    async def other():
        await asked.wait()
        order.append("other")
        other_done.set()

    asked, other_done = asyncio.Event(), asyncio.Event()
    template = made(Environment).from_string("{{ slow() }}")
    assert (await asyncio.gather(template.render_async(slow=slow), other()))[0] == "x"
    assert order == ["asked", "other", "answered"]


async def test_a_cancelled_template_stops_where_it_waits():
    closed = []

    async def endless():
        try:
            await asyncio.sleep(60)
        finally:
            closed.append(True)

    template = made(Environment).from_string("{{ endless() }}")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await template.render_async(endless=endless)
    assert closed


async def test_errors_name_the_line_of_the_template():
    async def broken():
        raise LookupError("boom")

    template = made(Environment).from_string("one\n{{ broken() }}")
    with pytest.raises(LookupError, match="boom") as caught:
        await template.render_async(broken=broken)
    lines = [(entry.path, entry.lineno) for entry in caught.traceback]
    assert any(str(path) == "<template>" and number == 1 for path, number in lines)


async def test_strict_undefined_is_refused():
    template = made(Environment, undefined=jinja2.StrictUndefined).from_string("{% for n in absent %}{% endfor %}")
    with pytest.raises(jinja2.UndefinedError, match="'absent' is undefined"):
        await template.render_async()


def test_without_a_portal_there_is_nothing_to_wait_with():
    with pytest.raises(NotInPortal, match="portal"):
        made(Environment).from_string("{{ later(1) }}").render(later=later)


async def test_plain_values_are_not_waited_for():
    assert [await portal(_waited(value)) for value in ("a", 1, None, [1])] == ["a", 1, None, [1]]


async def _waited(value):
    return waited(value)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, Environment),
        ({"enable_async": True}, jinja2.Environment),
        ({"environment": "jinja2.sandbox.SandboxedEnvironment"}, jinja2.Environment),
    ],
)
async def test_a_project_may_ask_for_another_environment(tmp_path, options, kind):
    (tmp_path / "a.html").write_text("{{ later(1) }}")
    (configuration,) = configurations({"dirs": [tmp_path], "options": options})
    engine = JinjaEngine(configuration)
    assert isinstance(engine.environment, kind)
    assert isinstance(engine.environment, Environment) == (not options)
    assert await engine.render("a.html", {"later": later}) == "1"
    assert await engine.render_string("{{ later(2) }}", {"later": later}) == "2"
