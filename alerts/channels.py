"""Sends a notice to one address: our signed webhook, or one of Apprise (e-mail, WeCom, DingTalk, Feishu ...)."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any, cast

import apprise
import httpx2

from alerts import webhook
from alerts.message import Message
from alerts.route import Contact, Routing, Webhook
from alerts.rule import Severity
from core.errors import InvalidInput

TIMEOUT_S = 20.0
_TRY_AGAIN = frozenset({408, 425, 429})
"""Client errors that say: later. Any other is about what was sent, and will not get better."""
_ANSWER_SHOWN = 200

_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.MINOR: apprise.NotifyType.WARNING,
    Severity.MAJOR: apprise.NotifyType.FAILURE,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a notice goes."""

    key: str
    """Tells addresses apart without showing what is secret in them."""
    name: str
    target: Any
    """Apprise's plugin object, or our `Webhook`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is sent, in the form that each kind of address takes."""

    number: str
    """The same on every attempt: a receiver that saw it may drop it."""
    message: Message
    body: bytes
    """For webhooks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an address did not take it."""

    reason: str
    is_final: bool = False
    """Trying again would not help."""


def check_urls(urls: Sequence[str], whose: str) -> None:
    """Raise `InvalidInput` for the first address that Apprise does not understand, showing no secret."""
    for number, text in enumerate(urls, start=1):
        _apprise(text, f"{whose}: address {number}")


def check(routing: Routing) -> None:
    """Raise `InvalidInput` for an address of the routing that cannot be used, showing no secret."""
    for receiver in routing.receivers.values():
        _check(receiver.contact, f"receiver {receiver.name}")
    for person, contact in routing.people.items():
        _check(contact, f"person {person}")


def _check(contact: Contact, whose: str) -> None:
    check_urls(contact.urls, whose)
    for hook in contact.webhooks:
        webhook.secret_bytes(hook.secret)


def of_contacts(contacts: Iterable[Contact]) -> tuple[Address, ...]:
    """Give the addresses of contacts, each one once, in their order."""
    found = {address.key: address for contact in contacts for address in _of_contact(contact)}
    return tuple(found.values())


def _of_contact(contact: Contact) -> Iterator[Address]:
    for text in contact.urls:
        yield _apprise(text, "address")
    for hook in contact.webhooks:
        host = httpx2.URL(hook.url).host
        yield Address(key=_key(f"webhook {hook.url}"), name=f"webhook {host}", target=hook)


def _apprise(text: str, place: str) -> Address:
    target = apprise.Apprise.instantiate(text)
    if target is None:
        scheme = text.split(":", 1)[0] if ":" in text else "no scheme"
        raise InvalidInput(
            f"{place} ({scheme}) is not understood: see the forms at https://github.com/caronc/apprise/wiki"
        )
    return Address(key=_key(text), name=str(target.service_name), target=target)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def send(envelope: Envelope, address: Address, now: datetime) -> Failure | None:
    """Send to an address and give why it failed, None when it took it."""
    if isinstance(address.target, Webhook):
        return await _post(envelope, address.target, now)
    return await asyncio.to_thread(_send, envelope.message, address)


async def _post(envelope: Envelope, hook: Webhook, now: datetime) -> Failure | None:
    headers = webhook.headers(envelope.body, envelope.number, hook.secret, now)
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            answer = await client.post(hook.url, content=envelope.body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Failure(reason=f"{type(error).__name__}: {error}")
    if answer.is_success:
        return None
    said = " ".join(answer.text[:_ANSWER_SHOWN].split())
    is_final = 300 <= answer.status_code < 500 and answer.status_code not in _TRY_AGAIN
    return Failure(reason=f"HTTP {answer.status_code} {said}".strip(), is_final=is_final)


def _send(message: Message, address: Address) -> Failure | None:
    kind = apprise.NotifyType.SUCCESS if message.is_good_news else _TYPES[message.severity]
    with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:
        captured = cast("StringIO", log)  # what LogCapture gives without a path
        try:
            sent = address.target.notify(body=message.body, title=message.title, notify_type=kind)
        except (OSError, TypeError, ValueError) as error:  # what plugins are known to let through
            return Failure(reason=f"{type(error).__name__}: {error}")
        said = " ".join(captured.getvalue().split())
    return None if sent else Failure(reason=said or "refused without a reason")
