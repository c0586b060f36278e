"""The demo's one screen, refreshed in place; without a terminal, a line of text now and then."""

import time
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from runtime.demo.match import quantile
from runtime.demo.session import View

COLOURS = {"critical": "bold red", "major": "red", "minor": "yellow", "info": "cyan"}
LINE_EVERY_S = 10.0


def screen(view: View) -> Panel:
    """Give the screen."""
    body = Group(_numbers(view), Text(), _incidents(view), Text(), _processes(view))
    return Panel(body, title=f"CityGrid  {view.address}/", subtitle=_clock(view), border_style="blue")


def _clock(view: View) -> str:
    total = "Ctrl-C ends" if view.duration_s is None else f"of {view.duration_s:.0f} s"
    return f"{view.phase}, {view.elapsed_s:.0f} s ({total})"


def _numbers(view: View) -> Table:
    table = Table.grid(padding=(0, 3))
    summary: dict[str, Any] = view.summary or {}
    rate = view.sent / view.elapsed_s if view.elapsed_s > 1 else 0.0
    lag = summary.get("lag_s")
    p99 = quantile(view.visible_s, 0.99)
    severities: dict[str, int] = summary.get("open_incidents") or {}
    table.add_row("devices", f"{view.devices:,}", "sent", f"{view.sent:,}  ({rate:.0f}/s)")
    table.add_row("pending", f"{view.pending:,}", "lag", "-" if lag is None else f"{lag:.2f} s")
    table.add_row(
        "counted so far",
        f"{view.count.sent:,} sent, {view.count.stored:,} stored",
        "lost / doubled",
        Text(f"{view.count.lost} / {view.count.duplicated}", style="red" if view.count.duplicated else "green"),
    )
    table.add_row("bad on purpose", f"{view.bad_sent:,}", "dead letters", f"{view.count.dead_letters:,}")
    table.add_row(
        "faults",
        f"{view.faults} injected, {len(view.verdict.matched)} matched",
        "unexplained",
        str(len(view.verdict.unexplained)),
    )
    shown = Text("  ").join(Text(f"{name} {severities.get(name, 0)}", style=COLOURS[name]) for name in COLOURS)
    table.add_row("open incidents", shown, "visible p99", "-" if p99 is None else f"{p99:.2f} s")
    return table


def _incidents(view: View) -> Table:
    table = Table(expand=True, box=None, show_header=True, header_style="dim")
    for name in ("time", "severity", "incident", "device", "unit grid"):
        table.add_column(name)
    for sighting in reversed(view.latest):
        incident = sighting.incident
        at = time.strftime("%H:%M:%S", time.localtime(incident.fired_ms / 1000))
        style = COLOURS.get(incident.severity, "")
        table.add_row(
            at, Text(incident.severity, style=style), sighting.title, incident.device_label, incident.unit_grid_code
        )
    return table


def _processes(view: View) -> Text:
    parts = [
        Text(
            f"{name} {'pid ' + str(pid) if pid else 'restarting'}" + (f", restarted {restarts}x" if restarts else ""),
            style="green" if pid else "red",
        )
        for name, pid, restarts in view.processes
    ]
    if view.service_restarts:
        parts.append(Text(f"services restarted {view.service_restarts}x", style="yellow"))
    return Text("   ").join(parts)


class Lines:
    """The screen of a demo without a terminal: one line each ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0
        self._phase = ""

    def show(self, view: View) -> None:
        """Write a line when it is time, or when the phase changes."""
        if view.elapsed_s < self._next_s and view.phase == self._phase:
            return
        self._phase = view.phase
        self._next_s = view.elapsed_s + LINE_EVERY_S
        self._console.print(
            f"{view.phase} {view.elapsed_s:.0f} s: sent {view.sent:,}, pending {view.pending}, "
            f"counted {view.count.sent:,}, missing {view.count.lost}, faults {view.faults}, "
            f"matched {len(view.verdict.matched)}, unexplained {len(view.verdict.unexplained)}",
            highlight=False,
            soft_wrap=True,
        )
