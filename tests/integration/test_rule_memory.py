"""The rules' memory in the real database: killed after any step, streams give the transitions of an unbroken run."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from psycopg import AsyncConnection

from alerts import engine, memory_store, rulebook
from alerts.engine import Transition
from alerts.rule import Rulebook
from core.frame import Frame
from core.quality import Quality
from devices import service
from devices.profile import shipped
from ingest.latest import Unwritten
from storage import device_state, readings
from tests import builders, small_city

pytestmark = pytest.mark.services

START = datetime.fromtimestamp(builders.START_US / 1e6, UTC)
CHANNELS = tuple(channel.name for channel in shipped()["manhole_cover"].channels)
DEVICES = 3
OFFSET_S = 15
COMMON = (
    "scope: {profile: manhole_cover}, labels: {severity: info}, raises: {deadline: 1 hour}, "
    "annotations: {summary: s, summary_zh: s}"
)


def rules(suffix: str) -> str:
    return f"""
      - {{alert: AtOnce{suffix}, expr: tilt_deg > 5, {COMMON}}}
      - {{alert: Lasting{suffix}, expr: tilt_deg > 5, clear: tilt_deg < 3, for: 4s, keep_firing_for: 3s, {COMMON}}}
      - {{alert: Rising{suffix}, expr: "change_per_second(water_m) > 1", {COMMON}}}
      - {{alert: Windowed{suffix}, expr: "avg_over_time(water_m[9s]) > 4", {COMMON}}}
      - {{alert: Silent{suffix}, absent_for: 2 intervals, {COMMON}}}
"""


BOOK = rulebook.parse(
    {
        "rules.yaml": f"groups:\n  - name: a\n    rules:{rules('')}\n"
        f"  - name: b\n    query_offset: {OFFSET_S}s\n    rules:{rules('ByTime')}"
    }
)

Reading = tuple[int, float, dict[str, float]]
Batch = tuple[float, list[Reading]]


class Journey:
    """Readings through storage and rules; `crash` loses the memory, and the database what was not committed."""

    def __init__(self, conn: AsyncConnection, book: Rulebook) -> None:
        self.conn, self.book = conn, book
        self.fleet = builders.fleet(count=DEVICES, interval_s=4)
        self.newest = np.zeros(DEVICES, np.int64)

    async def load(self) -> None:
        self.state = await memory_store.load_state(self.conn, self.book, self.fleet)
        self.state.tolerated_gap_us = 10**15
        self.newest = await device_state.latest_times(self.conn, self.fleet)
        await self.conn.commit()

    async def take(self, batch: Batch, *, dies: bool = False) -> Sequence[Transition]:
        at_s, rows = batch
        now, received_us = START + timedelta(seconds=at_s), builders.START_US + round(at_s * 1e6)
        async with self.conn.transaction(force_rollback=dies):
            fresh = await readings.insert_new(self.conn, self._frames(rows), self.fleet, received_us)
            step = engine.step(self.state, fresh, self.book, self.fleet, now)
            await memory_store.keep(self.conn, step.changes, self.fleet)
            unwritten = Unwritten(kept_us=0)
            unwritten.note(fresh, received_us)
            for newest in unwritten.rest():
                await device_state.keep(self.conn, newest.frame, self.fleet, newest.received_us)
        if dies:
            return ()
        engine.commit(self.state, step)
        for frame in fresh:
            np.maximum.at(self.newest, frame.slot, frame.ts_us)
        return step.transitions

    def _frames(self, rows: Sequence[Reading]) -> list[Frame]:
        if not rows:
            return []
        frame = builders.frame("manhole_cover", sorted(rows, key=lambda row: row[1]), channels=CHANNELS)
        late = frame.ts_us < self.newest[frame.slot]
        quality = np.where(late, int(Quality.LATE), 0).astype(np.int16)
        return [dataclasses.replace(frame, quality=quality, seq=np.zeros(len(frame), np.int32))]


def stream(seed: int) -> list[Batch]:
    """Batches of readings that come up to a quarter of a minute late, some twice, with ticks between them."""
    rng = np.random.default_rng(seed)
    arrivals: list[tuple[float, Reading]] = []
    for slot in range(DEVICES):
        for at in np.cumsum(rng.choice([1.0, 2.0, 3.0, 11.0], 20)).tolist():
            values = {name: float(rng.integers(0, 10)) for name in ("tilt_deg", "water_m") if rng.random() < 0.9}
            reading = (slot, at + slot / 8, values)
            arrivals.append((at + float(rng.choice([0.2, 0.3, 5.0, 14.0])), reading))
            if rng.random() < 0.1:
                arrivals.append((arrivals[-1][0] + 2, reading))
    arrivals.sort(key=lambda arrival: arrival[0])
    batches: list[Batch] = [(0.1, [])]
    for at_s, reading in arrivals:
        same = any(reading[:2] == other[:2] for other in batches[-1][1])
        if at_s - batches[-1][0] < 0.5 and not same:
            batches[-1] = (batches[-1][0], [*batches[-1][1], reading])
        else:
            batches.append((at_s, [reading]))
    end_s = batches[-1][0]
    return [*batches, *((end_s + 5.0 * number, []) for number in range(1, 9))]


@pytest.fixture
async def conn(database: str) -> AsyncIterator[AsyncConnection]:
    small_city.build(database)
    async with await AsyncConnection.connect(database) as connection:
        await connection.execute("SET timezone = 'UTC'")
        await service.publish_profiles(connection, shipped())
        covers = small_city.covers(DEVICES, interval_s=4)
        await service.register_many(connection, covers, shipped(), now=START, actor="test")
        await readings.prepare(connection)
        await connection.commit()
        yield connection


def told(transitions: Sequence[Transition]) -> list[str]:
    ordered = sorted(enumerate(transitions), key=lambda item: (item[1].rule.name, item[1].slot, item[0]))
    return [repr((t.rule.name, t.slot, t.kind, t.ts_us, t.since_us, t.origin, t.proof)) for _, t in ordered]


async def uninterrupted(conn: AsyncConnection, batches: Sequence[Batch]) -> list[Transition]:
    """The transitions of one run, whose readings are then forgotten."""
    journey = Journey(conn, BOOK)
    await journey.load()
    transitions = [transition for batch in batches for transition in await journey.take(batch)]
    for table in ("reading", "device_state", "rule_state"):
        await conn.execute(f"DELETE FROM {table}".encode())
    await conn.commit()
    return transitions


@pytest.mark.parametrize("seed", range(4))
async def test_killed_after_any_step_the_rules_go_on_as_if_nothing_had_been(conn: AsyncConnection, seed: int) -> None:
    batches = stream(seed)
    expected = await uninterrupted(conn, batches)
    rng = np.random.default_rng(seed)

    transitions: list[Transition] = []
    journey = Journey(conn, BOOK)
    await journey.load()
    for batch in batches:
        if rng.random() < 0.3:
            await journey.take(batch, dies=True)
            await journey.load()
        transitions += await journey.take(batch)
        if rng.random() < 0.5:
            await journey.load()

    assert {t.rule.name for t in expected} >= {"AtOnceByTime", "WindowedByTime", "Windowed", "SilentByTime", "Silent"}
    assert told(transitions) == told(expected)
