"""`covet doctor`: is this installation healthy, and can it reach what the project needs?"""

from __future__ import annotations

import sys

import click

from covet_cli.console import out, table
from covet_cli.diagnosis import examine_installation, examine_project

MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}


@click.command(epilog="Example:  covet doctor")
def doctor() -> None:
    """Examine Python, the extensions, the database and Redis; exits 1 when something is bad."""
    findings = [*examine_installation(), *examine_project()]
    report = table("", "", "")
    for finding in findings:
        report.add_row(MARKS[finding.verdict], finding.subject, finding.text.replace("[", "\\["))
    out.print(report)
    sys.exit(any(finding.verdict == "bad" for finding in findings))
