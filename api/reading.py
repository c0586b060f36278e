"""The shape of a reading for people: named channels instead of an array, words instead of flags."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from core.origin import Origin
from core.quality import Quality


class Value(BaseModel):
    """One channel and its value."""

    channel: str
    unit: str = Field(description="UCUM.")
    name_zh: str
    name_en: str
    value: float | None = Field(description="Null = not measured.")


def values_of(channels: Sequence[Mapping[str, Any]], stored: Sequence[float | None] | None) -> list[Value]:
    """Name the values of a stored array; older rows may be shorter than the profile is now."""
    values = stored or []
    return [
        Value(
            channel=channel["channel"],
            unit=channel["unit"],
            name_zh=channel["name_zh"],
            name_en=channel["name_en"],
            value=values[channel["position"] - 1] if channel["position"] <= len(values) else None,
        )
        for channel in channels
    ]


def quality_of(flags: int) -> list[str]:
    """Give the doubts in a quality column, in words; empty = good."""
    return [flag.name.lower() for flag in Quality if flag.value & flags and flag.name]


def origin_of(number: int) -> str:
    """Give the word for an origin column."""
    return Origin(number).name.lower()
