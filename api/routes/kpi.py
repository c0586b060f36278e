"""HTTP for evaluation: what a period's cases and devices come to, as JSON or as a table for a spreadsheet."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from alerts import kpi
from alerts.kpi import Case, Duty, Indicator, Period, Rate, Step
from api.instant import Instant
from api.services import Services, Use
from core.errors import InvalidInput
from storage import series
from storage.levels import Level
from storage.queries import kpi as stored

router = APIRouter(prefix="/kpis", tags=["evaluation"])
TABLE: Mapping[str, object] = {
    "schema": {"type": "string"},
    "example": (
        "key,name_zh,name_en,indicator,numerator,denominator,value\n4,排水管理处,Drainage,disposal_rate,1,2,0.5\n"
    ),
}
USUAL_SPAN = timedelta(days=30)
LONGEST = timedelta(days=366)

By = Literal["city", "district", "street", "patrol_grid", "department", "subsystem", "class", "post"]
DevicesBy = Literal["city", "district", "subsystem", "class", "profile"]
Format = Literal["json", "csv"]

Since = Annotated[Instant | None, Query(alias="from", description="Usual: 30 days before `to`.")]
Until = Annotated[Instant | None, Query(alias="to", description="Not included. Usual: now.")]
Area = Annotated[
    str | None,
    Query(pattern=r"^([0-9]{6}|[0-9]{9})$", description="Only this city, district or street: 6 or 9 digits."),
]
AsFormat = Annotated[Format, Query(alias="format", description="csv: one line a group and figure.")]

_STEPS: Mapping[str, Step] = {
    "reported": "file",
    "verifying": "verify",
    "verified": "file",
    "filed": "dispatch",
    "handled": "check",
    "checking": "check",
}
"""Which duty ends when a case leaves a stage."""


class Figure(BaseModel):
    """A share of so many; no value where there is nothing to share."""

    numerator: int
    denominator: int
    value: float | None = Field(description="numerator / denominator; null when the denominator is 0.")


class Meaning(BaseModel):
    """What a figure means."""

    key: str
    name_zh: str
    name_en: str
    formula: str
    source: str


class Group(BaseModel):
    """The figures of one group."""

    key: str | None = Field(description="Code, or number of the department; null = none is known.")
    name_zh: str | None
    name_en: str | None
    cases: int
    figures: dict[str, Figure]
    mean_to_dispatch_s: float | None = Field(description="From report to dispatch, of those dispatched in the period.")
    mean_to_handled_s: float | None = Field(description="From report to handling, of those handled in the period.")


class Evaluation(BaseModel):
    """A period's figures over cases."""

    start: datetime
    end: datetime
    by: By
    indicators: list[Meaning]
    groups: list[Group]


class DeviceGroup(BaseModel):
    """What a group's devices in service reported."""

    key: str | None
    name_zh: str | None
    name_en: str | None
    devices: int
    online_rate: Figure = Field(description="Windows with a reading / windows (在线率).")
    completeness: Figure = Field(description="Readings received / expected by the interval (数据完整率).")


class DeviceEvaluation(BaseModel):
    """A period's figures over devices. A window is 5 minutes, an hour beyond two days, or the device's interval."""

    start: datetime
    end: datetime
    by: DevicesBy
    groups: list[DeviceGroup]


@router.get("", response_model=Evaluation, responses={200: {"content": {"text/csv": TABLE}}})
async def evaluate(  # noqa: PLR0913, PLR0917  # one argument a parameter
    services: Use,
    by: By = "district",
    start: Since = None,
    end: Until = None,
    area: Area = None,
    origin: Annotated[Literal["live", "all"], Query(description="all: simulated and replayed cases, too.")] = "all",
    as_format: AsFormat = "json",
) -> Response | Evaluation:
    """Give the figures of the cases of a period: filing, disposal, closure, rework, extension, each step in time.

    A case counts where its due time, or the step that is counted, lies in the period.
    """
    period = _period(services, start, end)
    async with services.reading() as conn:
        rows = await stored.cases(
            conn, "city" if by == "post" else by, period.start, period.end, area=area, live_only=origin == "live"
        )
    groups = _posts(rows, period) if by == "post" else [_group(key, some, period) for key, some in _grouped(rows)]
    if as_format == "csv":
        return _table(f"kpis-by-{by}", _lines(groups))
    return Evaluation(
        start=period.start, end=period.end, by=by, indicators=[_meaning(one) for one in kpi.INDICATORS], groups=groups
    )


@router.get("/devices", response_model=DeviceEvaluation, responses={200: {"content": {"text/csv": TABLE}}})
async def evaluate_devices(  # one argument a parameter
    services: Use,
    by: DevicesBy = "profile",
    start: Since = None,
    end: Until = None,
    area: Area = None,
    as_format: AsFormat = "json",
) -> Response | DeviceEvaluation:
    """Give how much of the period the devices in service were heard, and how much of what was due they sent.

    `end` is at most the time up to which readings are rolled up, about half a minute ago.
    """
    period = _period(services, start, end)
    async with services.reading() as conn:
        known = await series.state(conn)
        period = replace(period, end=min(period.end, known.rolled_to[Level.FINE]))  # what is newer is not counted yet
        rows = await stored.sensors(conn, by, period.start, period.end, area=area)
    groups = [
        DeviceGroup(
            key=row["key"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            devices=row["devices"],
            online_rate=_figure(Rate(numerator=row["windows_heard"], denominator=row["windows"])),
            completeness=_figure(Rate(numerator=row["received"], denominator=row["expected"])),
        )
        for row in rows
    ]
    if as_format == "csv":
        lines = [
            (one.key, one.name_zh, one.name_en, name, figure.numerator, figure.denominator, figure.value)
            for one in groups
            for name, figure in (("online_rate", one.online_rate), ("completeness", one.completeness))
        ]
        return _table(f"device-kpis-by-{by}", lines)
    return DeviceEvaluation(start=period.start, end=period.end, by=by, groups=groups)


def _period(services: Services, start: datetime | None, end: datetime | None) -> Period:
    until = end or services.clock()
    since = start or until - USUAL_SPAN
    if not timedelta(0) < until - since <= LONGEST:
        raise InvalidInput(f"from: must be before to, and at most {LONGEST.days} days before")
    return Period(start=since, end=until)


def _grouped(rows: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str | None, str | None, str | None], list[Case]]]:
    groups: dict[tuple[str | None, str | None, str | None], list[Case]] = {}
    for row in rows:
        groups.setdefault((row["key"], row["name_zh"], row["name_en"]), []).append(_case(row))
    return sorted(groups.items(), key=lambda item: (item[0][0] is None, item[0][0] or ""))


def _case(row: Mapping[str, Any]) -> Case:
    return Case(
        reported_at=row["reported_at"],
        filed_at=row["filed_at"],
        dispatched_at=row["dispatched_at"],
        due_at=row["due_at"],
        handled_at=row["handled_at"],
        closed_at=row["closed_at"],
        reworks=row["reworks"],
        returns=row["returns"],
        extensions=row["extensions"],
        by_sensor=row["by_sensor"],
        false_alarm=row["false_alarm"],
        duties=tuple(
            Duty(step=_STEPS[stage], due_at=datetime.fromisoformat(due), done_at=datetime.fromisoformat(done))
            for stage, due, done in row["duties"]
            if stage in _STEPS and due
        ),
    )


def _group(name: tuple[str | None, str | None, str | None], cases: Sequence[Case], period: Period) -> Group:
    return Group(
        key=name[0],
        name_zh=name[1],
        name_en=name[2],
        cases=len(cases),
        figures={key: _figure(rate) for key, rate in kpi.figures(cases, period).items()},
        mean_to_dispatch_s=kpi.mean_s(cases, period, until="dispatched"),
        mean_to_handled_s=kpi.mean_s(cases, period, until="handled"),
    )


def _posts(rows: Sequence[Mapping[str, Any]], period: Period) -> list[Group]:
    """Give a group a post, each with the figures that show its work."""
    whole = _group((None, None, None), [_case(row) for row in rows], period)
    return [
        whole.model_copy(update={"key": post, "figures": {key: whole.figures[key] for key in keys}})
        for post, keys in kpi.POSTS.items()
    ]


def _figure(rate: Rate) -> Figure:
    return Figure(numerator=rate.numerator, denominator=rate.denominator, value=rate.value)


def _meaning(indicator: Indicator) -> Meaning:
    return Meaning(
        key=indicator.key,
        name_zh=indicator.name_zh,
        name_en=indicator.name_en,
        formula=indicator.formula,
        source=indicator.source,
    )


def _lines(groups: Sequence[Group]) -> list[tuple[object, ...]]:
    return [
        (group.key, group.name_zh, group.name_en, key, figure.numerator, figure.denominator, figure.value)
        for group in groups
        for key, figure in group.figures.items()
    ]


def _table(name: str, lines: Sequence[tuple[object, ...]]) -> Response:
    """Give a CSV with a byte order mark: spreadsheets then read the Chinese names rightly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("key", "name_zh", "name_en", "indicator", "numerator", "denominator", "value"))
    writer.writerows(["" if cell is None else cell for cell in line] for line in lines)
    return Response(
        "\ufeff" + text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
