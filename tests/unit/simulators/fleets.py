"""A small fleet of all four kinds, and the rule engine run over what it publishes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from alerts import engine, rulebook
from alerts.work_calendar import Calendar
from core.fleet import Fleet
from core.frame import Frame
from devices import profile
from simulators import roster, routes, scenario
from simulators.feed import Feed, Message, Setup
from simulators.roster import Roster
from simulators.scenario import Plan, Scenario

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
            place = f"{118.17 + number / 1000},{39.62 + number / 1000}"
            grid = f"{district}001001{number:03d}"
            rows.append(f"{kind[:3].upper()}-{number},{kind},,{district},{grid},P{number},{place},{interval_s},")
    return roster.parse(rows, PROFILES, "small")


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


@dataclass(frozen=True)
class Fired:
    rule: str
    device: str
    ts_ms: int


class Bench:
    """The default rules over the readings of a roster, a step a second, as ingest runs them."""

    def __init__(self, devices: Roster) -> None:
        self._fleet = _fleet(devices)
        self._rules = rulebook.load(rulebook.DEFAULT, Calendar(timezone="Asia/Shanghai"))
        self._state = engine.initial(self._rules, self._fleet)

    def step(self, some: Sequence[Message], now_s: float) -> list[Fired]:
        now = datetime.fromtimestamp(now_s, tz=UTC)
        step = engine.step(self._state, _frames(self._fleet, some), self._rules, self._fleet, now)
        engine.commit(self._state, step)
        return [
            Fired(change.rule.name, self._fleet.label[change.slot], change.ts_us // 1000)
            for change in step.transitions
            if change.kind is engine.Kind.FIRED
        ]

    def run(self, feed: Feed, start: float, seconds: int) -> list[Fired]:
        fired: list[Fired] = []
        for second in range(1, seconds + 1):
            some: list[Message] = []
            while feed.elapsed_s < second:
                some += [message for message in feed.advance().messages if not message.defect and not message.fact]
            fired += self.step(some, start + second)
        return fired


def _fleet(devices: Roster) -> Fleet:
    count = len(devices)
    names = tuple(PROFILES)
    return Fleet(
        device_id=np.arange(1, count + 1, dtype=np.int32),
        label=devices.label,
        profile=np.array([names.index(name) for name in devices.profile], dtype=np.int16),
        profiles=names,
        class_code=("",) * count,
        component_id=np.zeros(count, dtype=np.int32),
        district_code=devices.district_code,
        unit_grid_id=np.zeros(count, dtype=np.int32),
        interval_s=devices.interval_s,
        in_service=np.ones(count, dtype=np.bool_),
        lon_deg=devices.lon_deg,
        lat_deg=devices.lat_deg,
        registered_us=np.zeros(count, dtype=np.int64),
    )


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
