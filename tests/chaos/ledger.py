"""What the publisher knows of every message, in a file: when it was made, when the broker acknowledged it.

Message number n follows from n alone: its device, its sequence (n itself), its tilt, and whether it is bad on purpose.
Nothing here comes from the code under test.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

MADE_MS, ACKNOWLEDGED_MS = 0, 1
CAPACITY = 4_000_000
"""Messages a ledger can hold; the file is sparse."""
FIRST_NUMBER, LAST_NUMBER = 100_000_000, 999_999_999 - CAPACITY
"""All numbers have nine digits, so that all messages of a run have one length."""
BAD_EVERY, BAD_AT = 101, 50
UNKNOWN_DEVICE = 900_000


def device(numbers: Numbers, devices: int) -> Numbers:
    """The number in the label of the device that sends each message."""
    return numbers % devices + 1


def hundredths(numbers: Numbers) -> Numbers:
    """What is behind the point of each message's tilt."""
    return numbers % 100


def is_bad(numbers: Numbers) -> NDArray[np.bool_]:
    """Which messages must become dead letters: half are no JSON, half come from a device nobody knows."""
    return numbers % BAD_EVERY == BAD_AT


class Ledger:
    """The messages `first` and up, of one publisher; one writes, any number of processes read along."""

    def __init__(self, path: Path, first: int, devices: int, rows: NDArray[np.int64]) -> None:
        self.path, self.first, self.devices, self.rows = path, first, devices, rows

    @classmethod
    def create(cls, path: Path, first: int, devices: int) -> "Ledger":
        """Make an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: Any = np.lib.format.open_memmap(path, mode="w+", dtype=np.int64, shape=(CAPACITY, 2))
        path.with_suffix(".json").write_text(json.dumps({"first": first, "devices": devices}), encoding="utf-8")
        return cls(path, first, devices, rows)

    @classmethod
    def open(cls, path: Path) -> "Ledger":
        """Read along with whoever writes."""
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        rows: Any = np.lib.format.open_memmap(path, mode="r")
        return cls(path, facts["first"], facts["devices"], rows)

    def made(self) -> int:
        """How many messages were made; they are made in order."""
        return int(np.searchsorted(self.rows[:, MADE_MS] == 0, True))

    def acknowledged(self) -> int:
        """How many of them the broker acknowledged."""
        return int(np.count_nonzero(self.rows[: self.made(), ACKNOWLEDGED_MS]))
