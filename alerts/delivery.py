"""Step 8 of the journey: notices from the outbox to the world. Each function here is one transaction.

    sort_some     outbox rows to deliveries, by the routes; a delivery joins its group
    tell_group    a group that is due to messages, one an address; again while nobody has touched its incidents
    deliver_one   a message to its address

A crash between two of them loses nothing: what was not committed is found again. `deliver_one` sends while it holds the
row's lock and marks it in the same transaction, so two notifiers never send the same message. Between the sending and
the commit lies the one gap no outbox can close: a process killed exactly there sends that message once more, with the
same number, by which a receiver can drop it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import channels, message, notice_sql, route, webhook
from alerts.channels import Address, Envelope, Failure
from alerts.incident import ENDS
from alerts.message import Kind
from alerts.route import Routing
from core.errors import InvalidInput

Outcome = Literal["sent", "retry", "parked"]
Row = dict[str, Any]

SORTED_AT_ONCE = 200
QUIET_FOR = timedelta(minutes=1)
"""How often a route that is quiet is looked at again; intervals have whole minutes."""
NOWHERE = "no address: the receiver has none and nobody of its roster is on duty, or CITYGRID_NOTIFY_URLS is empty"
GONE = "the address is not configured any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What the notifier works with."""

    routing: Routing
    addresses: Mapping[str, Address]
    """By key."""
    zone: ZoneInfo
    """The city's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of a message."""

    notice: int
    receiver: str
    attempts: int
    outcome: Outcome
    error: str | None = None


def post_office(routing: Routing, zone: ZoneInfo) -> Post:
    """Give what the notifier works with; raises `InvalidInput` for an address that cannot be used."""
    channels.check(routing)
    addresses = {address.key: address for address in channels.of_contacts(routing.everyone())}
    return Post(routing=routing, addresses=addresses, zone=zone)


async def sort_some(conn: AsyncConnection, post: Post, now: datetime) -> int:
    """Sort outbox rows into deliveries and groups, and give how many rows there were."""
    async with conn.transaction():
        rows = await (await conn.execute(notice_sql.TAKE_EVENTS, {"limit": SORTED_AT_ONCE})).fetchall()
        if not rows:
            return 0
        for told in await _told(conn, [event_id for _, event_id in rows]):
            for chosen in route.matching(post.routing.root, told["labels"]):
                await _deliver(conn, post.routing, chosen, told, now)
        await conn.execute(notice_sql.MARK_SORTED, {"now": now, "notices": [notice_id for notice_id, _ in rows]})
        return len(rows)


async def _deliver(conn: AsyncConnection, routing: Routing, chosen: route.Route, told: Row, now: datetime) -> None:
    if told["status"] == "resolved" and not routing.receivers[chosen.receiver].resolved:
        return
    values = {
        "event_id": told["event_id"],
        "receiver": chosen.receiver,
        "group_key": route.group_key(chosen, told["labels"]),
        "now": now,
    }
    if await (await conn.execute(notice_sql.DELIVER, values)).fetchone() is None:
        return  # another route leads to the same receiver
    group = {
        **values,
        "route": chosen.key,
        "labels": Jsonb(route.group_labels(chosen, told["labels"])),
        "wait_s": chosen.group_wait.total_seconds(),
        "interval_s": chosen.group_interval.total_seconds(),
        "repeat_s": chosen.repeat_interval.total_seconds(),
    }
    await conn.execute(notice_sql.GATHER, group)


async def tell_group(conn: AsyncConnection, post: Post, now: datetime) -> bool:
    """Write the messages of the group that is due longest; False when none is due."""
    async with conn.transaction():
        group = next(iter(await _rows(conn, notice_sql.TAKE_GROUP, {"now": now})), None)
        if group is None:
            await conn.execute(notice_sql.FORGET_GROUPS, {"now": now})
            return False
        values = {"receiver": group["receiver"], "group_key": group["group_key"], "now": now}
        chosen = post.routing.by_key(group["route"])
        if chosen is not None and chosen.is_quiet(now):
            await conn.execute(notice_sql.HOLD, {**values, "until": now + QUIET_FOR})
            return True
        kind: Kind = "new" if group["flushes"] else "repeat"
        query = notice_sql.WAITING if kind == "new" else notice_sql.UNTOUCHED
        events = await (await conn.execute(query, values)).fetchall()
        if events:
            alerts = await _told(conn, [event_id for (event_id,) in events])
            content = message.content([_plain(one) for one in alerts], kind=kind, labels=group["labels"])
            await _write(conn, post, {**values, "kind": kind, "content": Jsonb(content)}, now)
        await conn.execute(notice_sql.FLUSHED, {**values, "goes_on": kind == "new" or bool(events)})
        return True


async def _write(conn: AsyncConnection, post: Post, values: Mapping[str, Any], now: datetime) -> None:
    """Write a message for each address the receiver has now; one that is parked when it has none."""
    found = _addresses(post, values["receiver"], now)
    parked = {"parked_at": None, "error": None} if found else {"parked_at": now, "error": NOWHERE}
    for address in found or (None,):
        named = {"address": address.key if address else None, "address_name": address.name if address else None}
        await conn.execute(notice_sql.WRITE, {**values, **named, **parked, "now": now})


def _addresses(post: Post, receiver: str, at: datetime) -> tuple[Address, ...]:
    return channels.of_contacts(post.routing.contacts(receiver, at))


async def deliver_one(conn: AsyncConnection, post: Post, now: datetime) -> Delivered | None:
    """Send the message that is due longest and give what became of it; None when none is due."""
    async with conn.transaction():
        row = next(iter(await _rows(conn, notice_sql.TAKE_MESSAGE, {"now": now})), None)
        if row is None:
            return None
        if row["address"] is None and _addresses(post, row["receiver"], now):
            return await _address(conn, post, row, now)
        failure = await _send(post, row, now)
        attempts = row["attempts"] + 1
        if failure is None:
            await conn.execute(
                notice_sql.MARK_SENT, {"message_id": row["message_id"], "attempts": attempts, "now": now}
            )
            return Delivered(notice=row["notice_no"], receiver=row["receiver"], attempts=attempts, outcome="sent")
        return await _fail(conn, row, attempts, failure, now)


async def _address(conn: AsyncConnection, post: Post, row: Row, now: datetime) -> Delivered:
    """Replace a message that had nowhere to go by one for each address there is now."""
    await conn.execute(notice_sql.REMOVE, {"message_id": row["message_id"]})
    values = {"receiver": row["receiver"], "group_key": row["group_key"], "kind": row["kind"]}
    await _write(conn, post, {**values, "content": Jsonb(row["content"])}, now)
    return Delivered(notice=row["notice_no"], receiver=row["receiver"], attempts=0, outcome="retry", error=NOWHERE)


async def _send(post: Post, row: Row, now: datetime) -> Failure | None:
    if row["address"] is None:
        return Failure(reason=NOWHERE, is_final=True)
    address = post.addresses.get(row["address"])
    if address is None:
        return Failure(reason=GONE, is_final=True)
    number = str(row["message_id"])
    envelope = Envelope(
        number=number,
        message=message.of_content(row["content"], number, post.zone),
        body=webhook.body(row["content"], number, row["receiver"], row["group_key"]),
    )
    return await channels.send(envelope, address, now)


async def _fail(conn: AsyncConnection, row: Row, attempts: int, failure: Failure, now: datetime) -> Delivered:
    is_over = failure.is_final or attempts >= message.ATTEMPTS
    values = {
        "message_id": row["message_id"],
        "attempts": attempts,
        "next_try_at": now + message.wait_before(attempts, row["notice_no"]),
        "parked_at": now if is_over else None,
        "error": failure.reason[:2000],
    }
    await conn.execute(notice_sql.MARK_FAILED, values)
    return Delivered(
        notice=row["notice_no"],
        receiver=row["receiver"],
        attempts=attempts,
        outcome="parked" if is_over else "retry",
        error=failure.reason,
    )


async def retry(
    conn: AsyncConnection, numbers: Sequence[int] | None, receiver: str | None, who: tuple[str, str], now: datetime
) -> tuple[int, ...]:
    """Have parked messages tried again, all or those named, and give their numbers; `who` = actor and reason."""
    actor, reason = (word.strip() for word in who)
    if not actor or not reason:
        raise InvalidInput("say who does it and why: it is kept in the audit log")
    values = {"numbers": numbers, "receiver": receiver, "actor": actor, "reason": reason, "now": now}
    async with conn.transaction():
        rows = await (await conn.execute(notice_sql.RETRY, values)).fetchall()
    return tuple(int(row[0]) for row in rows)


async def _told(conn: AsyncConnection, events: Sequence[int]) -> list[Row]:
    return await _rows(conn, notice_sql.TOLD, {"events": list(events), "ends": [stage.value for stage in ENDS]})


async def _rows(conn: AsyncConnection, query: LiteralString, values: Mapping[str, Any]) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()


def _plain(told: Row) -> Row:
    """Give a row as JSON holds it."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}
