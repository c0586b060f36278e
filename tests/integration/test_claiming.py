"""Factory-made devices that fetch their own identity with the key of their batch."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from typer.testing import CliRunner

from cli.device_batches import app
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from devices import claiming, identities, service
from devices.claiming import Batch, Claim
from devices.model import Change
from devices.profile import shipped
from tests import small_city
from wire import mosquitto

pytestmark = pytest.mark.services
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BY = Change(now=NOW, actor="test")
BATCH = Batch(name="LOT-1", profile="manhole_cover", labels=["MC-1", "MC-2", "MC-9"], until=NOW + timedelta(days=30))


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    small_city.build(database)
    async with await AsyncConnection.connect(database, autocommit=True) as conn:
        await service.register_many(conn, small_city.covers(3), shipped(), now=NOW, actor="test")
        yield conn


@pytest.fixture
async def mine(conn: AsyncConnection) -> Claim:
    key = await claiming.add(conn, BATCH, shipped(), BY)
    return Claim(batch="LOT-1", key=key, label="MC-1", come_from="192.0.2.7")


async def test_a_device_claims_the_identity_that_the_broker_will_know(conn: AsyncConnection, mine: Claim) -> None:
    issued = await claiming.claim(conn, mine, shipped(), NOW)
    known = dict((await identities.in_force(conn, shipped())).hashes)
    kept = await (await conn.execute("SELECT claimed_from FROM claim_label WHERE label = 'MC-1'")).fetchone()
    audited = await (await conn.execute("SELECT actor FROM audit WHERE action = 'identity_issued'")).fetchone()

    assert issued.user_name == "130203/manhole/MC-1"
    _, _, rounds, salt, _ = known[issued.user_name].split("$")
    assert known[issued.user_name] == mosquitto.hashed(issued.password, base64.b64decode(salt), int(rounds))
    assert kept == ("192.0.2.7",)
    assert audited == ("batch LOT-1",)


async def test_a_label_is_claimed_once_and_a_failed_claim_takes_nothing(conn: AsyncConnection, mine: Claim) -> None:
    with pytest.raises(Forbidden):
        await claiming.claim(conn, replace(mine, key="guess"), shipped(), NOW)
    await claiming.claim(conn, mine, shipped(), NOW)

    with pytest.raises(Conflict, match="claimed already"):
        await claiming.claim(conn, mine, shipped(), NOW)


async def test_a_wrong_batch_key_or_label_and_an_ended_batch_are_not_told_apart(
    conn: AsyncConnection, mine: Claim
) -> None:
    wrong = [replace(mine, batch="LOT-2"), replace(mine, key=mine.key[:-1]), replace(mine, label="MC-3")]
    said: set[str] = set()
    for wish, now in [*((wish, NOW) for wish in wrong), (mine, BATCH.until)]:
        with pytest.raises(Forbidden) as refused:
            await claiming.claim(conn, wish, shipped(), now)
        said.add(str(refused.value))
    await claiming.revoke(conn, "LOT-1", BY)
    with pytest.raises(Forbidden) as refused:
        await claiming.claim(conn, mine, shipped(), NOW)

    assert said == {str(refused.value)}


async def test_an_unregistered_device_may_ask_again_and_one_of_another_type_may_not(
    conn: AsyncConnection, mine: Claim
) -> None:
    early = replace(mine, label="MC-9")
    with pytest.raises(Conflict, match="not registered yet"):
        await claiming.claim(conn, early, shipped(), NOW)
    await service.register_many(conn, small_city.covers(1, first=9), shipped(), now=NOW, actor="test")
    assert (await claiming.claim(conn, early, shipped(), NOW)).label == "MC-9"

    await conn.execute("UPDATE device SET profile = 'gully' WHERE label = 'MC-2'")
    with pytest.raises(Conflict, match="registered as gully"):
        await claiming.claim(conn, replace(mine, label="MC-2"), shipped(), NOW)


async def test_a_batch_that_cannot_be_is_refused_whole(conn: AsyncConnection, mine: Claim) -> None:
    wrong: list[tuple[Batch, type[Exception], str]] = [
        (BATCH, Conflict, "a batch LOT-1 already"),
        (replace(BATCH, name="LOT-2"), Conflict, "MC-1 is in batch LOT-1"),
        (replace(BATCH, name="a b"), InvalidInput, "a batch is called"),
        (replace(BATCH, profile="toaster"), InvalidInput, "no device type 'toaster'"),
        (replace(BATCH, labels=[]), InvalidInput, "1 to 100000 labels"),
        (replace(BATCH, labels=["a/b"]), InvalidInput, "not 'a/b'"),
        (replace(BATCH, labels=["X", "X"]), InvalidInput, "twice"),
        (replace(BATCH, until=NOW), InvalidInput, "would have ended"),
    ]
    for batch, error, words in wrong:
        with pytest.raises(error, match=words):
            await claiming.add(conn, batch, shipped(), BY)
    with pytest.raises(NotFound):
        await claiming.revoke(conn, "LOT-2", BY)

    assert [row["labels"] for row in await claiming.listing(conn)] == [3]


def test_the_commands_add_list_and_revoke(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", database)
    (tmp_path / "labels.txt").write_text("MC-1\nMC-2\n")
    run = CliRunner().invoke

    words = ["add", "LOT-1", "--profile", "manhole_cover", "--file", str(tmp_path / "labels.txt"), "--json"]
    made = json.loads(run(app, words).stdout)
    run(app, ["revoke", "LOT-1"])
    (listed,) = json.loads(run(app, ["list", "--json"]).stdout)

    assert (made["labels"], listed["claimed"]) == (2, 0)
    assert len(made["key"]) > 40
    assert listed["revoked_at"] is not None
    assert "key" not in listed
