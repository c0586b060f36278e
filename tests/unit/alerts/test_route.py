"""Routes, their file, and who is on duty."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts import route, routefile, routelint
from alerts.route import Route, Routing
from core.errors import InvalidInput

ZONE = "Asia/Shanghai"
FILE = """
route:
  receiver: desk
  group_by: [district]
  routes:
    - matchers: [severity="critical"]
      receiver: duty-lunan
      group_wait: 10s
      continue: true
      routes:
        - matchers: [district="130203"]
          receiver: lubei
    - matchers: ['alertname=~"Lamp.*"', 'severity!="critical"']
      receiver: lamps
      mute_time_intervals: [nights]
    - matchers: [event="closed"]
      receiver: quiet
receivers:
  - name: desk
    urls: ["json://127.0.0.1:1/desk"]
  - name: duty-lunan
    duty: lunan
  - name: lubei
    webhooks: [{url: "https://example.org/hook", secret_file: hook.key}]
  - name: lamps
    urls_file: lamps.txt
  - name: quiet
    send_resolved: false
people:
  - {name: 王工, urls: ["json://127.0.0.1:1/wang"]}
  - {name: 李工, urls: ["json://127.0.0.1:1/li"]}
  - {name: 赵队, urls: ["json://127.0.0.1:1/zhao"]}
rosters:
  - name: lunan
    shifts:
      - people: [王工, 李工]
        from: 2026-11-02 08:00
        every: 1d
      - people: 赵队
        from: 2026-11-01
        times: [{weekdays: ["saturday", "sunday"]}]
    instead:
      - {people: 赵队, from: 2026-11-20 08:00, until: 2026-11-20 20:00}
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}, {start_time: "00:00", end_time: "06:00"}]}]
"""
SECRETS = {"hook.key": "s3cret", "lamps.txt": "json://127.0.0.1:1/a json://127.0.0.1:1/b"}


def secret_of(name: str) -> str:
    if name not in SECRETS:
        raise FileNotFoundError(2, "No such file or directory")
    return SECRETS[name]


def parsed(text: str = FILE) -> Routing:
    return routefile.parse(text, "routes.yaml", ZONE, ["json://127.0.0.1:1/default"], secret_of)


def receivers(labels: Mapping[str, str]) -> list[str]:
    return [found.receiver for found in route.matching(parsed().root, labels)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"severity": "minor", "alertname": "Flood"}, ["desk"]),
        ({"severity": "critical", "alertname": "Flood"}, ["duty-lunan"]),
        ({"severity": "critical", "district": "130203"}, ["lubei"]),
        ({"severity": "minor", "alertname": "LampDark"}, ["lamps"]),
        ({"severity": "critical", "alertname": "LampDark"}, ["duty-lunan"]),
        ({"severity": "critical", "event": "closed"}, ["duty-lunan", "quiet"]),
    ],
)
def test_a_notice_goes_where_alertmanager_would_send_it(labels: dict[str, str], expected: list[str]) -> None:
    assert receivers(labels) == expected


def test_what_a_route_leaves_out_is_its_parents() -> None:
    critical = parsed().root.routes[0]

    assert (critical.group_by, critical.group_wait, critical.group_interval, critical.repeat_interval) == (
        ("district",),
        timedelta(seconds=10),
        timedelta(minutes=5),
        timedelta(hours=4),
    )
    assert critical.routes[0].group_wait == timedelta(seconds=10)


def test_the_group_key_is_written_as_alertmanager_writes_it() -> None:
    critical = parsed().root.routes[0]

    assert route.group_key(critical, {"district": "130202", "severity": "critical"}) == (
        '{}/{severity="critical"}:{district="130202"}'
    )


def test_three_dots_keep_every_notice_alone() -> None:
    one = Route(receiver="x")

    assert route.group_labels(one, {"b": "2", "a": "1"}) == {"a": "1", "b": "2"}


def test_routes_beside_each_other_with_the_same_matchers_have_keys_of_their_own() -> None:
    twins = "[{matchers: [severity=minor], continue: true}, {matchers: [severity=minor]}]"
    routing = parsed(f"route: {{receiver: default, routes: {twins}}}")

    assert len({found.key for found in route.walk(routing.root)}) == 3


def test_a_route_is_quiet_at_its_times_in_the_citys_zone() -> None:
    lamps = parsed().root.routes[1]

    assert lamps.is_quiet(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))  # 23:00 in Tangshan
    assert not lamps.is_quiet(datetime(2026, 11, 20, 4, 0, tzinfo=UTC))


def test_the_default_receiver_has_the_addresses_of_the_setting() -> None:
    routing = parsed("route: {receiver: default}")

    assert [contact.urls for contact in routing.contacts("default", datetime(2026, 1, 1, tzinfo=UTC))] == [
        ("json://127.0.0.1:1/default",)
    ]


def test_secrets_are_read_from_files_and_not_shown() -> None:
    routing = parsed()

    (hook,) = routing.receivers["lubei"].contact.webhooks
    assert hook.secret == "s3cret"
    assert "s3cret" not in repr(routing)
    assert routing.receivers["lamps"].contact.urls == ("json://127.0.0.1:1/a", "json://127.0.0.1:1/b")


def on_duty(local: str) -> list[str]:
    at = datetime.fromisoformat(f"{local}+08:00")
    return [url.rsplit("/", 1)[1] for contact in parsed().contacts("duty-lunan", at) for url in contact.urls]


@pytest.mark.parametrize(
    ("local", "people"),
    [
        ("2026-11-02 07:59", []),
        ("2026-11-02 08:00", ["wang"]),
        ("2026-11-03 07:59", ["wang"]),
        ("2026-11-03 08:00", ["li"]),
        ("2026-11-07 12:00", ["li", "zhao"]),
        ("2026-11-20 08:00", ["zhao"]),
        ("2026-11-20 20:00", ["wang"]),
    ],
)
def test_turns_change_at_the_handover_and_a_stand_in_replaces_them(local: str, people: list[str]) -> None:
    assert on_duty(local) == people


ROSTER = """
route: {receiver: default}
people: [{name: x}]
rosters: [{name: r, shifts: [{people: x, from: 2026-01-01}]}]
"""
WRONG = [
    ("receivers: []", "routes.yaml:1: `route` is missing"),
    (
        "route:\n  receiver: desc\nreceivers: [{name: desk}]",
        "routes.yaml:2: route.receiver: 'desc' is no receiver",
    ),
    ("route: {receiver: default, matchers: [a=b]}", "no meaning at the top"),
    ("route: {receiver: default, routes: [{matchers: ['severity']}]}", "is no matcher"),
    ("route: {receiver: default, routes: [{matchers: ['sverity=a']}]}", "did you mean severity"),
    ("route: {receiver: default, group_by: [distrikt]}", "did you mean district"),
    ("route: {receiver: default, group_wait: soon}", "is no duration"),
    ("route: {receiver: default, grop_by: [district]}", "did you mean group_by"),
    ("route: {receiver: default, routes: [{mute_time_intervals: [x]}]}", "'x' is not known"),
    ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", "stands here twice"),
    ("route: {receiver: a}\nreceivers: [{name: a, webhooks: [{url: ftp://x}]}]", "must begin with http"),
    ("route: {receiver: a}\nreceivers: [{name: a, urls_file: gone}]", "cannot be read: No such file"),
    ("route: {receiver: a}\nreceivers: [{name: a, duty: x}]", "'x' is not known"),
    ("route: {receiver: default}\nrosters: [{name: r, shifts: [{people: x, from: 2026-01-01}]}]", "'x' is not known"),
    (ROSTER.replace("2026-01-01", "8"), "'8' is no time"),
    (
        ROSTER.replace("2026-01-01", "2026-01-01, every: 0s"),
        "must be longer than nothing",
    ),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_mistake_in_the_file_names_its_place_and_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(text)

    assert says in str(refused.value)
    assert str(refused.value).startswith("routes.yaml:")


def test_the_example_of_the_page_is_right() -> None:
    page = (Path(__file__).parents[3] / "docs" / "notices.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml routes\n(.*?)```", page, re.DOTALL)

    routing = routefile.parse(text, "notices.md", ZONE, [], lambda _: "s3cret")

    assert routelint.findings(routing) == ()
