"""SQL of gateways and of identities at the broker. Takes a connection, never commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

LOCK_DEVICE = "SELECT device_id, district_code, profile, state FROM device WHERE label = %(label)s FOR UPDATE"
LOCK_GATEWAY = "SELECT gateway_id, district_code FROM gateway WHERE label = %(label)s FOR UPDATE"
INSERT_GATEWAY = """
INSERT INTO gateway (label, district_code, registered_at, registered_by)
VALUES (%(label)s, %(district_code)s, %(now)s, %(actor)s) ON CONFLICT (label) DO NOTHING
"""
LIST_GATEWAYS = """
SELECT g.label, g.district_code, g.registered_at,
       ARRAY(SELECT d.label FROM device d WHERE d.gateway_id = g.gateway_id ORDER BY d.label) AS devices,
       EXISTS (SELECT FROM broker_identity i WHERE i.gateway_id = g.gateway_id AND i.revoked_at IS NULL)
       OR EXISTS (SELECT FROM broker_certificate c
                  WHERE c.gateway_id = g.gateway_id AND c.revoked_at IS NULL) AS has_identity
FROM gateway g ORDER BY g.label
"""
ASSIGN = """
UPDATE device SET gateway_id = %(gateway_id)s
WHERE label = ANY(%(labels)s) AND (%(gateway_id)s::int IS NULL OR district_code = %(district_code)s)
RETURNING label
"""
INSERT_IDENTITY = """
INSERT INTO broker_identity (device_id, gateway_id, user_name, password_hash, issued_at, issued_by)
VALUES (%(device_id)s, %(gateway_id)s, %(user_name)s, %(password_hash)s, %(now)s, %(actor)s)
ON CONFLICT DO NOTHING
"""
ROTATE = """
UPDATE broker_identity SET user_name = %(user_name)s, password_hash = %(password_hash)s, rotated_at = %(now)s
WHERE revoked_at IS NULL AND (device_id = %(device_id)s OR gateway_id = %(gateway_id)s)
"""
REVOKE = """
UPDATE broker_identity SET revoked_at = %(now)s
WHERE revoked_at IS NULL AND (device_id = %(device_id)s OR gateway_id = %(gateway_id)s)
"""
REVOKE_CERTIFICATES = """
UPDATE broker_certificate SET revoked_at = %(now)s
WHERE revoked_at IS NULL AND (device_id = %(device_id)s OR gateway_id = %(gateway_id)s)
"""
LIST_IDENTITIES = """
SELECT COALESCE(d.label, g.label) AS label, CASE WHEN g.gateway_id IS NULL THEN 'device' ELSE 'gateway' END AS holder,
       i.user_name, i.issued_at, i.issued_by, i.rotated_at, i.revoked_at
FROM broker_identity i LEFT JOIN device d USING (device_id) LEFT JOIN gateway g ON g.gateway_id = i.gateway_id
WHERE (%(label)s = '' OR COALESCE(d.label, g.label) = %(label)s) AND (i.revoked_at IS NULL OR %(label)s <> '')
  AND COALESCE(d.label, g.label) > %(after)s
ORDER BY 1, i.identity_id LIMIT %(limit)s
"""
IN_FORCE = """
SELECT i.user_name, i.password_hash
FROM broker_identity i LEFT JOIN device d USING (device_id)
WHERE i.revoked_at IS NULL AND (d.device_id IS NULL OR d.state = ANY(%(reporting)s))
ORDER BY i.user_name
"""
BEHIND_GATEWAYS = """
WITH entering AS (
    SELECT gateway_id, user_name FROM broker_identity WHERE gateway_id IS NOT NULL AND revoked_at IS NULL
    UNION
    SELECT gateway_id, user_name FROM broker_certificate WHERE gateway_id IS NOT NULL AND revoked_at IS NULL
)
SELECT e.user_name, d.district_code, d.profile, d.label
FROM entering e JOIN device d USING (gateway_id)
WHERE d.state = ANY(%(reporting)s)
ORDER BY e.user_name, d.label
"""


async def one(conn: AsyncConnection, query: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the first row of one of this module's queries."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchone()


async def rows(conn: AsyncConnection, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give all rows of one of this module's queries."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()


async def change(conn: AsyncConnection, query: str, values: Mapping[str, Any]) -> int:
    """Run one of this module's changes and give how many rows it touched."""
    return (await conn.execute(query.encode(), values)).rowcount


async def revoke(conn: AsyncConnection, owner: Mapping[str, int | None], now: datetime) -> bool:
    """End somebody's password and certificates; False when there was neither."""
    row = {**owner, "now": now}
    passwords = await change(conn, REVOKE, row)
    return passwords + await change(conn, REVOKE_CERTIFICATES, row) > 0


async def add_gateway(conn: AsyncConnection, label: str, district_code: str, now: datetime, actor: str) -> bool:
    """Register a gateway; False when its label is taken."""
    row = {"label": label, "district_code": district_code, "now": now, "actor": actor}
    return await change(conn, INSERT_GATEWAY, row) == 1


async def assign(
    conn: AsyncConnection, gateway_id: int | None, district_code: str, labels: Sequence[str]
) -> frozenset[str]:
    """List devices under a gateway of their district, or under none; gives the labels for which that could be done."""
    row = {"gateway_id": gateway_id, "district_code": district_code, "labels": list(labels)}
    return frozenset(found["label"] for found in await rows(conn, ASSIGN, row))
