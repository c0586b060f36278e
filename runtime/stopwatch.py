"""Where a batch's time goes: seconds by step, one clock reading a step."""

import time

STEPS: tuple[str, ...] = (
    "receive",
    "decode",
    "validate",
    "enrich",
    "lease",
    "store",
    "rules",
    "record",
    "latest",
    "refuse",
    "commit",
    "acknowledge",
)
"""The steps of the journey in their order. `receive` holds the waiting for messages too."""


class Stopwatch:
    """Adds the time since the last lap to a step."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """End a step."""
        now = time.perf_counter()
        self.seconds[step] += now - self._last
        self._last = now

    def take(self) -> dict[str, float]:
        """Give the seconds since the last `take` and begin anew; a step under way goes on."""
        taken = self.seconds
        self.seconds = dict.fromkeys(STEPS, 0.0)
        return taken
