"""`citygrid coverage`: how densely the city is sensed."""

import asyncio
import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from devices import coverage
from devices.coverage import Coverage
from runtime import settings
from storage.pool import READER, connect
from storage.queries import coverage as counts

app = typer.Typer(invoke_without_command=True, help="Devices per square kilometre, and the share of components sensed.")


class By(StrEnum):
    """What is counted together."""

    CLASS = "class"
    DISTRICT = "district"
    PATROL = "patrol"
    UNIT = "unit"


@app.callback()
def show(
    by: Annotated[By, typer.Option(help="What is counted together.")] = By.DISTRICT,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Devices in service per square kilometre. Example: citygrid coverage --by class."""
    parts = asyncio.run(_count(by))
    whole = coverage.together(parts, same_ground=by is By.CLASS)
    if as_json:
        items = [{**asdict(it), "share": it.share, "per_km2": it.per_km2} for it in parts[:limit]]
        print(json.dumps(items, ensure_ascii=False))
        return
    table = Table("code", "name", "components", "sensed", "share", "devices", "km²", "per km²")
    for it in parts[:limit]:
        table.add_row(it.key or "–", it.name_zh, *_figures(it))
    table.add_row("", "together", *_figures(whole))
    Console().print(table)
    print(f"for comparison: {coverage.REFERENCE_EN}")


def _figures(it: Coverage) -> tuple[str, ...]:
    share = "–" if it.share is None else f"{it.share:.2%}"
    density = "–" if it.per_km2 is None else f"{it.per_km2:.1f}"
    return (f"{it.components:,}", f"{it.sensed:,}", share, f"{it.devices:,}", f"{it.area_km2:.2f}", density)


async def _count(by: By) -> list[Coverage]:
    async with await connect(settings.load().reader_dsn(), role=READER, name="cli") as conn:
        return coverage.of_counts(await counts.count(conn, by))
