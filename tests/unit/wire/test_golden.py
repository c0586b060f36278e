"""Golden folders of the wire formats: `tests/golden/wire/<format>/<case>/`. A new case is a folder, no code.

* `topic.txt`: the MQTT topic. It must be routed to `<format>` by `wire.formats`.
* `payload.json`, `.txt`, `.bin`: the bytes as they are; `payload.hex`: hex, blanks and `# comments` allowed.
* `received_us.txt` (optional): time of arrival, microseconds since 1970 UTC or RFC 3339; else `RECEIVED`.
* `expected.json`: a list of records and facts as `tests.wire_cases.shown` writes them, or `{"refused": "words"}`, which
  must stand in the refusal.

A case of several messages, for a format with a memory, has `1.topic.txt`, `1.payload.hex`, `1.expected.json`, `2.` ...
"""

import json
from pathlib import Path

import pytest

from tests import wire_cases
from wire import formats

CASES = wire_cases.folders()


@pytest.mark.parametrize("folder", CASES, ids=[f"{case.parent.name}/{case.name}" for case in CASES])
def test_a_message_gives_what_its_case_says(folder: Path) -> None:
    remembered = wire_cases.Memory()

    given = [wire_cases.decoded(message, remembered) for message in wire_cases.messages(folder)]

    assert given == [message.expected for message in wire_cases.messages(folder)]


@pytest.mark.parametrize("known", formats.FORMATS, ids=lambda known: known.name)
def test_a_format_has_golden_cases_of_both_kinds(known: formats.Format) -> None:
    expected = [
        json.loads(path.read_text())
        for case in CASES
        if case.parent.name == known.name
        for path in sorted(case.glob("*expected.json"))
    ]

    assert any(isinstance(case, list) for case in expected), "something it understands"
    assert any(isinstance(case, dict) for case in expected), "something it refuses"
