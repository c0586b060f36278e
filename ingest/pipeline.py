"""Steps 2 to 4 over a batch, in order, in one function. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.frame import Frame
from ingest.decode import Refusal, decode
from ingest.directory import Directory
from ingest.enrich import enrich
from ingest.message import Batch
from ingest.validate import Tolerance, mark_late, refuse_out_of_service, validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the pipeline refuses."""

    payload_bytes: int
    tolerance: Tolerance


def run(
    batch: Batch, directory: Directory, newest_us: NDArray[np.int64], now_us: int, limits: Limits
) -> tuple[tuple[Frame, ...], list[Refusal]]:
    """Give located frames, one a profile that has rows, and the refusals.

    Shape: `newest_us` by slot, microseconds since 1970 UTC of each device's newest reading, 0 = none.
    """
    tables, refusals = decode(batch.messages, directory, limits.payload_bytes)
    frames: list[Frame] = []
    for rows, codec in zip(tables, directory.codecs, strict=True):
        if not rows.slot:
            continue
        frame, implausible = validate(rows, codec, now_us, limits.tolerance)
        frame, out_of_service = refuse_out_of_service(frame, directory.accepts, directory.fleet)
        refusals += implausible + out_of_service
        if not len(frame):
            continue
        mark_late(frame, newest_us)
        frames.append(enrich(frame, codec, directory))
    return tuple(frames), refusals
