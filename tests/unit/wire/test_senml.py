"""SenML's resolution against the resolved forms that the RFC's authors publish beside their examples."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InvalidInput
from tests import wire_cases
from wire import senml

RESOLVED = sorted(wire_cases.ROOT.glob("senml/*/resolved.json"))


@pytest.mark.parametrize("path", RESOLVED, ids=[path.parent.name for path in RESOLVED])
def test_a_pack_resolves_as_the_rfc_says(path: Path) -> None:
    pack: list[dict[str, Any]] = json.loads((path.parent / "payload.json").read_text())

    resolved = [(it.time_s, it.name, it.unit, it.value) for it in senml.resolve(pack)]

    wanted: list[dict[str, Any]] = json.loads(path.read_text())
    assert sorted(resolved) == sorted((it["t"], it["n"], it["u"], it["v"]) for it in wanted)


def test_json_and_cbor_of_one_pack_say_the_same() -> None:
    said = [
        wire_cases.decoded(message, wire_cases.Memory())
        for case in ("rfc8428_base_time_and_version", "rfc8428_cbor")
        for message in wire_cases.messages(wire_cases.ROOT / "senml" / case)
    ]

    assert said[0] == said[1]


def test_a_pack_without_end_is_refused_before_it_is_resolved() -> None:
    pack = [{"n": "a", "v": 1}] * (senml.MAX_RECORDS + 1)

    with pytest.raises(InvalidInput, match="records in one SenML pack"):
        list(senml.resolve(pack))
