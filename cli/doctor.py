"""`citygrid doctor`: what is there, what is missing, how to mend it."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from runtime import settings
from runtime.services import checks

app = typer.Typer(invoke_without_command=True, help="What is there, what is missing, how to mend it.")

MARKS = {"ok": ("ok", "green"), "missing": ("MISSING", "bold red"), "note": ("note", "yellow")}


@app.callback()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Look at this machine and the installation; exit code 1 when something needed is missing.

    Example: citygrid doctor
    """
    findings = checks.examine(settings.load())
    lacking = [finding for finding in findings if finding.state == "missing"]
    if as_json:
        print(json.dumps({"healthy": not lacking, "findings": [asdict(finding) for finding in findings]}))
    else:
        _print_report(findings)
    if lacking:
        raise typer.Exit(1)


def _print_report(findings: tuple[checks.Finding, ...]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for finding in findings:
        mark, style = MARKS[finding.state]
        line = Text.assemble((f"{mark:8}", style), f"{finding.name:18} {finding.detail}")
        if finding.remedy:
            line.append(f"\n{'':8}{'':18} -> {finding.remedy}", style="bold")
        console.print(line)
