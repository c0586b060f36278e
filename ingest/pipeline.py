"""Steps 2 to 4 over a batch, in order, in one function. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.facts import LocatedFact
from core.frame import Frame
from ingest import quality
from ingest.decode import decode
from ingest.directory import Directory
from ingest.enrich import enrich
from ingest.message import Batch, Refusal
from ingest.sparkplug import Draft
from ingest.validate import (
    Tolerance,
    ascending,
    mark_late,
    mark_not_in_service,
    refuse_out_of_service,
    validate,
    validate_facts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the pipeline refuses."""

    payload_bytes: int
    tolerance: Tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What the pipeline made of a batch."""

    frames: tuple[Frame, ...]
    """Located readings, one frame a profile that has rows."""
    facts: list[LocatedFact]
    refusals: list[Refusal]
    unmapped: Mapping[str, int]
    """By format: quantities that the devices' profiles do not have, left out."""
    repeated: tuple[NDArray[np.int32], ...]
    """Slots of the rows that stood in the batch before."""
    changes: tuple[quality.Change, ...]
    """For `quality.commit`, once the frames are stored."""


def run(  # noqa: PLR0913  # two of them have a default that suits who is not the journey
    batch: Batch,
    directory: Directory,
    memory: quality.Memory,
    now_us: int,
    limits: Limits,
    lap: Callable[[str], None] = lambda _: None,
    *,
    edge_nodes: Draft | None = None,
) -> Passed:
    """Decode, validate and locate a batch's messages; `memory` is only read (it may be given room to grow).

    `lap` hears the name of each step when it ends; `edge_nodes` notes what Sparkplug messages do to their memory.
    """
    memory.make_room(len(directory.fleet))
    arrived_us = now_us if batch.arrived_us is None else batch.arrived_us
    tables, said = decode(batch.messages, directory, limits.payload_bytes, arrived_us, edge_nodes)
    lap("decode")
    refusals, frames = said.refusals, list[Frame]()
    repeated, changes = list[NDArray[np.int32]](), list[quality.Change]()
    for rows, codec in zip(tables, directory.codecs, strict=True):
        if rows is None:
            continue
        frame, implausible = validate(rows, codec, now_us, limits.tolerance)
        frame, out_of_service = refuse_out_of_service(frame, directory.accepts, directory.fleet)
        refusals += implausible + out_of_service
        if not len(frame):
            continue
        frame, again = ascending(frame)
        repeated.append(again)
        mark_late(frame, memory.newest_us)
        mark_not_in_service(frame, directory.fleet)
        changes += quality.mark(frame, codec.checks, memory)
        lap("validate")
        frames.append(enrich(frame, codec, directory))
        lap("enrich")
    facts, untimely = validate_facts(said.facts, directory, now_us, limits.tolerance)
    lap("validate")
    return Passed(
        frames=tuple(frames),
        facts=facts,
        refusals=refusals + untimely,
        unmapped=said.unmapped,
        repeated=tuple(repeated),
        changes=tuple(changes),
    )
