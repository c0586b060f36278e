"""Devices of a type that has no model, as a city's own types: each channel wanders where it is plausible. Pure.

Nothing is known of what such a device would measure together, so the numbers mean nothing; they arrive, decode and
are drawn. Rules on them may fire, and no label says so.
"""

import numpy as np
from numpy.typing import NDArray

from devices.profile import Channel, Profile
from simulators import signals
from simulators.models import Channels, Floats, Moment, Rows
from simulators.roster import Roster

LOWEST, HIGHEST, SWING = 0.15, 0.35, 0.05
"""Where in its range a channel stays, by device, and how far it wanders; our choice."""
PERIOD_S = 7200.0
COUNTED_EVERY_S = 60.0


class Plain:
    """Devices of any type."""

    def __init__(self, profile: Profile, roster: Roster, members: NDArray[np.intp], rng: np.random.Generator) -> None:
        self._profile = profile
        self._place = {"lon_deg": roster.lon_deg[members], "lat_deg": roster.lat_deg[members]} if profile.moving else {}
        self._level = rng.uniform(LOWEST, HIGHEST, (len(profile.channels), len(members)))
        self._phase = rng.uniform(0, 1, len(members))

    def values(self, rows: Rows, now: Moment, rng: np.random.Generator) -> Channels:  # noqa: ARG002  # of every model
        """Give a column a channel, as it is sent; nothing here is random after the start."""
        wander = signals.drift(now.epoch_s, np.full(len(rows), PERIOD_S), self._phase[rows])
        return {
            channel.name: _sent(channel, self._value(number, channel, rows, wander, now))
            for number, channel in enumerate(self._profile.channels)
        }

    def _value(self, number: int, channel: Channel, rows: Rows, wander: Floats, now: Moment) -> Floats:
        span = channel.max - channel.min
        if channel.name in self._place:
            return self._place[channel.name][rows]
        if channel.counter:
            return np.full(len(rows), channel.min + (now.epoch_s / COUNTED_EVERY_S) // 1 % span)
        if (channel.min, channel.max) == (0, 1):
            return np.zeros(len(rows))
        return channel.min + span * (self._level[number][rows] + SWING * wander)


def _sent(channel: Channel, value: Floats) -> Floats:
    scale, offset = channel.line or (1.0, 0.0)
    return (value - offset) / scale
