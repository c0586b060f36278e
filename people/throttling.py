"""Counts failed sign-ins in the database: it survives restarts and holds for every process of the API.

A try is counted before the password is looked at and taken back when it was right, so that a hundred tries at once are
no way around.
"""

import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta

from psycopg import AsyncConnection

from core.errors import TooManyTries
from people import store, throttle
from people.throttle import OF_ACCOUNT, OF_ADDRESS, Allowance, Failures

PLACE_KNOWN_FOR = timedelta(days=30)
_KNOWN_PLACE = """
SELECT 1 AS known FROM sign_in_place JOIN account a USING (account_id)
WHERE a.name = %(name)s AND address = %(address)s AND at > %(since)s
"""
_BEGIN = """
INSERT INTO sign_in_throttle (subject, failures, failed_at, wait_until)
SELECT subject, 0, %(now)s, %(now)s FROM unnest(%(subjects)s::text[]) AS subject ORDER BY subject
ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT subject, failures, failed_at, wait_until FROM sign_in_throttle
WHERE subject = ANY(%(subjects)s) ORDER BY subject FOR UPDATE
"""
_COUNT = """
UPDATE sign_in_throttle SET failures = %(failures)s, failed_at = %(failed_at)s, wait_until = %(wait_until)s
WHERE subject = %(subject)s
"""
_FORGET = "DELETE FROM sign_in_throttle WHERE subject = ANY(%(subjects)s)"
_TAKE_BACK = """
UPDATE sign_in_throttle SET failures = failures - 1, wait_until = %(now)s WHERE subject = %(subject)s AND failures > 0
"""
_CLEAR = """
DELETE FROM sign_in_throttle WHERE subject IN (
    SELECT subject FROM sign_in_throttle WHERE failed_at < %(before)s LIMIT 100 FOR UPDATE SKIP LOCKED
)
"""
_NOTE_PLACE = """
INSERT INTO sign_in_place (account_id, address, at) VALUES (%(account_id)s, %(address)s, %(now)s)
ON CONFLICT (account_id, address) DO UPDATE SET at = EXCLUDED.at
"""


async def count_try(conn: AsyncConnection, name: str, address: str, now: datetime) -> tuple[str, str]:
    """Count a try by `name` from `address` as failed, and give what it was counted under.

    Raises: `TooManyTries` when it comes too soon; then nothing is counted, so that waiting always helps.
    """
    place = _place(address)
    given = {"name": name, "address": place, "since": now - PLACE_KNOWN_FOR}
    is_known = await store.one(conn, _KNOWN_PLACE, given) is not None
    of_account, of_address = (f"account:{name}@{place}" if is_known else f"account:{name}"), f"address:{place}"
    allowances: Mapping[str, Allowance] = {of_account: OF_ACCOUNT, of_address: OF_ADDRESS}
    async with conn.transaction():
        await store.change(conn, _CLEAR, {"before": now - OF_ACCOUNT.forgotten_after})
        await store.change(conn, _BEGIN, {"subjects": list(allowances), "now": now})
        known = {row.pop("subject"): row for row in await store.rows(conn, _LOCK, {"subjects": list(allowances)})}
        before = {
            subject: Failures(count=row["failures"], failed_at=row["failed_at"], wait_until=row["wait_until"])
            for subject, row in known.items()
        }
        wait = max(throttle.remaining(failures, now) for failures in before.values())
        if wait:
            raise TooManyTries("too many failed sign-ins: wait, then try again", wait)
        for subject, allowance in allowances.items():
            after = throttle.after_failure(before.get(subject), allowance, now)
            row = {"failures": after.count, "failed_at": now, "wait_until": after.wait_until, "subject": subject}
            await store.change(conn, _COUNT, row)
    return of_account, of_address


async def take_back(
    conn: AsyncConnection, counted: tuple[str, str], account_id: int, address: str, now: datetime
) -> None:
    """After a success forget the account's failures, and of the address this try; others' failures there count on."""
    of_account, of_address = counted
    place = {"account_id": account_id, "address": _place(address), "now": now}
    await store.change(conn, _FORGET, {"subjects": [of_account]})
    await store.change(conn, _TAKE_BACK, {"subject": of_address, "now": now})
    await store.change(conn, _NOTE_PLACE, place)


def _place(address: str) -> str:
    """Give what counts as one address: of IPv6 the network of 64 bits, which one subscriber has whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
