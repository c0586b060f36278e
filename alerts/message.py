"""What a notice says, in Chinese and English, and when it is tried again. Pure.

A notice tells of one incident or of a group; its content is made once (`content`) and kept, so that every attempt says
the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from alerts.rule import Severity

ATTEMPTS = 8
"""Tries before a notice is parked (our choice): about half an hour with the waits below."""
MOST_LINES = 20
"""Incidents a text names; a webhook gets all of them."""
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
_EVENT = {
    "opened": ("上报", "reported"),
    "verification_requested": ("待核实", "to be verified"),
    "confirmed": ("核实属实", "confirmed"),
    "denied": ("核实不属实", "not confirmed"),
    "filed": ("立案", "filed"),
    "dispatched": ("派遣", "dispatched"),
    "accepted": ("接收", "accepted"),
    "returned": ("退回", "returned"),
    "suspended": ("挂账", "suspended"),
    "extended": ("延期", "extended"),
    "handled": ("处置完成", "handled"),
    "check_failed": ("核查不通过", "check failed"),
    "check_passed": ("核查通过", "check passed"),
    "recovered": ("读数恢复", "back to normal"),
    "relapsed": ("再次报警", "fires again"),
    "amber": ("临近时限", "due soon"),
    "overdue": ("超时", "overdue"),
    "overdue_twice": ("超时一倍", "overdue twice over"),
    "escalated": ("升级", "escalated"),
    "closed": ("结案", "closed"),
    "force_closed": ("强制结案", "closed by force"),
    "rejected": ("不予受理", "rejected"),
    "cancelled": ("作废", "cancelled"),
    "merged": ("并案", "merged"),
}
"""Kind of event -> what it is called; other kinds are called what they are."""

Kind = Literal["new", "repeat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notice ready to be sent."""

    title: str
    body: str
    severity: Severity
    is_good_news: bool


def content(alerts: Sequence[Mapping[str, Any]], *, kind: Kind, labels: Mapping[str, str]) -> dict[str, Any]:
    """Give what is kept of a notice: its incidents, the newest event of each, and the labels they share as a group.

    Shape: `alerts` in the order of their events, as `alerts.notice_sql` gives them, `status` firing or resolved.
    """
    newest = {alert["incident_id"]: alert for alert in alerts}
    events: dict[int, list[int]] = {}
    for alert in alerts:
        events.setdefault(alert["incident_id"], []).append(alert["event_id"])
    return {
        "kind": kind,
        "group_labels": dict(labels),
        "alerts": [{**alert, "events": events[number]} for number, alert in newest.items()],
    }


def is_firing(told: Mapping[str, Any]) -> bool:
    """Say whether any incident of a notice's content is open."""
    return any(alert["status"] == "firing" for alert in told["alerts"])


def of_content(told: Mapping[str, Any], number: str, zone: ZoneInfo) -> Message:
    """Give the message of a content, times in the city's zone; `number` tells a repeated notice from a new one."""
    alerts: Sequence[Mapping[str, Any]] = told["alerts"]
    severity = max((Severity(alert["severity"]) for alert in alerts), key=list(Severity).index)
    firing = is_firing(told)
    state_zh, state_en = (_SEVERITY_ZH[severity], severity.value) if firing else ("已结束", "ended")
    if told["kind"] == "repeat":
        state_zh, state_en = f"{state_zh}·无人处理", f"{state_en}, untouched"
    lines = [line for alert in alerts[:MOST_LINES] for line in _lines(alert, zone)]
    if len(alerts) > MOST_LINES:
        lines.append(f"另有 {len(alerts) - MOST_LINES} 件 / and {len(alerts) - MOST_LINES} more")
    lines.append(f"通知编号 / notice: {number}")
    titles = tuple(dict.fromkeys(alert["title_zh"] for alert in alerts))
    title = titles[0] if len(alerts) == 1 else f"{titles[0]} 等 {len(alerts)} 件 / {len(alerts)} incidents"
    return Message(
        title=f"[{state_zh} / {state_en}] {title}", body="\n".join(lines), severity=severity, is_good_news=not firing
    )


def _lines(alert: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    zh, en = _EVENT.get(alert["event"], (alert["event"], alert["event"]))
    lines = [
        f"案件 {alert['case_no']} {zh}：{alert['title_zh']}",
        f"Incident {alert['case_no']}, {en}: {alert['title_en']}",
        f"位置 / at (lat, lon): {alert['lat']:.6f}, {alert['lon']:.6f}",
    ]
    if alert["status"] == "firing" and alert["deadline"] is not None:
        due = datetime.fromisoformat(alert["deadline"]).astimezone(zone)
        lines.append(f"时限 / due: {due:%Y-%m-%d %H:%M} ({zone.key})")
    return lines


def wait_before(attempt: int, number: int) -> timedelta:
    """Give how long to wait after the `attempt`-th failure, doubling from 5 s to 15 min."""
    wait_s = min(_FIRST_WAIT_S * 2.0 ** (attempt - 1), _LONGEST_WAIT_S)
    spread = number * 2654435761 % 2**32 / 2**32  # Knuth's multiplicative hash: even, and repeatable
    return timedelta(seconds=wait_s * (1 + _SPREAD * spread))
