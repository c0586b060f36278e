"""Faults of the network, between ingest and the broker and between ingest and the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.chaos.fault import Fault, fault
from tests.chaos.proxy import FAIR, Proxy, Weather, proxied
from tests.chaos.scene import Scene

CUTTING_S = 20.0
BROKER_CUTS = (20, 400_000)
DATABASE_CUTS = (200, 8_000_000)
"""A start reads the registry, so that smaller ones alone would never let it begin."""
SLOW_S = 15.0
TRICKLE_BYTES_PER_S = 30_000.0
DELAY_S = 0.15
SILENT_S = 60.0


@contextmanager
def broker_path(scene: Scene) -> Iterator[Proxy]:
    """Put a proxy between ingest and the broker."""
    ours = scene.environment["CITYGRID_MQTT_URL"]
    target = urlsplit(ours).port or 1883
    with proxied(target, scene.rng) as proxy:
        scene.environment = scene.stage.environment(broker_url=ours.replace(f":{target}", f":{proxy.port}"))
        try:
            yield proxy
        finally:
            scene.close()


@contextmanager
def database_path(scene: Scene) -> Iterator[Proxy]:
    """Put a proxy between ingest and the database."""
    with proxied(scene.stage.settings.database_port, scene.rng) as proxy:
        scene.environment = scene.stage.environment(database_port=proxy.port)
        try:
            yield proxy
        finally:
            scene.close()


def _cuts(scene: Scene, proxy: Proxy, limits: tuple[int, int]) -> None:
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    proxy.change(Weather(cut_bytes=limits))
    scene.calm(CUTTING_S)
    proxy.change(FAIR)
    scene.note(cuts=proxy.cuts, recovered_s=round(scene.flowing(), 2))
    assert proxy.cuts, "nothing was cut"
    scene.calm(scene.load.after_s)
    scene.finish()


def broker_cut_in_mid_packet(scene: Scene) -> None:
    with broker_path(scene) as proxy:
        _cuts(scene, proxy, BROKER_CUTS)


def database_cut_in_mid_packet(scene: Scene) -> None:
    with database_path(scene) as proxy:
        _cuts(scene, proxy, DATABASE_CUTS)


def _slow(scene: Scene, proxy: Proxy) -> None:
    one = scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    proxy.change(Weather(delay_s=DELAY_S))
    scene.calm(SLOW_S)
    proxy.change(Weather(bytes_per_s=TRICKLE_BYTES_PER_S))
    scene.calm(SLOW_S)
    proxy.change(FAIR)
    scene.note(recovered_s=round(scene.flowing(), 2))
    scene.calm(scene.load.after_s)
    scene.finish()
    scene.note(ingest_peak_mb=round(one.memory_mb()))


def broker_slow(scene: Scene) -> None:
    with broker_path(scene) as proxy:
        _slow(scene, proxy)


def database_slow(scene: Scene) -> None:
    with database_path(scene) as proxy:
        _slow(scene, proxy)


def _silent(scene: Scene, proxy: Proxy) -> None:
    scene.ingest()
    scene.publish()
    scene.calm(scene.load.before_s)
    proxy.change(Weather(silent=True))
    scene.calm(SILENT_S * scene.load.scale)
    proxy.change(FAIR)
    scene.note(silenced=proxy.silenced, recovered_s=round(scene.flowing(), 2))
    assert proxy.silenced, "no connection went silent"
    scene.calm(scene.load.after_s)
    scene.finish()


def broker_half_open(scene: Scene) -> None:
    with broker_path(scene) as proxy:
        _silent(scene, proxy)


def database_half_open(scene: Scene) -> None:
    with database_path(scene) as proxy:
        _silent(scene, proxy)


FAULTS: tuple[Fault, ...] = (
    fault(broker_cut_in_mid_packet, "the connection to the broker is cut after random bytes, for 20 s", "broker_lost"),
    fault(broker_slow, "delay of 150 ms, then a trickle of 30 kB/s, between ingest and broker"),
    fault(broker_half_open, "the connection to the broker goes silent for 60 s and never closes", "broker_lost"),
    fault(database_cut_in_mid_packet, "the connection to the database is cut after random bytes", "batch_retry"),
    fault(database_slow, "delay of 150 ms, then a trickle of 30 kB/s, between ingest and database"),
    fault(
        database_half_open,
        "the connection to the database goes silent for 60 s and never closes",
        "database_silent",
        "batch_retry",
    ),
)
