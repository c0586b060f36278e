"""What a broker must promise so that nothing is lost, and what it says of itself. Pure; `ingest.probe` asks it.

MQTT shows some of it: the answer to our connection, and the `$SYS` topics where a broker has them. The rest stands in
its configuration file, which can be judged when it is ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PEAK_PER_S = 25_000
OUTAGE_S = 60
QUEUE_MESSAGES = PEAK_PER_S * OUTAGE_S
"""A minute without ingest at the rate we are built for (issue: 60 s without a database): 1.5 million messages."""
FORGOTTEN_S = 10
"""Longest autosave interval: what a killed broker may forget; gateways send their last 20 s again."""
SESSION_S = 7 * 86_400
GATEWAY_IN_FLIGHT = 1000
SAVED_IF_UNSET_S, QUEUED_IF_UNSET = 1800, 1000
"""Mosquitto's defaults, mosquitto.conf(5)."""
PERIODS_S = {"h": 3600, "d": 86_400, "w": 7 * 86_400, "m": 30 * 86_400, "y": 365 * 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a broker said to a client that asked for a session as ingest does."""

    version: str
    """From `$SYS`; empty when it does not say."""
    max_qos: int
    wildcards: bool
    session_s: int
    """How long it will keep our session after we are gone."""
    receive_max: int
    packet_limit_bytes: int | None
    """None = none."""
    dropped: int | None
    """Messages it has thrown away since its start because a queue was full; None = it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A setting that puts messages at risk."""

    setting: str
    value: str
    risk: str
    is_fatal: bool = False
    """Nothing can be carried exactly once with it."""


def doubts(answer: Answer, payload_limit_bytes: int) -> tuple[Doubt, ...]:
    """Judge what the broker said; empty = nothing to say against it."""
    return tuple(_doubts(answer, payload_limit_bytes))


def _doubts(answer: Answer, payload_limit_bytes: int) -> Iterator[Doubt]:
    if answer.max_qos < 1:
        yield Doubt(setting="maximum QoS", value="0", risk="what is on the way to us can be lost", is_fatal=True)
    if not answer.wildcards:
        yield Doubt(setting="wildcards", value="none", risk="we cannot subscribe to the devices", is_fatal=True)
    if answer.session_s == 0:
        risk = "whenever we are away, even for a moment, everything published is lost"
        yield Doubt(setting="session expiry", value="0", risk=risk, is_fatal=True)
    elif answer.session_s < SESSION_S:
        risk = "if ingest is away for longer, what was queued is lost"
        yield Doubt(setting="session expiry", value=f"{answer.session_s} s", risk=risk)
    if answer.receive_max < GATEWAY_IN_FLIGHT:
        risk = "publishers are held to so many messages on the way (Mosquitto: max_inflight_messages)"
        yield Doubt(setting="receive maximum", value=str(answer.receive_max), risk=risk)
    if answer.packet_limit_bytes is not None and answer.packet_limit_bytes < payload_limit_bytes:
        risk = "larger messages vanish at the broker instead of becoming dead letters"
        yield Doubt(setting="maximum packet size", value=f"{answer.packet_limit_bytes} bytes", risk=risk)
    if answer.dropped:
        risk = "a full queue has cost messages since the broker's start (Mosquitto: max_queued_messages)"
        yield Doubt(setting="messages dropped", value=str(answer.dropped), risk=risk)


def read_configuration(text: str) -> dict[str, str]:
    """Give the settings of a mosquitto.conf; a later line wins, comments are left out."""
    lines = (line.strip().partition(" ") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name: value.strip() for name, _, value in lines}


def configuration_doubts(settings: Mapping[str, str]) -> tuple[Doubt, ...]:
    """Judge a mosquitto.conf: what MQTT itself does not show."""
    return tuple(_configuration_doubts(settings))


def _configuration_doubts(settings: Mapping[str, str]) -> Iterator[Doubt]:
    if settings.get("persistence") != "true":
        risk = "a restart of the broker forgets every queued message and our session"
        yield Doubt(setting="persistence", value=settings.get("persistence", "false"), risk=risk)
    saved_s = int(settings.get("autosave_interval", SAVED_IF_UNSET_S))
    if not 0 < saved_s <= FORGOTTEN_S:
        risk = f"a killed broker forgets as much; gateways send only their last {2 * FORGOTTEN_S} s again"
        yield Doubt(setting="autosave_interval", value=f"{saved_s} s", risk=risk)
    queued = int(settings.get("max_queued_messages", QUEUED_IF_UNSET))
    if 0 < queued < QUEUE_MESSAGES:
        risk = f"holds {queued / PEAK_PER_S:.1f} s at {PEAK_PER_S:,}/s; the rest is dropped although acknowledged"
        yield Doubt(setting="max_queued_messages", value=f"{queued:,}", risk=risk)
    expiry = settings.get("persistent_client_expiration")
    if expiry and int(expiry[:-1]) * PERIODS_S.get(expiry[-1], 3600) < SESSION_S:
        risk = "if ingest is away for longer, what was queued is lost"
        yield Doubt(setting="persistent_client_expiration", value=expiry, risk=risk)
