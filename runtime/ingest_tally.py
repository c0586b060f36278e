"""What a shard did since its start, as numbers to take differences of: for the log line and the minute's row."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Tally:
    """Running totals of one shard; only its journey adds to them."""

    by_lane: Counter[str] = field(default_factory=Counter[str])
    refused: Counter[str] = field(default_factory=Counter[str])
    step_seconds: Counter[str] = field(default_factory=Counter[str])
    """Seconds by step, without `receive`: what the batches cost."""
    stored: int = 0
    repeated: int = 0
    facts: int = 0
    transitions: int = 0
    retries: int = 0
    batches: int = 0
    """With messages; ticks of the clock are not counted."""
    lag_s: float = 0.0
    """Age of the readings of the last live batch; 0 when nothing waits."""

    def add_steps(self, seconds: Mapping[str, float]) -> None:
        """Add what a batch took."""
        for step, spent in seconds.items():
            if step != "receive":
                self.step_seconds[step] += spent  # type: ignore[assignment]  # a Counter holds any number

    def refuse(self, reasons: Iterable[str]) -> None:
        """Add refusals."""
        self.refused.update(reasons)

    def copy(self) -> "Tally":
        """Give the totals of now."""
        return Tally(
            by_lane=self.by_lane.copy(),
            refused=self.refused.copy(),
            step_seconds=self.step_seconds.copy(),
            stored=self.stored,
            repeated=self.repeated,
            facts=self.facts,
            transitions=self.transitions,
            retries=self.retries,
            batches=self.batches,
            lag_s=self.lag_s,
        )

    def since(self, before: "Tally") -> "Tally":
        """Give what was added since `before`; the lag is that of now."""
        return Tally(
            by_lane=self.by_lane - before.by_lane,
            refused=self.refused - before.refused,
            step_seconds=self.step_seconds - before.step_seconds,
            stored=self.stored - before.stored,
            repeated=self.repeated - before.repeated,
            facts=self.facts - before.facts,
            transitions=self.transitions - before.transitions,
            retries=self.retries - before.retries,
            batches=self.batches - before.batches,
            lag_s=self.lag_s,
        )
