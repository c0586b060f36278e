"""Sparkplug B 3.0: a message's bytes, and what its metrics say once their births are known. Pure.

Topics `spBv1.0/<group>/<type>/<node>[/<device>]`; a device's address is `<group>/<node>/<device>`, the node's own
`<group>/<node>`. Which births are known is the business of `ingest.sparkplug`. A metric is called by the last part of
its name (`Lamp/power_w` is `power_w`), its unit is the property `engUnit`, and one of bad or stale quality is not
measured.

Source: Sparkplug 3.0.0, chapter 6.4: payloads, their field numbers, data types, property `Quality`.
"""

import math
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from core.errors import InvalidInput
from wire import protobuf
from wire.edge_node import UNBORN, Birth, Definition, birth
from wire.json_payload import bounded, clean
from wire.protobuf import Value
from wire.record import Fact, Flaw, Measured, Record, Said

NAME = "sparkplug"
NAMESPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"
MAX_METRICS = 5_000
"""Most metrics a message may hold; our choice, five times what a large cabinet has."""


class Kind(StrEnum):
    """Messages of edge nodes and their devices; commands and host states are nobody's readings."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"


_KINDS = frozenset(kind.value for kind in Kind)
FILTERS = tuple(f"{NAMESPACE}/+/{kind}/+{'/+' if kind.startswith('D') else ''}" for kind in Kind)

_PAYLOAD_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3
_NAME, _ALIAS, _TIMESTAMP, _DATATYPE, _IS_NULL, _PROPERTIES = 1, 2, 3, 4, 7, 9
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
_KEYS, _PROPERTY_VALUES = 1, 2  # PropertySet
_PROPERTY_INT, _PROPERTY_LONG, _PROPERTY_STRING = 3, 4, 8  # PropertyValue
_UNIT, _QUALITY = "engUnit", "Quality"
_GOOD = 192
"""The others are 0, bad, and 500, stale."""
_BD_SEQ_MASK = 2**63 - 1
"""The specification counts to 255; whatever a node counts to, it must fit the database."""
_CONTROLS = ("Node Control/", "Device Control/")
_LATEST_MS = 2**43
"""Larger timestamps (year 2248) are no milliseconds."""


class Metric(NamedTuple):
    """One metric as it came."""

    name: str
    alias: int | None
    timestamp_ms: int | None
    datatype: int
    """0 = left to the birth."""
    unit: str
    measured: bool
    """False when null, or of bad or stale quality."""
    field: int
    """Number of the value's field; 0 = none we read."""
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of an edge node."""

    kind: Kind
    node: str
    """`<group>/<node>`."""
    device: str
    """Empty = the node itself."""
    timestamp_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]

    @property
    def address(self) -> str:
        """Whose metrics these are."""
        return f"{self.node}/{self.device}" if self.device else self.node


def parse(topic: str, payload: bytes) -> Message:
    """Give the message; raises `InvalidInput` when topic or bytes are not Sparkplug B."""
    parts = topic.split("/")
    if len(parts) not in {4, 5} or parts[0] != NAMESPACE or parts[2] not in _KINDS or "" in parts:
        raise InvalidInput("not a Sparkplug topic of a node or device")
    kind = Kind(parts[2])
    if (len(parts) == 5) != kind.startswith("D"):
        raise InvalidInput(f"{kind} with {len(parts)} topic levels")
    try:
        timestamp_ms, seq, metrics = _payload(payload)
    except InvalidInput as error:
        raise InvalidInput(f"no Sparkplug B payload: {error}") from None
    if seq is None and kind is not Kind.NDEATH:
        raise InvalidInput(f"{kind} without seq")
    return Message(
        kind=kind,
        node=f"{parts[1]}/{parts[3]}",
        device=parts[4] if len(parts) == 5 else "",
        timestamp_ms=timestamp_ms,
        seq=seq,
        metrics=metrics,
    )


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:
    """Give what a message says by itself: all of a birth, of data only metrics that bring name and type."""
    del received_us
    message = parse(topic, payload)
    return said(message, born(message) if message.kind in {Kind.NBIRTH, Kind.DBIRTH} else UNBORN)[0]


def bd_seq(message: Message) -> int | None:
    """Give the number that ties a node's death to its birth."""
    for metric in message.metrics:
        if metric.name == BD_SEQ and metric.field in {_INT, _LONG} and isinstance(metric.value, int):
            return metric.value & _BD_SEQ_MASK
    return None


def born(message: Message) -> Birth:
    """Give the metrics a birth declares; raises `InvalidInput` on one without a name, and an alias given twice."""
    names = [metric.name for metric in message.metrics]
    ends = Counter(name.rpartition("/")[2] for name in set(names))
    aliases = [metric.alias for metric in message.metrics if metric.alias is not None]
    if "" in names:
        raise InvalidInput(f"{message.kind} has a metric without a name")
    if len(set(aliases)) < len(aliases):
        raise InvalidInput(f"{message.kind} gives one alias to two metrics")
    return birth(
        Definition(
            name=metric.name,
            alias=metric.alias,
            channel=end if ends[end := metric.name.rpartition("/")[2]] == 1 else metric.name,
            datatype=metric.datatype,
            unit=metric.unit,
        )
        for metric in message.metrics
    )


def said(message: Message, known: Birth) -> tuple[list[Said], bool]:
    """Give a reading set a time, facts for text, a flaw for what cannot be read, and whether an alias was unknown."""
    moments: dict[int | None, dict[str, Measured]] = {}
    facts: list[Said] = []
    flaws: list[str] = []
    unknown = False
    for metric in message.metrics:
        definition = known.by_name.get(metric.name) if metric.name else known.by_alias.get(metric.alias)
        if definition is None and not metric.name:
            unknown = True
            flaws.append(f"alias {metric.alias} is of no birth we know")
            continue
        definition = definition or Definition(metric.name, None, metric.name.rpartition("/")[2], metric.datatype, "")
        if not metric.measured or definition.name == BD_SEQ or definition.name.startswith(_CONTROLS):
            continue
        timestamp_ms = metric.timestamp_ms if metric.timestamp_ms is not None else message.timestamp_ms
        ts_us = None if timestamp_ms is None else timestamp_ms * 1000
        try:
            value = _value(metric, metric.datatype or definition.datatype)
            if isinstance(value, str):
                detail = bounded({"name": definition.name, "text": value})
                facts.append(Fact(address=message.address, ts_us=ts_us, kind="text", detail=detail))
        except InvalidInput as error:
            flaws.append(f"{definition.name}: {error}")
            continue
        if isinstance(value, float):
            measured = Measured(name=definition.channel, value=value, unit=metric.unit or definition.unit)
            moments.setdefault(ts_us, {})[definition.channel] = measured
    records: list[Said] = [
        Record(address=message.address, ts_us=ts_us, measured=tuple(moment.values()))
        for ts_us, moment in moments.items()
    ]
    broken = [Flaw(address=message.address, detail="; ".join(flaws[:5]))] if flaws else []
    return [*records, *facts, *broken], unknown


def rebirth_request(node: str, now_us: int) -> tuple[str, bytes]:
    """Give topic and payload of the command that asks a node to publish its births again."""
    group, _, edge_node = node.partition("/")
    timestamp = protobuf.number(_TIMESTAMP, now_us // 1000)
    metric = (
        protobuf.field(_NAME, REBIRTH.encode())
        + timestamp
        + protobuf.number(_DATATYPE, 11)
        + protobuf.number(_BOOLEAN, 1)
    )
    payload = protobuf.number(_PAYLOAD_TIMESTAMP, now_us // 1000) + protobuf.field(_METRICS, metric)
    return f"{NAMESPACE}/{group}/NCMD/{edge_node}", payload


def _payload(data: bytes) -> tuple[int | None, int | None, tuple[Metric, ...]]:
    """Give timestamp, seq and metrics of a payload."""
    timestamp_ms: int | None = None
    seq: int | None = None
    metrics: list[Metric] = []
    fields = protobuf.fields(data)
    if sum(number == _METRICS for number, _, _ in fields) > MAX_METRICS:
        raise InvalidInput(f"more than {MAX_METRICS} metrics in one message")
    for number, _, value in fields:
        if number == _METRICS:
            metrics.append(_metric(protobuf.message(value)))
        elif number == _SEQ:
            seq = protobuf.unsigned(value)
        elif number == _PAYLOAD_TIMESTAMP:
            timestamp_ms = _milliseconds(value)
    if seq is not None and seq > 255:
        raise InvalidInput(f"seq {seq} is not 0 to 255")
    return timestamp_ms, seq, tuple(metrics)


def _metric(data: bytes) -> Metric:
    """Give a metric; one pass over its fields, because data of edge nodes are many and small."""
    fields: dict[int, Value] = {}
    field = 0
    for number, _, value in protobuf.fields(data):
        fields[number] = value
        if _INT <= number <= _STRING:
            field = number
    properties = _properties(fields[_PROPERTIES]) if _PROPERTIES in fields else _NO_PROPERTIES
    unit, quality = properties.get(_UNIT, ""), properties.get(_QUALITY, _GOOD)
    return Metric(
        name=clean(protobuf.text(fields[_NAME]), "a metric's name") if _NAME in fields else "",
        alias=protobuf.unsigned(fields[_ALIAS]) if _ALIAS in fields else None,
        timestamp_ms=_milliseconds(fields[_TIMESTAMP]) if _TIMESTAMP in fields else None,
        datatype=protobuf.unsigned(fields.get(_DATATYPE, 0)),
        unit=clean(unit, _UNIT, 64) if unit and isinstance(unit, str) else "",
        measured=not fields.get(_IS_NULL) and quality == _GOOD,
        field=field,
        value=fields.get(field, 0),
    )


_NO_PROPERTIES: Mapping[str, int | str] = MappingProxyType({})


def _properties(value: Value) -> Mapping[str, int | str]:
    """Give the properties that are numbers or text; the others are nobody's."""
    keys: list[str] = []
    values: list[int | str | None] = []
    for number, _, item in protobuf.fields(protobuf.message(value)):
        if number == _KEYS:
            keys.append(protobuf.text(item))
        elif number == _PROPERTY_VALUES:
            values.append(_property(protobuf.message(item)))
    if len(keys) != len(values):
        raise InvalidInput(f"a property set of {len(keys)} keys and {len(values)} values")
    return {key: item for key, item in zip(keys, values, strict=True) if item is not None}


def _property(data: bytes) -> int | str | None:
    for number, _, value in protobuf.fields(data):
        if number in {_PROPERTY_INT, _PROPERTY_LONG}:
            return protobuf.unsigned(value)
        if number == _PROPERTY_STRING:
            return protobuf.text(value)
    return None


def _milliseconds(value: Value) -> int:
    timestamp_ms = protobuf.unsigned(value)
    if timestamp_ms >= _LATEST_MS:
        raise InvalidInput(f"timestamp {timestamp_ms} is not in milliseconds since 1970")
    return timestamp_ms


def _value(metric: Metric, datatype: int) -> float | str | None:
    """Give the value by its type; None = nothing we store (times, bytes, data sets, templates, arrays)."""
    if datatype == 0:
        raise InvalidInput("neither the message nor a birth says its data type")
    read = _READERS.get(datatype)
    return read(metric) if read is not None else None


def _integer(bits: int, *, signed: bool) -> Callable[[Metric], float]:
    """Give a reader of integers: two's complement in as many bits as the type has, or as the field has."""

    def read(metric: Metric) -> float:
        if metric.field not in {_INT, _LONG} or not isinstance(metric.value, int):
            raise InvalidInput("an integer type with a value that is none")
        value, width = metric.value, 32 if metric.field == _INT else 64
        if signed and value >= 1 << (width - 1):
            value -= 1 << width
        elif signed and 1 << (bits - 1) <= value < 1 << bits:
            value -= 1 << bits
        least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        if not least <= value <= most:
            raise InvalidInput(f"{value} does not fit its type of {bits} bits")
        return float(value)

    return read


def _floating(metric: Metric) -> float | None:
    """Give a float or double; None when it is not finite, which is how some say bad quality."""
    if metric.field == _FLOAT:
        value = protobuf.floating(metric.value)
    elif metric.field == _DOUBLE and isinstance(metric.value, bytes) and len(metric.value) == 8:
        (value,) = struct.unpack("<d", metric.value)
    else:
        raise InvalidInput("a floating type with a value that is none")
    return value if math.isfinite(value) else None


def _boolean(metric: Metric) -> float:
    if metric.field != _BOOLEAN or metric.value not in {0, 1}:
        raise InvalidInput("a boolean type with a value that is none")
    return float(metric.value == 1)


def _string(metric: Metric) -> str:
    if metric.field != _STRING:
        raise InvalidInput("a text type with a value that is none")
    return protobuf.text(metric.value)


_READERS: Mapping[int, Callable[[Metric], float | str | None]] = {
    **{code: _integer(bits, signed=True) for code, bits in ((1, 8), (2, 16), (3, 32), (4, 64))},
    **{code: _integer(bits, signed=False) for code, bits in ((5, 8), (6, 16), (7, 32), (8, 64))},
    **dict.fromkeys((9, 10), _floating),
    11: _boolean,
    **dict.fromkeys((12, 14, 15), _string),
}
"""Data type -> reader."""
