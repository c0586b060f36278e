"""Devices that enter the broker by certificate: who is let in, who is not, and whose live connection ends.

What they may say and hear is tried in `test_identities`, by both roads.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from devices import authority, certificates, gateways, identities, service
from devices.certificates import Renewal, Signer
from devices.identities import Change, Holder
from devices.life import State
from devices.model import Move
from devices.profile import shipped
from runtime import device_authority, identity_keeper
from runtime.certificate_keeper import CertificateKeeper
from runtime.settings import Settings
from tests.certificate_request import asking, signature, text
from tests.identity_scene import (
    BY,
    ENDS_WITHIN_S,
    FAR,
    ME,
    MINE,
    NOT_LET_IN,
    NOW,
    OTHER,
    OTHERS,
    OWN,
    PATIENCE_S,
    REFUSED,
    Given,
    Scene,
    Session,
    own_broker,
    played,
    until,
)

pytestmark = pytest.mark.services
SUCCESS = "Success"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with own_broker(tmp_path_factory.mktemp("certificates")) as settings:
        yield settings


@pytest.fixture
async def scene(ports: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(identity_keeper, "SETTLED_S", 0.0)
    async with played(ports, database) as scene:
        yield scene


def signed_by(signer: authority.Authority, name: str, now: datetime) -> Given:
    key, secret = authority.made()
    return Given(signer.sign(key, name, now, 5), secret)


async def test_nobody_enters_but_by_a_certificate_of_the_citys_own_that_lasts(scene: Scene) -> None:
    now = datetime.now(UTC)
    for_broker = scene.authority.for_broker(["localhost"], now)
    as_server = Given(signed_by(scene.authority, MINE, now).signed, for_broker.key)
    object.__setattr__(as_server.signed, "pem", for_broker.certificate)
    good = await scene.certificate(ME)

    for wrong in (
        None,
        signed_by(authority.found(now), MINE, now),
        signed_by(scene.authority, MINE, now - timedelta(days=6)),
        as_server,
    ):
        assert scene.by_certificate(wrong).greeting == NOT_LET_IN
    issued = await scene.issue(OTHER)
    await scene.entered(issued.user_name, issued.password)
    by_password = Session(
        scene.settings.mqtt_certificate_port, issued.user_name, issued.password, tls=scene.shown(None)
    )
    assert by_password.greeting == NOT_LET_IN
    assert scene.by_certificate(good, client_id="citygrid-ingest").greeting == SUCCESS


async def test_a_revoked_certificate_loses_its_live_connection_and_its_follower_does_not_count_less(
    scene: Scene,
) -> None:
    lost, follower, other = [await scene.certificate(label) for label in (ME, ME, OTHER)]
    thief = scene.by_certificate(lost)
    bystander = scene.by_certificate(other)

    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await certificates.revoke(conn, Holder(label=ME), lost.signed.serial, BY)

    await asyncio.to_thread(thief.ended.get, timeout=ENDS_WITHIN_S)
    assert scene.by_certificate(lost).greeting == NOT_LET_IN
    device = scene.by_certificate(follower)
    assert device.publish(OWN[0]) != REFUSED
    assert bystander.publish(f"citygrid/v1/{OTHERS}/telemetry") != REFUSED
    assert bystander.ended.empty()

    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await identities.revoke(conn, Holder(label=ME), BY)
        by = Change(now=NOW, actor="test", reason="stolen")
        await service.move(conn, Move(label=OTHER, to=State.RETIRED), shipped(), by)

    await asyncio.to_thread(device.ended.get, timeout=ENDS_WITHIN_S)
    await asyncio.to_thread(bystander.ended.get, timeout=ENDS_WITHIN_S)
    assert {scene.by_certificate(given).greeting for given in (lost, follower, other)} == {NOT_LET_IN}


async def test_a_connection_that_a_crash_left_open_is_ended_when_ingest_is_back(scene: Scene) -> None:
    given = await scene.certificate(ME)
    device = scene.by_certificate(given)

    device_authority.revoke(scene.settings, scene.authority.revocations((), datetime.now(UTC)), [MINE])
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await identities.issue(conn, Holder(label=OTHER), shipped(), BY)  # the keeper looks again

    await asyncio.to_thread(device.ended.get, timeout=ENDS_WITHIN_S)
    await until(lambda: not device_authority.to_end(scene.settings))


async def test_ending_connections_ends_when_it_is_told_to(scene: Scene) -> None:
    keeper = CertificateKeeper(scene.settings, lambda: datetime.now(UTC))
    for after_ms in range(30):
        device_authority.revoke(scene.settings, scene.authority.revocations((), datetime.now(UTC)), [MINE])
        ending = asyncio.create_task(keeper.hang_up(0))
        await asyncio.sleep(after_ms / 1000)

        was_cancelled = ending.cancel()
        await asyncio.wait([ending])

        assert ending.cancelled() == was_cancelled


async def test_a_gateway_with_a_certificate_publishes_for_its_devices_only(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        await gateways.add(conn, "GW-1", "130203", BY)
        await gateways.assign(conn, "GW-1", [ME], BY)
    gateway = scene.by_certificate(await scene.certificate("GW-1", gateway=True))

    await until(lambda: gateway.publish(OWN[0]) != REFUSED)
    assert gateway.publish("citygrid/v1/130203/gateway/GW-1/telemetry") != REFUSED
    for foreign in (f"citygrid/v1/{OTHERS}/telemetry", f"citygrid/v1/130203/manhole/{FAR}/alarm"):
        assert gateway.publish(foreign) == REFUSED


async def test_a_device_renews_its_certificate_while_it_goes_on_sending(scene: Scene) -> None:
    key, request = asking()
    async with await psycopg.AsyncConnection.connect(scene.database) as conn:
        signer = Signer(authority=scene.authority, days=5)
        by = Change(now=datetime.now(UTC), actor="test")
        first = await certificates.sign(conn, Holder(label=ME), request, signer, shipped(), by)
        before = scene.by_certificate(Given(first, text(key)))
        fresh, wanted = asking()
        wish = Renewal(certificate=first.pem, request=wanted, signature=signature(key, wanted))
        second = await certificates.renew(conn, wish, signer, shipped(), datetime.now(UTC))
        again = await certificates.renew(conn, wish, signer, shipped(), datetime.now(UTC))
    assert before.publish(OWN[0]) != REFUSED

    after = scene.by_certificate(Given(second, text(fresh)))

    assert after.publish(OWN[0]) != REFUSED
    assert again == second
    assert before.ended.get(timeout=PATIENCE_S)  # one session each: the device itself took it over
    assert scene.by_certificate(Given(first, text(key))).greeting == SUCCESS
