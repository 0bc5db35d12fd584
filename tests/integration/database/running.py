"""An adapter on each database, configured as the default one, in a loop of the test's own."""

import asyncio
import inspect

import pytest

from covet.database.connections.registry import connections
from covet.portal import install, portal
from covet.portal.runner import new_event_loop


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run coroutine tests in a loop of their own, outside any transaction of a plugin: they are about both."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    url = arguments.get("adapter")

    async def body():
        install()
        if url is not None:
            connections.configure({"default": url})
            arguments["adapter"] = adapter = connections["default"]
            key = {"sqlite": "integer", "postgresql": "serial", "mysql": "integer AUTO_INCREMENT"}[adapter.vendor]
            await adapter.execute(f"CREATE TABLE reporter (id {key} PRIMARY KEY, name varchar(30) NOT NULL UNIQUE)")
        try:
            await portal(pyfuncitem.obj(**arguments))
        finally:
            await connections.close_all(2)
            connections.configure(None)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(body())
    return True


@pytest.fixture
def adapter(database_url):
    """The address; the runner makes the adapter of it inside the test's loop."""
    return database_url
