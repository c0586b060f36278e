"""Accounts made straight in the database, each with an API key: no test pays for a password's hash."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import Connection

from people import grant, tokens

KEY_NAME = "test"


def add_account(conn: Connection, name: str, *grants: str, department_id: int | None = None) -> int:
    """Add an account with grants as people write them (`dispatcher@130203`) and give its number."""
    now = datetime.now(UTC)
    row = conn.execute(
        "INSERT INTO account (name, display_name, created_at, created_by, department_id)"
        " VALUES (%s, %s, %s, 'test', %s) RETURNING account_id",
        (name, name.title(), now, department_id),
    ).fetchone()
    assert row is not None
    for given in map(grant.parsed, grants):
        conn.execute(
            "INSERT INTO account_grant (account_id, role, area_code, patrol_grid, granted_at, granted_by)"
            " VALUES (%s, %s, %s, %s, %s, 'test')",
            (row[0], *grant.row(given), now),
        )
    return row[0]


def add_key(conn: Connection, name: str, *grants: str, department_id: int | None = None) -> str:
    """Add an account with these grants and give an API key of it."""
    key = tokens.fresh_key()
    account_id = add_account(conn, name, *grants, department_id=department_id)
    conn.execute(
        "INSERT INTO api_key (token_hash, prefix, account_id, name, created_at) VALUES (%s, %s, %s, %s, %s)",
        (tokens.hashed(key), key[: tokens.SHOWN_CHARACTERS], account_id, KEY_NAME, datetime.now(UTC)),
    )
    return key


def add_session(conn: Connection, name: str, *grants: str) -> str:
    """Add an account with these grants and give the token of a browser's session of it."""
    token, now = tokens.fresh(), datetime.now(UTC)
    conn.execute(
        "INSERT INTO account_session (token_hash, account_id, method, created_at, used_at, expires_at, address,"
        " user_agent) VALUES (%s, %s, 'password', %s, %s, %s, '127.0.0.1', 'test')",
        (tokens.hashed(token), add_account(conn, name, *grants), now, now, now + timedelta(days=7)),
    )
    return token


def bearer(key: str) -> dict[str, str]:
    """Give the header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def administrator(url: str) -> dict[str, str]:
    """Add an administrator to the database at `url` and give the header that shows his key."""
    with psycopg.connect(url) as conn:
        return bearer(add_key(conn, "tester", "admin"))
