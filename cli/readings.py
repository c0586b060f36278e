"""`citygrid readings`: take stored readings out, and see how a channel usually behaves before setting a threshold."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import psycopg
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cli.moment import instant
from core.errors import InvalidInput
from runtime import settings
from storage import export as exporting
from storage.pool import READER, session_options

app = typer.Typer(no_args_is_help=True, help="Stored readings: export and describe.")

QUANTILES = (0.01, 0.5, 0.99)

Profile = Annotated[str, typer.Option(help="Device type, such as manhole_cover.")]
Device = Annotated[str, typer.Option(help="Only this device.")]
Start = Annotated[str, typer.Option("--from", help="RFC 3339, or how long ago: 30m, 24h, 7d.")]
End = Annotated[str, typer.Option("--to", help="RFC 3339, or how long ago; now when left out.")]


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="File to write: .csv or .csv.gz.")],
    profile: Profile,
    device: Device = "",
    start: Start = "24h",
    end: End = "0s",
) -> None:
    """Write readings to a CSV file, times in the city's zone, one column a channel.

    Example: citygrid readings export covers.csv.gz --profile manhole_cover --from 24h
    """
    span, zone = _span(profile, device, start, end)
    if not out.name.endswith((".csv", ".csv.gz")):
        raise InvalidInput(f"{out}: the file must end in .csv or .csv.gz")
    rows = 0
    with _connect() as conn, Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("readings", total=None)
        for number, piece in enumerate(exporting.pieces(conn, span, zone)):
            piece.to_csv(out, mode="a" if number else "w", header=not number, index=False)
            rows += len(piece)
            progress.update(task, completed=rows, description=f"{rows:,} readings")
        if not rows:
            names = ["ts", "device", "origin", "quality", *exporting.channels(conn, profile)]
            pd.DataFrame(columns=names).to_csv(out, index=False)
    print(f"{rows} readings written to {out}")


@app.command()
def describe(
    profile: Profile,
    device: Device = "",
    start: Start = "24h",
    end: End = "0s",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how each channel is distributed, to set thresholds by: count, least, 1 %, median, 99 %, most.

    Example: citygrid readings describe --profile manhole_cover --from 7d
    """
    span, zone = _span(profile, device, start, end)
    with _connect() as conn:
        names = exporting.channels(conn, profile)
        parts = [piece[names] for piece in exporting.pieces(conn, span, zone)]
    if not parts:
        print("no readings in that time: is ingest running? See `citygrid doctor`", file=sys.stderr)
        raise typer.Exit(1)
    table = pd.concat(parts, ignore_index=True).describe(percentiles=list(QUANTILES)).T
    table["count"] = table["count"].astype(int)
    if as_json:
        print(json.dumps(json.loads(table.to_json(orient="index")), indent=1))
        return
    shown = Table("channel", "count", "least", "1 %", "median", "99 %", "most", title=f"{profile}, {zone}")
    for name, row in table.iterrows():
        figures = [f"{row[key]:.4g}" for key in ("min", "1%", "50%", "99%", "max")]
        shown.add_row(str(name), f"{int(row['count'])}", *figures)
    Console().print(shown)


def _span(profile: str, device: str, start: str, end: str) -> tuple[exporting.Span, str]:
    now = datetime.now(UTC)
    span = exporting.Span(profile=profile, label=device, start=instant(start, now), end=instant(end, now))
    if span.start >= span.end:
        raise InvalidInput("--from must be earlier than --to")
    return span, settings.load().timezone


def _connect() -> psycopg.Connection:
    return psycopg.connect(settings.load().reader_dsn(), options=session_options(READER))
