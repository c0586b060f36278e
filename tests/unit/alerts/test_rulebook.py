from pathlib import Path

import pytest

from alerts import notation, rulebook
from alerts.due import Limit, Unit
from alerts.rule import Absence, Department, Raises, Scope, Severity
from alerts.rulebook import WrongRules
from core.errors import InvalidInput

GOOD = """\
groups:
  - name: covers
    labels: {team: drainage}
    rules:
      - alert: Tilted
        expr: tilt_deg > 15
        clear: tilt_deg < 10
        for: 1m30s
        keep_firing_for: 5s
        scope: {profile: manhole_cover, class: ["0101", "0102"], district: "130202"}
        labels: {severity: critical}
        raises: {deadline: 2 urgent_hour, department: {zh: 一, en: one}}
        annotations: {summary: "{{ $labels.device }} at {{ $value }}", summary_zh: 倾斜}
        source: our choice
      - alert: Silent
        absent_for: 3 intervals
        scope: {profile: [manhole_cover, bus]}
        labels: {severity: minor}
        raises: {deadline: 1 work_day}
        annotations: {summary: silent, summary_zh: 失联}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(WrongRules) as wrong:
        rulebook.parse({"r.yaml": text})
    return [str(mistake) for mistake in wrong.value.mistakes]


def test_a_rule_is_read_with_all_its_keys() -> None:
    tilted, silent = rulebook.parse({"r.yaml": GOOD}).rules

    assert tilted.scope == Scope(profiles=("manhole_cover",), classes=("0101", "0102"), districts=("130202",))
    assert tilted.raises == Raises(
        deadline=Limit(2, Unit.URGENT_HOUR), department=Department(name_zh="一", name_en="one")
    )
    assert (tilted.for_us, tilted.keep_firing_us, tilted.severity) == (90_000_000, 5_000_000, Severity.CRITICAL)
    assert tilted.labels == {"team": "drainage", "severity": "critical"}
    assert (tilted.file, tilted.line, tilted.group, tilted.source) == ("r.yaml", 5, "covers", "our choice")
    assert (silent.absence, silent.fires, silent.for_us) == (Absence(intervals=3), None, 0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("tilt_deg > 15", "tilt_deg >", "r.yaml:6: rule Tilted: expr: column 11: a channel or a number is wanted"),
        ("tilt_deg > 15", "3 > 2", "r.yaml:6: rule Tilted: expr: `3 > 2` looks at no channel"),
        ("tilt_deg < 10", "tilt_deg", "r.yaml:7: rule Tilted: clear: column 1: this is a number"),
        ("for: 1m30s", "for: 90", "r.yaml:8: rule Tilted: for: '90' is no duration: write e.g. 20s"),
        ("for: 1m30s", "for: 30s1m", "each unit once, the largest first"),
        ("for: 1m30s", "fro: 1m30s", "r.yaml:8: rule Tilted: fro: is no known key: did you mean for?"),
        ("severity: critical", "severity: page", "r.yaml:11: rule Tilted: labels: severity must be one of info"),
        ("2 urgent_hour", "2 hours", "r.yaml:12: rule Tilted: raises.deadline: '2 hours' is no limit"),
        ("profile: manhole_cover, ", "", "r.yaml:10: rule Tilted: scope: `profile` is missing"),
        ('"0101"', "101", "r.yaml:10: rule Tilted: scope.class: '101' is not the four digits"),
        ('"130202"', '"1302"', "scope.district: '1302' is not the six digits of a district"),
        ("summary_zh: 倾斜", "other: 倾斜", "r.yaml:13: rule Tilted: annotations: `summary_zh` is missing"),
        ("$value", "$value | shout", "is not known: there are {{ $value }}"),
        ("alert: Tilted", "alert: tilted", "is a CamelCase word"),
        ("alert: Silent", "alert: Tilted", "r.yaml:15: rule Tilted: alert: Tilted is already defined in r.yaml:5"),
        ("absent_for: 3 intervals", "absent_for: 0.5 intervals", "r.yaml:16: rule Silent: absent_for: must be 1"),
        ("absent_for: 3 intervals", "absent_for: long", "a duration (90s) or a number of the device's intervals"),
        ("absent_for: 3 intervals", "for: 10s", "rule Silent: needs one of `expr`, `absent_for` and `event`"),
        (
            "absent_for: 3 intervals",
            "absent_for: 1m\n        clear: a > 1",
            "clear: has no meaning beside `absent_for`",
        ),
        ("  - name: covers", "  - name: covers\n    limit: 3", "r.yaml:3: groups.limit: has no meaning here"),
        ("zh: 一, ", "", "r.yaml:12: rule Tilted: raises.department: `zh` is missing"),
        ("expr: tilt_deg > 15", "expr: [tilt_deg]", "r.yaml:6: rule Tilted: expr: must be a single value"),
        ("        for: 1m30s", "        for: 1s\n        for: 2s", "r.yaml:9: for: stands here twice"),
        ("groups:", "group:", "r.yaml:1: group: is no known key: did you mean groups?"),
        ("groups:", "groups: [", "this is no YAML"),
    ],
)
def test_a_mistake_names_file_line_rule_and_field(old: str, new: str, expected: str) -> None:
    assert old in GOOD

    assert any(expected in mistake for mistake in mistakes(GOOD.replace(old, new, 1)))


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("tilt_deg > 15", "tilt_deg").replace("1 work_day", "1 week")

    assert [mistake.split(": ")[1] for mistake in mistakes(text)] == ["rule Tilted", "rule Silent"]


def test_an_empty_file_says_what_it_needs() -> None:
    assert mistakes("") == ["r.yaml:1: the file is empty: it needs `groups:`"]


def test_rules_in_several_files_make_one_book_and_tests_are_no_rules(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(GOOD.replace("Tilted", "Other").replace("Silent", "Quiet"))
    (tmp_path / "a.test.yaml").write_text("no rules")

    assert [rule.name for rule in rulebook.load(tmp_path).rules] == ["Tilted", "Silent", "Other", "Quiet"]


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds none"):
        rulebook.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("0s", 0), ("500ms", 500_000), ("20s", 20_000_000), ("1h30m", 5_400_000_000), ("2d", 172_800_000_000)],
)
def test_durations_are_those_of_prometheus(text: str, expected: int) -> None:
    assert notation.duration_us(text) == expected
