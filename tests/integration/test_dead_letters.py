"""Dead letters in a real database: kept once, bounded, counted, and taken to be tried again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from storage import dead_letters
from storage.dead_letters import DeadLetter

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
TOPIC = "citygrid/v1/130203/manhole/MC-1/telemetry"


def letter(number: int = 0, **changed: Any) -> DeadLetter:
    given: dict[str, Any] = {
        "topic": TOPIC,
        "payload": f"letter {number}".encode(),
        "reason": "malformed",
        "detail": "no JSON",
        "item": 0,
        "redelivered": False,
    }
    return DeadLetter(**{**given, **changed})


@pytest.fixture
async def conn(database: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(database, options="-c timezone=UTC") as conn:
        yield conn


async def rows(conn: psycopg.AsyncConnection, query: str) -> list[tuple[Any, ...]]:
    return await (await conn.execute(query)).fetchall()


TALLY = "SELECT day::text, reason, kept, kept_bytes, dropped FROM dead_letter_tally WHERE kept + dropped > 0 ORDER BY 2"
COUNTED = "SELECT day::text, reason, count(*), sum(octet_length(payload)), 0 FROM dead_letter GROUP BY 1, 2 ORDER BY 2"


async def test_the_same_refusal_is_one_letter_and_only_real_repeats_count(conn: psycopg.AsyncConnection) -> None:
    await dead_letters.record(conn, [letter(), letter(), letter(redelivered=True)], NOW)
    await dead_letters.record(conn, [letter(redelivered=True)], NOW + timedelta(minutes=1))
    await dead_letters.record(conn, [letter()], NOW + timedelta(minutes=2))

    assert await rows(conn, "SELECT seen, last_seen - first_seen FROM dead_letter") == [(3, timedelta(minutes=2))]


async def test_a_refusal_for_another_reason_says_the_newer_one(conn: psycopg.AsyncConnection) -> None:
    await dead_letters.record(conn, [letter()], NOW)
    await dead_letters.record(conn, [letter(reason="future", detail="dated ahead")], NOW)

    assert await rows(conn, "SELECT reason, detail FROM dead_letter") == [("future", "dated ahead")]
    assert await rows(conn, TALLY) == [("2026-11-22", "future", 1, 8, 0)]


async def test_the_oldest_go_when_a_day_and_reason_has_too_many(
    conn: psycopg.AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "ROWS_KEPT", 20)
    dropped = 0
    for minute in range(10):
        at = NOW + timedelta(minutes=minute)
        dropped += await dead_letters.record(conn, [letter(10 * minute + n) for n in range(10)], at)
    await dead_letters.record(conn, [letter(reason="future", payload=b"another reason")], NOW)

    assert dropped == 80
    assert await rows(conn, TALLY) == [("2026-11-22", "future", 1, 14, 0), ("2026-11-22", "malformed", 20, 180, 80)]
    assert await rows(conn, "SELECT min(first_seen) FROM dead_letter WHERE reason = 'malformed'") == [
        (NOW + timedelta(minutes=8),)
    ]


async def test_of_a_flood_some_of_each_batch_are_kept_and_the_rest_is_counted(
    conn: psycopg.AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "ROWS_KEPT", 10)
    monkeypatch.setattr(dead_letters, "FULL_SHARE", 3)
    await dead_letters.record(conn, [letter(n) for n in range(10)], NOW)
    again = letter(0, redelivered=True)
    await conn.execute("UPDATE dead_letter SET waiting_since = %s", (NOW,))

    dropped = await dead_letters.record(
        conn, [*(letter(n) for n in range(100, 150)), again], NOW + timedelta(seconds=1)
    )

    assert dropped == 47 + 3
    assert await rows(conn, TALLY) == [("2026-11-22", "malformed", 10, 86, 50)]


async def test_the_oldest_go_when_a_day_and_reason_has_too_many_bytes(
    conn: psycopg.AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "BYTES_KEPT", 10_000)
    for minute in range(5):
        big = letter(payload=bytes([minute]) * 4000)
        await dead_letters.record(conn, [big], NOW + timedelta(minutes=minute))

    assert await rows(conn, TALLY) == [("2026-11-22", "malformed", 2, 8000, 3)]


async def test_the_tally_follows_every_statement(conn: psycopg.AsyncConnection) -> None:
    await dead_letters.record(conn, [letter(n, reason="malformed" if n % 2 else "future") for n in range(9)], NOW)
    await conn.execute("UPDATE dead_letter SET reason = 'empty' WHERE payload < 'letter 3'")
    await conn.execute("DELETE FROM dead_letter WHERE payload > 'letter 6'")

    assert await rows(conn, TALLY) == await rows(conn, COUNTED)


async def test_a_truncated_letter_cannot_be_asked_for(conn: psycopg.AsyncConnection) -> None:
    await dead_letters.record(conn, [letter(), letter(payload=b"x" * 70_000)], NOW)

    asked = await dead_letters.ask(conn, {"reason": "malformed"}, limit=100, now=NOW)

    assert (asked.digests, asked.truncated) == ([letter().digest], 1)


@pytest.mark.parametrize(
    ("districts", "takes_foreign", "expected"),
    [
        (None, True, ["130203", "130204", "jt808"]),
        (["130203"], False, ["130203"]),
        (["130203", "130204"], False, ["130203", "130204"]),
        ([], True, ["jt808"]),
    ],
)
async def test_a_shard_takes_its_own_letters(
    conn: psycopg.AsyncConnection, districts: list[str] | None, takes_foreign: bool, expected: list[str]
) -> None:
    topics = [TOPIC, TOPIC.replace("130203", "130204"), "jt808/13800138000"]
    await dead_letters.record(conn, [letter(topic=topic) for topic in topics], NOW)
    await dead_letters.ask(conn, {}, limit=100, now=NOW)

    taken = await dead_letters.waiting(
        conn, districts=districts, takes_foreign=takes_foreign, asked_before=NOW, limit=10
    )

    found = sorted(one.topic.split("/")[2 if one.topic.startswith("citygrid") else 0] for one in taken)
    assert found == expected


async def test_a_letter_that_is_accepted_vanishes_and_one_refused_again_rests(conn: psycopg.AsyncConnection) -> None:
    await dead_letters.record(conn, [letter(1), letter(2)], NOW)
    asked = await dead_letters.ask(conn, {"topic": TOPIC[:20] + "%"}, limit=100, now=NOW)
    await dead_letters.record(conn, [letter(2, reason="future", redelivered=True)], NOW + timedelta(seconds=5))
    settled = await dead_letters.settle(conn, [letter(1).digest], [], NOW)

    assert settled == 1
    assert await dead_letters.outcome(conn, asked.digests) == dead_letters.Outcome(refused={"future": 1}, waiting=0)
    assert await rows(conn, "SELECT seen, waiting_since, tried_at FROM dead_letter") == [
        (1, None, NOW + timedelta(seconds=5))
    ]


async def test_an_impossible_channel_of_a_stored_reading_stays_a_letter_and_says_why(
    conn: psycopg.AsyncConnection,
) -> None:
    both = [letter(1, reason="impossible"), letter(2, reason="impossible")]
    await dead_letters.record(conn, both, NOW)
    await dead_letters.ask(conn, {}, limit=100, now=NOW)

    settled = await dead_letters.settle(conn, [one.digest for one in both], [letter(2).digest], NOW)

    assert settled == 1
    assert await rows(conn, "SELECT payload, detail, waiting_since FROM dead_letter") == [
        (b"letter 1", dead_letters.ALREADY_STORED, None)
    ]
