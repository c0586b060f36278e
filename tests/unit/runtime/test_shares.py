"""What a process does next, from the lease rows: fair, without moving anything to and fro."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.lanes import CITY, FOREIGN, Shard
from runtime import shares
from runtime.shares import Plan
from storage.leases import Lease

NORTH = Shard(name="130203", districts=("130203",), takes_foreign=False)
SOUTH = Shard(name="130202", districts=("130202",), takes_foreign=False)
DIVIDED = (SOUTH, NORTH, FOREIGN)


def lease(shard: Shard, process: str | None = None, *, free_s: float = 0.5) -> Lease:
    return Lease(
        shard=shard.name,
        districts=list(shard.districts) if shard.districts is not None else None,
        takes_foreign=shard.takes_foreign,
        epoch=1,
        process=process,
        is_held=process is not None,
        free_s=-1.0 if process else free_s,
        acquired_at=None,
    )


def test_a_process_alone_takes_everything() -> None:
    plan = shares.plan("a", ["a"], DIVIDED, [lease(shard) for shard in DIVIDED])

    assert plan == Plan(take=("130202", "130203", "foreign"))


def test_a_second_process_stands_by_when_there_is_one_shard() -> None:
    assert shares.plan("b", ["a", "b"], (CITY,), [lease(CITY, "a")]) == Plan()
    assert shares.plan("a", ["a", "b"], (CITY,), [lease(CITY, "a")]) == Plan()


def test_the_stand_by_takes_a_shard_whose_owner_died() -> None:
    assert shares.plan("b", ["b"], (CITY,), [lease(CITY)]).take == ("city",)


def test_whoever_has_most_gives_one_to_a_process_that_has_too_little() -> None:
    rows = [lease(shard, "a") for shard in DIVIDED]

    assert shares.plan("a", ["a", "b"], DIVIDED, rows).give == ("foreign",)
    assert shares.plan("b", ["a", "b"], DIVIDED, rows).take == ()


def test_a_free_shard_goes_to_who_has_least_and_after_a_while_to_anybody() -> None:
    rows = [lease(SOUTH, "a"), lease(NORTH), lease(FOREIGN, "a")]

    assert shares.plan("a", ["a", "b"], DIVIDED, rows).take == ()
    assert shares.plan("b", ["a", "b"], DIVIDED, rows).take == ("130203",)
    late = [lease(SOUTH, "a"), lease(NORTH, free_s=4.0), lease(FOREIGN, "a")]
    assert shares.plan("a", ["a", "b"], DIVIDED, late).take == ("130203",)


def test_shards_of_a_former_division_are_drained_before_those_that_carry_the_same_are_taken() -> None:
    rows = [lease(CITY), *(lease(shard) for shard in DIVIDED)]

    plan = shares.plan("a", ["a"], DIVIDED, rows)

    assert plan == Plan(drain=("city",), blocked=("130202", "130203", "foreign"))


def test_a_former_shard_that_somebody_still_carries_is_left_alone_and_blocks_only_what_it_overlaps() -> None:
    pair = Shard(name="130203-130204", districts=("130203", "130204"), takes_foreign=False)

    plan = shares.plan("a", ["a"], DIVIDED, [lease(pair, "old"), *(lease(shard) for shard in DIVIDED)])

    assert plan.drain == ()
    assert plan.blocked == ("130203",)
    assert set(plan.take) == {"130202", "foreign"}


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.data())
def test_processes_that_follow_their_plans_end_up_with_fair_shares_and_then_rest(
    shard_count: int, process_count: int, data: st.DataObject
) -> None:
    shards = [Shard(name=f"{n:06d}", districts=(f"{n:06d}",), takes_foreign=False) for n in range(shard_count)]
    processes = [f"p{n}" for n in range(process_count)]
    owner: dict[str, str | None] = {
        shard.name: data.draw(st.sampled_from([None, *processes]), label=shard.name) for shard in shards
    }
    quiet = 0
    for _ in range(4 * shard_count + 8):
        moved = False
        for me in processes:
            plan = shares.plan(me, processes, shards, [lease(shard, owner[shard.name]) for shard in shards])
            for name in plan.give:
                owner[name], moved = None, True
            for name in plan.take:
                owner[name], moved = me, True
        quiet = 0 if moved else quiet + 1

    held = Counter(owner.values())
    assert None not in held
    assert max(held[process] for process in processes) - min(held[process] for process in processes) <= 1
    assert quiet > 1
