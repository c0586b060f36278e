from datetime import timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from alerts import message
from alerts.message import Message
from alerts.rule import Severity

ALERT: dict[str, Any] = {
    "event_id": 70,
    "event": "opened",
    "stage": "reported",
    "status": "firing",
    "incident_id": 7,
    "case_no": "130200-20261120-000007",
    "severity": "critical",
    "title_zh": "井盖移位",
    "title_en": "Cover displaced",
    "deadline": "2026-11-20T10:30:00+00:00",
    "lon": 118.15,
    "lat": 39.65,
}
ZONE = ZoneInfo("Asia/Shanghai")


def of(*alerts: dict[str, Any], kind: message.Kind = "new") -> Message:
    return message.of_content(message.content(alerts, kind=kind, labels={}), "n-1", ZONE)


def test_a_notice_says_what_where_and_until_when_in_both_languages() -> None:
    assert of(ALERT) == Message(
        title="[紧急 / critical] 井盖移位",
        body=(
            "案件 130200-20261120-000007 上报：井盖移位\nIncident 130200-20261120-000007, reported: Cover displaced\n"
            "位置 / at (lat, lon): 39.650000, 118.150000\n时限 / due: 2026-11-20 18:30 (Asia/Shanghai)\n"
            "通知编号 / notice: n-1"
        ),
        severity=Severity.CRITICAL,
        is_good_news=False,
    )


def test_an_ending_is_good_news_without_a_deadline() -> None:
    result = of({**ALERT, "event": "closed", "status": "resolved"})

    assert (result.title, result.is_good_news, "due" in result.body) == ("[已结束 / ended] 井盖移位", True, False)


def test_a_notice_of_several_has_the_worst_severity_and_names_how_many() -> None:
    result = of({**ALERT, "severity": "minor"}, {**ALERT, "incident_id": 8, "title_zh": "积水"})

    assert result.title == "[紧急 / critical] 井盖移位 等 2 件 / 2 incidents"
    assert "积水" in result.body


def test_a_notice_of_two_events_of_one_incident_tells_the_newer() -> None:
    told = message.content(
        [ALERT, {**ALERT, "event_id": 71, "event": "closed", "status": "resolved"}], kind="new", labels={}
    )

    assert [(alert["event"], alert["events"]) for alert in told["alerts"]] == [("closed", [70, 71])]


def test_a_repeated_notice_says_that_nobody_has_touched_it() -> None:
    assert of(ALERT, kind="repeat").title == "[紧急·无人处理 / critical, untouched] 井盖移位"


def test_a_long_notice_counts_what_it_does_not_name() -> None:
    result = of(*({**ALERT, "incident_id": number} for number in range(message.MOST_LINES + 3)))

    assert "另有 3 件 / and 3 more" in result.body


def test_an_event_without_a_word_of_its_own_is_called_what_it_is() -> None:
    assert "invented：" in of({**ALERT, "event": "invented"}).body


def test_waits_grow_up_to_a_limit() -> None:
    waits = [message.wait_before(attempt, 1) for attempt in range(1, 12)]

    assert all(a < b for a, b in pairwise(waits[:8]))
    assert waits[0] >= timedelta(seconds=5)
    assert waits[-1] <= timedelta(seconds=900 * 1.2)


def test_notices_that_failed_together_do_not_come_back_together() -> None:
    assert len({message.wait_before(1, number) for number in range(100)}) == 100
