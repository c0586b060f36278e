"""Dead letters over HTTP: listed by the newest, filtered, counted, shown with what came."""

from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from storage import dead_letters
from storage.dead_letters import DeadLetter
from tests.integration.api.city import NOW

COVER, BUS = "citygrid/v1/130203/manhole/MC-99/telemetry", "jt808/13800138000"


def letter(number: int, **changed: Any) -> DeadLetter:
    given: dict[str, Any] = {
        "topic": COVER,
        "payload": b'{"n":%d}' % number,
        "reason": "unknown_device",
        "detail": "MC-99 is not registered",
        "item": 0,
        "redelivered": False,
    }
    return DeadLetter(**{**given, **changed})


@pytest.fixture
async def letters(city: str) -> list[str]:
    """Five letters of a minute each, the newest last; their ids."""
    made = [letter(n) for n in range(4)] + [letter(4, topic=BUS, payload=b"\xff\x00", reason="malformed")]
    async with await psycopg.AsyncConnection.connect(city) as conn:
        for number, one in enumerate(made):
            await dead_letters.record(conn, [one], NOW + timedelta(minutes=number))
    return [one.digest.hex() for one in made]


async def ids(api: httpx2.AsyncClient, query: str = "") -> list[str]:
    return [item["id"] for item in (await api.get(f"/api/v1/dead-letters{query}")).json()["items"]]


async def test_the_last_seen_come_first_and_pages_join(own_api: httpx2.AsyncClient, letters: list[str]) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        page = (await own_api.get(f"/api/v1/dead-letters{query}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]

    assert seen == letters[::-1]


async def test_letters_are_found_by_reason_topic_and_time(own_api: httpx2.AsyncClient, letters: list[str]) -> None:
    since = (NOW + timedelta(minutes=3)).isoformat().replace("+", "%2B")

    assert await ids(own_api, "?reason=malformed") == [letters[4]]
    assert await ids(own_api, "?topic=jt808/") == [letters[4]]
    assert await ids(own_api, "?topic=jt80_/") == []
    assert await ids(own_api, f"?since={since}") == letters[:2:-1]


async def test_a_letter_is_shown_with_what_came(own_api: httpx2.AsyncClient, letters: list[str]) -> None:
    text, binary = [(await own_api.get(f"/api/v1/dead-letters/{letters[n]}")).json() for n in (0, 4)]

    assert (text["payload_text"], text["reason"], text["seen"]) == ('{"n":0}', "unknown_device", 1)
    assert (binary["payload_text"], binary["payload_hex"]) == (None, "ff00")


async def test_reasons_are_counted(own_api: httpx2.AsyncClient, letters: list[str]) -> None:
    counts = (await own_api.get("/api/v1/dead-letters/counts")).json()["items"]

    assert counts == [
        {"reason": "malformed", "kept": 1, "kept_bytes": 2, "dropped": 0},
        {"reason": "unknown_device", "kept": 4, "kept_bytes": 28, "dropped": 0},
    ]


async def test_a_letter_that_is_not_there_is_not_found(own_api: httpx2.AsyncClient, letters: list[str]) -> None:
    answer = await own_api.get("/api/v1/dead-letters/" + "0" * 64)

    assert answer.status_code == 404
