"""Who knocked: the devices a batch's messages speak for that nobody registered, each once and bounded. Pure."""

from collections import Counter
from collections.abc import Iterable

from core.errors import InvalidInput
from core.knock import Knock
from ingest.message import Batch, Refusal, Stranger
from wire import addresses, topics

MOST_A_BATCH = 64
"""The most frequent; the others knock again. A flood of made-up names costs no more than this."""


def of_refusals(batch: Batch, refusals: Iterable[Refusal]) -> list[Knock]:
    """Give the strangers of a batch with their last message, the most frequent first.

    A name outside the grammar of its format is no device's: it could never be registered.
    """
    seen: Counter[Stranger] = Counter()
    last: dict[Stranger, int] = {}
    for refusal in refusals:
        if refusal.stranger is not None:
            seen[refusal.stranger] += 1
            last[refusal.stranger] = refusal.message
    return [
        _knock(who, count, batch, last[who]) for who, count in seen.most_common(MOST_A_BATCH) if _could_be_a_device(who)
    ]


def _could_be_a_device(who: Stranger) -> bool:
    try:
        return addresses.canonical(who.format, who.address) == who.address
    except InvalidInput:
        return False


def _knock(who: Stranger, seen: int, batch: Batch, index: int) -> Knock:
    message = batch.messages[index]
    district = kind = gateway = ""
    if topics.is_ours(message.topic):
        district, kind, label = message.topic.split("/")[2:5]
        if kind == topics.GATEWAY:
            kind, gateway = "", label
    return Knock(
        format=who.format,
        address=who.address,
        district_code=district,
        kind=kind,
        gateway=gateway,
        topic=message.topic,
        payload=message.payload,
        seen=seen,
    )
