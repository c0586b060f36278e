"""Step 2 of the journey: topic and payload to rows of numbers, facts, or a refusal. Next: `ingest.validate`.

The only per-message Python of the hot path; everything after it works on columns. A device's own native JSON is decoded
here, gateways' native JSON in `ingest.gateways`, all other formats in `ingest.records`.
"""

from collections.abc import Sequence

import msgspec

from ingest import gateways, records
from ingest.directory import Directory
from ingest.message import RawMessage, Reason, Stranger
from ingest.natives import Natives
from ingest.rows import Gathered, Gathering, Rows
from ingest.sparkplug import Draft
from wire import addresses, formats, topics

NOT_JSON_V1 = (msgspec.DecodeError, UnicodeDecodeError)


def decode(
    messages: Sequence[RawMessage],
    directory: Directory,
    payload_limit_bytes: int,
    now_us: int,
    edge_nodes: Draft | None = None,
) -> tuple[list[Rows | None], Gathering]:
    """Give the rows of each profile in the directory's order (None = none), and with them facts and refusals.

    Units: `now_us` microseconds since 1970 UTC; it stands in where a message carries no time.
    """
    result = Gathering(
        directory=directory,
        now_us=now_us,
        gathered=[Gathered() for _ in directory.codecs],
        edge_nodes=edge_nodes or Draft({}),
    )
    others = _decode_native(messages, payload_limit_bytes, result)
    for index in others:
        message = messages[index]
        if len(message.payload) > payload_limit_bytes:
            detail = f"{len(message.payload)} bytes, the limit is {payload_limit_bytes}"
            result.refuse(index, 0, Reason.OVERSIZED, detail, directory.by_topic.get(message.topic, -1))
        elif (known := formats.of_topic(message.topic)) is not None:
            records.decode(index, message, known, result)
        else:
            _decode_other(index, message, result)
    tables: list[Rows | None] = []
    for gathered, codec in zip(result.gathered, directory.codecs, strict=True):
        rows, untimely = gathered.rows(len(codec.profile.channels), now_us) if gathered.slot else (None, [])
        tables.append(rows)
        result.refusals += untimely
    return tables, result


def _decode_native(messages: Sequence[RawMessage], payload_limit_bytes: int, result: Gathering) -> list[int]:
    """Decode what devices publish on their own topics; give the indices of all other messages.

    Written out in one loop: at tens of thousands of messages a second each call less is a percent of a core.
    """
    directory = result.directory
    by_topic, profile_of = directory.by_topic, directory.profile_of
    decoders = [codec.decoder.decode for codec in directory.codecs]
    natives = [Natives() for _ in directory.codecs]
    others: list[int] = []
    for index, message in enumerate(messages):
        payload = message.payload
        slot = by_topic.get(message.topic)
        if slot is None:
            slot = by_topic.get(_telemetry_of_lane(message.topic))
        if slot is None or len(payload) > payload_limit_bytes:
            others.append(index)
            continue
        profile = profile_of[slot]
        try:
            decoded = decoders[profile](payload)
        except NOT_JSON_V1 as error:
            result.refuse(index, 0, Reason.MALFORMED, str(error), slot)
            continue
        into = natives[profile]
        if decoded.__class__ is list:
            into.add_list(decoded, slot, index)
        else:
            into.items.append(decoded)
            into.slots.append(slot)
            into.messages.append(index)
    for gathered, native, codec in zip(result.gathered, natives, directory.codecs, strict=True):
        native.pour(gathered, result, codec)
    return others


def _telemetry_of_lane(topic: str) -> str:
    return topics.as_telemetry(topic) if topic.endswith((topics.ALARM, topics.BACKLOG)) else ""


def _decode_other(index: int, message: RawMessage, result: Gathering) -> None:
    """Handle a gateway's message, or say why the topic is nobody's."""
    address = topics.parse(message.topic)
    if address is None:
        result.refuse(index, 0, Reason.UNKNOWN_TOPIC, "no format we read comes on this topic")
    elif address.kind == topics.GATEWAY:
        gateways.decode(index, message, address, result)
    elif address.label in result.directory.by_label:
        result.refuse(index, 0, Reason.WRONG_TOPIC, f"{address.label} is registered elsewhere")
    else:
        stranger = Stranger(addresses.NATIVE, address.label)
        result.refuse_stranger(index, 0, f"{address.label} is not registered", stranger)
