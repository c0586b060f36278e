from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from alerts import message
from alerts.message import Message
from alerts.rule import Severity

PAYLOAD = {
    "kind": "opened",
    "incident_id": 7,
    "rule": "CoverDisplaced",
    "severity": "critical",
    "title_zh": "井盖移位",
    "title_en": "Cover displaced",
    "deadline": "2026-11-20T10:30:00+00:00",
    "lon": 118.15,
    "lat": 39.65,
}
ZONE = ZoneInfo("Asia/Shanghai")


def test_a_notice_says_what_where_and_until_when_in_both_languages() -> None:
    assert message.of_payload(PAYLOAD, ZONE) == Message(
        title="[紧急 / critical] 井盖移位",
        body=(
            "案件 7：井盖移位\nIncident 7: Cover displaced\n位置 / at (lat, lon): 39.650000, 118.150000\n"
            "时限 / due: 2026-11-20 18:30 (Asia/Shanghai)"
        ),
        severity=Severity.CRITICAL,
        is_good_news=False,
    )


def test_a_recovery_is_good_news_without_a_deadline() -> None:
    result = message.of_payload({**PAYLOAD, "kind": "resolved"}, ZONE)

    assert (result.title, result.is_good_news, "due" in result.body) == ("[已恢复 / resolved] 井盖移位", True, False)


def test_waits_grow_up_to_a_limit() -> None:
    waits = [message.wait_before(attempt, notice_id=1) for attempt in range(1, 12)]

    assert all(a < b for a, b in pairwise(waits[:8]))
    assert waits[0] >= timedelta(seconds=5)
    assert waits[-1] <= timedelta(seconds=900 * 1.2)


def test_notices_that_failed_together_do_not_come_back_together() -> None:
    assert len({message.wait_before(1, notice_id) for notice_id in range(100)}) == 100
