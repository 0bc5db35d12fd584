"""The commands: run apps, calibrate, write the table, list the causes of failure."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.django_suite import denominator, report, results, servers
from tests.django_suite.apps import APPS, FIRST
from tests.django_suite.mutants import MUTANTS
from tests.django_suite.processes import describe, run_each
from tests.django_suite.source import tests_folder
from tests.django_suite.subjects import SUBJECTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `arguments`; the exit status."""
    options = _parser().parse_args(arguments)
    apps = tuple(options.apps) or APPS
    if options.first:
        apps = FIRST
    if options.calibrate:
        return _calibrate(apps, options.jobs)
    if options.table:
        report.write_table(denominator.VENDORS)
        return 0
    if options.causes:
        report.write_causes(options.db, Path(options.causes))
        return 0
    servers.start(options.db)
    if options.one_process:
        return _run_here(apps, options)
    tests_folder()
    counts = run_each(
        apps, subject=options.subject, vendor=options.db, jobs=options.jobs, strict=not options.count_only
    )
    print(f"{'all':28} {describe(sum(counts.values(), Counter()))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="django-suite", description="Run Django's own ORM tests against CovetPy.")
    parser.add_argument("apps", nargs="*", help="test apps; all when none is named")
    parser.add_argument("--first", action="store_true", help="the apps that must pass first")
    parser.add_argument("--db", choices=servers.VENDORS, default="sqlite")
    parser.add_argument("--subject", choices=SUBJECTS, default="covet", help="oracle is Django itself")
    parser.add_argument("--calibrate", action="store_true", help="make the denominator from Django's own results")
    parser.add_argument("--table", action="store_true", help="write the docs' table from the kept results")
    parser.add_argument("--causes", metavar="FILE", help="list what fails by cause, from the kept results")
    parser.add_argument("--jobs", type=int, default=1, help="apps run at once")
    parser.add_argument("--count-only", action="store_true", help="assertNumQueries records and never fails")
    parser.add_argument("--one-process", action="store_true", help="run the apps in this process")
    parser.add_argument("-k", dest="only", default="", help="a part of the ids of the tests to run")
    parser.add_argument("-v", dest="verbose", action="store_true", help="print what did not pass")
    parser.add_argument("--hide", action="append", default=[], help="pretend that the framework lacks a name")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="", help="break one semantic first")
    return parser


def _calibrate(apps: tuple[str, ...], jobs: int) -> int:
    for vendor in denominator.VENDORS:
        servers.start(vendor)
        run_each(apps, subject="oracle", vendor=vendor, jobs=jobs)
    counted = denominator.calibrate(tests_folder(), apps)
    print(describe_tiers(counted))
    return 0


def describe_tiers(counted: Sequence[denominator.Counted]) -> str:
    """`3088 core, 650 no-db, ...`."""
    tiers = Counter(test.tier for test in counted)
    return ", ".join(f"{tiers[tier]} {tier}" for tier in denominator.TIERS)


def _run_here(apps: tuple[str, ...], options: argparse.Namespace) -> int:
    from tests.django_suite.runner import run_apps

    run = run_apps(
        apps,
        subject=options.subject,
        vendor=options.db,
        root=tests_folder(),
        strict=not options.count_only,
        only=options.only,
        hidden=options.hide,
        mutant=options.mutant,
    )
    if len(apps) == 1 and not (options.only or options.hide or options.mutant):
        results.write(options.subject, options.db, apps[0], run.as_json())
    print(describe(Counter(test.outcome for test in run.tests.values())))
    if options.verbose:
        for name, test in run.tests.items():
            if test.outcome not in {"pass", "skip"}:
                print(f"== {test.outcome} {name}\n{test.message}")
        for name, message in {**run.load_errors, **run.table_errors}.items():
            print(f"!! {name}\n{message}")
        for module, names in run.broken.items():
            for name, reason in names.items():
                print(f"!! {module}.{name}: {reason}")
    return 0
