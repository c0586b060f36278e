"""Sends a message to addresses of the Apprise library (webhook, e-mail, WeCom, DingTalk, Feishu ...)."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, cast

import apprise

from alerts.message import Message
from alerts.rule import Severity
from core.errors import InvalidInput

_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.MINOR: apprise.NotifyType.WARNING,
    Severity.MAJOR: apprise.NotifyType.FAILURE,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where notices go."""

    key: str
    """Tells addresses apart without showing what is secret in them."""
    name: str
    target: Any
    """Apprise's plugin object."""


def parse(addresses: str) -> tuple[Address, ...]:
    """Give the addresses of a text that separates them by spaces; raises `InvalidInput`, showing no secret."""
    found: list[Address] = []
    for number, text in enumerate(addresses.split(), start=1):
        target = apprise.Apprise.instantiate(text)
        if target is None:
            scheme = text.split(":", 1)[0] if ":" in text else "no scheme"
            raise InvalidInput(
                f"CITYGRID_NOTIFY_URLS: address {number} ({scheme}) is not understood: see the forms at "
                "https://github.com/caronc/apprise/wiki"
            )
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        found.append(Address(key=key, name=f"{number}. {target.service_name}", target=target))
    return tuple(found)


async def send(message: Message, addresses: Sequence[Address]) -> dict[str, str]:
    """Send to each address and give what failed: the address's key and a reason."""
    failures: dict[str, str] = {}
    for address in addresses:
        reason = await asyncio.to_thread(_send, message, address)
        if reason is not None:
            failures[address.key] = f"{address.name}: {reason}"
    return failures


def _send(message: Message, address: Address) -> str | None:
    kind = apprise.NotifyType.SUCCESS if message.is_good_news else _TYPES[message.severity]
    with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:
        captured = cast("StringIO", log)  # what LogCapture gives without a path
        try:
            sent = address.target.notify(body=message.body, title=message.title, notify_type=kind)
        except (OSError, TypeError, ValueError) as error:  # what plugins are known to let through
            return f"{type(error).__name__}: {error}"
        said = " ".join(captured.getvalue().split())
    return None if sent else said or "refused without a reason"
