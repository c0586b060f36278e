"""The file of routes, receivers, people and rosters to a `Routing`. Every mistake names file, line and field.

`route`, `receiver`, `matchers`, `group_by`, `group_wait`, `group_interval`, `repeat_interval`, `continue`, `routes`,
`time_intervals`, `mute_time_intervals`, `active_time_intervals` mean what they mean in Alertmanager, with the same
defaults. Ours: what a receiver holds (`urls`, `webhooks`, `duty`, `send_resolved`), `people` and `rosters`. Only `load`
touches files.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from alerts import mutefile, notation, schedulefile
from alerts.duty import Roster, Shift, Stand
from alerts.notation import Entry, near
from alerts.route import BY_ALL, DEFAULT_RECEIVER, Contact, Receiver, Route, Routing, Webhook
from alerts.schedule import Schedule
from core.errors import InvalidInput

LABELS = (
    *("alertname", "severity", "event", "stage", "level", "class", "subsystem", "district", "subdistrict", "community"),
    *("patrol_grid", "component", "device", "department", "incident"),
)
"""The labels every notice may have; an incident's own are in `alerts.notice_sql`. Those of its rule come on top."""
_ALIKE = 0.75
"""How alike, by difflib's ratio, a name may be to one of these before it is taken for a mistake."""

_TOP = ("route", "receivers", "people", "rosters", "time_intervals")
_ROUTE = (
    *("receiver", "matchers", "group_by", "group_wait", "group_interval", "repeat_interval", "continue", "routes"),
    *("mute_time_intervals", "active_time_intervals"),
)
_ROOT = Route(
    receiver="",
    group_by=(),
    group_wait=timedelta(seconds=30),
    group_interval=timedelta(minutes=5),
    repeat_interval=timedelta(hours=4),
)
"""Alertmanager's defaults."""

ReadFile = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What routes may name."""

    receivers: Mapping[str, Receiver]
    intervals: Mapping[str, Schedule]


def load(path: Path, zone: str, urls: Sequence[str]) -> Routing:
    """Give the routing of a file; secrets it names by file are read relative to it. Raises `InvalidInput`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}") from error
    return parse(text, str(path), zone, urls, lambda name: (path.parent / name).read_text(encoding="utf-8").strip())


def parse(text: str, file: str, zone: str, urls: Sequence[str], secret_of: ReadFile) -> Routing:
    """Give the routing of a text; `urls` are the addresses of the receiver `default`. Raises `Mistake`."""
    top = notation.read(text, file)
    top.allow(*_TOP)
    people = _people(top.get("people"), secret_of)
    rosters = _rosters(top.get("rosters"), people, zone)
    receivers = _receivers(top.get("receivers"), rosters, urls, secret_of)
    known = _Known(receivers=receivers, intervals=_intervals(top.get("time_intervals"), zone))
    root = top.need("route")
    for key in ("matchers", "continue", "mute_time_intervals", "active_time_intervals"):
        if key in root.names():
            raise root.need(key).mistake("has no meaning at the top: the first route takes everything, always")
    return Routing(root=_route(root, _ROOT, "{}", known), receivers=receivers, people=people, rosters=rosters)


def _route(entry: Entry, above: Route, key: str, known: _Known) -> Route:
    entry.allow(*_ROUTE)
    receiver, group_by, goes_on = entry.get("receiver"), entry.get("group_by"), entry.get("continue")
    if receiver is None and not above.receiver:
        raise entry.mistake("`receiver` is missing")
    if receiver is not None and receiver.text() not in known.receivers:
        raise receiver.mistake(f"{receiver.text()!r} is no receiver{near(receiver.text(), known.receivers)}")
    matchers = entry.get("matchers")
    route = Route(
        receiver=receiver.text() if receiver else above.receiver,
        matchers=mutefile.matchers(matchers) if matchers else (),
        group_by=_group_by(group_by) if group_by else above.group_by,
        group_wait=_duration(entry.get("group_wait"), above.group_wait),
        group_interval=_duration(entry.get("group_interval"), above.group_interval),
        repeat_interval=_duration(entry.get("repeat_interval"), above.repeat_interval),
        goes_on=goes_on.flag() if goes_on else False,
        muted_at=_named_times(entry.get("mute_time_intervals"), known),
        active_at=_named_times(entry.get("active_time_intervals"), known),
        line=entry.line,
    )
    for one in route.matchers:
        if matchers is not None:
            _require_label(matchers, one.name)
    own = key if not route.matchers else f"{key}/{{{','.join(map(str, route.matchers))}}}"
    below = entry.get("routes")
    children = [_route(each, route, own, known) for each in below.items()] if below else []
    return replace(route, key=own, routes=tuple(_distinct(children)))


def _distinct(routes: Sequence[Route]) -> list[Route]:
    """Number the routes beside each other that have the same key, so that a key names one route."""
    seen: dict[str, int] = {}
    result: list[Route] = []
    for route in routes:
        count = seen[route.key] = seen.get(route.key, 0) + 1
        result.append(route if count == 1 else replace(route, key=f"{route.key}#{count}"))
    return result


def _group_by(entry: Entry) -> tuple[str, ...]:
    names = entry.texts(rf"{mutefile.LABEL}|\.\.\.", "the name of a label")
    for name in names:
        if name != BY_ALL:
            _require_label(entry, name)
    return names


def _require_label(entry: Entry, name: str) -> None:
    """Refuse a name that is nearly a notice's label; any other may be one that a rule gives its incidents."""
    if wrong := mistaken(name):
        raise entry.mistake(wrong)


def mistaken(name: str) -> str:
    """Say what is wrong with a label's name; empty when nothing is."""
    if name in LABELS or not difflib.get_close_matches(name, LABELS, n=1, cutoff=_ALIKE):
        return ""
    return f"notices have no label {name!r}{near(name, LABELS)}"


def _duration(entry: Entry | None, otherwise: timedelta) -> timedelta:
    if entry is None:
        return otherwise
    try:
        return timedelta(microseconds=notation.duration_us(entry.text()))
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error


def _named_times(entry: Entry | None, known: _Known) -> tuple[Schedule, ...]:
    return tuple(known.intervals[each.choice(known.intervals)] for each in entry.items()) if entry else ()


def _intervals(entry: Entry | None, zone: str) -> dict[str, Schedule]:
    found: dict[str, Schedule] = {}
    for each in entry.items() if entry else ():
        each.allow("name", "time_intervals")
        found[each.need("name").text()] = schedulefile.read(each.need("time_intervals"), zone)
    return found


def _receivers(
    entry: Entry | None, rosters: Mapping[str, Roster], urls: Sequence[str], secret_of: ReadFile
) -> dict[str, Receiver]:
    found = {DEFAULT_RECEIVER: Receiver(name=DEFAULT_RECEIVER, contact=Contact(urls=tuple(urls)))}
    for each in entry.items() if entry else ():
        each.allow("name", "urls", "urls_file", "webhooks", "duty", "send_resolved")
        name, duty, resolved = each.need("name"), each.get("duty"), each.get("send_resolved")
        if name.text() in found and name.text() != DEFAULT_RECEIVER:
            raise name.mistake(f"{name.text()!r} stands here twice")
        found[name.text()] = Receiver(
            name=name.text(),
            contact=_contact(each, secret_of),
            rosters=tuple(one.choice(rosters) for one in duty.elements()) if duty else (),
            resolved=resolved.flag() if resolved else True,
        )
    return found


def _people(entry: Entry | None, secret_of: ReadFile) -> dict[str, Contact]:
    found: dict[str, Contact] = {}
    for each in entry.items() if entry else ():
        each.allow("name", "urls", "urls_file", "webhooks")
        found[each.need("name").text()] = _contact(each, secret_of)
    return found


def _contact(entry: Entry, secret_of: ReadFile) -> Contact:
    urls, file, webhooks = entry.get("urls"), entry.get("urls_file"), entry.get("webhooks")
    read = _secret(file, secret_of).split() if file else []
    return Contact(
        urls=(*(urls.texts(r"\S+", "an address") if urls else ()), *read),
        webhooks=tuple(_webhook(each, secret_of) for each in webhooks.items()) if webhooks else (),
    )


def _webhook(entry: Entry, secret_of: ReadFile) -> Webhook:
    entry.allow("url", "secret", "secret_file")
    url, secret, file = entry.need("url"), entry.get("secret"), entry.get("secret_file")
    if not re.fullmatch(r"https?://[^\s/]+\S*", url.text()):
        raise url.mistake("must begin with http:// or https://")
    if secret is not None and file is not None:
        raise file.mistake("stands beside `secret`: one of the two")
    return Webhook(url=url.text(), secret=_secret(file, secret_of) if file else secret.text() if secret else "")


def _secret(entry: Entry, secret_of: ReadFile) -> str:
    try:
        return secret_of(entry.text())
    except OSError as error:
        raise entry.mistake(f"cannot be read: {error.strerror or error}") from error


def _rosters(entry: Entry | None, people: Mapping[str, Contact], zone: str) -> dict[str, Roster]:
    found: dict[str, Roster] = {}
    for each in entry.items() if entry else ():
        each.allow("name", "location", "shifts", "instead")
        name, location, instead = each.need("name").text(), each.get("location"), each.get("instead")
        city = schedulefile.zone(location) if location else zone
        found[name] = Roster(
            name=name,
            location=city,
            shifts=tuple(_shift(one, people, city) for one in each.need("shifts").items()),
            instead=tuple(_stand(one, people) for one in instead.items()) if instead else (),
        )
    return found


def _shift(entry: Entry, people: Mapping[str, Contact], zone: str) -> Shift:
    entry.allow("people", "from", "every", "times")
    every, times = entry.get("every"), entry.get("times")
    turn = _duration(every, timedelta(days=1))
    if every is not None and not turn:
        raise every.mistake("must be longer than nothing, e.g. 1d or 12h")
    return Shift(
        people=_names(entry.need("people"), people),
        starts=_local(entry.need("from")),
        every=turn,
        times=schedulefile.read(times, zone) if times else None,
    )


def _stand(entry: Entry, people: Mapping[str, Contact]) -> Stand:
    entry.allow("people", "from", "until")
    stand = Stand(
        people=_names(entry.need("people"), people),
        starts=_local(entry.need("from")),
        ends=_local(entry.need("until")),
    )
    if stand.ends <= stand.starts:
        raise entry.need("until").mistake("must be after `from`")
    return stand


def _names(entry: Entry, people: Mapping[str, Contact]) -> tuple[str, ...]:
    names = tuple(each.choice(people) for each in entry.elements())
    if not names:
        raise entry.mistake("names nobody")
    return names


def _local(entry: Entry) -> datetime:
    try:
        at = datetime.fromisoformat(entry.text())
    except ValueError as error:
        raise entry.mistake(f"{entry.text()!r} is no time: write e.g. 2026-11-22 08:00") from error
    if at.tzinfo is not None:
        raise entry.mistake("is a time of the roster's own zone: leave the offset out")
    return at
