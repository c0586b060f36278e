"""What is fuzzed: every decoder, and what it must keep to whatever the bytes are.

A target takes bytes and may refuse them with `InvalidInput`; any other exception, and any broken promise of
`check`, is a finding. Seeds are the golden cases.
"""

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.errors import InvalidInput
from devices.profile import shipped
from ingest import pipeline, quality
from ingest.directory import Directory, Spoken, make
from ingest.message import Batch, RawMessage
from ingest.sparkplug import Draft, Memory, commit
from ingest.validate import Tolerance
from tests import wire_cases
from tests.builders import fleet
from wire import formats, uplinks
from wire.record import Fact, Flaw, Measured, Record, Said

NOW_US = wire_cases.microseconds(wire_cases.RECEIVED)
MOST_BYTES = 8192
DETAIL_LIMIT_BYTES = 65_536
_KIND = re.compile(r"[a-z][a-z0-9_]{0,99}")
_LIMITS = pipeline.Limits(payload_bytes=MOST_BYTES, tolerance=Tolerance(behind_us=20 * 365 * 86_400_000_000))


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that reads bytes."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def check(said: Said) -> None:
    """Refuse what no decoder may give, as an assertion."""
    assert said.address, "an address says whose it is"
    if isinstance(said, Flaw):
        assert said.detail, "a flaw says what is wrong"
        return
    assert said.ts_us is None or isinstance(said.ts_us, int), "times are whole microseconds"
    assert -1 <= said.seq < 2**31, "seq is 31 bits, or none"
    assert said.origin in {"live", "simulated", "replayed"}
    if isinstance(said, Record):
        check_measured(said.measured)
    elif isinstance(said, Fact):
        assert _KIND.fullmatch(said.kind), said.kind
        assert len(json.dumps(dict(said.detail), allow_nan=False)) <= DETAIL_LIMIT_BYTES
        assert said.confidence is None or 0 <= said.confidence <= 1


def check_measured(measured: tuple[Measured, ...]) -> None:
    """Refuse numbers that are none."""
    for one in measured:
        assert one.name, "a quantity has a name"
        assert isinstance(one.value, float | int), one
        assert math.isfinite(one.value), one


def _cases(form: str) -> tuple[tuple[str, bytes], ...]:
    """Give topic and payload of every golden message of a format."""
    return tuple(
        (message.topic, message.payload)
        for folder in wire_cases.folders()
        if folder.parent.name == form
        for message in wire_cases.messages(folder)
    )


def _of_format(known: formats.Format) -> Target:
    """Feed a decoder; the first byte chooses the topic among those of the golden cases."""
    cases = _cases(known.name)
    topics = sorted({topic for topic, _ in cases})

    def run(data: bytes) -> None:
        topic = topics[data[0] % len(topics)] if data else topics[0]
        for said in known.decode(topic, data[1:], NOW_US):
            check(said)

    return Target(run, tuple(bytes([topics.index(topic)]) + payload for topic, payload in cases))


def _of_codec(name: str) -> Target:
    def run(data: bytes) -> None:
        check_measured(uplinks.CODECS[name].decode(data[0] if data else 1, data[1:]))

    return Target(
        run, (bytes.fromhex("5501756403d40000010050 46".replace(" ", "")), bytes.fromhex("5503670110056700ff"))
    )


def _births(data: bytes) -> None:
    """Feed the memory of Sparkplug's births several messages, batch by batch, one of them carried twice."""
    memory: Memory = {}
    for part in data.split(_SEPARATOR)[:16]:
        topic = _NODE_TOPICS[part[0] % len(_NODE_TOPICS)] if part else _NODE_TOPICS[0]
        once, twice = Draft(memory), Draft(memory)
        outcomes: list[object] = []
        for draft in (once, twice):
            try:
                outcomes.append(draft.receive(topic, part[1:], NOW_US, redelivered=part[:1] > b"\x7f"))
            except InvalidInput as error:
                outcomes.append(str(error))
                assert not draft.changed, "what is refused leaves no trace"
        assert outcomes[0] == outcomes[1], "the same memory gives the same outcome"
        assert once.changed == twice.changed
        for change in once.changes():
            assert change.node.next_seq is None or 0 <= change.node.next_seq < 256
        commit(memory, once)


_SEPARATOR = b"\xff\xfe\xfd"
_NODE_TOPICS = sorted({topic for topic, _ in _cases("sparkplug")})
_NODE_SEEDS = tuple(
    _SEPARATOR.join(
        bytes([_NODE_TOPICS.index(message.topic)]) + message.payload for message in wire_cases.messages(case)
    )
    for case in wire_cases.folders()
    if case.parent.name == "sparkplug"
)


@functools.cache
def _city() -> Directory:
    """Give a registry that knows the devices of the golden cases that register themselves, one a format."""
    spoken = sorted({known.name for known in formats.FORMATS})
    devices = replace(fleet(["manhole_cover"] * (1 + len(spoken))), label=("MC-1", *(f"{form}-1" for form in spoken)))
    addresses: list[Spoken] = []
    for slot, form in enumerate(spoken, 1):
        said = [it for topic, payload in _cases(form) for it in _understood(form, topic, payload)]
        if said:
            addresses.append(Spoken(slot, form, said[0].address, "milesight_em320_tilt"))
    accepts = [True] * len(devices.label)
    return make(devices, {name: shipped()[name] for name in devices.profiles}, accepts, None, addresses)


def _understood(form: str, topic: str, payload: bytes) -> list[Said]:
    known = next(one for one in formats.FORMATS if one.name == form)
    try:
        return list(known.decode(topic, payload, NOW_US))
    except InvalidInput:
        return []


_ALL_TOPICS = [
    "citygrid/v1/130202/manhole/MC-1/telemetry",
    "citygrid/v1/130202/manhole/MC-1/alarm",
    "citygrid/v1/130202/gateway/gw/telemetry",
    *sorted({topic for known in formats.FORMATS for topic, _ in _cases(known.name)}),
]


def _pipeline(data: bytes) -> None:
    """Feed the whole of decode, validate and enrich; here nothing at all may be raised."""
    topic = _ALL_TOPICS[int.from_bytes(data[:2], "big") % len(_ALL_TOPICS)]
    batch = Batch(messages=[RawMessage(topic, data[2:], None, False)], connection=1, backlog=0)
    passed = pipeline.run(batch, _city(), quality.Memory(), NOW_US, _LIMITS)
    for fact in passed.facts:
        assert 0 <= fact.seq < 2**31


_NATIVE_SEEDS = (
    b'{"ts": 1795320000000, "seq": 1, "values": {"tilt_deg": 3.2, "water_m": null}}',
    b'[{"ts": "2026-11-22T04:00:00Z", "origin": "simulated", "values": {"battery_pct": 88}}]',
    b'[{"ts": 1795320000000, "device": "MC-1", "values": {"tilt_deg": 3}}]',
)
_PIPELINE_SEEDS = (
    *(number.to_bytes(2, "big") + seed for number, seed in enumerate(_NATIVE_SEEDS)),
    *(
        _ALL_TOPICS.index(topic).to_bytes(2, "big") + payload
        for known in formats.FORMATS
        for topic, payload in _cases(known.name)
    ),
)

TARGETS: Mapping[str, Target] = {
    **{known.name: _of_format(known) for known in formats.FORMATS},
    **{f"uplink_{name}": _of_codec(name) for name in sorted(uplinks.CODECS)},
    "sparkplug_births": Target(_births, _NODE_SEEDS),
    "pipeline": Target(_pipeline, _PIPELINE_SEEDS),
}
"""Name -> target. A new format or codec is fuzzed by standing in its table."""


def feed(name: str, data: bytes) -> None:
    """Run a target; returns when it understood the bytes or refused them, raises when it is at fault."""
    words = "understood"
    try:
        TARGETS[name].run(data)
    except InvalidInput as refusal:
        words = str(refusal)
    assert words, "a refusal has words"
