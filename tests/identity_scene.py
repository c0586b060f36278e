"""A real Mosquitto, the registry behind it, and whoever connects; for the tests of identities at the broker."""

import asyncio
import queue
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices import certificates, identities, service
from devices.authority import Authority, Signed
from devices.certificates import Signer
from devices.identities import Change, Holder
from devices.profile import shipped
from runtime import device_authority, identity_keeper
from runtime.identity_keeper import IdentityKeeper
from runtime.services import control
from runtime.settings import Settings
from tests import small_city
from tests.own_services import free_port

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BY = Change(now=NOW, actor="test")
PATIENCE_S = 10.0
ENDS_WITHIN_S = 5.0
REFUSED, NOT_LET_IN = "Not authorized", "hung up"
BY_PASSWORD, BY_CERTIFICATE = "password", "certificate"
ME, OTHER, FAR = "MC-1", "MC-2", "MC-3"
MINE, OTHERS = f"130203/manhole/{ME}", f"130203/manhole/{OTHER}"
OWN = [f"citygrid/v1/{MINE}/{part}" for part in ("telemetry", "alarm", "backlog", "event", "senml", "answer")]
FOREIGN = [
    *(f"citygrid/v1/{OTHERS}/{part}" for part in ("telemetry", "alarm", "backlog", "event", "answer", "command")),
    f"citygrid/v1/{MINE}/command",
    f"citygrid/v1/{MINE}",
    f"citygrid/v1/{MINE}/telemetry/deeper",
    f"citygrid/v1/{MINE}/unknown",
    f"citygrid/v1/130202/manhole/{ME}/telemetry",
    f"citygrid/v1/130203/streetlight/{ME}/telemetry",
    f"citygrid/v1/130203/gateway/{ME}/telemetry",
    "citygrid/v1/130203/gateway/GW-1/telemetry",
    f"citygrid/v2/{MINE}/telemetry",
    f"{MINE}/telemetry",
    "application/app/device/24e124713d111111/event/up",
    "spBv1.0/plant/NCMD/node",
    "jt808/13912345678",
    "elsewhere",
    "$SYS/broker/uptime",
    "$CONTROL/dynamic-security/v1",
    "$share/x/citygrid/v1/130203",
]


class Session:
    """One MQTT 5 connection whose answers can be waited for."""

    def __init__(
        self,
        port: int,
        login: str,
        password: str,
        *,
        client_id: str = "",
        will: str = "",
        keeps_s: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answers: queue.Queue[str] = queue.Queue()
        self.received: queue.Queue[str] = queue.Queue()
        self.ended: queue.Queue[str] = queue.Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        if login:
            self.client.username_pw_set(login, password)
        if tls is not None:
            self.client.tls_set_context(tls)
        if will:
            self.client.will_set(will, b"{}", qos=1)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.answers.put(str(reason))
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.put(str(reason))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.answers.put(str(reasons[0]))
        self.client.on_message = lambda _c, _u, message: self.received.put(message.topic)
        self.client.on_disconnect = self._on_disconnect
        expiry = Properties(PacketTypes.CONNECT)
        expiry.SessionExpiryInterval = keeps_s
        self.client.connect("127.0.0.1", port, properties=expiry, clean_start=not keeps_s)
        self.client.loop_start()
        self.greeting = self.answers.get(timeout=PATIENCE_S)

    def _on_disconnect(self, _client, _user, _flags, reason, _properties) -> None:
        self.ended.put(str(reason))
        self.answers.put(NOT_LET_IN)  # whoever is refused by TLS hears no word

    def publish(self, topic: str, *, retain: bool = False) -> str:
        self.client.publish(topic, b"{}", qos=1, retain=retain)
        return self.answers.get(timeout=PATIENCE_S)

    def subscribe(self, topic: str) -> str:
        self.client.subscribe(topic, qos=1)
        return self.answers.get(timeout=PATIENCE_S)

    def vanish(self) -> None:
        """Go without a word, so that the will is told."""
        self.client.loop_stop()
        self.client.socket().close()  # pyright: ignore[reportOptionalMemberAccess]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.1)


class Given(NamedTuple):
    """What a device has to enter by certificate."""

    signed: Signed
    key: str


class Scene:
    """The broker, the registry behind it, and whoever connected."""

    def __init__(self, settings: Settings, database: str) -> None:
        self.settings = settings
        self.database = database
        self.opened: list[Session] = []
        self.keeper = IdentityKeeper(settings, shipped(), lambda: True)

    def enter(self, login: str, password: str, **more) -> Session:
        self.opened.append(Session(self.settings.device_port, login, password, **more))
        return self.opened[-1]

    def service(self, name: str, **more) -> Session:
        password = self.settings.secrets()["mqtt"][name]
        self.opened.append(Session(self.settings.mqtt_port, name, password, **more))
        return self.opened[-1]

    def by_certificate(self, given: Given | None, **more) -> Session:
        """Enter by the port for certificates, with one or with none."""
        port = self.settings.mqtt_certificate_port
        self.opened.append(Session(port, "", "", tls=self.shown(given), **more))
        return self.opened[-1]

    def shown(self, given: Given | None) -> ssl.SSLContext:
        """What a device shows at that port."""
        context = ssl.create_default_context(cadata=self.authority.papers.certificate)
        if given is not None:
            file = self.settings.data_dir / f"{given.signed.serial}.pem"
            file.write_text(given.key + given.signed.pem)
            context.load_cert_chain(file)
        return context

    @property
    def authority(self) -> Authority:
        return device_authority.need(self.settings)

    async def certificate(self, label: str, *, gateway: bool = False) -> Given:
        holder = Holder(label=label, is_gateway=gateway)
        async with await psycopg.AsyncConnection.connect(self.database) as conn:
            signer = Signer(authority=self.authority, days=30)
            by = Change(now=datetime.now(UTC), actor="test")
            return Given(*await certificates.make(conn, holder, signer, shipped(), by))

    async def issue(self, label: str, *, gateway: bool = False) -> identities.Issued:
        async with await psycopg.AsyncConnection.connect(self.database) as conn:
            return await identities.issue(conn, Holder(label=label, is_gateway=gateway), shipped(), BY)

    async def entered(self, login: str, password: str, **more) -> Session:
        """Enter as soon as the broker knows of it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                session = await asyncio.to_thread(self.enter, login, password, **more)
                if session.greeting == "Success":
                    return session
                await asyncio.sleep(0.1)

    async def device(self, label: str, road: str = BY_PASSWORD, **more) -> Session:
        """A device that entered, by password or by certificate."""
        if road == BY_CERTIFICATE:
            return self.by_certificate(await self.certificate(label), **more)
        issued = await self.issue(label)
        return await self.entered(issued.user_name, issued.password, **more)


@contextmanager
def own_broker(folder: Path) -> Iterator[Settings]:
    """A Mosquitto of our own, without devices yet."""
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        database_url="postgresql://nowhere",
        mqtt_url=None,
        mqtt_port=free_port(),
        mqtt_certificate_port=free_port(),
    )
    control.bring_up(settings, print)
    yield settings
    control.reset(settings)


@asynccontextmanager
async def played(ports: Settings, database: str) -> AsyncIterator[Scene]:
    """The keeper at work between a fresh registry and that broker."""
    small_city.build(database)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await service.register_many(conn, small_city.covers(3), shipped(), now=NOW, actor="test")
    scene = Scene(ports.model_copy(update={"database_url": type(ports.database_url)(database)}), database)
    keeping = asyncio.create_task(scene.keeper.run())
    await until(lambda: scene.keeper.has_told)
    await asyncio.sleep(identity_keeper.OwnBroker.settles_s)
    yield scene
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    for session in scene.opened:
        session.close()
