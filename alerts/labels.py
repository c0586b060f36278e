"""The labels of a case, by which mutes and routes choose: its rule's own, the device's and the place's. Pure."""

from collections.abc import Mapping

from alerts.rule import Rule, plain
from core.fleet import Fleet
from core.places import CellKind

PLACE_LABELS = {
    "patrol_grid": CellKind.PATROL_GRID,
    "street": CellKind.STREET,
    "circuit": CellKind.CIRCUIT,
    "pipe": CellKind.PIPE,
}
"""Label -> the cells whose code it holds."""


def of_case(rule: Rule, slot: int, fleet: Fleet) -> Mapping[str, str]:
    """Give the labels of a case of a rule on a device; what is not known has no label.

    `component` is the component's number in the database. The rule's own labels never hide ours.
    """
    component_id = int(fleet.component_id[slot])
    places = fleet.places
    found = {
        "alertname": plain(rule.name),
        "severity": rule.severity.value,
        "device": fleet.label[slot],
        "profile": fleet.profiles[int(fleet.profile[slot])],
        "class": fleet.class_code[slot],
        "subsystem": fleet.subsystem[slot],
        "district": fleet.district_code[slot],
        "component": str(component_id) if component_id else "",
        **{name: places.code_of(kind, int(places.cell_of(kind)[slot])) for name, kind in PLACE_LABELS.items()},
    }
    return {**rule.labels, **{name: value for name, value in found.items() if value}}
