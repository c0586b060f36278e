"""Where a reading comes from; travels from the payload to the incident. Only LIVE may page a person."""

from enum import IntEnum


class Origin(IntEnum):
    """Origin of a reading; the number is what the database stores."""

    LIVE = 0
    SIMULATED = 1
    REPLAYED = 2
