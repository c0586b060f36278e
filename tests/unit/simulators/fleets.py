"""A small fleet of all four kinds, and the rules' whole chain run over what it publishes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import shapely

from alerts import engine, fan_in, rulebook, sightings
from alerts.case import Opening
from alerts.trialcity import Component, Device, LittleCity, fleet
from alerts.work_calendar import Calendar
from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame
from devices import profile
from runtime.demo.match import Injected, Seen
from simulators import roster, routes, scenario
from simulators.feed import Feed, Message, Setup
from simulators.roster import Roster
from simulators.scenario import Fault, Plan, Scenario
from wire import native_events
from wire.record import Fact

NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC).timestamp()
"""Noon in Tangshan on a summer's day."""
MIDNIGHT = datetime(2026, 6, 15, 16, 0, tzinfo=UTC).timestamp()
PROFILES = profile.shipped()
INTERVALS = {"manhole_cover": 10, "streetlight": 10, "camera": 15, "bus": 5}
LINE = routes.line("01", [(118.17, 39.62), (118.19, 39.62), (118.19, 39.65), (118.22, 39.66)])


def small_roster(each: int = 4) -> Roster:
    rows = [",".join(roster.COLUMNS)]
    for kind, interval_s in INTERVALS.items():
        for number in range(each):
            district = 130202 + number % 2
            place = f"{118.17 + number // 4 / 20},{39.62 + number % 4 / 1000}"
            label, grid = f"{kind[:3].upper()}-{number}", f"{district}001001{number:03d}"
            rows.append(f"{label},{kind},C-{label},{district},{grid},P{number // 4},{place},{interval_s},")
    return roster.parse(rows, PROFILES, "small", {f"C-STR-{n}": f"CABINET-{n // 6}" for n in range(each)})


def setup(
    chosen: Scenario | str = "demo",
    *,
    seed: int = 7,
    start: float = NOON,
    per_minute: float = 12,
    until_s: float | None = 300,
    each: int = 4,
) -> Setup:
    named = scenario.named(chosen) if isinstance(chosen, str) else chosen
    plan = Plan(seed=seed, start_epoch_s=start, per_minute=per_minute, until_s=until_s)
    return Setup(
        roster=small_roster(each),
        profiles=PROFILES,
        scenario=named,
        plan=plan,
        zone=ZoneInfo("Asia/Shanghai"),
        lines=(LINE,),
    )


def everything(feed: Feed, seconds: float) -> list[Message]:
    """What devices say in that time, in order: published at once or kept for later."""
    found: list[Message] = []
    while feed.elapsed_s < seconds:
        tick = feed.advance()
        found += [*tick.messages, *tick.kept]
    return found


def messages(feed: Feed, seconds: float) -> list[Message]:
    """Give what is published beside facts: readings, and messages that are bad on purpose."""
    return [message for message in everything(feed, seconds) if not message.fact]


class Bench:
    """The default rules over what a roster publishes, a step a second, as ingest runs them."""

    def __init__(self, devices: Roster) -> None:
        self._fleet = _fleet(devices)
        self._rules = rulebook.load(rulebook.DEFAULT, Calendar(timezone="Asia/Shanghai"))
        self._state = engine.initial(self._rules, self._fleet)
        self._cases = fan_in.Cases()

    def step(self, some: Sequence[Message], now_s: float) -> list[Seen]:
        now = datetime.fromtimestamp(now_s, tz=UTC)
        readings = [message for message in some if not message.fact]
        step = engine.step(self._state, _frames(self._fleet, readings), self._rules, self._fleet, now)
        step = sightings.see(self._state, step, _facts(some), self._rules, self._fleet)
        decided = fan_in.decide(self._cases, step, self._rules, self._fleet, now)
        engine.commit(self._state, step)
        fan_in.commit(self._cases, decided)
        return [
            Seen(
                incident_id=opening.transition.ts_us,
                rule=opening.rule.name,
                severity=opening.rule.severity.value,
                device_label=self._fleet.label[opening.transition.slot],
                unit_grid_code="",
                fired_ms=opening.transition.ts_us // 1000,
            )
            for opening in decided.changes
            if isinstance(opening, Opening)
        ]

    def run(self, feed: Feed, start: float, seconds: int) -> list[Seen]:
        found: list[Seen] = []
        for second in range(1, seconds + 1):
            some: list[Message] = []
            while feed.elapsed_s < second:
                some += [message for message in feed.advance().messages if not message.defect]
            found += self.step(some, start + second)
        return found


def injected(fault: Fault, devices: Roster, start: float) -> Injected:
    return Injected(
        fault_id=fault.fault_id,
        kind=fault.kind.kind,
        rule=fault.kind.rule,
        device_label=devices.label[fault.device],
        unit_grid_code="",
        is_moving=False,
        start_ms=round((start + fault.start_s) * 1000),
        end_ms=round((start + fault.end_s) * 1000),
        detect_by_ms=round((start + fault.detect_by_s) * 1000),
        together=tuple(devices.label[device] for device in fault.together),
        also=fault.kind.also,
    )


def _fleet(devices: Roster) -> Fleet:
    """Patrol grids a kilometre wide with four devices of each kind; six lamps hang on a cabinet."""
    places = list(zip(devices.lon_deg.tolist(), devices.lat_deg.tolist(), strict=True))
    grids = {
        code: shapely.box(lon - 0.005, 39.61, lon + 0.005, 39.63)
        for code, (lon, _) in zip(devices.patrol_code, places, strict=True)
    }
    lamps = [(number, cabinet) for number, cabinet in enumerate(devices.circuit) if cabinet]
    components = {f"C-{devices.label[number]}": Component(class_code="0137") for number, _ in lamps}
    fed = {cabinet: tuple(f"C-{devices.label[n]}" for n, its in lamps if its == cabinet) for _, cabinet in lamps}
    components |= {cabinet: Component(class_code="0198", feeds=its) for cabinet, its in fed.items()}
    return fleet(
        [
            Device(
                label=label,
                profile=devices.profile[number],
                interval_s=float(devices.interval_s[number]),
                district_code=devices.district_code[number],
                component=f"C-{label}" if devices.circuit[number] else "",
                at=places[number],
            )
            for number, label in enumerate(devices.label)
        ],
        LittleCity(grids=grids, components=components),
        registered_us=0,
    )


def _facts(some: Iterable[Message]) -> list[LocatedFact]:
    told = [message for message in some if message.fact]
    facts = [fact for message in told for fact in native_events.decode(message.topic, message.payload, 0)]
    return [
        LocatedFact(
            slot=message.device,
            ts_us=fact.ts_us or 0,
            seq=fact.seq,
            kind=fact.kind,
            confidence=fact.confidence,
            plate=fact.plate,
            snapshot_url=None,
            snapshot_sha256=None,
            origin=1,
            unit_grid_id=0,
            quality=0,
            detail={},
            message=number,
        )
        for number, (message, fact) in enumerate(zip(told, facts, strict=True))
        if isinstance(fact, Fact)
    ]


def _frames(fleet: Fleet, some: Iterable[Message]) -> tuple[Frame, ...]:
    by_profile: dict[str, list[Message]] = defaultdict(list)
    for message in some:
        by_profile[fleet.profiles[fleet.profile[message.device]]].append(message)
    return tuple(_frame(name, rows) for name, rows in by_profile.items())


def _frame(name: str, rows: list[Message]) -> Frame:
    channels = PROFILES[name].channel_names
    bodies = [msgspec.json.decode(row.payload)["values"] for row in rows]
    zeros = np.zeros(len(rows), dtype=np.int32)
    return Frame(
        profile=name,
        channels=channels,
        slot=np.array([row.device for row in rows], dtype=np.int32),
        ts_us=np.array([row.ts_ms * 1000 for row in rows], dtype=np.int64),
        seq=np.array([row.seq for row in rows], dtype=np.int32),
        values=np.array([[body.get(channel, np.nan) for channel in channels] for body in bodies], dtype=np.float64),
        quality=zeros.astype(np.int16),
        origin=np.ones(len(rows), dtype=np.int8),
        unit_grid_id=zeros,
        message=np.arange(len(rows), dtype=np.int32),
    )
