"""Where notices go: a tree of routes as Alertmanager means it, and the receivers at its leaves. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from alerts import duty, matcher
from alerts.duty import Roster
from alerts.matcher import Matcher
from alerts.schedule import Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Labels = Mapping[str, str]

BY_ALL = "..."
"""In `group_by`: every notice is alone, as in Alertmanager."""
DEFAULT_RECEIVER = "default"
"""The receiver that is always there: the addresses of the setting `notify_urls`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that takes Alertmanager's JSON, signed."""

    url: str
    secret: str = field(default="", repr=False)
    """Empty = not signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The addresses of a receiver or a person."""

    urls: tuple[str, ...] = field(default=(), repr=False)
    """Apprise addresses; they hold secrets."""
    webhooks: tuple[Webhook, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is told: addresses of its own, and those of who is on duty."""

    name: str
    contact: Contact = Contact()
    rosters: tuple[str, ...] = ()
    """Names of the rosters whose people on duty are told."""
    resolved: bool = True
    """Whether it hears of endings too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A node of the tree; what a file leaves out is taken from its parent."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = (BY_ALL,)
    group_wait: timedelta = timedelta(0)
    """How long a new group waits for more."""
    group_interval: timedelta = timedelta(0)
    """How long a group that was told of waits before news of it are told."""
    repeat_interval: timedelta = timedelta(0)
    """How often an incident nobody has touched is told of again; 0 = never."""
    goes_on: bool = False
    """`continue`: the routes after this one are asked too."""
    muted_at: tuple[Schedule, ...] = ()
    active_at: tuple[Schedule, ...] = ()
    """Empty = always."""
    routes: "tuple[Route, ...]" = ()
    key: str = "{}"
    """The matchers on the way here, as Alertmanager writes them in `groupKey`."""
    line: int = 0

    def is_quiet(self, at: datetime) -> bool:
        """Say whether nothing is told by this route at an instant: it waits until that is over."""
        ts_us = np.array([(at - _EPOCH) // timedelta(microseconds=1)], np.int64)
        if any(bool(schedule.active(ts_us)[0]) for schedule in self.muted_at):
            return True
        return bool(self.active_at) and not any(bool(schedule.active(ts_us)[0]) for schedule in self.active_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """All that decides who is told of what."""

    root: Route
    receivers: Mapping[str, Receiver]
    people: Mapping[str, Contact] = field(default_factory=dict[str, Contact])
    rosters: Mapping[str, Roster] = field(default_factory=dict[str, Roster])

    def contacts(self, receiver: str, at: datetime) -> Iterator[Contact]:
        """Give the contacts of a receiver at an instant, its own first; none when it is not known."""
        found = self.receivers.get(receiver)
        if found is None:
            return
        yield found.contact
        yield from (self.people[person] for person in self.on_duty(receiver, at))

    def on_duty(self, receiver: str, at: datetime) -> Iterator[str]:
        """Give who is on duty for a receiver at an instant."""
        for roster in self.receivers[receiver].rosters:
            yield from duty.on_duty(self.rosters[roster], at)

    def everyone(self) -> Iterator[Contact]:
        """Give every contact there is."""
        yield from (receiver.contact for receiver in self.receivers.values())
        yield from self.people.values()

    def by_key(self, key: str) -> Route | None:
        """Give the route of a key; None when there is none any more."""
        return next((route for route in walk(self.root) if route.key == key), None)


def plain(urls: Sequence[str]) -> Routing:
    """Give the routing without a file: everything, at once and each by itself, to the addresses."""
    receiver = Receiver(name=DEFAULT_RECEIVER, contact=Contact(urls=tuple(urls)))
    return Routing(root=Route(receiver=DEFAULT_RECEIVER), receivers={DEFAULT_RECEIVER: receiver})


def matching(route: Route, labels: Labels) -> tuple[Route, ...]:
    """Give the routes that take a notice: the deepest that match, the first of them unless `continue` goes on."""
    if not matcher.every(route.matchers, labels):
        return ()
    found: list[Route] = []
    for child in route.routes:
        taken = matching(child, labels)
        found.extend(taken)
        if taken and not child.goes_on:
            break
    return tuple(found) or (route,)


def walk(route: Route) -> Iterator[Route]:
    """Give a route and all below it, in order."""
    yield route
    for child in route.routes:
        yield from walk(child)


def group_labels(route: Route, labels: Labels) -> dict[str, str]:
    """Give the labels that the notices of a group share."""
    names = sorted(labels) if BY_ALL in route.group_by else sorted(route.group_by)
    return {name: labels[name] for name in names if labels.get(name)}


def group_key(route: Route, labels: Labels) -> str:
    """Give the name of a notice's group, in the form of Alertmanager's `groupKey`."""
    pairs = ", ".join(str(Matcher(name, "=", value)) for name, value in group_labels(route, labels).items())
    return f"{route.key}:{{{pairs}}}"
