"""What is not wrong in a file of routes, but surely not meant. Pure."""

from collections.abc import Iterator

from alerts import route
from alerts.route import DEFAULT_RECEIVER, Route, Routing


def findings(routing: Routing) -> tuple[str, ...]:
    """Give what looks like a mistake, in the order of the file."""
    return (*_routes(routing.root), *_receivers(routing), *_people(routing))


def _routes(above: Route) -> Iterator[str]:
    shadow: Route | None = None
    for child in above.routes:
        if shadow is not None:
            yield f"line {child.line}: is never asked: the route in line {shadow.line} takes everything before it"
        if not child.matchers and not child.goes_on:
            shadow = shadow or child
        yield from _routes(child)


def _receivers(routing: Routing) -> Iterator[str]:
    used = {found.receiver for found in route.walk(routing.root)}
    for name, receiver in routing.receivers.items():
        if name not in used and name != DEFAULT_RECEIVER:
            yield f"receiver {name}: no route leads to it"
        if name in used and not receiver.rosters and not receiver.contact.urls and not receiver.contact.webhooks:
            yield f"receiver {name}: has no address: its notices will be parked"


def _people(routing: Routing) -> Iterator[str]:
    rostered = {
        person
        for roster in routing.rosters.values()
        for people in (*(shift.people for shift in roster.shifts), *(stand.people for stand in roster.instead))
        for person in people
    }
    for name, contact in routing.people.items():
        if name not in rostered:
            yield f"person {name}: stands in no roster"
        elif not contact.urls and not contact.webhooks:
            yield f"person {name}: has no address"
    used = {name for receiver in routing.receivers.values() for name in receiver.rosters}
    yield from (f"roster {name}: no receiver asks it" for name in routing.rosters if name not in used)
