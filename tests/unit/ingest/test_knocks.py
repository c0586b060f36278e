"""Who knocks: each stranger once a batch, however it speaks, and never more than a bound."""

from ingest import knocks
from ingest.message import Batch, RawMessage, Reason, Refusal, Stranger


def batch(*topics: str) -> Batch:
    messages = [RawMessage(topic=topic, payload=topic.encode(), packet_id=1, redelivered=False) for topic in topics]
    return Batch(messages=messages, connection=1, backlog=0)


def refused(message: int, form: str, address: str) -> Refusal:
    return Refusal(message, 0, Reason.UNKNOWN_DEVICE, "", stranger=Stranger(form, address))


OWN = "citygrid/v1/130203/manhole/MC-9/telemetry"
THROUGH = "citygrid/v1/130203/gateway/GW-1/telemetry"


def test_a_stranger_counts_its_messages_and_shows_the_last() -> None:
    (found,) = knocks.of_refusals(batch(OWN, OWN + "2"), [refused(0, "native", "MC-9"), refused(1, "native", "MC-9")])

    assert (found.seen, found.payload) == (2, (OWN + "2").encode())
    assert (found.district_code, found.kind, found.gateway) == ("130203", "manhole", "")


def test_behind_a_gateway_the_gateway_is_named_and_the_kind_is_not_known() -> None:
    (found,) = knocks.of_refusals(batch(THROUGH), [refused(0, "native", "MC-9")])

    assert (found.district_code, found.kind, found.gateway) == ("130203", "", "GW-1")


def test_other_refusals_and_names_that_could_never_be_registered_are_no_strangers() -> None:
    other = Refusal(0, 0, Reason.MALFORMED, "")
    names = [refused(0, "native", name) for name in ("", "no spaces", "x" * 65, "new\nline")]
    upper = refused(0, "chirpstack", "24E124713D111111")

    assert knocks.of_refusals(batch(OWN), [other, *names, upper]) == []
    (found,) = knocks.of_refusals(batch("application/1/x"), [refused(0, "chirpstack", "24e124713d111111")])
    assert (found.district_code, found.kind, found.gateway) == ("", "", "")


def test_of_a_flood_the_most_frequent_are_kept() -> None:
    flood = [refused(0, "native", f"X-{number}") for number in range(5000)]

    found = knocks.of_refusals(batch(OWN), [*flood, refused(0, "native", "MC-9"), refused(0, "native", "MC-9")])

    assert len(found) == knocks.MOST_A_BATCH
    assert found[0].address == "MC-9"
