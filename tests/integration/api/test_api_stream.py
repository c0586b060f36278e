"""The live stream: seen at once, resumed without a gap or a repeat, and slow readers let go."""

import asyncio
import itertools
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import conninfo

from tests.conftest import Cluster
from tests.integration.api.city import NOW, hear, raise_incident
from tests.integration.api.conftest import calling, serving, signed_in

MANY = 9000
MANY_EVENTS = """
WITH made AS (
    INSERT INTO incident_event (incident_id, at, actor, kind, from_stage, to_stage)
    SELECT 1, now(), 'test', 'noted', 'reported', 'reported' FROM generate_series(1, 9000)
    RETURNING event_id
)
SELECT pg_notify('citygrid_incident', max(event_id)::text) FROM made
"""


@dataclass
class Event:
    name: str
    key: int | None
    data: Any


@dataclass
class Stream:
    """Reads events from an open answer."""

    lines: AsyncIterator[str]
    comments: list[str] = field(default_factory=list[str])

    async def next(self, name: str) -> Event:
        """Give the next event called `name`, passing over others."""
        async with asyncio.timeout(60):
            while True:
                event = await self._read()
                if event.name == name:
                    return event

    async def keys(self, count: int) -> list[int | None]:
        return [(await self.next("incident")).key for _ in range(count)]

    async def _read(self) -> Event:
        fields: dict[str, str] = {}
        async for line in self.lines:
            if line.startswith(":"):
                self.comments.append(line)
            elif line:
                key, _, value = line.partition(": ")
                fields[key] = value
            elif "event" in fields:
                key = int(fields["id"]) if "id" in fields else None
                return Event(fields["event"], key, json.loads(fields["data"]))
            else:
                fields.clear()
        raise EOFError(self.comments)


@asynccontextmanager
async def following(address: str, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    async with (
        calling(address) as client,
        client.stream("GET", f"/api/v1/stream{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(aiter(answer.aiter_lines()))
        await stream.next("heartbeat")
        yield stream


async def test_an_incident_is_seen_with_all_that_lists_show(own_address: str, city: str):
    async with following(own_address) as stream:
        with psycopg.connect(city) as conn:
            incident_id, event_id = raise_incident(conn, 9)
        event = await stream.next("incident")

    async with calling(own_address) as client:
        listed = (await client.get("/api/v1/incidents?device=mc-4")).json()["items"]
    assert (event.key, event.data["event_id"], event.data["kind"]) == (event_id, event_id, "opened")
    assert event.data["incident"]["incident_id"] == incident_id
    assert [event.data["incident"]] == listed


async def test_nothing_is_seen_of_what_was_rolled_back(own_address: str, city: str):
    async with following(own_address) as stream:
        with psycopg.connect(city) as conn:
            raise_incident(conn, 9)
            conn.rollback()
            _, event_id = raise_incident(conn, 10)

        assert await stream.keys(1) == [event_id]


async def test_a_reader_that_comes_back_gets_exactly_what_it_missed(own_address: str, city: str):
    with psycopg.connect(city, autocommit=True) as conn:
        async with following(own_address) as stream:
            raise_incident(conn, 9)
            (last,) = await stream.keys(1)
        missed = [raise_incident(conn, number)[1] for number in range(10, 15)]

        async with following(own_address, **{"Last-Event-ID": str(last)}) as stream:
            assert await stream.keys(5) == missed
            _, live = raise_incident(conn, 15)
            assert await stream.keys(1) == [live]
        async with following(own_address, f"?last_event_id={missed[1]}") as stream:
            assert await stream.keys(4) == [*missed[2:], live]


async def test_a_reader_can_resume_before_any_event_by_the_heartbeats_id(own_address: str, city: str):
    async with (
        calling(own_address) as client,
        client.stream("GET", "/api/v1/stream") as answer,
    ):
        stream = Stream(aiter(answer.aiter_lines()))
        beat = await stream.next("heartbeat")
        while beat.key is None:  # the feed has not caught up yet: there is no point to resume from
            beat = await stream.next("heartbeat")
    with psycopg.connect(city) as conn:
        _, event_id = raise_incident(conn, 9)

    async with following(own_address, **{"Last-Event-ID": str(beat.key)}) as stream:
        assert await stream.keys(1) == [event_id]


async def test_a_resume_point_of_another_database_does_not_hide_what_comes(own_address: str, city: str):
    async with following(own_address, "?last_event_id=999999999") as stream:
        with psycopg.connect(city) as conn:
            _, event_id = raise_incident(conn, 9)

        assert await stream.keys(1) == [event_id]


async def test_a_thousand_missed_events_come_in_order_each_once(own_address: str, city: str):
    with psycopg.connect(city) as conn:
        expected = [raise_incident(conn, number)[1] for number in range(10, 1010)]

    async with following(own_address, f"?last_event_id={expected[0] - 1}") as stream:
        assert await stream.keys(1000) == expected


def read_until(reader: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        data += reader.recv(1 << 16)
    return data


async def test_a_reader_that_takes_nothing_is_let_go_and_resumes_without_a_gap(own_address: str, city: str):
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", int(own_address.rpartition(":")[2])))
        reader.settimeout(20)
        shown = "".join(f"{name}: {value}\r\n" for name, value in signed_in(own_address).items())
        reader.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n{shown}\r\n".encode())
        read_until(reader, b"event: heartbeat")
        with psycopg.connect(city) as conn:
            conn.execute(MANY_EVENTS)
        async with asyncio.timeout(60), calling(own_address) as client:
            while "citygrid_live_dropped_total 1.0" not in (await client.get("/metrics")).text:
                pass
        data = read_until(reader, b": too slow")

    # chunks of HTTP lie between the events, never inside one
    seen = [int(key) for key in re.findall(rb"id: (\d+)\nevent: incident", data)]
    assert seen == list(range(4, 4 + len(seen)))
    async with following(own_address, **{"Last-Event-ID": str(seen[-1])}) as stream:
        assert await stream.keys(MANY - len(seen)) == list(range(seen[-1] + 1, 4 + MANY))


async def test_a_bus_that_moves_is_told_where_it_is(own_address: str, city: str):
    async with following(own_address) as stream:
        told = asyncio.create_task(stream.next("devices"))
        with psycopg.connect(city, autocommit=True) as conn:
            for step in itertools.count(1):
                hear(conn, "bus-1", NOW + timedelta(seconds=step), [118.18 + step / 10_000, 39.6305, 30.0, 180.0])
                await asyncio.wait([told], timeout=0.2)
                if told.done():
                    break
        event = await told

    (row,) = event.data["devices"]
    assert (row[0], row[3:]) == ("bus-1", [39.6305, "online", None, 180.0])
    assert row[2] > 118.18
    assert event.key is None


async def test_a_device_that_falls_silent_is_told_though_nothing_arrives(city: str):
    started_s = time.monotonic()  # the server's clock runs sixty times as fast
    with serving(city, clock=lambda: NOW + 60 * timedelta(seconds=time.monotonic() - started_s)) as address:
        async with following(address) as stream:
            healths: list[str] = []
            while "silent" not in healths:
                rows = (await stream.next("devices")).data["devices"]
                healths += [row[4] for row in rows if row[0] == "mc-1"]

    assert healths[-1] == "silent"


async def test_the_stream_goes_on_after_the_database_cut_its_connections(own_address: str, cluster: Cluster, city: str):
    name = conninfo.conninfo_to_dict(city)["dbname"]
    async with following(own_address) as stream:
        with psycopg.connect(cluster.database_url, autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        with psycopg.connect(city) as conn:
            _, event_id = raise_incident(conn, 9)

        assert await stream.keys(1) == [event_id]
