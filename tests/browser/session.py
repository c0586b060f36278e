"""Somebody signed in at a browser: an account with grants and its session, made straight in the database."""

from datetime import UTC, datetime, timedelta

import psycopg
from playwright.sync_api import BrowserContext

from api.authentication import COOKIE
from people import sessions
from people.model import Client, Terms
from tests import credentials
from tests.browser.city import run

TERMS = Terms(idle=timedelta(hours=1), longest=timedelta(hours=2))


def sign_in(database: str, address: str, context: BrowserContext, name: str, *grants: str) -> None:
    """Let a browser be signed in as a new account."""
    with psycopg.connect(database) as conn:
        account_id = credentials.add_account(conn, name, *grants)
    context.add_cookies([{"name": COOKIE, "value": run(_open(database, account_id)), "url": address}])


async def _open(database: str, account_id: int) -> str:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        opened = await sessions.start(
            conn, account_id, "password", Client(address="127.0.0.1"), TERMS, datetime.now(UTC)
        )
        return opened.token
