"""Our webhook: the JSON of Alertmanager, the signature of Standard Webhooks."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerts import message, webhook
from core.errors import InvalidInput

NOW = datetime.now(UTC)
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def alert(number: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "event_id": number * 10, "event": "opened", "stage": "reported", "reason": "tilt_deg > 15", "status": "firing",
        "incident_id": number, "case_no": f"130200-20261120-{number:06}", "cause": f"CoverDisplaced/device:{number}",
        "severity": "critical", "title_zh": "井盖移位", "title_en": "Cover displaced",
        "fired_ts": "2026-11-20T09:00:00+00:00", "deadline": None, "ended_at": None, "lon": 118.15, "lat": 39.65,
        "labels": {"alertname": "CoverDisplaced", "device": f"mc-{number}"}, **more,
    }  # fmt: skip


def body(*alerts: dict[str, Any]) -> dict[str, Any]:
    told = message.content(alerts, kind="new", labels={"alertname": "CoverDisplaced"})
    return json.loads(webhook.body(told, "n-1", "desk", '{}:{alertname="CoverDisplaced"}'))


def test_the_body_has_the_fields_of_alertmanagers_version_4() -> None:
    sent = body(alert(7), alert(8))

    assert {name: sent[name] for name in ("version", "status", "receiver", "truncatedAlerts", "groupLabels")} == {
        "version": "4", "status": "firing", "receiver": "desk", "truncatedAlerts": 0,
        "groupLabels": {"alertname": "CoverDisplaced"},
    }  # fmt: skip
    assert sent["commonLabels"] == {"alertname": "CoverDisplaced"}
    assert sent["commonAnnotations"] == {"summary": "Cover displaced", "summary_zh": "井盖移位"}
    first = sent["alerts"][0]
    assert (first["status"], first["startsAt"], first["endsAt"]) == (
        "firing", "2026-11-20T09:00:00+00:00", "0001-01-01T00:00:00Z",
    )  # fmt: skip
    assert first["incident"]["case_no"] == "130200-20261120-000007"


def test_a_group_is_resolved_when_all_of_it_is() -> None:
    over = alert(8, status="resolved", ended_at="2026-11-20T10:00:00+00:00")

    assert body(alert(7), over)["status"] == "firing"
    assert body(over)["status"] == "resolved"


def test_a_cause_keeps_its_fingerprint_and_no_other_has_it() -> None:
    again = body(alert(7, cause="a", status="resolved", ended_at="2026-11-20T10:00:00+00:00"), alert(8, cause="b"))
    prints = [one["fingerprint"] for one in again["alerts"]]

    assert prints[0] == body(alert(7, cause="a"))["alerts"][0]["fingerprint"]
    assert prints[0] != prints[1]


def test_the_library_of_standard_webhooks_verifies_the_signature() -> None:
    sent = json.dumps({"a": "井盖"}).encode()
    headers = webhook.headers(sent, "n-1", SECRET, NOW)

    assert Webhook(SECRET).verify(sent, headers) == {"a": "井盖"}


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "n-2"},
        {"webhook-timestamp": "1700000000"},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_a_changed_header_does_not_verify(change: dict[str, str]) -> None:
    headers = {**webhook.headers(b"{}", "n-1", SECRET, NOW), **change}

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"{}", headers)


def test_another_secret_or_body_does_not_verify() -> None:
    headers = webhook.headers(b"{}", "n-1", "whsec_" + base64.b64encode(b"other").decode(), NOW)

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"[]", webhook.headers(b"{}", "n-1", SECRET, NOW))


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in webhook.headers(b"{}", "n-1", "", NOW)


def test_a_secret_that_is_no_base64_is_refused() -> None:
    with pytest.raises(InvalidInput):
        webhook.secret_bytes("whsec_!")
