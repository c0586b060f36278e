"""Our own webhook: Alertmanager's JSON (version "4") with our fields beside, signed as Standard Webhooks say. Pure.

Source: Alertmanager, "Configuration", webhook_config; Standard Webhooks, specification 1.0 (standardwebhooks.com).
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerts import message
from core.errors import InvalidInput

NEVER = "0001-01-01T00:00:00Z"
"""What Alertmanager writes for a time that has not come."""
_PREFIX = "whsec_"


def body(told: Mapping[str, Any], number: str, receiver: str, group_key: str) -> bytes:
    """Give the JSON of a notice's content (`alerts.message.content`)."""
    alerts = [_alert(alert) for alert in told["alerts"]]
    whole = {
        "version": "4",
        "groupKey": group_key,
        "truncatedAlerts": 0,
        "status": "firing" if message.is_firing(told) else "resolved",
        "receiver": receiver,
        "groupLabels": told["group_labels"],
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": "",
        "alerts": alerts,
        "notice_id": number,
        "kind": told["kind"],
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _alert(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": alert["status"],
        "labels": alert["labels"],
        "annotations": {"summary": alert["title_en"], "summary_zh": alert["title_zh"]},
        "startsAt": alert["fired_ts"],
        "endsAt": alert["ended_at"] or NEVER,
        "generatorURL": "",
        "fingerprint": hashlib.sha256(alert["cause"].encode()).hexdigest()[:16],
        "incident": {
            name: alert[name]
            for name in ("incident_id", "case_no", "event", "stage", "events", "deadline", "reason", "lon", "lat")
        },
    }


def _common(all_pairs: list[dict[str, str]]) -> dict[str, str]:
    first, *others = all_pairs
    return {name: value for name, value in first.items() if all(pairs.get(name) == value for pairs in others)}


def secret_bytes(secret: str) -> bytes:
    """Give the key of a secret: after `whsec_` base64, else its text; raises `InvalidInput`."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise InvalidInput(f"a secret that begins with {_PREFIX} goes on in base64") from error


def headers(sent: bytes, number: str, secret: str, at: datetime) -> dict[str, str]:
    """Give the headers of a body: its number, which is the same on every attempt, the time, and the signature."""
    timestamp = str(int(at.timestamp()))
    found = {"Content-Type": "application/json", "webhook-id": number, "webhook-timestamp": timestamp}
    if secret:
        signed = f"{number}.{timestamp}.".encode() + sent
        digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
        found["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
    return found
