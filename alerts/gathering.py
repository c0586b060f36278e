"""Cases of many devices: they open where enough fire, take in what fires around, merge, and recover. Pure.

A case that is open takes in every device that comes to hang together with it; it never splits, and what it has seen
stays in its geometry. Of two that come to touch the older goes on.
"""

from collections.abc import Iterable
from dataclasses import replace

from alerts.case import Joining, Merging
from alerts.case_memory import Case, Firing
from alerts.desk import Desk
from alerts.engine import Transition
from alerts.neighbourhood import Neighbourhood, Nodes
from core.places import CellKind


def fired(desk: Desk, held: Firing | None, transition: Transition) -> None:
    """Count a device, and see what that brings about."""
    if held is not None:
        desk.draft.put_firing(replace(held, until_us=None), desk.region_of(held))
        return
    rule = transition.rule
    ground = desk.neighbourhood(rule)
    desk.draft.put_firing(Firing(rule=rule, transition=transition), ground.region_of(transition.slot))
    node = ground.node_of(transition.slot)
    if node is None:
        return
    nodes = ground.cluster(node)
    firings = {slot: desk.firing(rule, slot) for place in nodes for slot in ground.firing(place)}
    causes = {firing.cause for firing in firings.values() if firing.cause}
    if causes:
        touched = [case for cause in causes if (case := desk.draft.cases.get(cause)) is not None]
        survivor = min(touched, key=lambda case: (case.held_by is not None, case.opened_us, case.cause))
        survivor = _merged(desk, survivor, [case for case in touched if case.cause != survivor.cause], transition)
        _join(desk, survivor, [firing for firing in firings.values() if not firing.cause], nodes)
    elif hearts := [place for place in nodes if ground.is_met(place)]:
        _open(desk, ground, min(hearts), nodes, firings, transition)


def is_kept(desk: Desk, case: Case) -> bool:
    """Say whether a case goes on with the members it has."""
    ground = desk.neighbourhood(case.rule)
    if ground.together.clear_below:
        return len(case.members) >= ground.together.clear_below
    places = {node for slot in case.members if (node := ground.node_of(slot)) is not None}
    return any(ground.is_met(node) for node in places)


def _open(
    desk: Desk, ground: Neighbourhood, heart: int, nodes: Nodes, firings: dict[int, Firing], transition: Transition
) -> None:
    rule = transition.rule
    cause = desk.free_cause(f"{rule.name}/{_place(desk, ground, heart)}")
    for firing in firings.values():
        desk.draft.put_firing(replace(firing, cause=cause), desk.region_of(firing))
    case = Case(
        cause=cause,
        rule=rule,
        transition=transition,
        opened_us=transition.ts_us,
        members=frozenset(firings),
        nodes=nodes,
        kind=ground.kind,
        cell=0 if ground.by_device else heart,
        component_id=heart if ground.kind is CellKind.CIRCUIT else None,
    )
    desk.open(case)


def _place(desk: Desk, ground: Neighbourhood, heart: int) -> str:
    if ground.kind is not None:
        return f"{ground.kind.value}:{heart}"
    return f"{ground.together.in_}:{desk.fleet.device_id[heart]}"


def _merged(desk: Desk, survivor: Case, others: Iterable[Case], transition: Transition) -> Case:
    """Take the members and the ground of other cases into one."""
    for other in sorted(others, key=lambda case: (case.opened_us, case.cause)):
        survivor = replace(survivor, members=survivor.members | other.members, nodes=survivor.nodes | other.nodes)
        for slot in sorted(other.members):
            firing = desk.firing(other.rule, slot)
            desk.draft.put_firing(replace(firing, cause=survivor.cause), desk.region_of(firing))
        desk.draft.put_case(survivor)
        desk.end(other, leave_members=True)
        geometry = desk.geometry_of(survivor)
        if other.held_by is None and survivor.held_by is None:
            desk.say(
                Merging(
                    cause=other.cause, into=survivor.cause, rule=other.rule, transition=transition, geometry=geometry
                )
            )
    return survivor


def _join(desk: Desk, case: Case, newcomers: Iterable[Firing], nodes: Nodes) -> None:
    """Take devices into a case; its geometry grows when they stand where it has not been."""
    for firing in sorted(newcomers, key=lambda firing: (firing.transition.ts_us, firing.transition.slot)):
        slot = firing.transition.slot
        desk.draft.put_firing(replace(firing, cause=case.cause), desk.region_of(firing))
        grows = not nodes <= case.nodes
        case = replace(case, members=case.members | {slot}, nodes=case.nodes | nodes)
        desk.draft.put_case(case)
        if case.held_by is None:
            geometry = desk.geometry_of(case) if grows else None
            desk.say(
                Joining(cause=case.cause, rule=case.rule, transition=firing.transition, slot=slot, geometry=geometry)
            )
            desk.absorb(case, (slot,), firing.transition)
