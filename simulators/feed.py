"""The feed: every message that a fleet publishes, in order, from a seed. Pure: time is what `advance` is told.

Time runs in ticks of `TICK_MS` from the start, and all randomness is drawn in the order of ticks: the same seed, fleet,
scenario and start give the same bytes however fast or unevenly the feed is read.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput
from devices.profile import Profile
from simulators import defects, models, spread
from simulators.detections import Detector
from simulators.plain_model import Plain
from simulators.roster import Roster
from simulators.routes import M_PER_DEG_LAT, Line
from simulators.scenario import Fault, Plan, Scenario
from wire import native_v1, topics

TICK_MS = 20
"""Resolution of the feed; messages of one tick carry the same `ts`."""

BAD_SEQ_FROM = 1_000_000_000
"""Bad messages count from here, apart from the devices' own sequences."""

KEEPS_SHARE = 0.5
"""Of the devices that are cut off for a report, how many keep it and send it late (our choice)."""
KEEPS_UP_TO_S = 60.0
"""Only devices that report at least this often: what is kept must come within a run (our choice)."""

# Digits after the point; a device sends what its sensor resolves, not a float's noise.
_DECIMALS: Mapping[str, int] = {"lon_deg": 6, "lat_deg": 6, "water_m": 3, "current_a": 3, "vibration_count": 0}
_DECIMALS_ELSE = 2


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish; `defect` is empty for a good one."""

    topic: str
    payload: bytes
    device: int
    ts_ms: int
    seq: int
    defect: str
    fact: str = ""
    """Kind of the fact it tells; empty for a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a feed is made from."""

    roster: Roster
    profiles: Mapping[str, Profile]
    scenario: Scenario
    plan: Plan
    zone: ZoneInfo
    lines: Sequence[Line] = ()
    rate_scale: float = 1.0
    """Divides every device's reporting interval."""
    payload_limit_bytes: int = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The devices of one profile with their model."""

    profile: Profile
    members: NDArray[np.intp]
    model: models.Model


@dataclass(slots=True)
class Tick:
    """What happened in one tick."""

    messages: list[Message] = field(default_factory=list["Message"])
    """Made and published in this tick."""
    kept: list[Message] = field(default_factory=list["Message"])
    """Made in this tick by devices that are cut off, and kept by them."""
    released: list[Message] = field(default_factory=list["Message"])
    """Published in this tick, on the lane for it, having been kept before."""
    started: list[Fault] = field(default_factory=list["Fault"])


class Feed:
    """Owns the state of a simulated fleet: when each device is due, its sequence, and the fault it has."""

    def __init__(self, setup: Setup) -> None:
        roster, seed = setup.roster, setup.plan.seed
        self._setup = setup
        self._start_ms = round(setup.plan.start_epoch_s * 1000)
        self._noise = np.random.default_rng([seed, 1])
        self._loss = np.random.default_rng([seed, 2])
        self._mischief = np.random.default_rng([seed, 3])
        self._interval_s = np.maximum(roster.interval_s / setup.rate_scale, TICK_MS / 1000)
        self._told_interval_s = self._interval_s.copy()
        self._number_of = {label: number for number, label in enumerate(roster.label)}
        self._due_s = np.random.default_rng([seed, 4]).uniform(0, 1, len(roster)) * self._interval_s
        self._seq = np.zeros(len(roster), dtype=np.int64)
        self._cut_off = np.random.default_rng([seed, 6])
        self._kept: dict[int, list[Message]] = {}
        self._was_lost = np.ones(len(roster), dtype=bool)  # a device's first report always comes
        self._is_silent = np.zeros(len(roster), dtype=bool)
        self._active: dict[int, Fault] = {}
        self._faults: Iterator[Fault] = spread.faults(setup.scenario, roster, setup.plan)
        self._next_fault = next(self._faults, None)
        self._next_bad_s = self._bad_gap_s()
        self._bad_count = 0
        self._detector = Detector(roster, setup.scenario.detections, seed)
        self._ticks = 0
        self._groups = _groups(setup)
        self._group_of = np.zeros(len(roster), dtype=np.intp)
        self._place_in_group = np.zeros(len(roster), dtype=np.intp)
        for number, group in enumerate(self._groups):
            self._group_of[group.members] = number
            self._place_in_group[group.members] = np.arange(len(group.members))

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start to the end of the last tick given."""
        return self._ticks * TICK_MS / 1000

    def advance(self) -> Tick:
        """Give the next tick: its messages and the faults that begin in it."""
        self._ticks += 1
        now_s = self.elapsed_s
        tick = Tick()
        ended = self._end_faults(now_s)
        started = self._start_faults(now_s)
        tick.started = started
        due = np.flatnonzero(self._due_s <= now_s)
        self._due_s[due] += self._interval_s[due] * (np.floor((now_s - self._due_s[due]) / self._interval_s[due]) + 1)
        survives = self._survives(due)
        keeping = self._keeping(due[~survives])
        due = due[survives]
        extra = [fault.device for fault in (*ended, *started)]
        reporting = np.union1d(due, np.array(extra, dtype=np.intp)) if extra else due
        reporting = reporting[~self._is_silent[reporting]]
        if len(reporting):
            self._report(reporting, now_s, tick.messages, {fault.device for fault in started})
            for device in self._kept.keys() & set(reporting.tolist()):
                tick.released += self._kept.pop(device)
        if len(keeping):
            self._keep(keeping, now_s, tick)
        if now_s >= self._next_bad_s:
            self._misbehave(now_s, tick.messages)
        self._detect(now_s, tick.messages, started)
        return tick

    def obey(self, label: str, command: str, arguments: Mapping[str, float]) -> None:
        """Have a device do what it is told from its next report on; raises `InvalidInput` when it cannot."""
        device = self._number_of.get(label)
        if device is None:
            raise InvalidInput(f"no device {label} in this feed")
        if command == "set_interval":
            self._told_interval_s[device] = arguments["interval_s"]
            self._interval_s[device] = arguments["interval_s"]
            self._due_s[device] = self.elapsed_s + arguments["interval_s"]
            return
        model = self._groups[self._group_of[device]].model
        if not isinstance(model, models.Obedient):
            raise InvalidInput(f"this type is not simulated doing {command}")
        model.obey(int(self._place_in_group[device]), command, arguments)
        self._due_s[device] = self.elapsed_s  # it shows at once

    def release(self) -> list[Message]:
        """Give what devices still keep, at the end of a run."""
        left = [message for messages in self._kept.values() for message in messages]
        self._kept.clear()
        return left

    def _end_faults(self, now_s: float) -> list[Fault]:
        ended = [fault for fault in self._active.values() if fault.end_s <= now_s]
        for fault in ended:
            del self._active[fault.device]
            self._is_silent[fault.device] = False
            self._interval_s[fault.device] = self._told_interval_s[fault.device]
        return ended

    def _start_faults(self, now_s: float) -> list[Fault]:
        started: list[Fault] = []
        while self._next_fault is not None and self._next_fault.start_s <= now_s:
            fault = self._next_fault
            self._active[fault.device] = fault
            self._is_silent[fault.device] = fault.kind.silent
            if self._interval_s[fault.device] > fault.kind.report_s and not fault.kind.silent:
                self._interval_s[fault.device] = fault.kind.report_s
                self._due_s[fault.device] = now_s + fault.kind.report_s
            started.append(fault)
            self._next_fault = next(self._faults, None)
        return started

    def _survives(self, due: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Say which reports are not lost in a drop-out; never two in a row, never during a fault."""
        lost = self._loss.uniform(0, 1, len(due)) < self._setup.scenario.drop_out_share
        lost &= ~self._was_lost[due]
        if self._active:
            lost &= ~np.isin(due, list(self._active))
        self._was_lost[due] = lost
        return ~lost

    def _keeping(self, lost: NDArray[np.intp]) -> NDArray[np.intp]:
        """Give those of the drop-outs whose devices keep the report and send it with the next one."""
        quick = self._interval_s[lost] <= KEEPS_UP_TO_S
        return lost[quick & (self._cut_off.uniform(0, 1, len(lost)) < KEEPS_SHARE)]

    def _keep(self, keeping: NDArray[np.intp], now_s: float, tick: Tick) -> None:
        self._report(keeping, now_s, tick.kept, ())
        tick.kept = [replace(message, topic=topics.on_lane(message.topic, topics.BACKLOG)) for message in tick.kept]
        for message in tick.kept:
            self._kept.setdefault(message.device, []).append(message)

    def _report(
        self, reporting: NDArray[np.intp], now_s: float, messages: list[Message], alarming: Collection[int]
    ) -> None:
        """Make the devices' reports; those of `alarming` ones go on the lane that is carried first."""
        now = models.moment(self._setup.plan.start_epoch_s + now_s, self._setup.zone)
        ts_ms = self._start_ms + math.floor(now_s * 1000 + 0.5)
        roster = self._setup.roster
        for number, group in enumerate(self._groups):
            chosen = reporting[self._group_of[reporting] == number]
            if not len(chosen):
                continue
            columns = group.model.values(self._place_in_group[chosen], now, self._noise)
            names = tuple(name for name in group.profile.channel_names if name in columns)
            scale = np.array([_scale(name) for name in names])
            table = np.rint(np.column_stack([columns[name] for name in names]) * scale) / scale
            self._seq[chosen] += 1
            for device, seq, row in zip(chosen.tolist(), self._seq[chosen].tolist(), table.tolist(), strict=True):
                values = dict(zip(names, row, strict=True))
                if device in self._active:
                    apply(self._active[device], values, now_s)
                payload = native_v1.encode(ts_ms, seq, "simulated", values)
                topic = roster.topic[device]
                if device in alarming:
                    topic = topics.on_lane(topic, topics.ALARM)
                messages.append(Message(topic, payload, device, ts_ms, seq, ""))

    def _misbehave(self, now_s: float, messages: list[Message]) -> None:
        self._next_bad_s = now_s + self._bad_gap_s()
        kinds = self._setup.scenario.defects.kinds
        kind = kinds[self._bad_count % len(kinds)]
        self._bad_count += 1
        device = int(self._mischief.integers(len(self._setup.roster)))
        group = self._groups[self._group_of[device]]
        now = models.moment(self._setup.plan.start_epoch_s + now_s, self._setup.zone)
        columns = group.model.values(self._place_in_group[device : device + 1], now, self._mischief)
        ts_ms = self._start_ms + math.floor(now_s * 1000 + 0.5)
        seq = BAD_SEQ_FROM + self._bad_count
        victim = defects.Victim(
            topic=self._setup.roster.topic[device],
            label=self._setup.roster.label[device],
            ts_ms=ts_ms,
            seq=seq,
            values={name: round(float(column[0]), 2) for name, column in columns.items()},
            limit_bytes=self._setup.payload_limit_bytes,
        )
        topic, payload = defects.KINDS[kind](victim)
        messages.append(Message(topic, payload, device, ts_ms, seq, kind))

    def _detect(self, now_s: float, messages: list[Message], started: Sequence[Fault]) -> None:
        ts_ms = self._start_ms + math.floor(now_s * 1000 + 0.5)
        told = [it for it in self._detector.until(now_s, ts_ms) if not self._is_silent[it.device]]
        told += [
            self._detector.sighted(fault.device, fault.kind.sighting, ts_ms) for fault in started if fault.kind.sighting
        ]
        messages.extend(Message(it.topic, it.payload, it.device, ts_ms, it.seq, "", it.kind) for it in told)

    def _bad_gap_s(self) -> float:
        bad = self._setup.scenario.defects
        if bad.per_minute <= 0 or not bad.kinds or not len(self._setup.roster):
            return math.inf
        return 60 / bad.per_minute * float(self._mischief.uniform(0.5, 1.5))


def apply(fault: Fault, values: dict[str, float], now_s: float) -> None:
    """Change a healthy device's values to what they are under `fault` at `now_s`."""
    for channel, effect in fault.kind.effects.items():
        target = fault.targets[channel]
        share = 1.0 if effect.over_s <= 0 else min(1.0, (now_s - fault.start_s) / effect.over_s)
        values[channel] += (target - values[channel]) * share
    if fault.detour_m:
        bearing = math.radians(values["bearing_deg"])
        values["lat_deg"] -= math.sin(bearing) * fault.detour_m / M_PER_DEG_LAT
        values["lon_deg"] += (
            math.cos(bearing) * fault.detour_m / (M_PER_DEG_LAT * math.cos(math.radians(values["lat_deg"])))
        )
        values["off_route_m"] = fault.detour_m
    for channel, value in values.items():
        values[channel] = round(value * _scale(channel)) / _scale(channel)


def _scale(channel: str) -> float:
    return 10.0 ** _DECIMALS.get(channel, _DECIMALS_ELSE)


def _groups(setup: Setup) -> list[_Group]:
    groups: list[_Group] = []
    for number, name in enumerate(sorted(set(setup.roster.profile))):
        members = setup.roster.of_profile(name)
        rng = np.random.default_rng([setup.plan.seed, 5, number])
        profile, maker = setup.profiles[name], models.MAKERS.get(name)
        model = maker(setup.roster, members, rng, setup.lines) if maker else Plain(profile, setup.roster, members, rng)
        groups.append(_Group(profile=profile, members=members, model=model))
    return groups
