"""What a notice says, in Chinese and English, and when it is tried again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alerts.rule import Severity

ATTEMPTS = 8
"""Tries before a notice is parked (our choice): about half an hour with the waits below."""
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 900.0
_SPREAD = 0.2
"""Up to this share is added to a wait, by the notice's number, so that a crowd does not come back at once."""

_SEVERITY_ZH = {
    Severity.INFO: "提示",
    Severity.MINOR: "一般",
    Severity.MAJOR: "较大",
    Severity.CRITICAL: "紧急",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notice ready to be sent."""

    title: str
    body: str
    severity: Severity
    is_good_news: bool


def of_payload(payload: Mapping[str, Any], zone: ZoneInfo) -> Message:
    """Give the message of an outbox payload (`alerts.incident_sql`), times in the city's zone."""
    severity = Severity(payload["severity"])
    resolved = payload["kind"] == "resolved"
    deadline = datetime.fromisoformat(payload["deadline"]).astimezone(zone)
    place = f"{payload['lat']:.6f}, {payload['lon']:.6f}"
    number = payload["incident_id"]
    state_zh, state_en = ("已恢复", "resolved") if resolved else (_SEVERITY_ZH[severity], severity.value)
    lines = [
        f"案件 {number}：{payload['title_zh']}",
        f"Incident {number}: {payload['title_en']}",
        f"位置 / at (lat, lon): {place}",
    ]
    if not resolved:
        lines.append(f"时限 / due: {deadline:%Y-%m-%d %H:%M} ({zone.key})")
    return Message(
        title=f"[{state_zh} / {state_en}] {payload['title_zh']}",
        body="\n".join(lines),
        severity=severity,
        is_good_news=resolved,
    )


def wait_before(attempt: int, notice_id: int) -> timedelta:
    """Give how long to wait after the `attempt`-th failure, doubling from 5 s to 15 min."""
    wait_s = min(_FIRST_WAIT_S * 2.0 ** (attempt - 1), _LONGEST_WAIT_S)
    spread = notice_id * 2654435761 % 2**32 / 2**32  # Knuth's multiplicative hash: even, and repeatable
    return timedelta(seconds=wait_s * (1 + _SPREAD * spread))
