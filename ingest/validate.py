"""Step 3 of the journey: rows to a frame of plausible readings with quality flags. Next: `ingest.enrich`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.facts import LocatedFact
from core.fleet import Fleet
from core.frame import Frame
from core.quality import Quality
from ingest import quality
from ingest.directory import Directory, ProfileCodec
from ingest.message import Reason, Refusal
from ingest.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far from our clock a reading may be dated."""

    ahead_us: int = 300_000_000
    """Refused beyond: 5 min (our choice; clocks synchronised over NTP or the cell are within seconds)."""
    ahead_flag_us: int = 10_000_000
    """Flagged beyond: 10 s."""
    behind_us: int
    """Refused beyond: readings are not kept that long."""


def validate(rows: Rows, codec: ProfileCodec, now_us: int, tolerance: Tolerance) -> tuple[Frame, list[Refusal]]:
    """Give the frame of the rows that may be stored, and what was refused.

    An implausible channel is refused and becomes NaN; the row stays while it measures anything. A sentinel becomes NaN
    too but is no refusal: a device that says "no sensor" is heard.
    Units: `now_us` microseconds since 1970 UTC.
    """
    frame = _frame(rows, codec)
    items = rows.item
    silent = quality.blank_sentinels(frame.values, codec.checks)
    frame.quality[silent] |= Quality.SENTINEL
    refusals: list[Refusal] = []

    def refuse(mask: NDArray[np.bool_], reason: Reason, detail: str) -> None:
        refusals.extend(
            Refusal(int(frame.message[row]), int(items[row]), reason, detail, int(frame.slot[row]))
            for row in np.flatnonzero(mask)
        )

    future = frame.ts_us > now_us + tolerance.ahead_us
    refuse(future, Reason.FUTURE, _FUTURE)
    old = frame.ts_us < now_us - tolerance.behind_us
    refuse(old, Reason.TOO_OLD, _too_old(tolerance))
    timely = ~(future | old)
    empty = timely & ~silent & np.isnan(frame.values).all(axis=1)
    refuse(empty, Reason.EMPTY, "no channel has a value")

    implausible = (frame.values < codec.least) | (frame.values > codec.most)
    doubtful = implausible.any(axis=1) & timely
    details = {row: _implausible_detail(frame.values[row], implausible[row], codec) for row in np.flatnonzero(doubtful)}
    frame.values[implausible] = np.nan
    kept = timely & (silent | ~np.isnan(frame.values).all(axis=1))
    for row, detail in details.items():
        slot = -1 if kept[row] else int(frame.slot[row])
        refusals.append(Refusal(int(frame.message[row]), int(items[row]), Reason.IMPOSSIBLE, detail, slot))
    frame.quality[doubtful] |= Quality.OUT_OF_RANGE
    frame.quality[frame.ts_us > now_us + tolerance.ahead_flag_us] |= Quality.CLOCK_AHEAD
    return frame.take(kept), refusals


def ascending(frame: Frame) -> tuple[Frame, NDArray[np.int32]]:
    """Order by time, and keep the first of rows with the same identity; give the slots of the others beside."""
    order = np.lexsort((frame.seq, frame.slot, frame.ts_us))
    ordered = frame.take(order)
    repeats = np.zeros(len(ordered), dtype=np.bool_)
    repeats[1:] = (
        (ordered.ts_us[1:] == ordered.ts_us[:-1])
        & (ordered.slot[1:] == ordered.slot[:-1])
        & (ordered.seq[1:] == ordered.seq[:-1])
    )
    if not repeats.any():
        return ordered, ordered.slot[:0]
    return ordered.take(~repeats), ordered.slot[repeats]


def mark_late(frame: Frame, newest_us: NDArray[np.int64]) -> None:
    """Flag rows older than the newest reading known of their device; `newest_us` is by slot, 0 = none."""
    frame.quality[frame.ts_us < newest_us[frame.slot]] |= Quality.LATE


def mark_not_in_service(frame: Frame, fleet: Fleet) -> None:
    """Flag rows of devices that are being installed or worked on."""
    idle = ~fleet.in_service[frame.slot]
    if idle.any():
        frame.quality[idle] |= Quality.NOT_IN_SERVICE


def refuse_out_of_service(frame: Frame, accepts: NDArray[np.bool_], fleet: Fleet) -> tuple[Frame, list[Refusal]]:
    """Take out rows of replaced and retired devices."""
    taken = accepts[frame.slot]
    if taken.all():
        return frame, []
    refusals = [
        Refusal(int(frame.message[row]), 0, Reason.NOT_IN_SERVICE, f"{fleet.label[slot]} is out of service", slot)
        for row in np.flatnonzero(~taken)
        for slot in (int(frame.slot[row]),)
    ]
    return frame.take(taken), refusals


def validate_facts(
    facts: list[LocatedFact], directory: Directory, now_us: int, tolerance: Tolerance
) -> tuple[list[LocatedFact], list[Refusal]]:
    """Give the facts that may be stored, and refuse those of a wrong time or of devices out of service."""
    kept: list[LocatedFact] = []
    refusals: list[Refusal] = []
    for fact in facts:
        if fact.ts_us > now_us + tolerance.ahead_us:
            refusals.append(Refusal(fact.message, fact.item, Reason.FUTURE, _FUTURE, fact.slot))
        elif fact.ts_us < now_us - tolerance.behind_us:
            refusals.append(Refusal(fact.message, fact.item, Reason.TOO_OLD, _too_old(tolerance), fact.slot))
        elif not directory.accepts[fact.slot]:
            detail = f"{directory.fleet.label[fact.slot]} is out of service"
            refusals.append(Refusal(fact.message, fact.item, Reason.NOT_IN_SERVICE, detail, fact.slot))
        else:
            kept.append(fact)
    return kept, refusals


_FUTURE = "dated more than 5 minutes ahead of our clock"


def _too_old(tolerance: Tolerance) -> str:
    return f"older than the {tolerance.behind_us // 86_400_000_000} days readings are kept"


def _frame(rows: Rows, codec: ProfileCodec) -> Frame:
    return Frame(
        profile=codec.profile.profile,
        channels=codec.profile.channel_names,
        slot=rows.slot,
        ts_us=rows.ts_us,
        seq=rows.seq,
        values=rows.values,
        quality=rows.quality,
        origin=rows.origin,
        unit_grid_id=np.zeros(len(rows.slot), dtype=np.int32),
        message=rows.message,
    )


def _implausible_detail(values: NDArray[np.float64], implausible: NDArray[np.bool_], codec: ProfileCodec) -> str:
    channels = codec.profile.channels
    return "; ".join(
        f"{channels[i].name} = {values[i]:g} {channels[i].unit} is outside {channels[i].min:g} to {channels[i].max:g}"
        for i in np.flatnonzero(implausible)
    )
