"""The broker's accounts in force: who may publish and read what, against a real Mosquitto with real rights."""

import queue
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from runtime.services.passwords import DISTRICTS, FOREIGN_TOPICS
from runtime.settings import Settings
from tests.own_services import DATA_DIR, isolated_settings, own_services

pytestmark = pytest.mark.services
PATIENCE_S = 10.0
TOPIC = "citygrid/v1/{}/manhole/MH-0001/telemetry"


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """The settings of the tests' own broker, whose accounts are those of an installation."""
    with own_services() as (_database, broker):
        port = int(broker.rpartition(":")[2])
        yield isolated_settings(DATA_DIR, 1024, port)


class Session:
    """One MQTT 5 connection whose answers can be waited for."""

    def __init__(self, port: int, login: str | None, password: str | None) -> None:
        self.answers: queue.Queue[str] = queue.Queue()
        self.received: queue.Queue[str] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(login, password)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.answers.put(str(reason))
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.put(str(reason))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.answers.put(str(reasons[0]))
        self.client.on_message = lambda _c, _u, message: self.received.put(message.topic)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.greeting = self.answers.get(timeout=PATIENCE_S)

    def publish(self, topic: str) -> str:
        self.client.publish(topic, b"{}", qos=1)
        return self.answers.get(timeout=PATIENCE_S)

    def subscribe(self, topic: str) -> str:
        self.client.subscribe(topic, qos=1)
        return self.answers.get(timeout=PATIENCE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def connect(settings: Settings) -> Iterator:
    opened: list[Session] = []

    def open_session(login: str | None, password: str | None = None) -> Session:
        known = settings.secrets()["mqtt"].get(login or "")
        opened.append(Session(settings.mqtt_port, login, password or known))
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()


def test_nobody_enters_without_a_name(connect) -> None:
    assert connect(None).greeting == "Not authorized"


def test_nobody_enters_with_a_wrong_password(connect) -> None:
    assert connect("ingest", "wrong").greeting == "Not authorized"


@pytest.mark.parametrize("district", DISTRICTS)
def test_a_gateway_publishes_to_its_own_district_only(connect, district: str) -> None:
    gateway = connect(f"gateway-{district}")

    answers = {other: gateway.publish(TOPIC.format(other)) for other in DISTRICTS}

    own = {other: answer for other, answer in answers.items() if answer != "Not authorized"}
    assert own.keys() == {district}


@pytest.mark.parametrize("topic", ["citygrid/v2/130202/x", "citygrid/v1/1302021/x", "elsewhere", "citygrid/v1"])
def test_a_gateway_publishes_nowhere_else(connect, topic: str) -> None:
    assert connect("gateway-130202").publish(topic) == "Not authorized"


def test_ingest_reads_every_district_and_writes_none(connect) -> None:
    ingest = connect("ingest")
    ingest.subscribe("citygrid/v1/#")

    for district in DISTRICTS:
        connect(f"gateway-{district}").publish(TOPIC.format(district))

    heard = {ingest.received.get(timeout=PATIENCE_S) for _ in DISTRICTS}
    assert heard == {TOPIC.format(district) for district in DISTRICTS}
    assert ingest.publish(TOPIC.format("130202")) == "Not authorized"


FOREIGN = [
    "application/app/device/24e124713d111111/event/up",
    "v3/covers@tangshan/devices/mc-1/up",
    "CAM-7/onvif-ej/RuleEngine/LineDetector/Crossed/&1",
    "CAM-7/onvif-mj/VideoAnalytics/1/Classifier",
    "spBv1.0/plant/DDATA/node-1/pump",
]
BRIDGED = ["jt808/13912345678", "gtfs-rt/tangshan"]


@pytest.mark.parametrize(("account", "topics"), [("integrations", FOREIGN), ("bridge", BRIDGED)])
def test_ingest_hears_what_others_publish_in_their_own_trees(connect, account: str, topics: list[str]) -> None:
    ingest, platforms = connect("ingest"), connect(account)
    for topic_filter in FOREIGN_TOPICS:
        ingest.subscribe(topic_filter)

    answers = {platforms.publish(topic) for topic in topics}

    assert "Not authorized" not in answers
    assert {ingest.received.get(timeout=PATIENCE_S) for _ in topics} == set(topics)


@pytest.mark.parametrize("topic", [*FOREIGN, *BRIDGED, "spBv1.0/plant/DCMD/node-1/pump"])
def test_ingest_and_gateways_write_nothing_in_foreign_trees(connect, topic: str) -> None:
    assert [connect(name).publish(topic) for name in ("ingest", "gateway-130202")] == ["Not authorized"] * 2


def test_ingest_asks_an_edge_node_for_its_birth(connect) -> None:
    ingest, node = connect("ingest"), connect("integrations")
    node.subscribe("spBv1.0/plant/NCMD/node-1")

    assert ingest.publish("spBv1.0/plant/NCMD/node-1") != "Not authorized"
    assert node.received.get(timeout=PATIENCE_S) == "spBv1.0/plant/NCMD/node-1"


@pytest.mark.parametrize("topic", [TOPIC.format("130202"), "elsewhere", *FOREIGN])
def test_bridges_write_nowhere_else(connect, topic: str) -> None:
    assert connect("bridge").publish(topic) == "Not authorized"


@pytest.mark.parametrize(
    "topic", [TOPIC.format("130202"), "elsewhere", "application/app/device/1/command/down", *BRIDGED]
)
def test_integrations_write_nowhere_else(connect, topic: str) -> None:
    assert connect("integrations").publish(topic) == "Not authorized"


def test_a_gateway_hears_nothing_of_others(connect) -> None:
    spy, recorder = connect("gateway-130203"), connect("recorder")
    spy.subscribe("#")
    recorder.subscribe("citygrid/v1/130202/#")

    connect("gateway-130202").publish(TOPIC.format("130202"))

    assert recorder.received.get(timeout=PATIENCE_S) == TOPIC.format("130202")
    spy.publish(TOPIC.format("130203"))  # what was meant for the spy would have come before this answer
    assert spy.received.empty()


def test_the_recorder_may_replay_into_any_district(connect) -> None:
    recorder = connect("recorder")

    assert [recorder.publish(TOPIC.format(district)) for district in DISTRICTS].count("Not authorized") == 0
