"""ONVIF over MQTT: what cameras and their analytics say. Events `<prefix>/onvif-ej/<event topic>/&<source values>`,
metadata `<prefix>/onvif-mj/<type>/<profile>/<module>`; the device is known by its prefix, which is one topic level.

* An event is a fact whose kind comes from its topic: `RuleEngine/LineDetector/Crossed` is `line_crossed`.
* A retained event of zero bytes says that the property is gone, and is never parsed: a fact `<kind>_gone`, dated by
  its arrival.
* Each object in a metadata frame with a class is a fact of that class (`human`, `vehicle`) with likelihood and plate.
  Objects without a class, and frames without objects, are understood and give nothing.

`UtcTime` often stands without an offset: it is UTC by its name.
Source: ONVIF Core Specification, "Event broker" and Annex "JSON payload format"; Analytics Service Specification, "JSON
over MQTT"; onvif/specs @ae44f9ea1dce.
"""  # noqa: D205  # the two topics are the summary

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import InvalidInput
from wire.instant import utc_us
from wire.json_payload import bounded, clean, read
from wire.record import Fact, Flaw, Said

NAME = "onvif"
FILTERS = ("+/onvif-ej/#", "+/onvif-mj/#")

KINDS: Mapping[str, str] = {
    "RuleEngine/LineDetector/Crossed": "line_crossed",
    "RuleEngine/FieldDetector/ObjectsInside": "objects_inside",
    "RuleEngine/LoiteringDetector/ObjectIsLoitering": "loitering",
    "RuleEngine/CountAggregation/Counter": "count",
    "RuleEngine/CellMotionDetector/Motion": "motion",
    "RuleEngine/TamperDetector/Tamper": "tampered",
    "VideoSource/MotionAlarm": "motion",
    "VideoSource/GlobalSceneChange/ImagingService": "scene_changed",
    "VideoSource/ImageTooBlurry/ImagingService": "image_too_blurry",
    "VideoSource/ImageTooDark/ImagingService": "image_too_dark",
    "VideoSource/ImageTooBright/ImagingService": "image_too_bright",
    "VideoSource/SignalLoss": "signal_lost",
    "Device/Trigger/DigitalInput": "digital_input",
    "Device/HardwareFailure/StorageFailure": "storage_failure",
}
"""Event topic -> kind. Others are named by their last two levels: `Door/State/DoorTamper` is `state_door_tamper`."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
MOST_OBJECTS = 256
SEQ_MODULUS = 2**31


class _Event(msgspec.Struct, frozen=True):
    utc_time: str = msgspec.field(name="UtcTime")
    source: dict[str, Any] = msgspec.field(name="Source", default_factory=dict[str, Any])
    data: dict[str, Any] = msgspec.field(name="Data", default_factory=dict[str, Any])


class _Frame(msgspec.Struct, frozen=True):
    utc_time: str = msgspec.field(name="@UtcTime", default="")
    bare_utc_time: str = msgspec.field(name="UtcTime", default="")
    object: list[dict[str, Any]] | dict[str, Any] = msgspec.field(name="Object", default_factory=list[dict[str, Any]])


class _Metadata(msgspec.Struct, frozen=True):
    frame: list[_Frame] | _Frame = msgspec.field(name="Frame", default_factory=list[_Frame])


_event_decoder = msgspec.json.Decoder(_Event)
_metadata_decoder = msgspec.json.Decoder(_Metadata)


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:  # noqa: ARG001  # every message has its time
    """Give what an event or a metadata frame says; raises `InvalidInput`."""
    prefix, tree, *levels = topic.split("/")
    if tree == "onvif-mj":
        return _metadata(prefix, levels, payload)
    return [_event(prefix, levels, payload)]


def _event(prefix: str, levels: list[str], payload: bytes) -> Fact:
    name, values = _split(levels)
    if not name:
        raise InvalidInput("no event topic after onvif-ej")
    kind = _kind(name)
    if not payload:
        return Fact(address=prefix, ts_us=None, kind=f"{kind}_gone", detail=bounded({"topic": name, "source": values}))
    event = read(_event_decoder, payload, "ONVIF event as JSON")
    detail = {"topic": name, "source": event.source, "data": event.data}
    return Fact(address=prefix, ts_us=_time(event.utc_time), kind=kind, detail=bounded(detail))


def _split(levels: list[str]) -> tuple[str, list[str]]:
    """Give the event's topic without our namespace, and the values of its source, which start at the level with `&`."""
    end = next((number for number, level in enumerate(levels) if level.startswith("&")), len(levels))
    values = [level.removeprefix("&") for level in levels[end:]]
    return "/".join(level.removeprefix("tns1:") for level in levels[:end]), values


def _kind(name: str) -> str:
    if name in KINDS:
        return KINDS[name]
    words = "_".join(filter(None, (_snake(level.rpartition(":")[2]) for level in name.split("/")[-2:])))
    if not words:
        raise InvalidInput(f"no words in the event topic {name[:80]!r}")
    return words[:80]


def _snake(words: str) -> str:
    return "_".join(_WORD.findall(words)).lower()


def _metadata(prefix: str, levels: list[str], payload: bytes) -> list[Said]:
    content = read(_metadata_decoder, payload, "ONVIF metadata as JSON")
    frames = [content.frame] if isinstance(content.frame, _Frame) else content.frame
    found: list[tuple[_Frame, dict[str, Any]]] = [
        (frame, item)
        for frame in frames
        for item in ([frame.object] if isinstance(frame.object, dict) else frame.object)
    ]
    if len(found) > MOST_OBJECTS:
        raise InvalidInput(f"{len(found)} objects in one message, at most {MOST_OBJECTS}")
    said: list[Said] = []
    for frame, item in found:
        try:
            fact = _object(prefix, "/".join(levels), frame, item)
        except InvalidInput as error:
            said.append(Flaw(address=prefix, detail=str(error)))
            continue
        if fact is not None:
            said.append(fact)
    return said


def _object(prefix: str, producer: str, frame: _Frame, item: Mapping[str, Any]) -> Fact | None:
    """Give the fact of one object of a frame, or None when nobody said what it is."""
    appearance = _mapping(item.get("Appearance"))
    name, likelihood = _likeliest(_mapping(appearance.get("Class")).get("Type"))
    if not name:
        return None
    number = item.get("@ObjectId", item.get("ObjectId"))
    plate, _ = _likeliest(_mapping(appearance.get("LicensePlateInfo")).get("PlateNumber"))
    shape = _mapping(appearance.get("Shape"))
    detail = {
        "object_id": number,
        "producer": producer,
        "box": _mapping(shape.get("BoundingBox")),
        "vehicle": _mapping(appearance.get("VehicleInfo")),
    }
    return Fact(
        address=prefix,
        ts_us=_time(frame.utc_time or frame.bare_utc_time),
        seq=_seq(number),
        kind=_snake(name)[:80] or "object",
        confidence=likelihood,
        plate=clean(plate, "plate", 32) or None,
        detail=bounded({key: value for key, value in detail.items() if value not in ({}, None)}),
    )


def _likeliest(value: Any) -> tuple[str, float | None]:
    """Give the likeliest text of one or several: text, or `{"@Likelihood": 0.8, "#text": "Human"}`."""
    best: tuple[str, float | None] = ("", None)
    for choice in value if isinstance(value, list) else [value]:
        text, likelihood = (choice, None) if not isinstance(choice, dict) else _chosen(choice)
        if isinstance(text, str) and text and (not best[0] or (likelihood or 0) > (best[1] or 0)):
            best = (text, likelihood)
    return best


def _chosen(choice: Mapping[str, Any]) -> tuple[Any, float | None]:
    likelihood = choice.get("@Likelihood", choice.get("Likelihood"))
    if likelihood is None:
        return choice.get("#text"), None
    try:
        number = float(likelihood)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"a likelihood is a number, not {str(likelihood)[:40]!r}") from None
    if not 0 <= number <= 1:
        raise InvalidInput(f"a likelihood is 0 to 1, not {number}")
    return choice.get("#text"), number


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _seq(number: Any) -> int:
    """Tell apart the objects of one frame by their id, where it is a number."""
    digits = str(number)
    return int(digits) % SEQ_MODULUS if digits.isascii() and digits.isdigit() and len(digits) <= 20 else -1


def _time(text: str) -> int:
    return utc_us(text, "UtcTime", bare_is_utc=True)
