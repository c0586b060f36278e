"""What `citygrid ingest top` shows: two looks at the metrics of all processes, made into rates and shares. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]
Samples = Mapping[tuple[str, Labels], float]
"""(name, labels in order of their names) -> value, as a process publishes them."""

RATES: Mapping[str, str] = {
    "messages_per_s": "citygrid_messages_received_total",
    "readings_per_s": "citygrid_readings_stored_total",
    "repeated_per_s": "citygrid_readings_repeated_total",
    "facts_per_s": "citygrid_facts_stored_total",
    "refused_per_s": "citygrid_refusals_total",
    "incident_events_per_s": "citygrid_transitions_total",
    "retries_per_s": "citygrid_batch_retries_total",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One ingest process as the lease rows name it, and what it published; empty samples = it did not answer."""

    process: str
    shards: tuple[str, ...]
    metrics_url: str
    age_s: float
    samples: Samples = field(default_factory=dict[tuple[str, Labels], float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All processes at an instant; `shards` are those the city is divided into, with who holds them."""

    at_s: float
    processes: tuple[Process, ...]
    shards: tuple[tuple[str, str | None, int], ...]
    """Name, holder (None = nobody), epoch."""


def numbers(before: Look, after: Look) -> dict[str, object]:
    """Give what is shown, ready for JSON: rates are between the looks, of processes that answered at both."""
    seconds = max(after.at_s - before.at_s, 1e-9)
    earlier = {process.process: process for process in before.processes}
    grown: Counter[tuple[str, Labels]] = Counter()
    now: Counter[tuple[str, Labels]] = Counter()
    processes: list[dict[str, object]] = []
    for process in after.processes:
        gained = _gained(earlier.get(process.process), process)
        grown.update(gained)  # type: ignore[arg-type]  # a Counter adds up any number
        now.update(process.samples)  # type: ignore[arg-type]
        processes.append(_process(process, gained, seconds))
    steps = _steps(grown)
    return {
        "seconds": round(seconds, 2),
        "rates": {name: round(_sum(grown, metric) / seconds, 1) for name, metric in RATES.items()},
        "lag_s": round(
            max((value for (name, _), value in now.items() if name == "citygrid_lag_seconds"), default=0), 3
        ),
        "waiting": round(_sum(now, "citygrid_waiting_messages")),
        "broker_queued": _broker_queued(after.processes),
        "lanes": _lanes(grown, now, seconds),
        "steps": steps,
        "slowest_step": steps[0]["step"] if steps else None,
        "refusals": _refusals(grown, now, seconds),
        "shards": [_shard(name, holder, epoch, now) for name, holder, epoch in after.shards],
        "processes": processes,
    }


def _gained(before: Process | None, after: Process) -> dict[tuple[str, Labels], float]:
    """Give what counters gained; a process that was not there before has gained nothing yet."""
    if before is None or not before.samples:
        return {}
    return {key: max(value - before.samples.get(key, 0.0), 0.0) for key, value in after.samples.items()}


def _sum(samples: Samples, metric: str) -> float:
    return sum(value for (name, _), value in samples.items() if name == metric and value == value)  # noqa: PLR0124  # no NaN


def _by(samples: Samples, metric: str, label: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for (name, labels), value in samples.items():
        if name == metric and (given := dict(labels).get(label)) is not None:
            found[given] += value  # type: ignore[assignment]  # a Counter adds up any number
    return found


def _process(process: Process, gained: Samples, seconds: float) -> dict[str, object]:
    memory = process.samples.get(("process_resident_memory_bytes", ()))
    return {
        "process": process.process,
        "shards": list(process.shards),
        "metrics_url": process.metrics_url,
        "answers": bool(process.samples),
        "age_s": round(process.age_s),
        "messages_per_s": round(_sum(gained, RATES["messages_per_s"]) / seconds, 1),
        "cpu_pct": round(_sum(gained, "process_cpu_seconds_total") / seconds * 100, 1),
        "memory_mb": None if memory is None else round(memory / 1e6, 1),
    }


def _lanes(grown: Samples, now: Samples, seconds: float) -> list[dict[str, object]]:
    carried, waiting = _by(grown, RATES["messages_per_s"], "lane"), _by(now, "citygrid_waiting_messages", "lane")
    known = [lane for lane in ("alarm", "live", "backlog") if lane in carried or lane in waiting]
    return [
        {"lane": lane, "messages_per_s": round(carried[lane] / seconds, 1), "waiting": round(waiting[lane])}
        for lane in known
    ]


def _steps(grown: Samples) -> list[dict[str, object]]:
    """Give the steps that cost something, the slowest first; waiting for messages is no cost."""
    spent = _by(grown, "citygrid_step_seconds_sum", "step")
    del spent["receive"]
    total, messages = sum(spent.values()), _sum(grown, RATES["messages_per_s"])
    return [
        {
            "step": step,
            "share": round(seconds / total, 3),
            "us_per_message": round(seconds / messages * 1e6, 1) if messages else None,
        }
        for step, seconds in spent.most_common()
        if seconds > 0
    ]


def _refusals(grown: Samples, now: Samples, seconds: float) -> list[dict[str, object]]:
    rate = _by(grown, RATES["refused_per_s"], "reason")
    return [
        {"reason": reason, "per_s": round(rate[reason] / seconds, 2), "since_start": round(total)}
        for reason, total in _by(now, RATES["refused_per_s"], "reason").most_common()
    ]


def _shard(name: str, holder: str | None, epoch: int, now: Samples) -> dict[str, object]:
    mine = {key: value for key, value in now.items() if ("shard", name) in key[1]}
    return {
        "shard": name,
        "process": holder,
        "epoch": epoch,
        "devices": round(_sum(mine, "citygrid_shard_devices")),
        "lag_s": round(_sum(mine, "citygrid_lag_seconds"), 3),
        "waiting": round(_sum(mine, "citygrid_waiting_messages")),
    }


def _broker_queued(processes: Sequence[Process]) -> int | None:
    """Give what any process was told; it is one broker."""
    told = [process.samples.get(("citygrid_broker_queued_messages", ())) for process in processes]
    return next((round(value) for value in told if value is not None and value == value), None)  # noqa: PLR0124  # no NaN
