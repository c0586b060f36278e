"""A city's outbox, and real servers that take notices."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from alerts import delivery, route, routefile
from alerts.delivery import Post
from runtime import notifier

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


class Receiver:
    """A webhook that remembers what it got and answers as it is told."""

    def __init__(self) -> None:
        receiver = self
        self.status = 200
        self.got: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.hold = threading.Event()
        self.hold.set()
        self.called = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.called.set()
                receiver.hold.wait(20)
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                receiver.bodies.append(body)
                receiver.got.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/"


async def incident(conn: AsyncConnection, number: int = 1, severity: str = "major", district: str = "130202") -> None:
    """An incident that is open."""
    await conn.execute(
        """
        INSERT INTO incident (incident_id, cause, rule, severity, title_zh, title_en, stage, district_code, origin,
            fired_ts, opened_at, deadline, evidence, geom)
        VALUES (%(number)s, 'R/device:' || %(number)s, 'CoverDisplaced', %(severity)s, '井盖', 'cover', 'reported',
            %(district)s, 0, %(now)s, %(now)s, '2999-01-01', '{}', ST_SetSRID(ST_MakePoint(118.1, 39.6), 4326))
        ON CONFLICT DO NOTHING
        """,
        {"number": number, "severity": severity, "district": district, "now": NOW},
    )


async def put(
    conn: AsyncConnection, kind: str = "opened", number: int = 1, *, role: str = "system", **more: str
) -> int:
    """A transition of an incident with its outbox row, in one transaction, as the journey writes them."""
    async with conn.transaction():
        await incident(conn, number, **more)
        stage = {"opened": "reported", "closed": "closed"}.get(kind, kind)
        if stage == "closed":
            await conn.execute(
                "UPDATE incident SET stage = 'closed', outcome = 'recovered' WHERE incident_id = %s", (number,)
            )
        cursor = await conn.execute(
            """
            WITH event AS (
                INSERT INTO incident_event (incident_id, at, actor, role, kind, to_stage)
                VALUES (%s, %s, 'rule R', %s, %s, %s) RETURNING event_id
            )
            INSERT INTO outbox (event_id, created_at) SELECT event_id, %s FROM event RETURNING event_id
            """,
            (number, NOW, role, kind, stage, NOW),
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


def plain(addresses: str) -> Post:
    return delivery.post_office(route.plain(addresses.split()), ZONE)


def routed(text: str, addresses: str = "") -> Post:
    urls = addresses.split()
    return delivery.post_office(routefile.parse(text, "routes.yaml", ZONE.key, urls, lambda _: "unread"), ZONE)


async def drain(conn: AsyncConnection, post: Post | str, at: datetime = NOW) -> int:
    return await notifier.drain(conn, plain(post) if isinstance(post, str) else post, lambda: at)


async def fetch(conn: AsyncConnection, query: str) -> list[tuple[object, ...]]:
    return await (await conn.execute(query.encode())).fetchall()


def start_process(database: str, addresses: str, folder: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path.cwd()),
        "CITYGRID_DATABASE_URL": database,
        "CITYGRID_NOTIFY_URLS": addresses,
        "CITYGRID_LOG_FORMAT": "json",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", "notify"],
        env=environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )


GROUPED = """
route:
  receiver: desk
  group_by: [district]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
receivers:
  - name: desk
    webhooks: [{{url: "{url}", secret: s3cret}}]
"""


def grouped(receiver: Receiver) -> Post:
    return routed(GROUPED.format(url=receiver.url.replace("json://", "http://")))


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def numbers(post: dict[str, Any]) -> list[int]:
    return [alert["incident"]["incident_id"] for alert in post["alerts"]]
