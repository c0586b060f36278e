"""Runs a back-test: the registry as it is now, the readings as they came, the rules as given.

A city divided into shards is gone through shard by shard in one pass, as ingest carries it. Reads only.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from psycopg import AsyncConnection, Connection

from alerts import backtest, silences
from alerts.backtest import Raised, Replay
from alerts.rule import Rulebook
from core.errors import InvalidInput
from core.fleet import Fleet
from devices.profile import Profile
from ingest import load_directory
from ingest.lanes import CITY, Shard
from runtime.backtest import frames, outcome
from runtime.backtest.frames import Cutter, Facts
from runtime.backtest.outcome import Found, Outcome
from runtime.demo.match import Injected
from storage import history, leases
from storage.pool import READER, connect, session_options

OUTAGE_US = 5_000_000
"""As in `alerts.memory`: a longer time in which nobody listened is no silence of devices."""

GRIDS = """
SELECT u.unit_grid_id, u.code, coalesce(p.code, ''), coalesce(p.name_zh, ''), coalesce(p.name_en, '')
FROM unit_grid u LEFT JOIN patrol_grid p USING (patrol_grid_id)
"""
LISTENED = """
SELECT DISTINCT (extract(epoch FROM minute) * 1000000)::bigint FROM ingest_minute
WHERE minute >= %(start)s - INTERVAL '1 minute' AND minute < %(end)s AND shard = %(shard)s
ORDER BY 1
"""
LIVE = """
SELECT i.incident_id, i.rule, i.severity, i.cause, coalesce(d.label, ''), (e.detail ->> 'ts_ms')::bigint,
       (extract(epoch FROM e.at) * 1000000)::bigint, (extract(epoch FROM i.recovered_at) * 1000000)::bigint,
       coalesce(u.code, ''), coalesce(p.code, ''), ST_X(o.at), ST_Y(o.at), coalesce(i.evidence ->> 'comparison', ''),
       (i.evidence ->> 'value')::float8
FROM incident_event e
JOIN incident i USING (incident_id)
LEFT JOIN device d USING (device_id)
LEFT JOIN unit_grid u ON u.unit_grid_id = i.unit_grid_id
LEFT JOIN patrol_grid p ON p.patrol_grid_id = i.patrol_grid_id
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(i.geom) AS at) o
WHERE e.kind IN ('opened', 'relapsed') AND e.detail ? 'ts_ms' AND e.at >= %(start)s AND e.at < %(end)s
  AND (%(districts)s::text[] IS NULL OR i.district_code = ANY(%(districts)s))
ORDER BY e.event_id
"""

Progress = Callable[[float, int], None]
"""Told the share that is done, and how many readings that were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run over which time."""

    rulebook: Rulebook
    rules: str
    """How the rules are called in what comes out."""
    start: datetime
    end: datetime
    profiles: Mapping[str, Profile]
    timezone: str
    shard: str = ""
    """Only this shard of the city; empty = all of it."""
    districts: tuple[str, ...] = ()
    """Only devices of these districts; empty = all."""
    faults: Sequence[Injected] | None = None
    """Labelled faults; None = nobody knows."""
    with_live: bool = True
    """Whether to compare with what was raised live."""


@dataclass(frozen=True, slots=True)
class _Grids:
    """The city's grids by key: code of the unit grid, and of its patrol grid."""

    unit: Mapping[int, str]
    patrol: Mapping[int, str]
    names: Mapping[str, tuple[str, str]]


@dataclass(slots=True)
class _Part:
    """One shard at work."""

    replay: Replay
    cutter: Cutter
    listened_us: frozenset[int]
    """Minutes in which its ingest lived."""
    began_us: int
    """When its first reading was received; the end while there was none."""


async def run(dsn: str, request: Request, progress: Progress = lambda _share, _readings: None) -> Outcome:
    """Run the rules over the span; raises `InvalidInput` for a span or shard that is not there."""
    if request.start >= request.end:
        raise InvalidInput("--from must be earlier than --to")
    async with await connect(dsn, role=READER, name="backtest") as conn:
        fleets = await _fleets(conn, request)
        warm_us = max(backtest.warm_up_us(request.rulebook, fleet) for fleet in fleets.values())
        begin = request.start - timedelta(microseconds=warm_us)
        parts = [await _part(conn, request, name, fleet, begin) for name, fleet in fleets.items()]
        grids = await _grids(conn)
        live = await _live(conn, request) if request.with_live else None
    began_s = time.perf_counter()
    with (
        psycopg.connect(dsn, options=session_options(READER), autocommit=True) as reader,
        psycopg.connect(dsn, options=session_options(READER)) as beside,
    ):
        watched = any(rule.sighting is not None for rule in request.rulebook.rules)
        facts = Facts(history.facts(beside, begin, request.end) if watched else iter(()))
        _go_through(reader, parts, facts, (begin, request.end), progress)
    took_s = time.perf_counter() - began_s
    start_us = _micros(request.start)
    incidents = _found(parts, grids, start_us)
    return Outcome(
        start=request.start,
        end=request.end,
        warm_up_s=warm_us / 1e6,
        covered_s=(_micros(request.end) - min(part.began_us for part in parts)) / 1e6,
        rules=request.rules,
        devices=sum(int(part.cutter.fleet.in_service.sum()) for part in parts),
        readings=sum(part.replay.readings for part in parts),
        took_s=took_s,
        incidents=incidents,
        live=outcome.agreement(incidents, live) if live is not None else None,
        score=outcome.score(incidents, request.faults) if request.faults is not None else None,
        timezone=request.timezone,
        names=grids.names,
    )


def faults_of(path: Path, profiles: Mapping[str, Profile], start: datetime, end: datetime) -> list[Injected]:
    """Give the labelled faults that began in a span, from a ledger's folder or its `faults.jsonl`."""
    file = path / "faults.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise InvalidInput(f"{file} does not exist: the simulators write it beside their ledger, as .citygrid/demo/")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Injected(
            fault_id=row["fault_id"],
            kind=row["kind"],
            rule=row["rule"],
            device_label=row["device_label"],
            unit_grid_code=row["unit_grid_code"],
            is_moving=row["profile"] in profiles and profiles[row["profile"]].moving,
            start_ms=row["start_ms"],
            end_ms=row["end_ms"],
            detect_by_ms=row["detect_by_ms"],
            together=tuple(row.get("together", ())),
            also=tuple(row.get("also", ())),
        )
        for row in rows
        if start.timestamp() * 1000 <= row["start_ms"] and row["detect_by_ms"] <= end.timestamp() * 1000
    ]


async def _fleets(conn: AsyncConnection, request: Request) -> dict[str, Fleet]:
    """Give each shard's devices; those out of the chosen districts count as out of service."""
    rows = await leases.leases(conn)
    shards = [
        Shard(
            name=row.shard,
            districts=tuple(row.districts) if row.districts is not None else None,
            takes_foreign=row.takes_foreign,
        )
        for row in rows
        if request.shard in {"", row.shard}
    ]
    if not shards and request.shard:
        raise InvalidInput(f"there is no shard {request.shard}: {', '.join(row.shard for row in rows)}")
    fleets: dict[str, Fleet] = {}
    for shard in shards or [CITY]:
        fleet = (await load_directory.load(conn, request.profiles, None, shard=shard)).fleet
        if request.districts:
            chosen = np.isin(np.array(fleet.district_code, dtype=np.str_), request.districts)
            fleet = replace(fleet, in_service=fleet.in_service & chosen)
        fleets[shard.name] = fleet
    return fleets


async def _part(conn: AsyncConnection, request: Request, shard: str, fleet: Fleet, begin: datetime) -> _Part:
    cursor = await conn.execute(LISTENED, {"start": begin, "end": request.end, "shard": shard})
    channels = {name: tuple(channel.name for channel in profile.channels) for name, profile in request.profiles.items()}
    return _Part(
        Replay(
            rulebook=request.rulebook,
            fleet=fleet,
            silences=await silences.in_force(conn, request.timezone, begin),
        ),
        Cutter(fleet, channels),
        frozenset(row[0] for row in await cursor.fetchall()),
        _micros(request.end),
    )


async def _grids(conn: AsyncConnection) -> _Grids:
    rows = await (await conn.execute(GRIDS)).fetchall()
    return _Grids(
        unit={row[0]: row[1] for row in rows},
        patrol={row[0]: row[2] for row in rows},
        names={row[2]: (row[3], row[4]) for row in rows if row[2]},
    )


async def _live(conn: AsyncConnection, request: Request) -> list[Found]:
    span = {"start": request.start, "end": request.end, "districts": list(request.districts) or None}
    rows = await (await conn.execute(LIVE, span)).fetchall()
    return [
        Found(
            number=row[0],
            rule=row[1],
            severity=row[2],
            cause=row[3],
            device=row[4],
            fired_us=row[5] * 1000,
            opened_us=row[6],
            recovered_us=row[7],
            unit_grid=row[8],
            patrol_grid=row[9],
            lon_deg=row[10],
            lat_deg=row[11],
            comparison=row[12],
            value=row[13],
        )
        for row in rows
    ]


def _go_through(
    conn: Connection, parts: Sequence[_Part], facts: Facts, span: tuple[datetime, datetime], progress: Progress
) -> None:
    """Take every slice through every part. Before the first reading nobody is taken to have listened."""
    begin, end = span
    history.prepare(conn)
    reached_us = [_micros(begin)] * len(parts)
    for piece in history.slices(conn, begin, end):
        told = facts.until(_micros(piece.end))
        for number, part in enumerate(parts):
            waiting = deque(part.cutter.facts(told))
            for batch in part.cutter.batches(piece):
                if part.replay.readings and batch.first_us - reached_us[number] > OUTAGE_US:
                    away = _nobody_listened(part, reached_us[number], batch.first_us)
                    part.replay.take((), batch.first_us, after_outage=away)
                part.began_us = min(part.began_us, batch.first_us)
                part.replay.take(batch.frames, batch.last_us, frames.due(waiting, batch.last_us))
                reached_us[number] = batch.last_us
            if waiting:
                reached_us[number] = waiting[-1][0]
                part.replay.take((), reached_us[number], [fact for _, fact in waiting])
        progress((piece.end - begin) / (end - begin), sum(part.replay.readings for part in parts))
    end_us = _micros(end)
    for number, part in enumerate(parts):
        part.replay.take((), end_us, after_outage=_nobody_listened(part, reached_us[number], end_us))


def _nobody_listened(part: _Part, from_us: int, to_us: int) -> bool:
    """Say whether ingest was down in a gap, as far as its minutes tell: none of the whole minutes in it was written."""
    minute_us = 60_000_000
    whole = range((from_us // minute_us + 1) * minute_us, to_us // minute_us * minute_us, minute_us)
    return len(whole) > 0 and not any(minute in part.listened_us for minute in whole)


def _found(parts: Sequence[_Part], grids: _Grids, start_us: int) -> tuple[Found, ...]:
    raised = [(part, it) for part in parts for it in part.replay.raised if it.opened_us >= start_us]
    raised.sort(key=lambda pair: (pair[1].opened_us, pair[1].fired_us, pair[1].cause))
    return tuple(_shown(number, it, part.cutter.fleet, grids) for number, (part, it) in enumerate(raised, start=1))


def _shown(number: int, it: Raised, fleet: Fleet, grids: _Grids) -> Found:
    geometry: Mapping[str, Any] | None = None
    if it.geometry is not None:
        geometry = json.loads(shapely.to_geojson(shapely.from_wkb(it.geometry)))
    return Found(
        number=number,
        rule=it.rule.name,
        severity=it.rule.severity.value,
        cause=it.cause,
        device=fleet.label[it.slot],
        fired_us=it.fired_us,
        opened_us=it.opened_us,
        recovered_us=it.recovered_us,
        unit_grid=grids.unit.get(it.unit_grid_id, ""),
        patrol_grid=grids.patrol.get(it.unit_grid_id, ""),
        lon_deg=it.lon_deg,
        lat_deg=it.lat_deg,
        comparison=it.proof.comparison,
        value=it.proof.value,
        devices=len(it.members),
        geometry=geometry,
    )


def _micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
