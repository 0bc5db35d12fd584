"""What the tests run against: the framework, or Django itself for calibration."""

from __future__ import annotations

import importlib

from tests.django_suite.subjects.base import Subject

SUBJECTS = ("covet", "oracle")


def subject_named(name: str) -> Subject:
    """The subject called `name`; imported only then, since each configures its framework."""
    if name not in SUBJECTS:
        raise ValueError(f"there is no subject {name!r}; choose one of: {', '.join(SUBJECTS)}")
    module = importlib.import_module(f"tests.django_suite.subjects.{name}")
    made: Subject = module.make()
    return made
