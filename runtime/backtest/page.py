"""A back-test as one page that needs nothing else: a map of the patrol grids, a timeline, tables; Chinese and English.

The page is whole without scripts; a few lines choose the language, hide severities and link map, timeline and table.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from runtime.backtest.outcome import Found, Outcome

TEMPLATE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
SEVERITIES: Mapping[str, tuple[str, str]] = {
    "critical": ("特急", "critical"),
    "major": ("重大", "major"),
    "minor": ("一般", "minor"),
    "info": ("提示", "info"),
}
WIDTH = 1000.0
MOST_ROWS = 2000
"""Incidents listed on the page; the JSON has them all."""

PATROL_GRIDS = """
SELECT code, name_zh, name_en, ST_AsGeoJSON(ST_SimplifyPreserveTopology(geom, 0.0001), 5)
FROM patrol_grid WHERE state = 'valid' ORDER BY code
"""


@dataclass(frozen=True, slots=True)
class Grid:
    """A patrol grid as the map draws it."""

    code: str
    name_zh: str
    name_en: str
    rings: tuple[tuple[tuple[float, float], ...], ...]
    """Longitude and latitude of every ring's corners."""


async def patrol_grids(conn: AsyncConnection) -> list[Grid]:
    """Give the city's patrol grids."""
    rows = await (await conn.execute(PATROL_GRIDS)).fetchall()
    return [Grid(code, zh, en, tuple(_rings(json.loads(shape)))) for code, zh, en, shape in rows]


def rendered(outcome: Outcome, grids: Sequence[Grid]) -> str:
    """Give the page."""
    zone = ZoneInfo(outcome.timezone)
    return TEMPLATE.substitute(
        title=escape(f"CityGrid · 规则回测 · {outcome.rules}"),
        rules=escape(outcome.rules),
        span=escape(f"{_local(outcome.start, zone)} – {_local(outcome.end, zone)} ({outcome.timezone})"),
        figures=_figures(outcome),
        filters=_filters(outcome),
        map=_map(outcome, grids),
        timeline=_timeline(outcome, zone),
        days=_table(("日", "day"), ((day, count) for day, count in outcome.by_day().items())),
        grids=_table(("网格", "grid"), ((_named(code, outcome), count) for code, count in outcome.by_grid().items())),
        incidents=_incidents(outcome.incidents, outcome, zone),
        differences=_differences(outcome, zone),
    )


def _two(zh: str, en: str) -> str:
    return f'<span class="zh">{escape(zh)}</span><span class="en">{escape(en)}</span>'


def _figures(outcome: Outcome) -> str:
    figures = [
        (("案件", "incidents"), f"{len(outcome.incidents):,}"),
        (("读数", "readings"), f"{outcome.readings:,}"),
        (("倍实时", "times real time"), f"{outcome.times_real_time:,.0f}"),
    ]
    if (live := outcome.live) is not None:
        figures.append((("与实际相同", "same as live"), f"{len(live.same):,}"))
        figures.append((("比实际多 / 少", "more / fewer"), f"{len(live.only_backtest):,} / {len(live.only_live):,}"))
    if (score := outcome.score) is not None:
        figures.append((("准确率", "precision"), _share(score.precision)))
        figures.append((("检出率", "recall"), _share(score.recall)))
        if score.delay_median_s is not None and score.delay_p95_s is not None:
            delay = f"{score.delay_median_s:.1f} / {score.delay_p95_s:.1f} s"
            figures.append((("延迟 中位 / 95%", "delay median / 95 %"), delay))
    return "".join(f"<div><dt>{_two(*name)}</dt><dd>{value}</dd></div>" for name, value in figures)


def _filters(outcome: Outcome) -> str:
    counts = {name: sum(it.severity == name for it in outcome.incidents) for name in SEVERITIES}
    return "".join(
        f'<button data-severity="{name}" aria-pressed="true"><span class="dot {name}">●</span> {_two(*words)}'
        f" {counts[name]}</button>"
        for name, words in SEVERITIES.items()
        if counts[name]
    )


def _map(outcome: Outcome, grids: Sequence[Grid]) -> str:
    placed = [it for it in outcome.incidents if math.isfinite(it.lon_deg) and math.isfinite(it.lat_deg)]
    corners = [corner for grid in grids for ring in grid.rings for corner in ring]
    corners += [(it.lon_deg, it.lat_deg) for it in placed]
    if not corners:
        return f'<p class="soft">{_two("没有位置", "nothing has a place")}</p>'
    west, east = min(c[0] for c in corners), max(c[0] for c in corners)
    south, north = min(c[1] for c in corners), max(c[1] for c in corners)
    shrink = math.cos(math.radians((south + north) / 2))
    scale = (WIDTH - 40) / max((east - west) * shrink, (north - south), 1e-6)

    def at(lon_deg: float, lat_deg: float) -> tuple[float, float]:
        return 20 + (lon_deg - west) * shrink * scale, 20 + (north - lat_deg) * scale

    height = 40 + (north - south) * scale
    width = 40 + (east - west) * shrink * scale
    shapes = "".join(
        f'<path class="grid" d="{_path(grid.rings, at)}"><title>{escape(f"{grid.code} {grid.name_zh} {grid.name_en}")}'
        "</title></path>"
        for grid in grids
    )
    radius = max(width, height) / 90
    marks = "".join(_mark(it, *at(it.lon_deg, it.lat_deg), radius) for it in placed)
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="map">{shapes}{marks}</svg>'


def _path(rings: Iterable[Iterable[tuple[float, float]]], at: Any) -> str:
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(*corner) for corner in ring)) + "Z" for ring in rings
    )


def _mark(it: Found, x: float, y: float, radius: float) -> str:
    said = escape(f"#{it.number} {it.rule} {it.device}")
    return (
        f'<circle class="mark {it.severity}" data-n="{it.number}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">'
        f"<title>{said}</title></circle>"
    )


def _timeline(outcome: Outcome, zone: ZoneInfo) -> str:
    rules = list(outcome.by_rule())
    begin_s, span_s = outcome.start.timestamp(), (outcome.end - outcome.start).total_seconds()
    left, row, top = 190.0, 26.0, 28.0
    width, height = 640.0, top + row * max(len(rules), 1) + 8
    lines = [f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="timeline">']
    for share in (0.0, 0.5, 1.0):
        x = left + share * (width - left - 12)
        anchor = ("start", "middle", "end")[round(share * 2)]
        when = datetime.fromtimestamp(begin_s + share * span_s, zone)
        lines.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{height:.0f}"/>')
        lines.append(f'<text x="{x:.1f}" y="16" text-anchor="{anchor}">{when:%m-%d %H:%M}</text>')
    for number, rule in enumerate(rules):
        y = top + row * (number + 0.5)
        lines.append(f'<text x="8" y="{y + 4:.1f}">{escape(rule[:26])}</text>')
    for it in outcome.incidents:
        share = min(max((it.opened_us / 1e6 - begin_s) / span_s, 0.0), 1.0)
        y = top + row * (rules.index(it.rule) + 0.5)
        lines.append(_mark(it, left + share * (width - left - 12), y, 6))
    return "".join(lines) + "</svg>"


def _table(name: tuple[str, str], rows: Iterable[tuple[str, int]]) -> str:
    body = "".join(f"<tr><td>{escape(key)}</td><td>{count}</td></tr>" for key, count in rows)
    return f"<table><tr><th>{_two(*name)}</th><th>{_two('案件', 'incidents')}</th></tr>{body}</table>"


def _incidents(incidents: Sequence[Found], outcome: Outcome, zone: ZoneInfo) -> str:
    names = (("", ""), ("触发", "fired"), ("规则", "rule"), ("设备", "device"), ("网格", "grid"), ("条件", "condition"))
    head = "".join(f"<th>{_two(*name)}</th>" for name in (*names, ("恢复", "recovered"), ("说明", "remark")))
    rows = "".join(
        f'<tr class="{it.severity}" data-n="{it.number}" style="color:inherit">'
        f'<td><span class="dot {it.severity}">●</span></td>'
        f"<td>{_clock(it.fired_us, zone)}</td><td>{escape(it.rule)}</td><td>{escape(it.device)}</td>"
        f"<td>{escape(it.patrol_grid)}</td><td>{escape(it.comparison)}{_value(it)}</td>"
        f"<td>{_clock(it.recovered_us, zone) if it.recovered_us is not None else ''}</td>"
        f"<td>{_remark(it, outcome)}</td></tr>"
        for it in incidents[:MOST_ROWS]
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _remark(it: Found, outcome: Outcome) -> str:
    remarks: list[str] = []
    if outcome.live is not None and it.number not in outcome.live.same:
        remarks.append(_two("实际未立", "not raised live"))
    if outcome.score is not None and any(it.number == found.number for found in outcome.score.unexplained):
        remarks.append(_two("无对应故障", "no fault explains it"))
    return " · ".join(remarks)


def _differences(outcome: Outcome, zone: ZoneInfo) -> str:
    parts: list[str] = []
    if outcome.live is not None and outcome.live.only_live:
        rows = "".join(
            f"<tr><td>{_clock(it.fired_us, zone)}</td><td>{escape(it.rule)}</td><td>{escape(it.device)}</td></tr>"
            for it in outcome.live.only_live[:MOST_ROWS]
        )
        parts.append(
            f'<h2>{_two("仅实际发生", "Raised live only")}</h2><div class="scroll"><table>{rows}</table></div>'
        )
    if outcome.score is not None and outcome.score.missed:
        rows = "".join(
            f"<tr><td>{_clock(it.start_ms * 1000, zone)}</td><td>{escape(it.kind)}</td><td>{escape(it.device_label)}"
            f"</td></tr>"
            for it in outcome.score.missed[:MOST_ROWS]
        )
        parts.append(f'<h2>{_two("漏检的故障", "Faults missed")}</h2><div class="scroll"><table>{rows}</table></div>')
    return "".join(parts)


def _named(code: str, outcome: Outcome) -> str:
    return " ".join((code, *outcome.names.get(code, ()))) if code else "–"


def _value(it: Found) -> str:
    return f" ({it.value:.4g})" if it.value is not None and math.isfinite(it.value) else ""


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _clock(at_us: int, zone: ZoneInfo) -> str:
    return f"<time>{datetime.fromtimestamp(at_us / 1e6, zone):%m-%d %H:%M:%S}</time>"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _rings(shape: Mapping[str, Any]) -> list[tuple[tuple[float, float], ...]]:
    polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
    return [tuple((corner[0], corner[1]) for corner in ring) for polygon in polygons for ring in polygon]
