"""The LOGGING setting reaches the logging module."""

import logging

import pytest

from covet.conf import override_settings
from covet.conf.logs import configure_logging
from covet.exceptions import ImproperlyConfigured


def test_logging_is_applied(caplog):
    caplog.set_level(logging.DEBUG, "shop.orders")
    with override_settings(LOGGING={"version": 1, "incremental": True, "loggers": {"shop.orders": {"level": "ERROR"}}}):
        configure_logging()
    assert logging.getLogger("shop.orders").level == logging.ERROR


def test_without_logging_nothing_happens():
    with override_settings(LOGGING={}):
        configure_logging()


def test_a_refused_configuration_says_why():
    broken = {"version": 1, "handlers": {"x": {"class": "no.such.Handler"}}, "disable_existing_loggers": False}
    with override_settings(LOGGING=broken), pytest.raises(ImproperlyConfigured, match="LOGGING is refused"):
        configure_logging()


def test_a_missing_configurator_is_named():
    with (
        override_settings(LOGGING={"version": 1}, LOGGING_CONFIG="nowhere.configure"),
        pytest.raises(ImproperlyConfigured, match=r"LOGGING_CONFIG names 'nowhere\.configure'"),
    ):
        configure_logging()
