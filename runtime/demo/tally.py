"""What a demo run has injected, published and seen: the facts the verdict is made from. One owner, the demo's loop."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psycopg import Connection

from runtime.demo.match import NOBODY_PUBLISHES, Injected, Seen, Verdict, match
from runtime.demo.watch import Sighting
from simulators import scenario
from simulators.feed import Message, Setup, Tick
from simulators.ledger import Ledger

KEEP_MS = 15 * 60_000
"""An endless run forgets what is older; the sums stay."""

INCIDENTS = """
SELECT i.incident_id, i.rule, i.severity, d.label, u.code, extract(epoch FROM i.fired_ts) * 1000
FROM incident AS i
LEFT JOIN device AS d ON d.device_id = i.device_id
LEFT JOIN unit_grid AS u ON u.unit_grid_id = i.unit_grid_id
WHERE i.fired_ts BETWEEN %(since)s AND %(until)s AND i.origin = 1
ORDER BY i.incident_id
"""
GRID_AT = """
SELECT code FROM unit_grid
WHERE state = 'valid' AND ST_Covers(geom, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326))
ORDER BY code LIMIT 1
"""


@dataclass(slots=True)
class Totals:
    """Sums over the whole run."""

    faults: int = 0
    messages: int = 0


@dataclass(slots=True)
class Tally:
    """Collects facts from the feed (`note_tick`) and from the live stream (`note_sighting`)."""

    setup: Setup
    ledger: Ledger
    start_ms: int
    totals: Totals = field(default_factory=Totals)
    visible_s: list[float] = field(default_factory=list[float])
    """From publish to visible, a sample an incident."""
    sightings: list[Sighting] = field(default_factory=list[Sighting])
    faults: list[Injected] = field(default_factory=list[Injected])
    _published: dict[tuple[str, int], tuple[float, float] | None] = field(
        default_factory=dict[tuple[str, int], tuple[float, float] | None]
    )
    _grids: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    _known: set[int] = field(default_factory=set[int])
    _watched: dict[int, bool] = field(default_factory=dict[int, bool])

    def note_tick(self, tick: Tick) -> None:
        """Take what the feed is about to publish."""
        self.ledger.accept(tick.messages)
        self.ledger.accept(tick.kept)  # they stand in the window of their own time
        self.totals.messages += len(tick.messages) + len(tick.released)
        for fault in tick.started:
            profile = self.setup.profiles[self.setup.roster.profile[fault.device]]
            self._watched[fault.device] = profile.moving
            if not fault.stands_for_all:
                continue
            label = scenario.label(fault, self.setup.roster, self.start_ms)
            self.ledger.fault(label)
            injected = Injected(
                fault_id=fault.fault_id,
                kind=fault.kind.kind,
                rule=fault.kind.rule,
                device_label=self.setup.roster.label[fault.device],
                unit_grid_code=self.setup.roster.unit_grid_code[fault.device],
                is_moving=profile.moving,
                start_ms=self.start_ms + round(fault.start_s * 1000),
                end_ms=self.start_ms + round(fault.end_s * 1000),
                detect_by_ms=self.start_ms + round(fault.detect_by_s * 1000),
                together=tuple(self.setup.roster.label[device] for device in fault.together),
                also=fault.kind.also,
            )
            self.faults.append(injected)
            self.totals.faults += 1
        if self._watched:
            for message in tick.messages:
                if message.device in self._watched and not message.defect:
                    self._remember(message)

    def note_sighting(self, sighting: Sighting) -> None:
        """Take an event of an incident; the first one is when it became visible."""
        incident = sighting.incident
        oldest_ms = max(self.start_ms, sighting.seen_ms - KEEP_MS)
        if incident.fired_ms < oldest_ms or incident.incident_id in self._known:
            return
        self._known.add(incident.incident_id)
        self.sightings.append(sighting)
        was_published = (incident.device_label, incident.fired_ms) in self._published
        if was_published and incident.rule != NOBODY_PUBLISHES:
            self.visible_s.append((sighting.seen_ms - incident.fired_ms) / 1000)

    def forget_before(self, now_ms: int) -> None:
        """Let go of old facts."""
        limit_ms = now_ms - KEEP_MS
        self.faults = [fault for fault in self.faults if fault.end_ms >= limit_ms]
        self.sightings = [sighting for sighting in self.sightings if sighting.seen_ms >= limit_ms]
        self._known = {sighting.incident.incident_id for sighting in self.sightings}
        self._grids = {key: code for key, code in self._grids.items() if key[1] >= limit_ms}
        self._published = {key: place for key, place in self._published.items() if key[1] >= limit_ms}
        del self.visible_s[:-10_000]
        current = {label for fault in self.faults for label in (fault.device_label, *fault.together)}
        self._watched = {d: moves for d, moves in self._watched.items() if self.setup.roster.label[d] in current}

    def verdict(self, conn: Connection, incidents: Iterable[Seen] | None = None) -> Verdict:
        """Fit incidents to faults: those given, or the ones the live stream told of."""
        seen = [sighting.incident for sighting in self.sightings] if incidents is None else list(incidents)
        for incident in seen:
            key = (incident.device_label, incident.fired_ms)
            place = self._published.get(key)
            if place is not None and key not in self._grids:
                self._grids[key] = grid_at(conn, *place)
        return match(self.faults, seen, self._grids)

    def _remember(self, message: Message) -> None:
        place = None
        if self._watched[message.device] and not message.fact:
            values = json.loads(message.payload)["values"]
            place = (values["lon_deg"], values["lat_deg"])
        self._published[self.setup.roster.label[message.device], message.ts_ms] = place


def stored_incidents(conn: Connection, since_ms: int, until_ms: int) -> list[Seen]:
    """Give the incidents that simulated readings have raised in a run; the silence after its end is no fault."""
    span = {
        "since": datetime.fromtimestamp(since_ms / 1000, tz=UTC),
        "until": datetime.fromtimestamp(until_ms / 1000, tz=UTC),
    }
    rows = conn.execute(INCIDENTS, span).fetchall()
    return [
        Seen(
            incident_id=row[0],
            rule=row[1],
            severity=row[2],
            device_label=row[3] or "",
            unit_grid_code=row[4] or "",
            fired_ms=round(row[5]),
        )
        for row in rows
    ]


def grid_at(conn: Connection, lon_deg: float, lat_deg: float) -> str:
    """Give the code of the unit grid at a place; empty outside the city's grids."""
    row = conn.execute(GRID_AT, {"lon": lon_deg, "lat": lat_deg}).fetchone()
    return str(row[0]) if row else ""
