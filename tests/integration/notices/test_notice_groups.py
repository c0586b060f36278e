"""Notices in groups: who is told, when, and how often."""

import base64

import pytest
from psycopg import AsyncConnection
from standardwebhooks.webhooks import Webhook

from alerts import delivery
from tests.notice_surroundings import NOW, Receiver, drain, fetch, grouped, minutes, numbers, put, routed

pytestmark = pytest.mark.services


async def test_a_group_waits_gathers_and_then_tells_what_is_new(conn: AsyncConnection, receiver: Receiver) -> None:
    post = grouped(receiver)
    await put(conn, number=1)
    await drain(conn, post)
    await put(conn, number=2)
    await put(conn, number=3, district="130203")
    await drain(conn, post, minutes(0.4))
    assert receiver.got == []

    await drain(conn, post, minutes(0.5))
    assert [numbers(got) for got in receiver.got] == [[1, 2]]
    await drain(conn, post, minutes(1))
    assert [numbers(got) for got in receiver.got] == [[1, 2], [3]]

    await put(conn, number=4)
    await drain(conn, post, minutes(2))
    assert len(receiver.got) == 2
    await drain(conn, post, minutes(5.5))
    assert numbers(receiver.got[-1]) == [4]
    assert receiver.got[-1]["groupKey"] == '{}:{district="130202"}'


async def test_untouched_incidents_are_told_again_until_somebody_acts(
    conn: AsyncConnection, receiver: Receiver
) -> None:
    post = grouped(receiver)
    await put(conn, number=1)
    await put(conn, number=2)
    await drain(conn, post)
    await drain(conn, post, minutes(1))

    await drain(conn, post, minutes(61))
    assert [(got["kind"], numbers(got)) for got in receiver.got] == [("new", [1, 2]), ("repeat", [1, 2])]

    await conn.execute(
        "INSERT INTO incident_event (incident_id, at, actor, role, kind, to_stage) "
        "VALUES (1, now(), 'Wang', 'acceptor', 'filed', 'filed')"
    )
    await drain(conn, post, minutes(121))
    assert numbers(receiver.got[-1]) == [2]

    await put(conn, "closed", 2)
    await drain(conn, post, minutes(122))
    await drain(conn, post, minutes(600))
    await drain(conn, post, minutes(1200))
    assert [got["kind"] for got in receiver.got] == ["new", "repeat", "repeat", "new"]
    assert receiver.got[-1]["status"] == "resolved"


async def test_an_event_reaches_a_receiver_once_however_many_routes_lead_there(
    conn: AsyncConnection, receiver: Receiver
) -> None:
    post = routed(
        """
route:
  receiver: default
  group_by: [incident]
  group_wait: 0s
  routes:
    - {matchers: [severity="major"], continue: true}
    - {matchers: [district="130202"], continue: true}
    - {matchers: [event="opened"]}
""",
        receiver.url,
    )
    await put(conn)

    await drain(conn, post)

    assert len(receiver.got) == 1


async def test_a_route_may_ask_for_what_the_rule_says_of_itself(conn: AsyncConnection, receiver: Receiver) -> None:
    post = routed(
        """
route:
  receiver: default
  routes: [{matchers: [team="pumps"], group_by: [team, severity], group_wait: 0s}]
""",
        receiver.url,
    )
    await put(conn)
    await put(conn, number=2)
    await conn.execute(
        "UPDATE incident SET evidence = %s WHERE incident_id = 2",
        ('{"labels": {"team": "pumps", "severity": "minor"}}',),
    )

    await drain(conn, post)

    assert await fetch(conn, "SELECT labels FROM notice_group WHERE flushed_at IS NOT NULL") == [
        ({"team": "pumps", "severity": "major"},)
    ]


async def test_a_quiet_route_keeps_its_notices_until_its_time(conn: AsyncConnection, receiver: Receiver) -> None:
    post = routed(
        """
route:
  receiver: default
  group_wait: 0s
  routes:
    - matchers: [severity="major"]
      mute_time_intervals: [evening]
time_intervals:
  - {name: evening, time_intervals: [{times: [{start_time: "17:00", end_time: "18:00"}]}]}
""",
        receiver.url,
    )
    await put(conn)

    await drain(conn, post)  # 17:00 in Tangshan
    await drain(conn, post, minutes(59))
    assert receiver.got == []
    await drain(conn, post, minutes(61))
    assert len(receiver.got) == 1


async def test_who_is_on_duty_is_told(conn: AsyncConnection, receiver: Receiver) -> None:
    def text(person: str) -> str:
        return f"""
route: {{receiver: duty, group_wait: 0s}}
receivers: [{{name: duty, duty: r}}]
people: [{{name: li, urls: "{receiver.url}"}}, {{name: wang}}]
rosters: [{{name: r, shifts: [{{people: {person}, from: 2026-11-01}}]}}]
"""

    await put(conn)
    await drain(conn, routed(text("wang")))
    assert await fetch(conn, "SELECT last_error FROM notice_message") == [(delivery.NOWHERE,)]

    await delivery.retry(conn, None, None, ("Zhao", "the roster was empty"), NOW)
    await drain(conn, routed(text("li")))
    assert len(receiver.got) == 1
    assert await fetch(conn, "SELECT actor, action FROM audit") == [("Zhao", "notice.retry")]


async def test_a_receiver_that_wants_no_endings_hears_of_none(conn: AsyncConnection, receiver: Receiver) -> None:
    post = routed(
        f"""
route: {{receiver: x, group_wait: 0s, group_by: ["..."]}}
receivers: [{{name: x, urls: "{receiver.url}", send_resolved: false}}]
"""
    )
    await put(conn)
    await put(conn, "closed")

    await drain(conn, post)

    assert len(receiver.got) == 1


async def test_a_webhook_is_signed_and_keeps_its_number_when_it_is_tried_again(
    conn: AsyncConnection, receiver: Receiver
) -> None:
    post = grouped(receiver)
    await put(conn)
    await drain(conn, post)
    receiver.status = 503
    await drain(conn, post, minutes(1))
    receiver.status = 200
    await drain(conn, post, minutes(2))

    first, second = receiver.headers
    assert first["webhook-id"] == second["webhook-id"] == receiver.got[0]["notice_id"]
    secret = "whsec_" + base64.b64encode(b"s3cret").decode()
    for headers, body, at in zip(receiver.headers, receiver.bodies, (minutes(1), minutes(2)), strict=True):
        assert headers["webhook-timestamp"] == str(int(at.timestamp()))
        assert Webhook(secret).sign(headers["webhook-id"], at, body.decode()) == headers["webhook-signature"]


@pytest.mark.parametrize(("status", "parked"), [(400, True), (302, True), (404, True), (429, False), (500, False)])
async def test_what_will_not_get_better_is_parked_at_once(
    conn: AsyncConnection, receiver: Receiver, status: int, parked: bool
) -> None:
    receiver.status = status
    await put(conn)
    await drain(conn, grouped(receiver))
    await drain(conn, grouped(receiver), minutes(1))

    assert await fetch(conn, "SELECT parked_at IS NOT NULL FROM notice_message") == [(parked,)]
