"""More than ingest can carry: the broker absorbs it, ingest drains it in bounded memory, alarms go first."""

import time

from tests.chaos.fault import Fault, fault
from tests.chaos.ledger import CAPACITY
from tests.chaos.network import broker_path
from tests.chaos.proxy import FAIR, Weather
from tests.chaos.publisher import Template
from tests.chaos.scene import Publishing, Scene
from tests.chaos.stage import Ingest, memory_mb, wait_until

STORED_S = 600.0
MESSAGE_EVERY_S = 10.0
GATEWAYS = 3
TIMES_SUSTAINABLE = 5.0
BURST_S = 60.0
MEMORY_LIMIT_MB = 512.0
"""Ingest holds four batches in flight a lane, no more: our choice, checked."""
ALARM_S = 2.0


def store_and_forward(scene: Scene) -> None:
    """Gateways were cut off for ten minutes; now each sends its devices' messages at once."""
    one = scene.ingest()
    count = int(scene.stage.devices * STORED_S / MESSAGE_EVERY_S * scene.load.scale / GATEWAYS)
    for _ in range(GATEWAYS):
        scene.publish("--count", str(count), "--backdate-s", str(STORED_S), rate=0)
    scene.note(burst_messages=count * GATEWAYS)
    _settle(scene, one)


def five_times_sustainable(scene: Scene) -> None:
    """Ingest gets a fifth of what is published, for a minute: the queue grows in the broker, not in ingest."""
    with broker_path(scene) as proxy:
        one = scene.ingest()
        publisher = scene.publish()
        scene.calm(scene.load.before_s)
        proxy.change(Weather(bytes_per_s=scene.load.rate / TIMES_SUSTAINABLE * len(Template("telemetry", 5).packet)))
        before = publisher.ledger.acknowledged(), scene.stored(publisher)
        scene.calm(BURST_S * scene.load.scale)
        after = publisher.ledger.acknowledged(), scene.stored(publisher)
        scene.note(queued_at_peak=after[0] - after[1], broker_mb=round(_broker_mb(scene)))
        published, stored = after[0] - before[0], after[1] - before[1]
        scene.note(burst_s=BURST_S * scene.load.scale, times_stored=round(published / max(stored, 1), 1))
        publisher.tell("rate 1")
        proxy.change(FAIR)
        _settle(scene, one)


def alarm_before_backlog(scene: Scene) -> None:
    """A new alarm among hundreds of thousands of old messages is stored within two seconds."""
    one = scene.ingest()
    one.end()
    count = min(int(300_000 * scene.load.scale) + 20_000, CAPACITY)
    half = str(count // 2)
    waiting = [
        scene.publish("--count", half, "--backdate-s", "600", "--suffix", suffix, rate=0)
        for suffix in ("telemetry", "backlog")
    ]
    wait_until(lambda: all(one.ledger.acknowledged() == count // 2 for one in waiting), "the broker has it", 300)
    one = scene.ingest()
    took: list[float] = []
    for _ in range(3):
        alarm = scene.publish("--count", "10", "--suffix", "alarm", rate=0)
        took.append(_until_stored(scene, alarm))
        left = sum(one.ledger.acknowledged() for one in waiting) - sum(scene.stored(one) for one in waiting)
        scene.note(**{f"old_left_{len(took)}": left})
    scene.note(alarm_s=[round(each, 2) for each in took])
    _settle(scene, one)
    assert scene.outcome.measured["old_left_1"] > 0, "everything old was stored before the first alarm: no test"
    assert max(took) <= ALARM_S, f"an alarm waited {max(took):.1f} s"


def _until_stored(scene: Scene, alarm: Publishing) -> float:
    """Give the seconds from the first message's making to the last one's row."""
    wait_until(lambda: scene.stored(alarm) == 10, "the alarms are stored", 60)
    return time.time() - int(alarm.ledger.rows[0, 0]) / 1000


def _settle(scene: Scene, one: Ingest) -> None:
    scene.finish()
    scene.note(ingest_peak_mb=round(one.memory_mb()))
    assert one.memory_mb() <= MEMORY_LIMIT_MB, f"ingest took {one.memory_mb():.0f} MB"


def _broker_mb(scene: Scene) -> float:
    pid = scene.stage.pid("mosquitto")
    return memory_mb(pid, "VmRSS") if pid else 0.0


FAULTS: tuple[Fault, ...] = (
    fault(store_and_forward, "gateways send ten minutes of stored messages at once"),
    fault(five_times_sustainable, "for 60 s five times as much is published as ingest is let to carry"),
    fault(alarm_before_backlog, "new alarms among 300,000 old messages are stored within 2 s"),
)
