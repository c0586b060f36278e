"""The verdict of a demo run: what is printed as the last line, and why it is or is not a success. Pure."""

from dataclasses import dataclass

from runtime.demo.count import Count
from runtime.demo.match import Verdict, quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run in numbers."""

    components: int
    devices: int
    seconds: float
    count: Count
    faults: int
    incidents: int
    verdict: Verdict
    visible_s: tuple[float, ...]
    refused: int
    """Messages the broker would not take."""
    restarts: int
    """Processes and services that died and were started again."""

    def as_json(self) -> dict[str, float | int | None]:
        """Give the fields of the last line; times in seconds."""
        return {
            "components": self.components,
            "devices": self.devices,
            "sent": self.count.sent + self.count.bad_sent,
            "stored": self.count.stored,
            "lost": self.count.lost,
            "duplicated": self.count.duplicated,
            "dead_letters": self.count.dead_letters,
            "faults": self.faults,
            "incidents": self.incidents,
            "matched": len(self.verdict.matched),
            "unexplained": len(self.verdict.unexplained),
            "visible_p50_s": _rounded(quantile(self.visible_s, 0.5)),
            "visible_p99_s": _rounded(quantile(self.visible_s, 0.99)),
        }

    def failures(self) -> list[str]:
        """Give the reasons why the run is no success; empty when it is one."""
        reasons: list[str] = []
        if self.count.sent == 0:
            reasons.append("nothing was sent")
        if self.count.lost:
            reasons.append(f"{self.count.lost} acknowledged messages are in no table")
        if self.count.duplicated:
            reasons.append(f"{self.count.duplicated} rows are stored beyond what was sent")
        if self.count.unacknowledged:
            reasons.append(f"{self.count.unacknowledged} messages were never acknowledged by the broker")
        if self.refused:
            reasons.append(f"the broker refused {self.refused} messages")
        for fault, incident in self.verdict.misplaced:
            reasons.append(
                f"incident {incident.incident_id} of fault {fault.fault_id} ({fault.kind} on {fault.device_label}) "
                f"lies in unit grid {incident.unit_grid_code or 'none'} instead of {fault.unit_grid_code or 'none'}"
            )
        misplaced = {fault.fault_id for fault, _ in self.verdict.misplaced}
        reasons += [
            f"fault {fault.fault_id} ({fault.kind} on {fault.device_label}) raised no {fault.rule}"
            for fault in self.verdict.missed
            if fault.fault_id not in misplaced
        ]
        return reasons

    def remarks(self) -> list[str]:
        """Give what is worth knowing beside the last line."""
        rate = (self.count.sent + self.count.bad_sent) / self.seconds if self.seconds else 0.0
        lines = [
            f"{rate:.0f} messages/s for {self.seconds:.0f} s, {self.restarts} restarts",
            f"{self.count.bad_sent} messages were bad on purpose, {self.count.dead_letters} of them are dead letters",
            f"visible: {len(self.visible_s)} incidents, from publish to the live stream; a silence has no publish",
        ]
        lines += [
            f"unexplained: incident {it.incident_id} {it.rule} on {it.device_label or 'no device'}"
            for it in self.verdict.unexplained[:20]
        ]
        return lines


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
