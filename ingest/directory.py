"""What the pipeline knows of the city: an immutable snapshot from topic to device, grid and decoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.fleet import Fleet
from devices.profile import Profile
from ingest import quality
from wire import native_v1
from wire.addresses import NAMINGS


class Locator(Protocol):
    """Finds the unit grid of points; `geo` has the real one, and a city without grids has none."""

    def locate(self, lon_deg: NDArray[np.float64], lat_deg: NDArray[np.float64]) -> NDArray[np.int32]:
        """Give the unit grid's key for each of n points; 0 = outside."""
        ...


@dataclass(frozen=True, slots=True)
class ProfileCodec:
    """A profile with what decoding and checking its messages needs, prepared once."""

    profile: Profile
    decoder: msgspec.json.Decoder[Any]
    """Decodes one reading set or a list of them."""
    values_decoder: msgspec.json.Decoder[Any]
    """Decodes the `values` of a gateway's item."""
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    position: Mapping[str, int]
    """Channel -> its column."""
    checks: quality.Checks
    """Its sentinels, and the channels whose changes are looked at."""
    lines: tuple[tuple[float, float] | None, ...] | None = None
    """By channel: scale and offset from what is sent without a unit; None = everything comes as it is stored."""

    def from_sent(self, values: tuple[float | None, ...]) -> tuple[float | None, ...]:
        """Give values in the channels' units."""
        if self.lines is None:
            return values
        return tuple(
            it if line is None or it is None else it * line[0] + line[1]
            for it, line in zip(values, self.lines, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Snapshot of the registry for the hot path."""

    fleet: Fleet
    codecs: tuple[ProfileCodec, ...]
    """In the order of `fleet.profiles`."""
    profile_of: Sequence[int]
    """By slot: index into `codecs`; a list, because decoding asks for one at a time."""
    accepts: NDArray[np.bool_]
    """By slot: whether readings of the device are still taken."""
    awaited: NDArray[np.bool_]
    """By slot: whether the first reading moves the device along its life (`devices.life`)."""
    by_topic: Mapping[str, int]
    """Topic of each device -> slot."""
    by_label: Mapping[str, int]
    by_address: Mapping[tuple[str, str], int]
    """(format, address) -> slot, of the devices that speak another format than ours; ask `slot_of`."""
    uplink_codec: Mapping[int, str]
    """Slot -> name of the codec for its bytes, where it has one."""
    locator: Locator | None
    behind_gateway: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Label of each registered gateway -> labels of the devices listed under it."""

    def slot_of(self, form: str, address: str) -> int | None:
        """Give the device a format calls by this name: in our own topic tree every format uses the label."""
        if NAMINGS[form].by_label:
            return self.by_label.get(address)
        return self.by_address.get((form, address))


class Spoken(NamedTuple):
    """How a device speaks that does not speak our own format by its label."""

    slot: int
    format: str
    address: str
    codec: str


def codec(profile: Profile) -> ProfileCodec:
    """Prepare a profile for decoding."""
    item = native_v1.item_type(profile.profile, profile.channel_names)
    lines = tuple(channel.line for channel in profile.channels)
    values = next(field.type for field in msgspec.structs.fields(item) if field.name == "values")
    return ProfileCodec(
        profile,
        msgspec.json.Decoder(item | list[item]),
        msgspec.json.Decoder(values),
        np.array([channel.min for channel in profile.channels], dtype=np.float64),
        np.array([channel.max for channel in profile.channels], dtype=np.float64),
        {name: position for position, name in enumerate(profile.channel_names)},
        quality.checks(profile.channels),
        lines if any(lines) else None,
    )


def make(
    fleet: Fleet,
    profiles: Mapping[str, Profile],
    accepts: Sequence[bool],
    locator: Locator | None,
    spoken: Sequence[Spoken] = (),
    awaited: Sequence[bool] | None = None,
) -> Directory:
    """Build the snapshot; every name in `fleet.profiles` must be in `profiles`.

    Where a retired device and its follower share an address, it is the follower's.
    """
    topics: dict[str, int] = {}
    kinds = [profiles[name].kind for name in fleet.profiles]
    for slot, (label, district, profile) in enumerate(
        zip(fleet.label, fleet.district_code, fleet.profile.tolist(), strict=True)
    ):
        topics[f"citygrid/v1/{district}/{kinds[profile]}/{label}/telemetry"] = slot
    return Directory(
        fleet=fleet,
        codecs=tuple(codec(profiles[name]) for name in fleet.profiles),
        profile_of=fleet.profile.tolist(),
        accepts=np.array(accepts, dtype=np.bool_),
        awaited=np.zeros(len(fleet), dtype=np.bool_) if awaited is None else np.array(awaited, dtype=np.bool_),
        by_topic=topics,
        by_label={label: slot for slot, label in enumerate(fleet.label)},
        by_address={(it.format, it.address): it.slot for it in sorted(spoken, key=lambda it: accepts[it.slot])},
        uplink_codec={it.slot: it.codec for it in spoken if it.codec},
        locator=locator,
    )
