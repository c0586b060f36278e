"""SenML (RFC 8428), JSON and CBOR, on our own topics `.../<label>/senml` and `.../<label>/senml-cbor`. Pure.

The topic names the device. A record's resolved name is a channel of its profile, bare (`tilt_deg`) or behind the
device's label (`urn:dev:ow:MC-000123:tilt_deg`, `MC-000123/tilt_deg`). Records of one time become one reading set;
strings and data become facts; a sum becomes `<name>_sum` in the unit times seconds.

Strict where the RFC says MUST. Trap: SenML's unit `%` is the plain ratio, 0 to 1 (12.1, note 1); per cent is `/100`.
"""

import base64
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from core.errors import InvalidInput
from wire import cbor
from wire.record import Fact, Measured, Record, Said

FILTERS = ("citygrid/v1/+/+/+/senml", "citygrid/v1/+/+/+/senml-cbor")
RELATIVE_BELOW_S = 2**28
"""RFC 8428, 4.5.3: a smaller time counts from now."""
VERSIONS = frozenset({*range(1, 11), 26})
"""What we understand: RFC 8428 is 10; 26 is that and secondary units (RFC 9100, 2.1 and 5)."""
MAX_RECORDS = 5_000
"""Most records in a pack, our choice: a day of four quantities by the minute."""
MAX_NAME = 256
"""Longest resolved name, our choice: a long base name must not multiply by its records."""

_FAR_S = 1e12
"""Times beyond 30,000 years are no times; keeps microseconds exact."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_CBOR_LABELS: Mapping[int, str] = {
    -6: "bs", -5: "bv", -4: "bu", -3: "bt", -2: "bn", -1: "bver",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_TEXT = frozenset({"bn", "bu", "n", "u", "vs"})
_NUMBER = frozenset({"bt", "bv", "bs", "bver", "v", "s", "t", "ut"})
_VALUES = ("v", "vs", "vb", "vd")
_json = msgspec.json.Decoder(list[dict[str, Any]])
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A record with its base fields applied (RFC 8428, 4.6)."""

    name: str
    unit: str
    time_s: float
    """Seconds since 1970 UTC, or from now when below `RELATIVE_BELOW_S`."""
    value: float | str | bytes | None
    """A number (a boolean is 0 or 1), text or data; None when there is only a sum."""
    sum: float | None


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:
    """Give one record a time and one fact a text or data value, in chronological order."""
    *_, label, encoding = topic.split("/")
    pack = _of_cbor(payload) if encoding == "senml-cbor" else _of_json(payload)
    moments: dict[int | None, list[Resolved]] = {}
    for record in resolve(pack):
        moments.setdefault(_time_us(record.time_s, received_us), []).append(record)
    said: list[Said] = []
    for position, ts_us in enumerate(sorted(moments, key=lambda ts: received_us if ts is None else ts)):
        records = moments[ts_us]
        record, facts = _said(label, ts_us, records)
        if record is not None and ts_us is not None and records[0].time_s < RELATIVE_BELOW_S:
            seq = zlib.crc32(payload, position) & 0x7FFF_FFFF
            record = replace(record, seq=seq, from_arrival=True)
        said += [*([record] if record is not None else []), *facts]
    return said


def _of_json(payload: bytes) -> list[dict[str, Any]]:
    try:
        return _json.decode(payload)
    except _NOT_JSON as error:
        raise InvalidInput(f"not SenML in JSON: {error}") from None


def _of_cbor(payload: bytes) -> list[dict[str, Any]]:
    """Give the pack with labels in words; integer labels that the RFC does not have are ignored, as it says (4.4)."""
    pack = cbor.loads(payload)
    if not isinstance(pack, list):
        raise InvalidInput("a SenML pack is an array of records")
    return [_in_words(record) for record in pack]


def _in_words(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InvalidInput("a SenML record is a map")
    words = {_CBOR_LABELS.get(key, "") if isinstance(key, int) else key: value for key, value in record.items()}
    words.pop("", None)
    if not all(isinstance(key, str) for key in words):
        raise InvalidInput("a SenML label is an integer or text")
    return words


@dataclass(slots=True)
class _Base:
    """Base fields in force (4.1)."""

    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    version: int | None = None

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def number(self, name: str) -> float:
        return self.fields.get(name, 0.0)


def resolve(pack: Sequence[Mapping[str, Any]]) -> Iterator[Resolved]:
    """Give the records with their base fields applied, in the order of the pack; raises `InvalidInput`.

    Source: RFC 8428, 4.1 to 4.6. Times stay relative or absolute as they were.
    """
    if not pack:
        raise InvalidInput("an empty SenML pack")
    if len(pack) > MAX_RECORDS:
        raise InvalidInput(f"{len(pack)} records in one SenML pack; the limit is {MAX_RECORDS}")
    base = _Base()
    for position, record in enumerate(pack):
        try:
            _check(record)
            base.fields.update({label: value for label, value in record.items() if label.startswith("b")})
            _check_version(record, base)
            yield _resolved(record, base)
        except InvalidInput as error:
            raise InvalidInput(f"SenML record {position}: {error}") from None


def _check(record: Mapping[str, Any]) -> None:
    """Refuse a field of the wrong type, and one that nobody may ignore (4.4)."""
    for label, value in record.items():
        if label in _TEXT:
            if not isinstance(value, str):
                raise InvalidInput(f"{label} is text")
        elif label in _NUMBER:
            _finite(label, value)
        elif label == "vb" and not isinstance(value, bool):
            raise InvalidInput("vb is true or false")
        elif label.endswith("_"):
            raise InvalidInput(f"{label} must be understood, and we do not know it")


def _finite(label: str, value: Any) -> None:
    """Refuse what is no number that fits a double."""
    try:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        fits = False
    if not fits:
        raise InvalidInput(f"{label} is a finite number")


def _check_version(record: Mapping[str, Any], base: _Base) -> None:
    """Refuse a version we do not understand, and a pack of two (4.4)."""
    version = record.get("bver", base.version)
    if version is not None and version not in VERSIONS:
        raise InvalidInput(f"bver {version} is newer than what we understand (10, or 26 of RFC 9100)")
    if base.version is not None and version != base.version:
        raise InvalidInput(f"bver {version} after {base.version}: a pack has one version")
    base.version = version


def _resolved(record: Mapping[str, Any], base: _Base) -> Resolved:
    name = _name(base.text("bn"), record.get("n", ""))
    given = [label for label in _VALUES if label in record]
    if len(given) > 1:
        raise InvalidInput(f"{name} has {' and '.join(given)}: one value a record")
    total = base.number("bs") + record.get("s", 0.0) if "s" in record or "bs" in base.fields else None
    if not given and total is None and "bv" not in base.fields:
        raise InvalidInput(f"{name} has no value")
    value: float | str | bytes | None = None
    if given and given[0] != "v":
        value = _other_value(given[0], record[given[0]])
    elif given or total is None:
        value = base.number("bv") + record.get("v", 0.0)
    unit = record.get("u", base.text("bu"))
    return Resolved(
        name=name,
        unit="/" if unit == "%" else unit,
        time_s=base.number("bt") + record.get("t", 0.0),
        value=value,
        sum=total,
    )


def _name(base: str, name: str) -> str:
    if len(base) + len(name) > MAX_NAME:
        raise InvalidInput(f"a name of {len(base) + len(name)} characters; the limit is {MAX_NAME}")
    whole = base + name
    if not _NAME.fullmatch(whole):
        raise InvalidInput(f"{whole!r} is no SenML name: letters, digits and -:./_, a letter or digit first")
    return whole


def _other_value(label: str, value: Any) -> float | str | bytes:
    if label == "vb":
        return float(value)
    if label == "vs" or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise InvalidInput("vd is data")
    if not _BASE64URL.fullmatch(value) or len(value) % 4 == 1:
        raise InvalidInput("vd is not base64 with the URL-safe alphabet, unpadded")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _time_us(time_s: float, received_us: int) -> int | None:
    """Give microseconds since 1970 UTC; None for now, which is whenever the message arrives."""
    if not abs(time_s) < _FAR_S:
        raise InvalidInput(f"bt + t is {time_s} s")
    if time_s >= RELATIVE_BELOW_S:
        return round(time_s * 1_000_000)
    return received_us + round(time_s * 1_000_000) if time_s else None


def _said(label: str, ts_us: int | None, records: Sequence[Resolved]) -> tuple[Record | None, list[Fact]]:
    """Give the reading set of one moment, and its facts."""
    numbers: dict[tuple[str, str], float] = {}
    facts: list[Fact] = []
    for it in records:
        name = _channel(label, it.name)
        if isinstance(it.value, str | bytes):
            facts.append(_fact(label, ts_us, name, it.value))
        elif it.value is not None:
            _put(numbers, name, it.unit, it.value)
        if it.sum is not None:
            _put(numbers, f"{name}_sum", f"{it.unit}.s" if it.unit else "", it.sum)
    measured = tuple(Measured(name=name, value=value, unit=unit) for (name, unit), value in numbers.items())
    return Record(address=label, ts_us=ts_us, measured=measured) if measured else None, facts


def _put(numbers: dict[tuple[str, str], float], name: str, unit: str, value: float) -> None:
    if numbers.setdefault((name, unit), value) != value:
        raise InvalidInput(f"{name} has two values for one time")
    if not math.isfinite(value):
        raise InvalidInput(f"{name} is beyond every number")


def _channel(label: str, name: str) -> str:
    """Give what follows the device's label in a name, or the name."""
    whole = f":{name}".replace("/", ":")
    at = whole.find(f":{label}:")
    return name if at < 0 else name[at + len(label) + 1 :] or name


def _fact(label: str, ts_us: int | None, name: str, value: str | bytes) -> Fact:
    if isinstance(value, str):
        return Fact(address=label, ts_us=ts_us, kind="text", detail={"name": name, "text": value})
    data = base64.urlsafe_b64encode(value).decode().rstrip("=")
    return Fact(address=label, ts_us=ts_us, kind="data", detail={"name": name, "base64": data})
