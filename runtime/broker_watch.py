"""Looks at the broker's promises when ingest starts, and whether it throws messages away while ingest runs."""

import asyncio

import structlog

from core.errors import Unavailable
from ingest import probe, promises
from ingest.promises import Answer
from wire.broker import Broker

log: structlog.stdlib.BoundLogger = structlog.get_logger()

RETRY_S = 5.0
LOOK_EVERY_S = 60.0


async def keep(broker: Broker, payload_limit_bytes: int) -> None:
    """Look for ever; raises `Unavailable` when nothing can be carried exactly once with this broker."""
    before: Answer | None = None
    while True:
        try:
            answer = await probe.ask(broker)
        except (OSError, Unavailable, TimeoutError):  # the journey's own connection tells of it
            await asyncio.sleep(RETRY_S)
            continue
        if before is None:
            _tell(answer, payload_limit_bytes)
        else:
            _tell_dropped(before, answer)
        before = answer
        await asyncio.sleep(LOOK_EVERY_S)


def _tell(answer: Answer, payload_limit_bytes: int) -> None:
    log.info(
        "broker_promises",
        version=answer.version or "not told",
        session_s=answer.session_s,
        receive_max=answer.receive_max,
        dropped=answer.dropped,
    )
    found = promises.doubts(answer, payload_limit_bytes)
    for doubt in found:
        log.warning("broker_setting", setting=doubt.setting, value=doubt.value, risk=doubt.risk)
    if fatal := [doubt for doubt in found if doubt.is_fatal]:
        words = "; ".join(f"{doubt.setting} {doubt.value}: {doubt.risk}" for doubt in fatal)
        raise Unavailable(f"nothing can be carried exactly once with this broker ({words}): change its configuration")


def _tell_dropped(before: Answer, answer: Answer) -> None:
    lost = (answer.dropped or 0) - (before.dropped or 0)
    if lost > 0:
        log.error(
            "broker_dropped_messages",
            count=lost,
            risk="a queue was full: acknowledged messages are lost; raise max_queued_messages or end the outage",
        )
