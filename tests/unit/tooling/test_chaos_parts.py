"""The tools of `make chaos` do what they say: the translator of MQTT versions and the breaking proxy."""

import random
import socket
import threading

import mqtt5

from tests.chaos.dialect import cut, newer, older
from tests.chaos.proxy import Weather, proxied

HELLO = mqtt5.ConnectPacket(
    "me", username="u", password=b"p", clean_start=False, keep_alive=30, session_expiry_interval=60, receive_max=9
).write()


def one(packet: bytes) -> tuple[int, bytes]:
    ((first, body),) = cut(bytearray(packet))
    return first, body


def test_connect_is_rewritten_for_mqtt_3_1_1() -> None:
    assert older(*one(HELLO)) == b"\x10\x14\x00\x04MQTT\x04\xc0\x00\x1e\x00\x02me\x00\x01u\x00\x01p"


def test_subscribe_and_puback_lose_their_properties() -> None:
    wanted = [mqtt5.TopicFilter("a/#", max_qos=mqtt5.QoS.AT_LEAST_ONCE), mqtt5.TopicFilter("b")]

    assert older(*one(mqtt5.SubscribePacket(7, wanted).write())) == b"\x82\x0c\x00\x07\x00\x03a/#\x01\x00\x01b\x02"
    assert older(*one(mqtt5.PubAckPacket(9).write())) == b"\x40\x02\x00\x09"


def test_publish_gets_properties_behind_its_id() -> None:
    body = b"\x00\x01t\x00\x05hello"

    packet, _ = mqtt5.read(memoryview(newer(0x32, body)))

    assert isinstance(packet, mqtt5.PublishPacket)
    assert (packet.topic, packet.packet_id, packet.payload) == ("t", 5, b"hello")


def test_packets_are_cut_only_when_whole() -> None:
    buffer = bytearray(HELLO + HELLO[:5])

    assert len(list(cut(buffer))) == 1
    assert buffer == HELLO[:5]


def test_the_proxy_cuts_in_mid_packet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, proxied(server.getsockname()[1], random.Random(1)) as proxy:
        proxy.change(Weather(cut_bytes=(10, 10)))
        heard = bytearray()
        listener = threading.Thread(target=_listen, args=(server, heard))
        listener.start()
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.sendall(b"x" * 100)
            listener.join()

    assert (len(heard), proxy.cuts) == (10, 1)


def _listen(server: socket.socket, heard: bytearray) -> None:
    connection, _ = server.accept()
    with connection:
        try:
            while data := connection.recv(100):
                heard.extend(data)
        except ConnectionError:
            return
