"""Checks what a registration says of its format: is it known, is the address one of it, does the codec fit. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import InvalidInput
from devices.model import Registration
from devices.profile import Profile
from wire import addresses, uplinks

NATIVE = addresses.NATIVE
"""What a device speaks unless something else is said."""
EVERYONES = frozenset({"battery_pct"})
"""What nearly every device measures: no sign that a codec fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A registration's way to speak, as it is stored, or why it cannot be."""

    address: str | None = None
    """None = the label."""
    reason: str | None = None
    detail: str = ""


_BY_LABEL = Named()


def named(row: Registration, profiles: Mapping[str, Profile]) -> Named:
    """Give the stored form of a row's address, or the first thing wrong with format, address or codec."""
    if row.format == addresses.NATIVE and not row.address and not row.codec:
        return _BY_LABEL  # nearly every row of a large file
    naming = addresses.NAMINGS.get(row.format)
    if naming is None:
        return Named(
            reason="unknown_format", detail=f"there is no format {row.format!r}; known: {', '.join(addresses.NAMINGS)}"
        )
    try:
        address = addresses.canonical(row.format, row.address or row.label)
    except InvalidInput as error:
        return Named(reason="bad_address", detail=str(error))
    if naming.by_label and address != row.label:
        return Named(
            reason="bad_address",
            detail=f"the topic names a device of format {row.format} by its label: leave the address empty",
        )
    if row.codec and (wrong := _codec_fault(row, profiles)):
        return Named(reason="unknown_codec", detail=wrong)
    return Named(address=None if address == row.label else address)


def _codec_fault(row: Registration, profiles: Mapping[str, Profile]) -> str:
    """Say why the codec of a row cannot be, or give nothing."""
    codec, profile = uplinks.CODECS.get(row.codec), profiles.get(row.profile)
    if not addresses.NAMINGS[row.format].has_uplinks:
        return f"a device of format {row.format} sends no bytes that need a codec"
    if codec is None:
        return f"there is no uplink codec {row.codec!r}; known: {', '.join(uplinks.CODECS)}"
    if profile is not None and (codec.gives - EVERYONES).isdisjoint(profile.channel_names):
        return f"the codec {row.codec} gives nothing that a {row.profile} is there to measure"
    return ""
