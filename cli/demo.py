"""`citygrid demo`: the whole city, alive, from one command."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from runtime import log, settings
from runtime.demo.report import Report
from runtime.demo.run import Options, run_demo
from runtime.demo.screen import Lines, screen
from runtime.settings import Settings

app = typer.Typer()


@app.callback(invoke_without_command=True)
def demo(  # typer: one argument an option
    headless: Annotated[bool, typer.Option("--headless", help="No screen; the last line on stdout is JSON.")] = False,
    duration: Annotated[
        float | None, typer.Option(min=15, help="Seconds to run; without it until Ctrl-C (headless: 120).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same devices' story.")] = 1,
    faults_per_minute: Annotated[
        float | None, typer.Option(min=0, help="How many faults begin each minute; default: as the scenario says.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="A shipped scenario, or a file.")] = "demo",
    rate_scale: Annotated[float, typer.Option(min=0.1, max=100, help="Multiplies every device's reporting rate.")] = 1,
) -> None:
    """Bring the synthetic city to life; Ctrl-C ends it in order.

    Exit code 0 only when no message was lost or stored twice and every fault raised its incident.

    Example: citygrid demo --headless --duration 120
    """
    config = settings.load()
    options = Options(
        duration_s=120.0 if headless and duration is None else duration,
        seed=seed,
        faults_per_minute=faults_per_minute,
        scenario=scenario,
        rate_scale=rate_scale,
    )
    console = Console(stderr=True)
    is_live = not headless and console.is_terminal
    log.configure(config.log_format, "ERROR" if is_live else config.log_level)
    report = _on_screen(config, options, console) if is_live else _in_lines(config, options, console)
    failures = report.failures()
    for line in [*report.remarks(), *failures]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    print(json.dumps(report.as_json()), flush=True)
    if failures:
        raise typer.Exit(1)


def _on_screen(config: Settings, options: Options, console: Console) -> Report:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        return asyncio.run(
            run_demo(
                config,
                options,
                lambda line: console.print(line, highlight=False, markup=False),
                lambda view: live.update(screen(view), refresh=True),
            )
        )


def _in_lines(config: Settings, options: Options, console: Console) -> Report:
    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    return asyncio.run(run_demo(config, options, say, Lines(console).show))
