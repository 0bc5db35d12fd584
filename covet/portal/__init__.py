"""Waiting from sync code inside async code, without blocking the event loop."""

from covet.portal.greenlets import in_portal, portal, wait
from covet.portal.runner import at_close, run
from covet.portal.tasks import PortalTaskFactory, install, task_factory

__all__ = ["PortalTaskFactory", "at_close", "in_portal", "install", "portal", "run", "task_factory", "wait"]
