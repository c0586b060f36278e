"""Fits the rules' memory to a rule book and a fleet: what goes on keeps its state, what ended is withdrawn. Pure.

A rule is known by its name: published anew, with whatever other numbers, it goes on where it stood. Where a rule stood
on a device it looks at no more, the next step ends that (`alerts.engine`).
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from alerts import phase, rings, scope
from alerts.condition import Condition
from alerts.memory import BLOCK, NEVER_US, RuleState, Slots, Stream, Table, Watched, Withdrawn, heard_after
from alerts.rule import Rule, Rulebook
from core.fleet import Fleet
from core.origin import Origin

_POSITION = ("lat_deg", "lon_deg")


def fit(state: RuleState, rulebook: Rulebook, fleet: Fleet) -> None:
    """Make the tables that the rules need for the fleet, and carry over what is known."""
    if state.fleet is fleet and state.rulebook is rulebook:
        return
    place = np.zeros(len(fleet), np.int32)
    slots: dict[str, Slots] = {}
    for code, profile in enumerate(fleet.profiles):
        slots[profile] = np.flatnonzero(fleet.profile == code)
        place[slots[profile]] = np.arange(len(slots[profile]))
    taken = {rule.name: scope.holds(rule.scope, fleet) for rule in rulebook.rules}
    former = state.streams
    streams = {
        offset_us: _stream(offset_us, rulebook, fleet, slots, taken)
        for offset_us in sorted({rule.offset_us for rule in rulebook.rules})
    }
    withdrawn = list(state.withdrawn)
    for old in former.values():
        for table in old.tables.values():
            withdrawn += _carry_phases(table, streams)
    for stream in streams.values():
        _carry_readings(stream, former, state)
    state.place, state.streams, state.withdrawn = place, streams, tuple(withdrawn)
    state.fleet, state.rulebook = fleet, rulebook


def _stream(
    offset_us: int, rulebook: Rulebook, fleet: Fleet, slots: Mapping[str, Slots], taken: Mapping[str, NDArray[np.bool_]]
) -> Stream:
    tables: dict[str, Table] = {}
    for profile in {name: None for rule in rulebook.rules for name in rule.scope.profiles}:
        rules = tuple(r for r in rulebook.rules if profile in r.scope.profiles and r.offset_us == offset_us)
        if rules and profile in slots:
            tables[profile] = _table(profile, rules, slots[profile], fleet, taken)
    return Stream(offset_us=offset_us, tables=tables)


def _table(
    profile: str, rules: tuple[Rule, ...], slots: Slots, fleet: Fleet, taken: Mapping[str, NDArray[np.bool_]]
) -> Table:
    count, conditions = len(slots), [c for rule in rules for c in (rule.fires, rule.clears) if c is not None]
    channels = _wanted(conditions)
    in_service = fleet.in_service[slots]
    return Table(
        profile=profile,
        rules=rules,
        slots=slots,
        phase=np.zeros((count, len(rules)), np.int8),
        since_us=np.zeros((count, len(rules)), np.int64),
        ts_us=np.zeros(count, np.int64),
        heard_us=fleet.registered_us[slots].copy(),
        origin=np.full(count, Origin.LIVE, np.int8),
        channels=channels,
        values=np.full((count, len(channels)), np.nan),
        rings=rings.rings_of(_spans_us(conditions), fleet.interval_s[slots]),
        narrow={n: taken[rule.name][slots] for n, rule in enumerate(rules) if scope.is_narrow(rule.scope)},
        excused=None if in_service.all() else ~in_service,
        watched=tuple(
            _watched(rule, n, slots[taken[rule.name][slots] & in_service], slots, fleet)
            for n, rule in enumerate(rules)
            if rule.absence
        ),
    )


def _wanted(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """Give the channels whose newest value is needed, in a fixed order."""
    wanted: set[str] = set()
    for condition in conditions:
        wanted |= condition.changes | {channel for channel, _ in condition.neighbours}
        wanted.update(_POSITION if condition.crossings else ())
    return tuple(sorted(wanted))


def _spans_us(conditions: Iterable[Condition]) -> dict[str, int]:
    spans: dict[str, int] = {}
    for condition in conditions:
        for channel, span_us in condition.windows:
            spans[channel] = max(span_us, spans.get(channel, 0))
    return spans


def _watched(rule: Rule, column: int, chosen: Slots, slots: Slots, fleet: Fleet) -> Watched:
    assert rule.absence is not None
    allowed_s = rule.absence.intervals * fleet.interval_s[chosen] + rule.absence.seconds
    allowed_us = np.full(len(slots), NEVER_US, np.int64)
    allowed_us[np.searchsorted(slots, chosen)] = np.round(allowed_s * 1e6).astype(np.int64) + rule.for_us
    return Watched(
        rule=rule,
        column=column,
        allowed_us=allowed_us,
        least_us=int(allowed_us.min(initial=NEVER_US)),
        bound_us=np.zeros(-(-len(slots) // BLOCK), np.int64),
    )


def _carry_phases(old: Table, streams: Mapping[int, Stream]) -> Iterable[Withdrawn]:
    """Take over the phases of rules that go on; give those that do not."""
    for column, rule in enumerate(old.rules):
        stands = np.flatnonzero(old.phase[:, column])
        if not len(stands):
            continue
        slots, phases, since_us = old.slots[stands], old.phase[stands, column], old.since_us[stands, column]
        stays = np.zeros(len(stands), np.bool_)
        for stream in streams.values():
            table = stream.tables.get(old.profile)
            if table is not None and (now := table.column_of(rule.name)) is not None:
                stays = taken_in(table, now, slots, phases)
                table.put(now, np.searchsorted(table.slots, slots[stays]), phases[stays], since_us[stays])
        if not stays.all():
            yield Withdrawn(rule=rule, slots=slots[~stays], phase=phases[~stays], since_us=since_us[~stays])


def taken_in(table: Table, column: int, slots: Slots, phases: phase.Phases) -> NDArray[np.bool_]:
    """Say on which slots a rule that stood there goes on: those it looks at. A silence is never pending."""
    if not len(table.slots):
        return np.zeros(len(slots), np.bool_)  # no device of the profile
    at = np.searchsorted(table.slots, slots)
    inside = (at < len(table.slots)) & (table.slots[np.minimum(at, len(table.slots) - 1)] == slots)
    if (narrow := table.narrow.get(column)) is not None:
        inside[inside] &= narrow[at[inside]]
    return inside & ((phases == phase.FIRING) if table.rules[column].absence else True)


def _carry_readings(stream: Stream, former: Mapping[int, Stream], state: RuleState) -> None:
    """Take over the newest readings of the stream of the same lateness, or of the one nearest to it."""
    if former:
        source = former[min(former, key=lambda offset_us: abs(offset_us - stream.offset_us))]
        seen_us = source.released_us if source.offset_us else state.watched_until_us or 0
        stream.released_us = max(seen_us, (state.watched_until_us or 0) - stream.offset_us)
        stream.held = source.held
        for profile, table in stream.tables.items():
            if profile in source.tables:
                _copy(source.tables[profile], table)
    outages = [outage.earlier(stream.offset_us) for outage in state.outages]
    for table in stream.tables.values():
        new = table.ts_us == 0
        table.heard_us[new] = heard_after(table.heard_us[new], outages)


def _copy(old: Table, table: Table) -> None:
    grown = np.array_equal(old.slots, table.slots[: len(old.slots)])
    same = old.slots if grown else np.intersect1d(old.slots, table.slots)
    was, now = np.searchsorted(old.slots, same), np.searchsorted(table.slots, same)
    for name in ("ts_us", "heard_us", "origin"):
        getattr(table, name)[now] = getattr(old, name)[was]
    for position, channel in enumerate(table.channels):
        if channel in old.channels:
            table.values[now, position] = old.values[was, old.channels.index(channel)]
    rings.carry(old.rings, table.rings, was, now)


def longest_silence_us(streams: Iterable[Stream]) -> int:
    """Give the longest silence that is being measured."""
    allowed = (
        int(watched.allowed_us[watched.allowed_us < NEVER_US].max(initial=0))
        for stream in streams
        for table in stream.tables.values()
        for watched in table.watched
    )
    return max(allowed, default=0)
