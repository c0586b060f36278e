"""Where a step's cases are opened, held back, absorbed, released and ended; writes to a draft and says so. Pure.

A case stands from when it is opened until it ends, with an incident or held back. Held back it says nothing; when what
holds it back ends, and nothing else does, it opens with the members it has then.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from alerts import labels
from alerts.case import Change, Member, Merging, Muting, Opening
from alerts.case_memory import Case, Draft, Firing
from alerts.engine import Transition
from alerts.mute import Subject, muted_by
from alerts.neighbourhood import Neighbourhood
from alerts.rule import Rule, Rulebook
from alerts.scope import Totals
from core.fleet import Fleet

EARTH_M = 6_371_008.8
"""Mean radius. Source: IUGG."""
_FOLLOWS = re.compile(r"\b(?:inside|outside|entered|left|off_route_m)\s*\(")
"""Questions about where a device is: the incident of a rule that asks one shows the way it went."""


class Desk:
    """One step's view of the cases; `changes` are in the order they happened."""

    def __init__(self, draft: Draft, rulebook: Rulebook, fleet: Fleet, now: datetime, totals: Totals) -> None:
        self.draft = draft
        self.fleet = fleet
        self.changes: list[Change] = []
        self._now = now
        self._totals = totals
        self._loosened: set[str] = set()
        self._grounds: dict[str, Neighbourhood] = {}
        self._replacers: dict[str, list[str]] = {}
        for rule in rulebook.rules:
            for name in rule.together.replaces if rule.together is not None else ():
                self._replacers.setdefault(name, []).append(rule.name)

    def say(self, change: Change) -> None:
        """Note a change."""
        self.changes.append(change)

    def neighbourhood(self, rule: Rule) -> Neighbourhood:
        """Give what fires around what, of a rule that looks at many devices."""
        found = self._grounds.get(rule.name)
        if found is None:
            found = self._grounds[rule.name] = Neighbourhood(rule, self.fleet, self.draft, self._totals)
        return found

    def region_of(self, firing: Firing) -> int:
        """Give the cell a firing is counted under; 0 = under none."""
        if firing.rule.together is None:
            return 0
        return self.neighbourhood(firing.rule).region_of(firing.transition.slot)

    def firing(self, rule: Rule, slot: int) -> Firing:
        """Give a firing that is known to be there."""
        found = self.draft.firings.get((rule.name, slot))
        assert found is not None
        return found

    def cause_of_device(self, rule: Rule, slot: int) -> str:
        """Give the cause of a rule on one device."""
        return f"{rule.name}/device:{self.fleet.device_id[slot]}"

    def cause_of(self, rule: Rule, slot: int) -> str:
        """Give the cause of a rule on what a device stands on: two sensors on one cover tell of one case."""
        component = int(self.fleet.component_id[slot])
        return f"{rule.name}/component:{component}" if component else self.cause_of_device(rule, slot)

    def cause_of_spot(self, transition: Transition) -> str | None:
        """Give the cause of the nearest case of the rule within its radius, for devices that stand on no component."""
        near = transition.rule.same_place
        if near is None or self.fleet.component_id[transition.slot]:
            return None
        found: tuple[float, str] | None = None
        for cause, name in self.draft.spots.items():
            case = self.draft.cases.get(cause) if name == transition.rule.name else None
            if case is not None:
                away_m = _distance_m(self._position(case.transition), self._position(transition))
                if away_m <= near.radius_m:
                    found = min(found or (away_m, cause), (away_m, cause))
        return found[1] if found else None

    def free_cause(self, cause: str) -> str:
        """Give the cause, or with a number behind it when a case that moved on still bears it."""
        number, name = 1, cause
        while self.draft.cases.get(name) is not None:
            number += 1
            name = f"{cause}/{number}"
        return name

    def open(self, case: Case) -> None:
        """Open a case, or hold it back."""
        held = self._holder(case)
        case = replace(case, held_by=held[0] if held else None)
        self.draft.put_case(case)
        self.draft.standing.put(case.cause, labels.of_case(case.rule, case.transition.slot, self.fleet))
        if held is None:
            self._announce(case)
        else:
            self.say(Muting(cause=case.cause, rule=case.rule, transition=case.transition, by=held[0], reason=held[1]))

    def shrink(self, case: Case) -> None:
        """Note a case as it is without a member."""
        self.draft.put_case(case)
        self._loosened.update((case.cause, *((case.held_by,) if case.held_by is not None else ())))

    def end(self, case: Case, *, leave_members: bool = False) -> None:
        """End a case; its members belong to none any more, unless they went to another."""
        self.draft.drop_case(case)
        self._loosened.add(case.cause)
        for slot in () if leave_members else sorted(case.members):
            firing = self.firing(case.rule, slot)
            self.draft.put_firing(replace(firing, cause=""), self.region_of(firing))

    def absorb(self, case: Case, slots: Iterable[int], transition: Transition) -> None:
        """Take in the open cases on some members of the rules this one replaces; they are held back from now on."""
        replaced = case.rule.together.replaces if case.rule.together is not None else ()
        for slot in slots:
            for name in replaced:
                firing = self.draft.firings.get((name, slot))
                single = self.draft.cases.get(firing.cause) if firing is not None and firing.cause else None
                if single is not None and single.held_by is None and single.cause != case.cause:
                    self.draft.put_case(replace(single, held_by=case.cause))
                    self.say(Merging(cause=single.cause, into=case.cause, rule=single.rule, transition=transition))

    def release_effects(self) -> None:
        """Open what was held back by cases that have just ended or lost a member, if nothing holds it back now."""
        while self._loosened:
            loosened, self._loosened = self._loosened, set()
            self._recheck([cause for cause, by in self.draft.held.items() if by in loosened])

    def release_all(self) -> None:
        """Open everything that nothing holds back any more."""
        self._recheck([cause for cause, _ in self.draft.held.items()])

    def geometry_of(self, case: Case) -> bytes | None:
        """Give what a rule of many saw: the cells touched, as one; of devices by themselves what spans them."""
        places = self.fleet.places
        if case.rule.together is None:
            return None
        if case.kind is not None:
            return places.union(case.kind, tuple(sorted(case.nodes)))
        slots = sorted(case.nodes)
        return places.hull(self.fleet.lon_deg[slots], self.fleet.lat_deg[slots])

    def _recheck(self, causes: list[str]) -> None:
        for cause in sorted(causes):
            case = self.draft.cases.get(cause)
            if case is None or case.held_by is None:
                continue
            held = self._holder(case)
            if held is not None:
                self.draft.put_case(replace(case, held_by=held[0]))
                continue
            case = replace(case, held_by=None)
            self.draft.put_case(case)
            self._announce(case)

    def _announce(self, case: Case) -> None:
        """Say that a case opens, with the members it has now."""
        members = [self.firing(case.rule, slot).transition for slot in sorted(case.members)]
        decided = case.transition
        if decided.slot not in case.members:
            decided = min(members, key=lambda transition: (transition.ts_us, transition.slot))
        self.say(
            Opening(
                cause=case.cause,
                rule=case.rule,
                transition=decided,
                members=tuple(sorted(case.members)),
                joined=tuple(Member(slot=member.slot, transition=member) for member in members),
                geometry=self.geometry_of(case),
                cell_kind=case.kind,
                cell=case.cell,
                component_id=case.component_id,
                follows=follows(case.rule, decided),
            )
        )
        self.absorb(case, sorted(case.members), decided)

    def _holder(self, case: Case) -> tuple[str, str] | None:
        """Give what holds a case back, and why in words."""
        for name in self._replacers.get(case.rule.name, ()):
            for slot in sorted(case.members):
                firing = self.draft.firings.get((name, slot))
                many = self.draft.cases.get(firing.cause) if firing is not None and firing.cause else None
                if many is not None and many.held_by is None and many.cause != case.cause:
                    return many.cause, f"part of {many.cause}"
        lon_deg, lat_deg = self._position(case.transition)
        grid = case.transition.unit_grid_id
        subject = Subject(
            cause=case.cause,
            labels=labels.of_case(case.rule, case.transition.slot, self.fleet),
            lon_deg=lon_deg,
            lat_deg=lat_deg,
            unit_grid_id=grid if grid > 0 else int(self.fleet.unit_grid_id[case.transition.slot]),
        )
        muted = muted_by(subject, self._now, self.draft.silences, self.draft.standing)
        if muted is None:
            return None
        return (muted.by if muted.kind == "inhibition" else f"silence:{muted.by}"), muted.reason

    def _position(self, transition: Transition) -> tuple[float, float]:
        """Give where a reading was taken, or where its device is registered."""
        if math.isfinite(transition.lon_deg) and math.isfinite(transition.lat_deg):
            return transition.lon_deg, transition.lat_deg
        return float(self.fleet.lon_deg[transition.slot]), float(self.fleet.lat_deg[transition.slot])


def follows(rule: Rule, transition: Transition) -> bool:
    """Say whether the incident of a rule shows the way a device went: it moves, and the rule asks where it is."""
    moves = math.isfinite(transition.lon_deg) and math.isfinite(transition.lat_deg)
    return moves and rule.together is None and rule.fires is not None and bool(_FOLLOWS.search(rule.fires.text))


def _distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Give the distance of two points of one city: a plane does."""
    east = math.radians(b[0] - a[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return EARTH_M * math.hypot(east, math.radians(b[1] - a[1]))
