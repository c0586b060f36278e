"""JT/T 808: where vehicles are. Location reports (0x0200) and batches of them (0x0704), from the bridge's topic.

Topic `jt808/<phone>`; payload: one checked frame without escapes and checksum, or all parts of a message one after the
other. Latitude and longitude are taken as WGS 84.

Traps: terminals that exchange latitude and longitude; coordinates encrypted by a confidentiality plug-in (shifted by
hundreds of metres); the last known place sent while there is no fix; a clock that was never set.

Source: JT/T 808-2013 and -2019, tables of 0x0200 and 0x0704. Times are GMT+8 (2019: 8.18).
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

from core.errors import InvalidInput
from wire.jt808_frames import Frame, MessageId, bcd, read_message
from wire.record import Fact, Flaw, Measured, Record, Said

TOPIC = "jt808/{phone}"
FILTER = "jt808/+"

_BASE = struct.Struct(">IIIIHHH6s")
_CHINA = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ACC, _POSITIONED, _SOUTH, _WEST, _ENCRYPTED = 0x01, 0x02, 0x04, 0x08, 0x20

ALARMS: Mapping[int, str] = {
    0: "emergency_call",
    1: "overspeed",
    2: "fatigue",
    3: "dangerous_driving",
    4: "gnss_fault",
    5: "gnss_antenna_open",
    6: "gnss_antenna_short",
    7: "main_power_low",
    8: "main_power_lost",
    9: "display_fault",
    10: "voice_fault",
    11: "camera_fault",
    12: "card_reader_fault",
    13: "overspeed_warning",
    14: "fatigue_warning",
    15: "illegal_driving",
    16: "tyre_pressure_warning",
    17: "right_turn_blind_spot",
    18: "driving_time_exceeded",
    19: "parking_time_exceeded",
    20: "area_crossed",
    21: "route_crossed",
    22: "route_time_wrong",
    23: "route_deviation",
    24: "speed_sensor_fault",
    25: "fuel_abnormal",
    26: "vehicle_stolen",
    27: "illegal_ignition",
    28: "illegal_movement",
    29: "collision_warning",
    30: "rollover_warning",
    31: "illegal_door_opening",
}
"""Bit of the alarm word -> kind of the fact; bits 15 to 17 are of 2019."""

EXTRAS: Mapping[int, tuple[int, str, float, str]] = {
    0x01: (4, "odometer_km", 0.1, "km"),
    0x02: (2, "fuel_l", 0.1, "L"),
    0x03: (2, "recorder_speed_kmh", 0.1, "km/h"),
    0x30: (1, "signal_strength", 1.0, ""),
    0x31: (1, "satellites", 1.0, ""),
}
"""Id of an additional item -> its length in bytes, name, scale, unit; the others are left to dedicated platforms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The fixed part of a report."""

    alarms: int
    status: int
    lon_deg: float
    lat_deg: float
    altitude_m: int
    speed_kmh: float
    bearing_deg: int
    ts_us: int

    @property
    def is_positioned(self) -> bool:
        """Whether there is a fix; without one a terminal repeats the last place, or zeros."""
        return bool(self.status & _POSITIONED)


def decode(topic: str, payload: bytes, received_us: int) -> list[Said]:
    """Give the reports of a message: a record where something was measured, a fact for each alarm that is set."""
    del received_us  # every report carries its own time
    message = read_message(payload)
    if topic.partition("/")[2] != message.phone:
        raise InvalidInput(f"the frame is of {message.phone}")
    if message.encrypted:
        raise InvalidInput("the body is encrypted")
    return list(chain.from_iterable(_report(message.phone, body) for body in reports(message)))


def reports(message: Frame) -> list[bytes]:
    """Give the bodies of the location reports in a message; raises `InvalidInput` when it is not made of such."""
    if message.message_id == MessageId.LOCATION:
        if len(message.body) < _BASE.size:
            raise InvalidInput(f"a location report has at least {_BASE.size} bytes, not {len(message.body)}")
        return [message.body]
    if message.message_id != MessageId.LOCATIONS:
        raise InvalidInput(f"message {message.message_id:04x} says no location")
    if len(message.body) < 3:
        raise InvalidInput("a batch without a count")
    count, _kind = struct.unpack_from(">HB", message.body)
    bodies, rest = [], message.body[3:]
    while rest:
        (size,) = struct.unpack_from(">H", rest) if len(rest) >= 2 else (len(rest),)
        if len(rest) < 2 + size:
            raise InvalidInput(f"report {len(bodies) + 1} of the batch is cut off")
        bodies.append(rest[2 : 2 + size])
        rest = rest[2 + size :]
    if len(bodies) != count:
        raise InvalidInput(f"the batch holds {len(bodies)} reports and says {count}")
    return bodies


def _report(phone: str, body: bytes) -> Iterator[Said]:
    try:
        where = _location(body)
    except InvalidInput as error:
        yield Flaw(address=phone, detail=str(error))
        return
    seq = zlib.crc32(body[: _BASE.size]) & 0x7FFF_FFFF  # the same report sent again in a batch is the same reading
    extras, complaint = _extras(body[_BASE.size :])
    if complaint:
        yield Flaw(address=phone, detail=complaint)
    measured = _measured(where, extras)
    if measured:
        yield Record(address=phone, ts_us=where.ts_us, seq=seq, measured=measured)
    for kind in _alarms(where):
        yield Fact(address=phone, ts_us=where.ts_us, seq=seq, kind=kind, detail=_circumstances(where))


def _location(body: bytes) -> Location:
    if len(body) < _BASE.size:
        raise InvalidInput(f"a location report has at least {_BASE.size} bytes, not {len(body)}")
    alarms, status, lat, lon, altitude_m, speed, bearing_deg, time = _BASE.unpack_from(body)
    lat_deg, lon_deg = lat / 1e6, lon / 1e6
    if 90 < lat_deg <= 180 and lon_deg <= 90:
        raise InvalidInput(f"latitude {lat_deg} and longitude {lon_deg} are exchanged")
    if lat_deg > 90 or lon_deg > 180:
        raise InvalidInput(f"latitude {lat_deg}, longitude {lon_deg} is nowhere")
    if status & _ENCRYPTED:
        raise InvalidInput("the coordinates are encrypted by a confidentiality plug-in")
    return Location(
        alarms=alarms,
        status=status,
        lon_deg=-lon_deg if status & _WEST else lon_deg,
        lat_deg=-lat_deg if status & _SOUTH else lat_deg,
        altitude_m=altitude_m,
        speed_kmh=speed / 10,
        bearing_deg=bearing_deg,
        ts_us=_time_us(time),
    )


def _time_us(time: bytes) -> int:
    digits = bcd(time)
    try:
        local = datetime.strptime(digits, "%y%m%d%H%M%S").replace(tzinfo=_CHINA)
    except ValueError:
        raise InvalidInput(f"{digits} is no time YYMMDDhhmmss: was the clock ever set?") from None
    return (local - _EPOCH) // timedelta(microseconds=1)


def _extras(data: bytes) -> tuple[list[Measured], str]:
    """Give the known additional items, and what is wrong with the rest."""
    found: list[Measured] = []
    while data:
        if len(data) < 2 or len(data) < 2 + data[1]:
            return found, f"additional item {data[0]:02x} is cut off"
        key, value = data[0], data[2 : 2 + data[1]]
        data = data[2 + len(value) :]
        known = EXTRAS.get(key)
        if known is not None and known[0] == len(value):
            _, name, scale, unit = known
            found.append(Measured(name=name, value=int.from_bytes(value, "big") * scale, unit=unit))
    return found, ""


def _measured(where: Location, extras: list[Measured]) -> tuple[Measured, ...]:
    if where.is_positioned:
        return (
            Measured(name="lon_deg", value=where.lon_deg, unit="deg"),
            Measured(name="lat_deg", value=where.lat_deg, unit="deg"),
            Measured(name="speed_kmh", value=where.speed_kmh, unit="km/h"),
            Measured(name="bearing_deg", value=float(where.bearing_deg), unit="deg"),
            Measured(name="altitude_m", value=float(where.altitude_m), unit="m"),
            *extras,
        )
    # without a fix the wheels' own speed is still good; without that too, the fact `no_position` says all there is
    wheels = next((it for it in extras if it.name == "recorder_speed_kmh"), None)
    return (Measured(name="speed_kmh", value=wheels.value, unit=wheels.unit), *extras) if wheels else ()


def _alarms(where: Location) -> Iterator[str]:
    if not where.is_positioned:
        yield "no_position"
    yield from (kind for bit, kind in ALARMS.items() if where.alarms >> bit & 1)


def _circumstances(where: Location) -> dict[str, float | bool]:
    ignition: dict[str, float | bool] = {"ignition": bool(where.status & _ACC)}
    if not where.is_positioned:
        return ignition
    return ignition | {"lon_deg": where.lon_deg, "lat_deg": where.lat_deg, "speed_kmh": where.speed_kmh}
