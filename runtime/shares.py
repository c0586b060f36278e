"""Who carries which shard: what one process should do next, from what the lease rows say. Pure.

Every process decides for itself from the same rows; the compare-and-set of `storage.leases` settles ties.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.lanes import Shard
from storage.leases import Lease

PATIENCE_S = 3.0
"""After this long a free shard is taken by whoever sees it, fair or not (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do in this round."""

    take: tuple[str, ...] = ()
    give: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    """Shards the city is not divided into any more: their queues are carried to the end, then they are gone."""
    blocked: tuple[str, ...] = ()
    """Shards that wait for those."""


def plan(me: str, processes: Sequence[str], shards: Sequence[Shard], leases: Sequence[Lease]) -> Plan:
    """Give what `me` should do; `processes` are all that live and share `shards`, `me` among them.

    Nobody is given a shard while another holds fewer, and somebody gives one back only to a process that holds at least
    two fewer: so shares differ by one at most, and nothing moves to and fro.
    """
    wanted = {shard.name: shard for shard in shards}
    former = [lease for lease in leases if lease.shard not in wanted]
    blocked = {name for name, shard in wanted.items() if any(_overlaps(shard, lease) for lease in former)}
    held = Counter(lease.process for lease in leases if lease.is_held and lease.process is not None)
    fewest = min(held[process] for process in processes)
    most = min(process for process in processes if held[process] == max(held[p] for p in processes))
    free = [lease for lease in leases if lease.shard in wanted and not lease.is_held and lease.shard not in blocked]
    room = -(-len(shards) // len(processes)) - held[me]
    mine = [lease.shard for lease in leases if lease.is_held and lease.process == me and lease.shard in wanted]
    overdue = tuple(lease.shard for lease in free if lease.free_s > PATIENCE_S and held[me] > fewest)
    return Plan(
        take=tuple(lease.shard for lease in free[: max(room, 0)]) if held[me] == fewest else overdue[:1],
        give=(mine[-1],) if mine and me == most and held[me] - fewest >= 2 else (),
        drain=tuple(lease.shard for lease in former if not lease.is_held),
        blocked=tuple(sorted(blocked)),
    )


def _overlaps(shard: Shard, lease: Lease) -> bool:
    if shard.takes_foreign and lease.takes_foreign:
        return True
    if shard.districts is None or lease.districts is None:
        return shard.districts != () and lease.districts != []
    return not set(shard.districts).isdisjoint(lease.districts)
