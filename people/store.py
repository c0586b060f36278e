"""SQL of accounts, sessions, keys and throttling. Takes a connection, never commits."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from people.model import Change

Row = dict[str, Any]

_WHO = """
a.account_id, a.name, a.display_name, a.language, a.department_id,
ARRAY(SELECT ARRAY[g.role, g.area_code, g.patrol_grid] FROM account_grant g
      WHERE g.account_id = a.account_id ORDER BY g.role, g.area_code, g.patrol_grid) AS grants
"""
SESSION_IDENTITIES = f"""
SELECT s.token_hash, s.session_id, s.used_at, LEAST(s.expires_at, s.used_at + %(idle)s) AS ends_at, {_WHO}
FROM account_session s JOIN account a USING (account_id)
WHERE s.token_hash = ANY(%(hashes)s) AND a.disabled_at IS NULL
  AND s.expires_at > %(now)s AND s.used_at > %(now)s - %(idle)s
"""  # noqa: S608  # joined from two texts of this file
KEY_IDENTITIES = f"""
SELECT k.token_hash, k.key_id, k.name AS key_name, k.grants AS key_grants, k.used_at, k.expires_at AS ends_at, {_WHO}
FROM api_key k JOIN account a USING (account_id)
WHERE k.token_hash = ANY(%(hashes)s) AND a.disabled_at IS NULL AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
"""  # noqa: S608  # as above
TOUCH_SESSION = "UPDATE account_session SET used_at = %(now)s WHERE session_id = %(id)s AND used_at < %(now)s"
TOUCH_KEY = "UPDATE api_key SET used_at = %(now)s WHERE key_id = %(id)s"
INSERT_SESSION = """
INSERT INTO account_session (token_hash, account_id, method, created_at, used_at, expires_at, address, user_agent)
VALUES (%(token_hash)s, %(account_id)s, %(method)s, %(now)s, %(now)s, %(expires_at)s, %(address)s, %(user_agent)s)
"""
END_SESSION = """
DELETE FROM account_session s USING account a
WHERE s.token_hash = %(token_hash)s AND a.account_id = s.account_id RETURNING a.name
"""
END_SESSIONS = "DELETE FROM account_session WHERE account_id = %(account_id)s AND token_hash <> %(kept)s"
FORGET_SESSIONS = "DELETE FROM account_session WHERE expires_at < %(now)s OR used_at < %(now)s - %(idle)s"
END_ONE_SESSION = """
DELETE FROM account_session WHERE session_id = %(session_id)s AND account_id = %(account_id)s RETURNING address
"""
LIST_SESSIONS = """
SELECT s.session_id, a.name, s.method, s.created_at, s.used_at, s.expires_at, s.address, s.user_agent
FROM account_session s JOIN account a USING (account_id)
WHERE (%(name)s = '' OR a.name = %(name)s) AND s.expires_at > %(now)s AND s.used_at > %(now)s - %(idle)s
ORDER BY s.used_at DESC
"""
INSERT_KEY = """
INSERT INTO api_key (token_hash, prefix, account_id, name, grants, created_at, expires_at)
VALUES (%(token_hash)s, %(prefix)s, %(account_id)s, %(name)s, %(grants)s, %(now)s, %(expires_at)s)
ON CONFLICT (account_id, name) WHERE revoked_at IS NULL DO NOTHING RETURNING key_id
"""
REVOKE_KEY = """
UPDATE api_key SET revoked_at = %(now)s
WHERE key_id = %(key_id)s AND account_id = %(account_id)s AND revoked_at IS NULL RETURNING name, token_hash
"""
REVOKE_KEYS = "UPDATE api_key SET revoked_at = %(now)s WHERE account_id = %(account_id)s AND revoked_at IS NULL"
LIST_KEYS = """
SELECT k.key_id, a.name AS account, k.name, k.prefix, k.grants, k.created_at, k.expires_at, k.used_at
FROM api_key k JOIN account a USING (account_id)
WHERE (%(name)s = '' OR a.name = %(name)s) AND k.revoked_at IS NULL
  AND (a.name, k.name) > (%(after_account)s, %(after_key)s)
ORDER BY a.name, k.name LIMIT %(limit)s
"""
AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail)
VALUES (%(now)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)
"""


async def one(conn: AsyncConnection, query: str, values: Mapping[str, Any]) -> Row | None:
    """Give the first row of one of this package's queries."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchone()


async def rows(conn: AsyncConnection, query: str, values: Mapping[str, Any]) -> list[Row]:
    """Give all rows of one of this package's queries."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()


async def change(conn: AsyncConnection, query: str, values: Mapping[str, Any]) -> int:
    """Run one of this package's changes and give how many rows it touched."""
    return (await conn.execute(query.encode(), values)).rowcount


async def audit(conn: AsyncConnection, by: Change, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Write what somebody did."""
    values = {"now": by.now, "actor": by.actor, "action": action, "subject": subject, "detail": Jsonb(dict(detail))}
    await conn.execute(AUDIT.encode(), values)
