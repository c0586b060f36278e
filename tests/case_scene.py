"""Devices on a city of squares whose rules fire and recover as a test says, through `alerts.fan_in`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from alerts import engine, fan_in
from alerts.case import Change, Decided, Joining, Leaving, Merging, Muting, Opening, Recovery
from alerts.case_memory import Cases
from alerts.due import parse
from alerts.engine import Kind, Proof, Transition
from alerts.rule import Raises, Rule, Rulebook, Scope, Severity
from alerts.together import SamePlace, Together
from core.fleet import Fleet
from geo.places import CityMap, CityPlaces
from tests.builders import fleet
from tests.squares import city_of_squares, stand

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000


def rule(name: str, *, together: Together | None = None, same_place: SamePlace | None = None) -> Rule:
    """A rule on manhole covers."""
    return Rule(
        name=name,
        group="test",
        scope=Scope(profiles=("manhole_cover",)),
        severity=Severity.MAJOR,
        raises=Raises(deadline=parse("2 urgent_hour")),
        together=together,
        same_place=same_place,
    )


class Scene:
    """One memory of cases; `said` are the changes so far."""

    def __init__(
        self,
        at: Sequence[tuple[float, float]],
        *rules: Rule,
        component: Sequence[int] = (),
        city: CityMap | None = None,
        inhibit: Sequence[object] = (),
    ) -> None:
        where = stand(at, component=component)
        base = fleet(count=len(at))
        self.fleet: Fleet = replace(
            base,
            component_id=where.component_id,
            unit_grid_id=where.unit_grid_id,
            lon_deg=where.lon_deg,
            lat_deg=where.lat_deg,
            places=CityPlaces(city or city_of_squares(), where),
        )
        self.book = Rulebook(rules=rules, inhibit_rules=tuple(inhibit))  # type: ignore[arg-type]
        self.cases = Cases()
        self.said: list[Change] = []

    def rule(self, name: str) -> Rule:
        found = self.book.named(name)
        assert found is not None
        return found

    def transition(self, kind: Kind, name: str, slot: int, at_s: float, **more: float) -> Transition:
        return Transition(
            **{
                "kind": kind,
                "rule": self.rule(name),
                "slot": slot,
                "ts_us": int(at_s * SECOND),
                "since_us": int(at_s * SECOND),
                "origin": 0,
                "unit_grid_id": int(self.fleet.unit_grid_id[slot]),
                "lon_deg": np.nan,
                "lat_deg": np.nan,
                "proof": Proof(channel="water_m", comparison="water_m > 1", threshold=1.0, value=1.5),
                **more,
            }
        )

    def fire(self, name: str, slot: int, at_s: float, **more: float) -> list[str]:
        return self.step([self.transition(Kind.FIRED, name, slot, at_s, **more)], at_s)

    def recover(self, name: str, slot: int, at_s: float) -> list[str]:
        return self.step([self.transition(Kind.RECOVERED, name, slot, at_s)], at_s)

    def tick(self, at_s: float) -> list[str]:
        return self.step([], at_s)

    def step(self, transitions: Sequence[Transition], now_s: float) -> list[str]:
        """Decide and commit; give what was said in words."""
        decided = self.decided(transitions, now_s)
        fan_in.commit(self.cases, decided)
        self.said.extend(decided.changes)
        return [told(change) for change in decided.changes]

    def decided(self, transitions: Sequence[Transition], now_s: float) -> Decided:
        now, nothing = EPOCH + timedelta(seconds=now_s), Rulebook()
        tick = engine.step(engine.initial(nothing, self.fleet), (), nothing, self.fleet, now)
        step = replace(tick, transitions=tuple(transitions), changes=replace(tick.changes, scanned=True))
        return fan_in.decide(self.cases, step, self.book, self.fleet, now)


def told(change: Change) -> str:
    """Say a change in words."""
    match change:
        case Opening(cause=cause, members=members):
            return f"{cause} opens with {', '.join(map(str, members))}"
        case Joining(cause=cause, slot=slot):
            return f"{slot} joins {cause}"
        case Leaving(cause=cause, slot=slot):
            return f"{slot} leaves {cause}"
        case Merging(cause=cause, into=into):
            return f"{cause} merges into {into}"
        case Muting(cause=cause, by=by):
            return f"{cause} is held back by {by}"
        case Recovery(cause=cause):
            return f"{cause} recovers"
