"""Readings a second through the rules on one core, what state costs in memory, and what a new rule book costs.

Run: PYTHONPATH=. python tests/bench/bench_rules.py. A reading here is one device message (a row of a frame) with six
channels; devices report in random order. 100 rules are loaded over ten profiles, ten of them apply to every reading.
2 % of the devices fire or wait to fire at any time. Each step also looks for silences. Beside it, in the same run: the
same comparisons written by hand in bare numpy, without phases, memory, silences or proof. Time is the process's own
(CPU), the middle of all steps, and the fleets take turns, so that neighbours count little and alike. Results go to
build/bench_rules.json.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from alerts import engine, rulebook
from core.fleet import Fleet
from core.frame import Frame

PROFILES = tuple(f"kind_{n}" for n in range(10))
CHANNELS = tuple(f"c{n}" for n in range(6))
ROWS_A_STEP = 5000
STEPS = 60
FLEETS = (1_000, 10_000, 100_000, 500_000)
TARGET_PER_S = 200_000
START_US = 1_800_000_000_000_000


def main() -> int:
    """Measure and print; exit code 1 when the target is missed."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    book = rulebook.parse({"bench.yaml": rules()})
    runs = [Run(book, count) for count in FLEETS]
    for _ in range(STEPS):
        for run in runs:
            run.step()
    results = [run.result() for run in runs]
    rates = [result["readings_per_s"] for result in results]
    report = {
        "rules_loaded": len(book.rules),
        "rules_a_reading": len(book.rules) // len(PROFILES),
        "rows_a_step": ROWS_A_STEP,
        "target_readings_per_s": TARGET_PER_S,
        "slowest_to_target": round(min(rates) / TARGET_PER_S, 2),
        "dearest_to_cheapest": round(max(rates) / min(rates), 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "fleets": results,
    }
    out = Path("build/bench_rules.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for result in results:
        print(
            f"{result['devices']:>8,} devices: {result['readings_per_s']:>10,} readings/s on one core "
            f"(bare numpy {result['bare_numpy_per_s']:,}), {result['transitions']:,} transitions, "
            "MB a 100,000 devices: "
            f"{result['resident_mb_per_100k_devices']} held, {result['reserved_mb_per_100k_devices']} reserved; "
            f"a new rule book {result['new_rule_book_s']} s"
        )
    print(
        f"{report['rules_loaded']} rules, {report['rules_a_reading']} a reading: slowest is "
        f"{report['slowest_to_target']} x the target of {TARGET_PER_S:,}/s; dearest fleet costs "
        f"{report['dearest_to_cheapest']} x the cheapest; peak memory {report['peak_memory_mb']} MB"
    )
    return 0 if min(rates) >= TARGET_PER_S else 1


def rules() -> str:
    """Ten rules a profile, of every kind."""
    conditions = (
        "expr: c0 > 0.98, clear: c0 < 0.9, for: 0s",
        "expr: c0 > 0.98, clear: c0 < 0.9, for: 60s",
        "expr: c1 > 1.5 or c2 < -1",
        "expr: c1 > 1.5 and c2 > 1.5, for: 20s",
        "expr: change_per_second(c3) > 5, for: 0s",
        "expr: abs(change(c3)) > 5",
        "expr: c4 * c5 > 2, clear: c4 * c5 < 1, keep_firing_for: 30s",
        "expr: (c4 - c5) / 2 > 1.2",
        "expr: not c5 < 1.4",
        "absent_for: 3 intervals",
    )
    lines = [
        f"      - {{alert: R{p}x{n}, {condition}, scope: {{profile: {profile}}}, labels: {{severity: info}}, "
        "raises: {deadline: 1 hour}, annotations: {summary: s, summary_zh: s}}"
        for p, profile in enumerate(PROFILES)
        for n, condition in enumerate(conditions)
    ]
    return "\n".join(["groups:", "  - name: bench", "    rules:", *lines])


def fleet_of(count: int) -> Fleet:
    """Devices of the profiles in turn."""
    return Fleet(
        device_id=np.arange(1, count + 1, dtype=np.int32),
        label=tuple(str(n) for n in range(count)),
        profile=(np.arange(count) % len(PROFILES)).astype(np.int16),
        profiles=PROFILES,
        class_code=("0101",) * count,
        component_id=np.zeros(count, np.int32),
        district_code=("130202",) * count,
        unit_grid_id=np.zeros(count, np.int32),
        interval_s=np.full(count, 900.0),
        in_service=np.ones(count, np.bool_),
        lon_deg=np.zeros(count),
        lat_deg=np.zeros(count),
        registered_us=np.full(count, START_US, np.int64),
    )


def steps_of(count: int) -> Iterator[list[Frame]]:
    """Batches of devices in random order, ten frames each; what fires or waits to fire keeps doing so."""
    rng = np.random.default_rng(7)
    shuffled = rng.permutation(count)
    for number in range(warm_up_of(count) + STEPS):
        order = shuffled[(np.arange(ROWS_A_STEP) + number * ROWS_A_STEP) % count]
        yield [frame_of(order[order % len(PROFILES) == p], p, number, rng) for p in range(len(PROFILES))]


def warm_up_of(count: int) -> int:
    """Steps until every device has reported twice, more than a minute apart: what fires then does so already."""
    return max(2 * -(-count // ROWS_A_STEP), 65)


def frame_of(slots: np.ndarray, profile: int, number: int, rng: np.random.Generator) -> Frame:
    """One profile's rows of a step."""
    rows = len(slots)
    values = rng.uniform(0, 0.5, (rows, len(CHANNELS)))
    values[slots % 1000 < 20, 0] = 0.99
    values[:, 3] = 0.25
    return Frame(
        profile=PROFILES[profile],
        channels=CHANNELS,
        slot=slots.astype(np.int32),
        ts_us=np.arange(rows, dtype=np.int64) + START_US + number * 1_000_000,
        seq=np.zeros(rows, np.int32),
        values=values,
        quality=np.zeros(rows, np.int16),
        origin=np.zeros(rows, np.int8),
        unit_grid_id=np.zeros(rows, np.int32),
        message=np.arange(rows, dtype=np.int32),
    )


class Run:
    """A fleet under the rules; every step is timed, and beside it the same comparisons in bare numpy."""

    def __init__(self, book: rulebook.Rulebook, count: int) -> None:
        self.book, self.count, self.number = book, count, 0
        before_bytes = resident_bytes()
        self.fleet = fleet_of(count)
        self.state = engine.initial(book, self.fleet)
        self.frames = steps_of(count)
        self.transitions = 0
        self.spent_s: list[float] = []
        self.bare_s: list[float] = []
        for _ in range(warm_up_of(count)):
            self.step()
        self.used_bytes = max(resident_bytes() - before_bytes, 0)

    @property
    def now(self) -> datetime:
        """At 200,000 readings/s a step of 5,000 lasts 25 ms: so fast must the silences' clock run, too."""
        return datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(seconds=self.number * ROWS_A_STEP / TARGET_PER_S)

    def step(self) -> None:
        """Take one batch."""
        frames = next(self.frames)
        began = time.process_time()
        step = engine.step(self.state, frames, self.book, self.fleet, self.now)
        engine.commit(self.state, step)
        done = time.process_time()
        bare(frames)
        self.number += 1
        self.transitions += len(step.transitions)
        self.spent_s.append(done - began)
        self.bare_s.append(time.process_time() - done)

    def result(self) -> dict[str, int | float]:
        """Give the figures of the counted steps, and what a new rule book costs."""
        began = time.process_time()
        engine.step(self.state, [], rulebook.parse({"bench.yaml": rules()}), self.fleet, self.now)
        new_book_s = time.process_time() - began
        return {
            "devices": self.count,
            "readings_per_s": round(ROWS_A_STEP / float(np.median(self.spent_s[-STEPS:]))),
            "bare_numpy_per_s": round(ROWS_A_STEP / float(np.median(self.bare_s[-STEPS:]))),
            "transitions": self.transitions,
            "new_rule_book_s": round(new_book_s, 3),
            "reserved_mb_per_100k_devices": round(state_bytes(self.state) / 1e6 / self.count * 100_000, 1),
            "resident_mb_per_100k_devices": round(self.used_bytes / 1e6 / self.count * 100_000, 1),
        }


def bare(frames: list[Frame]) -> int:
    """The comparisons of `rules`, as somebody would write them by hand for these frames."""
    held = 0
    for frame in frames:
        c0, c1, c2, c3, c4, c5 = np.ascontiguousarray(frame.values.T)
        change = np.diff(c3, prepend=c3[:1])
        seconds = np.diff(frame.ts_us, prepend=frame.ts_us[:1] - 1) / 1e6
        tests = (
            c0 > 0.98,
            c0 > 0.98,
            (c1 > 1.5) | (c2 < -1),
            (c1 > 1.5) & (c2 > 1.5),
            change / seconds > 5,
            np.abs(change) > 5,
            c4 * c5 > 2,
            (c4 - c5) / 2 > 1.2,
            ~(c5 < 1.4),
        )
        held += sum(int(test.any()) for test in tests)
    return held


def resident_bytes() -> int:
    """Memory this process really holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def state_bytes(state: engine.RuleState) -> int:
    """Bytes reserved for the rules' memory; pages of it that stay zero take no room."""
    names = ("phase", "since_us", "ts_us", "heard_us", "origin", "values", "slots")
    columns = [getattr(table, name) for table in state.tables() for name in names]
    silences = [watched.allowed_us for table in state.tables() for watched in table.watched]
    return sum(column.nbytes for column in (*columns, *silences, state.place))


if __name__ == "__main__":
    sys.exit(main())
