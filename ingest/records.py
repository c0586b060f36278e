"""Every format but our own JSON: what its decoder says, matched to the registry, in the channels' units. Pure."""

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from core import units
from core.errors import InvalidInput
from core.facts import LocatedFact
from core.quality import Quality
from ingest.directory import ProfileCodec
from ingest.message import RawMessage, Reason, Retried, Stranger
from ingest.rows import CLOCK_UNSET, EARLIEST_US, LATEST_US, Gathering, Row, bad_time
from ingest.sparkplug import LIFE
from wire import native_v1, sparkplug, topics, uplinks
from wire.formats import Format
from wire.record import Fact, Flaw, Measured, Record, Said


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """Whose item of which message it is."""

    message: int
    number: int
    slot: int
    form: str


def decode(index: int, message: RawMessage, known: Format, result: Gathering) -> None:
    """Gather the rows and facts of a message; an item at fault is refused alone."""
    try:
        if known.name == sparkplug.NAME:
            said = _by_births(message, result)
        else:
            said = known.decode(message.topic, message.payload, result.now_us)
    except InvalidInput as error:
        result.refuse(index, 0, Reason.MALFORMED, str(error))
        return
    take(index, message.topic, known.name, said, result)


def _by_births(message: RawMessage, result: Gathering) -> list[Said]:
    """Give what a Sparkplug message says; an edge node that only stands for its devices need not be registered."""
    if isinstance(message, Retried):
        said = result.edge_nodes.recall(message.topic, message.payload)
    else:
        said = result.edge_nodes.receive(message.topic, message.payload, result.now_us, redelivered=message.redelivered)
    is_known = result.directory.slot_of
    return [
        it
        for it in said
        if not (isinstance(it, Fact) and it.kind in LIFE and is_known(sparkplug.NAME, it.address) is None)
    ]


def take(index: int, topic: str, form: str, said: Sequence[Said], result: Gathering) -> None:
    """Gather what a message said, however it was decoded."""
    directory = result.directory
    for number, it in enumerate(said):
        slot = directory.slot_of(form, it.address)
        if isinstance(it, Flaw):
            detail = f"{it.address}: {it.detail}"
            result.refuse(index, number, Reason.MALFORMED, detail, -1 if slot is None else slot)
            continue
        if slot is None:
            detail = f"{it.address} is not registered as {form}"
            result.refuse_stranger(index, number, detail, Stranger(form, it.address))
            continue
        if topics.is_ours(topic) and directory.by_topic.get(topics.as_telemetry(topic)) != slot:
            result.refuse(index, number, Reason.WRONG_TOPIC, f"{it.address} is registered elsewhere")
            continue
        if it.ts_us is not None and not 0 <= it.ts_us < LATEST_US:
            result.refuse(index, number, Reason.BAD_TIME, bad_time(it.ts_us), slot)
            continue
        item = _Item(message=index, number=number, slot=slot, form=form)
        if isinstance(it, Fact):
            result.facts.append(_located(item, it, result))
        else:
            _gather(item, it, result)


def _gather(item: _Item, record: Record, result: Gathering) -> None:
    """Turn one record into a row of its device's profile."""
    directory = result.directory
    profile = directory.profile_of[item.slot]
    codec = directory.codecs[profile]
    measured = record.measured or _unpacked(item, record, result)
    if not measured:
        return
    try:
        values = _values(measured, codec, item.form, result)
    except InvalidInput as error:
        result.refuse(item.message, item.number, Reason.UNKNOWN_QUANTITY, str(error), item.slot)
        return
    if values is None:
        names = ", ".join(sorted({it.name for it in measured})[:5])
        detail = f"{codec.profile.profile} measures none of: {names}"
        result.refuse(item.message, item.number, Reason.UNKNOWN_QUANTITY, detail, item.slot)
        return
    timed = record.ts_us is not None and not record.from_arrival
    quality = Quality.GOOD if timed else Quality.ARRIVAL_TIME
    ts_us = record.ts_us if record.ts_us is not None else result.now_us
    row = Row(ts_us, record.seq, native_v1.ORIGINS[record.origin], values, int(quality))
    result.gathered[profile].add(item.message, item.number, item.slot, row)


def _unpacked(item: _Item, record: Record, result: Gathering) -> tuple[Measured, ...]:
    """Give what the bytes of an uplink measure by the device's own codec; nothing when refused or said."""
    if record.uplink is None:
        return ()
    name = result.directory.uplink_codec.get(item.slot, "")
    try:
        return uplinks.decode(name, record.uplink)
    except InvalidInput as error:
        reason = Reason.MALFORMED if name in uplinks.CODECS else Reason.UNKNOWN_QUANTITY
        result.refuse(item.message, item.number, reason, f"{record.uplink.data.hex()}: {error}", item.slot)
        return ()


def _values(
    measured: tuple[Measured, ...], codec: ProfileCodec, form: str, result: Gathering
) -> tuple[float, ...] | None:
    """Give the profile's channels, NaN = not measured, or None when nothing is known; raises on a foreign unit."""
    values = [math.nan] * len(codec.profile.channels)
    known = False
    for it in measured:
        position = codec.position.get(it.name)
        if position is None:
            result.unmapped[form] += 1
            continue
        unit = codec.profile.channels[position].unit
        line = units.conversion(it.unit, unit)
        if codec.lines and not it.unit:
            line = codec.lines[position] or line
        if line is None:
            raise InvalidInput(f"{it.name} comes in {it.unit}, which cannot become {unit}")
        values[position] = it.value * line[0] + line[1]
        known = True
    return tuple(values) if known else None


def _located(item: _Item, fact: Fact, result: Gathering) -> LocatedFact:
    timed = fact.ts_us is not None and fact.ts_us >= EARLIEST_US
    unset = fact.ts_us is not None and not timed
    return LocatedFact(
        slot=item.slot,
        ts_us=fact.ts_us if fact.ts_us is not None and timed else result.now_us,
        seq=fact.seq if fact.seq >= 0 else _checksum(fact),
        kind=fact.kind,
        confidence=fact.confidence,
        plate=fact.plate,
        snapshot_url=fact.snapshot_url,
        snapshot_sha256=fact.snapshot_sha256,
        origin=native_v1.ORIGINS[fact.origin],
        unit_grid_id=int(result.directory.fleet.unit_grid_id[item.slot]),
        quality=int(Quality.GOOD if timed else CLOCK_UNSET if unset else Quality.ARRIVAL_TIME),
        detail=fact.detail,
        message=item.message,
        item=item.number,
    )


def _checksum(fact: Fact) -> int:
    """Tell apart facts of one device, instant and kind: the same content gives the same number, 31 bits."""
    content = json.dumps([fact.plate, fact.snapshot_url, fact.snapshot_sha256, fact.detail], sort_keys=True)
    return zlib.crc32(content.encode()) & 0x7FFF_FFFF
