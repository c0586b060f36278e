"""Rates, shares and owners, from two looks at the processes' metrics."""

import math
from typing import Any

from runtime.top_numbers import Labels, Look, Process, numbers

Samples = dict[tuple[str, Labels], float]


def samples(scale: float) -> Samples:
    return {
        ("citygrid_messages_received_total", (("lane", "live"),)): 1000 * scale,
        ("citygrid_messages_received_total", (("lane", "alarm"),)): 10 * scale,
        ("citygrid_readings_stored_total", ()): 900 * scale,
        ("citygrid_refusals_total", (("reason", "malformed"),)): 4 * scale,
        ("citygrid_step_seconds_sum", (("step", "receive"),)): 50 * scale,
        ("citygrid_step_seconds_sum", (("step", "store"),)): 0.3 * scale,
        ("citygrid_step_seconds_sum", (("step", "decode"),)): 0.1 * scale,
        ("citygrid_lag_seconds", (("shard", "130203"),)): 0.25,
        ("citygrid_waiting_messages", (("lane", "live"), ("shard", "130203"))): 7,
        ("citygrid_shard_devices", (("shard", "130203"),)): 20,
        ("citygrid_broker_queued_messages", ()): 12,
        ("process_cpu_seconds_total", ()): 1.0 * scale,
        ("process_resident_memory_bytes", ()): 150e6,
    }


def process(name: str, found: Samples, *shards: str) -> Process:
    return Process(process=name, shards=shards, metrics_url=f"http://{name}/metrics", age_s=60, samples=found)


def look(at_s: float, *processes: Process) -> Look:
    return Look(at_s=at_s, processes=processes, shards=(("130203", "a", 3), ("130204", None, 7)))


def shown(*processes: tuple[Process, Process]) -> dict[str, Any]:
    return numbers(look(100, *(before for before, _ in processes)), look(102, *(after for _, after in processes)))


def test_rates_are_what_was_gained_between_the_looks() -> None:
    found = shown((process("a", samples(1), "130203"), process("a", samples(3), "130203")))

    assert found["rates"]["messages_per_s"] == 1010
    assert found["rates"]["readings_per_s"] == 900
    assert found["lanes"] == [
        {"lane": "alarm", "messages_per_s": 10, "waiting": 0},
        {"lane": "live", "messages_per_s": 1000, "waiting": 7},
    ]
    assert found["refusals"] == [{"reason": "malformed", "per_s": 4, "since_start": 12}]
    assert (found["lag_s"], found["waiting"], found["broker_queued"]) == (0.25, 7, 12)
    assert (found["processes"][0]["cpu_pct"], found["processes"][0]["memory_mb"]) == (100, 150)


def test_the_slowest_step_is_found_and_waiting_for_messages_is_no_step() -> None:
    found = shown((process("a", samples(1)), process("a", samples(3))))

    assert found["slowest_step"] == "store"
    assert found["steps"] == [
        {"step": "store", "share": 0.75, "us_per_message": 297.0},
        {"step": "decode", "share": 0.25, "us_per_message": 99.0},
    ]


def test_several_processes_add_up_and_one_that_was_restarted_counts_from_the_next_look() -> None:
    before, after = process("a", samples(1)), process("a", samples(3))
    restarted = (process("b", samples(9)), process("b", samples(1)))

    assert shown((before, after), restarted)["rates"]["messages_per_s"] == 1010
    assert (
        shown((before, after), (process("b", samples(1)), process("b", samples(2))))["rates"]["messages_per_s"] == 1515
    )


def test_shards_show_who_has_them_and_that_nobody_has_one() -> None:
    found = shown((process("a", samples(1), "130203"), process("a", samples(3), "130203")))

    assert found["shards"] == [
        {"shard": "130203", "process": "a", "epoch": 3, "devices": 20, "lag_s": 0.25, "waiting": 7},
        {"shard": "130204", "process": None, "epoch": 7, "devices": 0, "lag_s": 0.0, "waiting": 0},
    ]


def test_a_process_that_does_not_answer_is_shown_as_such() -> None:
    found = shown((process("a", {}), process("a", {})))

    assert found["processes"][0]["answers"] is False
    assert found["processes"][0]["memory_mb"] is None
    assert (found["slowest_step"], found["broker_queued"]) == (None, None)


def test_a_broker_that_does_not_tell_its_queue_is_unknown_not_zero() -> None:
    silent = samples(1) | {("citygrid_broker_queued_messages", ()): math.nan}

    assert shown((process("a", silent), process("a", silent)))["broker_queued"] is None
