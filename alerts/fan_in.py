"""Step 6b of the journey: from transitions of rules on devices to changes of cases. Pure; next: `alerts.store.record`.

Like `alerts.engine`, `decide` decides and changes nothing; `commit` applies it once the database has committed. What
happens happens in order of event time, so that it does not matter how a stream was cut into batches.

A rule's case is about the component its devices stand on, or the device where it stands on none; with `same_place`
about a spot; with `together` about a place where enough devices fire (`alerts.gathering`). A case that something holds
back (a silence, a cause it is an effect of, a case that replaces it) is remembered, and opens when that ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from alerts import gathering
from alerts.case import Decided, Joining, Leaving, Recovery
from alerts.case_memory import Case, Cases, Draft, Firing
from alerts.desk import Desk, follows
from alerts.engine import Kind, Step, Transition
from alerts.rule import Rulebook
from alerts.scope import Totals
from core.fleet import Fleet

__all__ = ["Cases", "commit", "decide"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decide(cases: Cases, step: Step, rulebook: Rulebook, fleet: Fleet, now: datetime) -> Decided:
    """Give what the transitions of a step, and the clock, mean for cases; the memory is only read."""
    if cases.standing.rules != rulebook.inhibit_rules:
        cases.standing = cases.standing.with_rules(rulebook.inhibit_rules)
    draft = Draft(cases)
    if not step.transitions and not cases.fading and not cases.held:
        return Decided(draft=draft)
    desk = Desk(draft, rulebook, fleet, now, _totals(cases, fleet))
    now_us = (now - _EPOCH) // timedelta(microseconds=1)
    for ts_us, together in groupby(_in_order(step.transitions), key=lambda transition: transition.ts_us):
        _fade(desk, ts_us, now_us)
        for transition in together:
            _take(desk, transition)
        desk.release_effects()
    _fade(desk, now_us, now_us)
    if step.changes.scanned:
        desk.release_all()
    return Decided(changes=tuple(desk.changes), draft=draft)


def commit(cases: Cases, decided: Decided) -> None:  # noqa: ARG001  # the draft knows its memory
    """Apply what was decided to the memory: after the database committed, never before."""
    if decided.draft is not None:
        decided.draft.apply()


def _totals(cases: Cases, fleet: Fleet) -> Totals:
    if cases.totals is None or cases.totals.fleet is not fleet:
        cases.totals = Totals(fleet)
    return cases.totals


def _in_order(transitions: Sequence[Transition]) -> list[Transition]:
    """Sort by event time; at one time what ends comes before what begins, and a case of many before its single ones."""
    seen: dict[tuple[str, int, int], int] = {}
    ranked: list[tuple[int, int, int, int, Transition]] = []
    for number, transition in enumerate(transitions):
        same = (transition.rule.name, transition.slot, transition.ts_us)
        turn = seen[same] = seen.get(same, -1) + 1  # a device that fires and recovers at one time does so in turn
        begins, many = transition.kind is Kind.FIRED, transition.rule.together is not None
        rank = (2 if many else 3) if begins else (1 if many else 0)
        ranked.append((transition.ts_us, turn, rank, number, transition))
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:-1])]


def _take(desk: Desk, transition: Transition) -> None:
    rule = transition.rule
    held = desk.draft.firings.get((rule.name, transition.slot))
    if transition.kind is Kind.RECOVERED:
        _recovered(desk, held, transition)
    elif rule.together is not None:
        gathering.fired(desk, held, transition)
    elif held is None or held.until_us is not None:
        _fired(desk, held, transition)


def _recovered(desk: Desk, held: Firing | None, transition: Transition) -> None:
    """End a firing, or let it count until its time is over."""
    rule = transition.rule
    if held is None:
        if rule.together is None:  # it fired before there was a memory of cases
            desk.say(Recovery(cause=desk.cause_of_device(rule, transition.slot), rule=rule, transition=transition))
        return
    until_us = held.transition.ts_us + _counts_us(held)
    if until_us > transition.ts_us:
        desk.draft.put_firing(replace(held, until_us=until_us), desk.region_of(held))
    else:
        _leave(desk, held, transition)


def _counts_us(firing: Firing) -> int:
    """Give how long a device counts after it began to fire."""
    if firing.rule.together is not None:
        return firing.rule.together.within_us
    return firing.rule.same_place.within_us if firing.rule.same_place is not None and firing.cause else 0


def _fade(desk: Desk, at_us: int, now_us: int) -> None:
    """End what has counted for long enough, in its order; nothing that a rule has yet to see comes before it."""
    due: Iterator[tuple[int, str, int]] = (
        (until_us, name, slot)
        for (name, slot), until_us in desk.draft.fading.items()
        if until_us <= at_us and (firing := desk.draft.firings.get((name, slot))) is not None
        and until_us <= now_us - firing.rule.offset_us
    )  # fmt: skip
    for until_us, name, slot in sorted(due):
        firing = desk.draft.firings.get((name, slot))
        if firing is not None:
            _leave(desk, firing, replace(firing.transition, kind=Kind.RECOVERED, ts_us=until_us))
            desk.release_effects()


def _leave(desk: Desk, firing: Firing, transition: Transition) -> None:
    """Take a device out of its case; the case recovers when nothing keeps it."""
    desk.draft.drop_firing(firing, desk.region_of(firing))
    case = desk.draft.cases.get(firing.cause) if firing.cause else None
    if case is None:
        return
    case = replace(case, members=case.members - {transition.slot})
    stays = gathering.is_kept(desk, case) if firing.rule.together is not None else bool(case.members)
    if not stays:
        desk.end(case)
        is_way = follows(firing.rule, transition)
        desk.say(Recovery(cause=case.cause, rule=firing.rule, transition=transition, follows=is_way))
        return
    desk.shrink(case)
    if case.held_by is None:
        desk.say(Leaving(cause=case.cause, rule=firing.rule, transition=transition, slot=transition.slot))


def _fired(desk: Desk, held: Firing | None, transition: Transition) -> None:
    """Open a case of a component, a device or a spot, or join the one there is."""
    rule, slot = transition.rule, transition.slot
    cause = desk.cause_of_spot(transition) or desk.cause_of(rule, slot)
    if held is not None:
        if held.cause == cause:
            desk.draft.put_firing(Firing(rule=rule, transition=transition, cause=cause), 0)
            return
        _leave(desk, held, replace(held.transition, kind=Kind.RECOVERED, ts_us=transition.ts_us))
    desk.draft.put_firing(Firing(rule=rule, transition=transition, cause=cause), 0)
    case = desk.draft.cases.get(cause)
    if case is None:
        members = frozenset((slot,))
        desk.open(Case(cause=cause, rule=rule, transition=transition, opened_us=transition.ts_us, members=members))
        return
    desk.draft.put_case(replace(case, members=case.members | {slot}))
    if case.held_by is None:
        desk.say(Joining(cause=cause, rule=rule, transition=transition, slot=slot))
