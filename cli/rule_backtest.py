"""`citygrid rules backtest`: what rules would have raised over stored readings."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from alerts.rule import Rulebook
from cli import rule_books
from cli.moment import instant
from runtime import rulebooks, settings
from runtime.backtest import outcome, page, run
from runtime.backtest.outcome import Found, Outcome
from runtime.backtest.run import Request

Start = Annotated[str, typer.Option("--from", help="RFC 3339, or how long ago: 30m, 24h, 7d.")]
End = Annotated[str, typer.Option("--to", help="RFC 3339, or how long ago; now when left out.")]
Named = tuple[str, Rulebook]


def backtest(  # one argument an option
    rules: Annotated[
        str | None, typer.Argument(help="A rule file, a folder, or the number of a version; in force when left out.")
    ] = None,
    start: Start = "24h",
    end: End = "0s",
    shard: Annotated[str, typer.Option(help="Only this shard of a divided city.")] = "",
    district: Annotated[list[str] | None, typer.Option(help="Only devices of this district; may be repeated.")] = None,
    faults: Annotated[
        Path | None, typer.Option(help="Labelled faults: the simulators' faults.jsonl, or the folder that holds it.")
    ] = None,
    geojson: Annotated[Path | None, typer.Option(help="Write the incidents to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with map and timeline to this file.")] = None,
    as_json: rule_books.AsJson = False,
) -> None:
    """Run rules over stored readings, as live: the incidents, beside those that were raised and labelled faults.

    Exit code 1 when, with --faults, a fault was missed or an incident is unexplained.

    Example: citygrid rules backtest my-rules/ --from 7d --html report.html

    Example: citygrid rules backtest --from 2h --faults .citygrid/demo --json
    """
    span = _span(start, end)
    request = _request(rule_books.named(rules), span, shard, tuple(district or ()))
    if faults is not None:
        request = _with_faults(request, faults)
    found = _run(request)
    if geojson is not None:
        geojson.write_text(json.dumps(outcome.features(found), ensure_ascii=False), encoding="utf-8")
    if html is not None:
        grids = asyncio.run(rule_books.reading(page.patrol_grids))
        html.write_text(page.rendered(found, grids), encoding="utf-8")
    if as_json:
        print(json.dumps(outcome.document(found), ensure_ascii=False))
    else:
        _print(found)
    if found.score is not None and (found.score.missed or found.score.unexplained):
        raise typer.Exit(1)


def difference(old: Named, new: Named, start: str, end: str) -> dict[str, Any]:
    """Give the incidents that only one of two books raises over a span."""
    span = _span(start, end)
    before, after = (_run(_request(book, span, "", (), with_live=False)) for book in (old, new))
    found = outcome.agreement(after.incidents, before.incidents)
    return {
        "from": span[0],
        "to": span[1],
        "both": len(found.same),
        "only_new": [_brief(it) for it in found.only_backtest],
        "only_old": [_brief(it) for it in found.only_live],
    }


def difference_lines(found: Mapping[str, Any] | None) -> Iterator[str]:
    """Give the difference in incidents as people read it."""
    if found is None:
        return
    more, less = found["only_new"], found["only_old"]
    yield f"incidents: {found['both']} the same, {len(more)} more, {len(less)} fewer"
    for sign, rows in (("+", more), ("-", less)):
        for row in rows:
            yield f"{sign} {row['fired_ts']} {row['rule']} {row['device']} {row['patrol_grid']}"


def _brief(it: Found) -> dict[str, str]:
    return {
        "rule": it.rule,
        "device": it.device,
        "fired_ts": outcome.instant(it.fired_us),
        "patrol_grid": it.patrol_grid,
    }


def _span(start: str, end: str) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return instant(start, now), instant(end, now)


def _request(
    named: Named, span: tuple[datetime, datetime], shard: str, districts: tuple[str, ...], *, with_live: bool = True
) -> Request:
    called, book = named
    given = settings.load()
    return Request(
        rulebook=book,
        rules=called,
        start=span[0],
        end=span[1],
        profiles=rulebooks.profiles(given),
        timezone=given.timezone,
        shard=shard,
        districts=districts,
        with_live=with_live,
    )


def _with_faults(request: Request, ledger: Path) -> Request:
    return replace(request, faults=run.faults_of(ledger, request.profiles, request.start, request.end))


def _run(request: Request) -> Outcome:
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("back-test", total=1.0)

        def tell(share: float, readings: int) -> None:
            progress.update(task, completed=share, description=f"{readings:,} readings")

        return asyncio.run(run.run(settings.load().reader_dsn(), request, tell))


def _print(found: Outcome) -> None:
    console = Console()
    table = Table("day", "incidents", title=f"{found.rules}, {found.start.isoformat()} to {found.end.isoformat()}")
    for day, count in found.by_day().items():
        table.add_row(day, str(count))
    console.print(table)
    table = Table("patrol grid", "incidents")
    for grid, count in found.by_grid().items():
        table.add_row(" ".join((grid, *found.names.get(grid, ()))) or "outside", str(count))
    console.print(table)
    table = Table("rule", "incidents")
    for rule, count in found.by_rule().items():
        table.add_row(rule, str(count))
    console.print(table)
    for line in _verdict(found):
        print(line)


def _verdict(found: Outcome) -> Iterator[str]:
    yield (
        f"{len(found.incidents)} incidents from {found.readings:,} readings of {found.devices:,} devices in"
        f" {found.took_s:.1f} s, {found.times_real_time:,.0f} times real time (warm-up {found.warm_up_s:g} s)"
    )
    if (live := found.live) is not None:
        yield f"live: {len(live.same)} the same, {len(live.only_backtest)} more, {len(live.only_live)} fewer"
    if (score := found.score) is not None:
        yield (
            f"faults: {len(score.found)} of {score.faults} found, {len(score.unexplained)} incidents unexplained;"
            f" precision {_share(score.precision)}, recall {_share(score.recall)};"
            f" delay median {_seconds(score.delay_median_s)}, 95 % {_seconds(score.delay_p95_s)}"
        )


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} s"
