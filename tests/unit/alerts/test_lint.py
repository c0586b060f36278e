from dataclasses import replace

import pytest

from alerts import limits, lint, rulebook
from alerts.lint import ChannelFact, ProfileFact, Surroundings

KNOWN = Surroundings(
    profiles={
        "cover": ProfileFact(
            channels={
                "tilt_deg": ChannelFact(unit="deg", min=0, max=180),
                "gas_pct": ChannelFact(unit="%LEL", min=0, max=100),
                "open": ChannelFact(unit="1", min=0, max=1),
                "water_m": ChannelFact(unit="m", min=0, max=10),
            },
            classes=("0101",),
        ),
        "bus": ProfileFact(channels={"speed_kmh": ChannelFact(unit="km/h", min=0, max=150)}, classes=()),
    },
    classes=("0101", "0137"),
)


def checks(
    keys: str, scope: str = "{profile: cover}", raises: str = "{deadline: 1 hour}", known: Surroundings = KNOWN
) -> list[tuple[str, str, str]]:
    text = f"""
groups:
  - name: g
    rules:
      - alert: R
        {keys}
        scope: {scope}
        labels: {{severity: info}}
        raises: {raises}
        annotations: {{summary: s, summary_zh: s}}
"""
    return [(f.level, f.field, f.check) for f in lint.findings(rulebook.parse({"r.yaml": text}), known)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("expr: tilt_deg > 15\n        clear: tilt_deg < 10", []),
        ("expr: open > 0.5", []),
        ("expr: tilt_deg > 15\n        keep_firing_for: 10s", []),
        ("expr: water_m > 2 or change_per_second(water_m) > 0.5\n        clear: water_m < 1",
         [("error", "clear", "contradictory")]),
        ("expr: tilt_deg > 15", [("warning", "clear", "flapping")]),
        ("expr: tlit_deg > 15", [("error", "expr", "unknown_channel"), ("warning", "clear", "flapping")][:1]),
        ("expr: gas_pct > 0.25\n        clear: gas_pct < 0.2",
         [("warning", "expr", "unit_trap"), ("warning", "clear", "unit_trap")]),
        ("expr: tilt_deg > 200\n        clear: tilt_deg < 10",
         [("warning", "expr", "out_of_range"), ("error", "expr", "impossible")]),
        ("expr: tilt_deg >= 0\n        keep_firing_for: 1s", [("error", "expr", "always")]),
        ("expr: tilt_deg > 15\n        clear: tilt_deg < 20", [("error", "clear", "contradictory")]),
        ("expr: tilt_deg > 15\n        clear: tilt_deg < 5 and tilt_deg > 6", [("error", "clear", "no_recovery")]),
        ("expr: tilt_deg > 15 and tilt_deg < 10\n        keep_firing_for: 1s", [("error", "expr", "impossible")]),
        ("absent_for: 3 intervals", []),
        ("expr: avg_over_time(water_m[5m]) > avg_over_time(water_m[1h]) + 1\n        clear: water_m < 1",
         [("warning", "clear", "contradictory")]),
        ("expr: max_over_time(tilt_deg[5m]) > 200\n        keep_firing_for: 1s",
         [("warning", "expr", "out_of_range"), ("error", "expr", "impossible")]),
        ("expr: local_hour() > 24 and tilt_deg > 5\n        keep_firing_for: 1s", [("error", "expr", "impossible")]),
        ('expr: inside("lake") and not daylight() and tilt_deg > 5\n        keep_firing_for: 1s', []),
        ("expr: stuck(water_m[2h])\n        clear: not stuck(water_m[2h])", []),
        ("expr: stuck(water_m[2h])\n        clear: stuck(water_m[2h]) or water_m > 9",
         [("warning", "clear", "contradictory")]),
        ('expr: inside("lake")\n        clear: outside("lake")', []),
        ("expr: neighbours_avg(tilt_deg, 500m) < tilt_deg - 30\n        keep_firing_for: 1s", []),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_right_is_found(keys: str, expected: list[tuple[str, str, str]]) -> None:
    assert checks(keys) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ('{profile: cover, class: "0101"}', []),
        ('{profile: cover, class: "0999"}', [("error", "scope.class", "unknown_class")]),
        ('{profile: cover, class: "0137"}', [("warning", "scope.class", "class_not_carried")]),
        ("{profile: covre}", [("error", "scope.profile", "unknown_profile")]),
        ("{profile: bus}", [("error", "raises.department", "no_department")]),
    ],
)
def test_a_scope_that_cannot_be_right_is_found(scope: str, expected: list[tuple[str, str, str]]) -> None:
    assert checks("absent_for: 3 intervals", scope) == expected


def test_a_finding_says_what_would_be_right() -> None:
    text = """
groups:
  - name: g
    rules:
      - alert: R
        expr: tlit_deg > 15
        scope: {profile: cover}
        labels: {severity: info}
        raises: {deadline: 1 hour}
        annotations: {summary: s, summary_zh: s}
"""
    (finding,) = lint.findings(rulebook.parse({"r.yaml": text}), KNOWN)

    assert str(finding) == (
        "r.yaml:5: error: rule R: expr: profile cover has no channel tlit_deg: did you mean tilt_deg? [unknown_channel]"
    )


def test_a_class_and_condition_without_a_limit_is_warned_of() -> None:
    raises = '{{deadline: 2 urgent_hour, class: "0101", condition: {}}}'
    known = replace(KNOWN, limits=limits.shipped())

    assert checks("expr: open > 0.5", raises=raises.format("displaced"), known=known) == []
    assert checks("expr: open > 0.5", raises=raises.format("stolen"), known=known) == [
        ("warning", "raises.condition", "no_limit")
    ]


def test_an_area_the_city_does_not_have_is_found_with_the_nearest_name() -> None:
    text = """
groups:
  - name: g
    rules:
      - alert: R
        expr: inside("south laek")
        scope: {profile: cover}
        labels: {severity: info}
        raises: {deadline: 1 hour}
        annotations: {summary: s, summary_zh: s}
"""
    book = rulebook.parse({"r.yaml": text})

    (finding,) = lint.findings(book, replace(KNOWN, areas=["south lake", "depot"]))

    assert finding.message == "the city has no area south laek: did you mean south lake?"
    assert lint.findings(book, KNOWN) == ()


def lint_text(rules: str, known: Surroundings = KNOWN) -> list[tuple[str, str, str]]:
    text = f"groups:\n  - name: g\n    rules:\n{rules}"
    book = rulebook.parse({"r.yaml": text})
    return [(found.rule, found.field, found.check) for found in lint.findings(book, known, {"r.yaml": text})]


def a_rule(name: str, keys: str, *, above: str = "", said: str = "s", severity: str = "major") -> str:
    return f"""
{above}
      - alert: {name}
        {keys}
        scope: {{profile: cover}}
        labels: {{severity: {severity}}}
        raises: {{deadline: 1 hour}}
        annotations: {{summary: "{said}", summary_zh: s}}
"""


def test_a_rule_that_fires_only_where_another_as_severe_does_is_shadowed() -> None:
    wide, narrow = (
        "expr: tilt_deg > 15\n        clear: tilt_deg < 10",
        "expr: tilt_deg > 40\n        clear: tilt_deg < 30",
    )
    waits = f"{narrow}\n        for: 10s"

    assert lint_text(a_rule("Wide", wide) + a_rule("Narrow", narrow)) == [("Narrow", "expr", "shadowed")]
    assert lint_text(a_rule("Wide", wide) + a_rule("Twin", wide)) == [("Twin", "expr", "shadowed")]
    assert lint_text(a_rule("Wide", wide) + a_rule("Narrow", narrow, severity="critical")) == []
    assert lint_text(a_rule("Wide", f"{wide}\n        for: 1m") + a_rule("Narrow", waits)) == []


def test_a_label_that_no_case_bears_is_found() -> None:
    odd = a_rule("R", "expr: open > 0.5", said="{{ $labels.devcie }} at {{ $labels.street }}")

    assert lint_text(odd) == [("R", "annotations.summary", "unknown_label")]


def test_a_window_shorter_than_two_reports_is_found() -> None:
    slow = ProfileFact(channels=KNOWN.profiles["cover"].channels, classes=("0101",), interval_s=900)
    known = replace(KNOWN, profiles={"cover": slow})
    keys = "expr: avg_over_time(water_m[{0}]) > 2\n        clear: avg_over_time(water_m[{0}]) < 1"

    assert lint_text(a_rule("R", keys.format("10m")), known) == [
        ("R", "expr", "window_too_short"),
        ("R", "clear", "window_too_short"),
    ]
    assert lint_text(a_rule("R", keys.format("1h")), known) == []


def test_a_rule_that_asks_for_more_devices_than_there_are_is_found() -> None:
    keys = "expr: open > 0.5\n        together: {in: patrol_grid, at_least: 3, within: 10m}"

    assert lint_text(a_rule("R", keys), replace(KNOWN, devices={"cover": 2})) == [
        ("R", "together.at_least", "few_devices")
    ]
    assert lint_text(a_rule("R", keys), replace(KNOWN, devices={"cover": 3})) == []


def test_a_threshold_in_another_unit_is_told_what_it_may_mean() -> None:
    text = "groups:\n  - name: g\n    rules:\n" + a_rule("R", "expr: tilt_deg > 15000\n        keep_firing_for: 1m")

    found = lint.findings(rulebook.parse({"r.yaml": text}), KNOWN)

    assert "15 deg if it was meant in thousandths" in found[0].message


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (a_rule("R", "expr: tilt_deg > 15  # citygrid: disable flapping"), []),
        (a_rule("R", "expr: tilt_deg > 15", above="      # citygrid: disable flapping, shadowed\n      # why"), []),
        (a_rule("R", "expr: tilt_deg > 15", above="      # citygrid: disable flapping\n"), []),
        (a_rule("R", "expr: tilt_deg > 15", above="      # citygrid: disable shadowed"), [("R", "clear", "flapping")]),
        (
            a_rule("Q", "expr: open > 0.5", above="      # citygrid: disable flapping")
            + a_rule("R", "expr: tilt_deg > 15"),
            [("R", "clear", "flapping")],
        ),
        (
            a_rule("R", "expr: open > 0.5  # citygrid: disable flaping"),
            [("", "# citygrid: disable", "unknown_check")],
        ),
    ],
)
def test_a_comment_switches_a_check_off_for_its_rule(rules: str, expected: list[tuple[str, str, str]]) -> None:
    assert lint_text(rules) == expected


def test_an_inhibition_that_makes_all_cases_without_a_label_equal_is_found() -> None:
    def checked(source: str) -> list[tuple[str, str]]:
        text = f"""
groups: []
inhibit_rules:
  - name: cabinets
    source_matchers: {source}
    target_matchers: ['alertname="LampOut"']
    equal: [circuit]
"""
        return [(found.rule, found.check) for found in lint.findings(rulebook.parse({"r.yaml": text}), KNOWN)]

    assert checked("""['alertname="CabinetOff"']""") == [("cabinets", "empty_equal")]
    assert checked("""['alertname="CabinetOff"', 'circuit!=""']""") == []
