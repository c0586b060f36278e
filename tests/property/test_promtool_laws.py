"""Rule tests that use nothing of ours end as `promtool test rules` ends them; asked of the real promtool, where it is.

A generated test expects exactly what we say fires: promtool must agree. Then one expectation is spoilt: both must fail.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import notation, plain, plainfile, trialfile

PROMTOOL = shutil.which("promtool")
SHARED = Path(__file__).parents[1] / "golden" / "promtool"
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")

METRICS = ("tilt_deg", "water_m", "power_w")
LABELS: tuple[Mapping[str, str], ...] = ({"device": "a"}, {"device": "b", "district": "130202"}, {})
RANGES = (
    *(f"{name}_over_time" for name in ("avg", "min", "max", "sum", "count", "last", "stddev")),
    *("changes", "resets", "delta", "increase", "rate", "deriv"),
)
DURATIONS = ("0s", "30s", "1m", "2m", "5m")

values = st.integers(-3, 9).map(lambda number: number / 2)
word = st.one_of(
    values.map(str),
    st.builds("{}x{}".format, values, st.integers(0, 4)),
    st.builds("{}+{}x{}".format, values, st.sampled_from(["0.5", "1", "0.25"]), st.integers(1, 5)),
    st.builds("{}-{}x{}".format, values, st.sampled_from(["0.5", "1"]), st.integers(1, 5)),
    st.sampled_from(["_", "_x2", "_x7", "stale"]),
)
metric = st.sampled_from(METRICS)
number = st.one_of(
    metric,
    st.builds("abs({})".format, metric),
    st.builds("({} {} {})".format, metric, st.sampled_from("+-*/"), metric),
    st.builds("{} / 2".format, metric),
    st.builds(
        "{}({}[{}])".format,
        st.sampled_from(RANGES),
        metric,
        st.sampled_from(["1m", "3m", "7m"]),
    ),
    st.builds("quantile_over_time(0.5, {}[4m])".format, metric),
)
comparator = st.sampled_from([">", ">=", "<", "<=", "==", "!="])
comparison = st.one_of(
    st.builds("{} {} {}".format, number, comparator, values),
    st.builds("{} {} {}".format, values, comparator, metric),
    st.builds("{} {} {}".format, metric, comparator, metric),
)
condition = st.recursive(
    comparison,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} unless {})".format, inner, inner),
        st.builds("{} or {} and {}".format, comparison, comparison, comparison),
    ),
    max_leaves=3,
)
rule = st.fixed_dictionaries(
    {"expr": condition},
    optional={
        "for": st.sampled_from(DURATIONS),
        "keep_firing_for": st.sampled_from(DURATIONS),
        "labels": st.sampled_from([{"severity": "major"}, {"of": "{{ $labels.device }}"}, {"device": "x"}]),
        "annotations": st.sampled_from(
            [{"said": "{{ $value }}"}, {"said": '{{ $labels.device }} at {{ $value | printf "%.2f" }}'}]
        ),
    },
)
one_series = st.lists(word, min_size=1, max_size=6).map(" ".join)
minutes = st.sampled_from(["30s", "1m", "90s"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rules, and a test of them that expects nothing yet."""
    rules = [{"alert": f"R{number}", **draw(rule)} for number in range(draw(st.integers(1, 3)))]
    inputs = [
        {"series": metric + "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}", "values": draw(one_series)}
        for metric in METRICS
        for labels in LABELS
        if draw(st.booleans())
    ]
    inputs.append({"series": "length", "values": "0x30"})
    at = sorted({draw(st.integers(0, 20)) * 30 for _ in range(3)})
    test = {
        "interval": draw(minutes),
        "input_series": inputs,
        "alert_rule_test": [{"eval_time": f"{s}s", "alertname": one["alert"]} for s in at for one in rules],
    }
    top = {"rule_files": ["rules.yaml"], "evaluation_interval": draw(minutes), "tests": [test]}
    return {"groups": [{"name": "g", "rules": rules}]}, top


def promtool_passes(file: Path) -> bool:
    assert PROMTOOL is not None
    ended = subprocess.run(
        [PROMTOOL, "test", "rules", file.name], cwd=file.parent, capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, 1), ended.stderr
    return ended.returncode == 0


def our_failures(file: Path) -> list[str]:
    return [failure for verdict in trialfile.verdicts(trialfile.load(file)) for failure in verdict.failures]


def expect_what_we_say(folder: Path, top: dict[str, Any]) -> None:
    rules = plainfile.rules([notation.read((folder / "rules.yaml").read_text(), "rules.yaml")])
    (trial,) = plainfile.trials(notation.read(yaml.safe_dump(top), "t"))
    last_us = max(check.eval_us for check in trial.expected)
    found = plain.firing_at(rules, trial.series, range(0, last_us + 1, trial.evaluation_us))
    for check, written in zip(trial.expected, top["tests"][0]["alert_rule_test"], strict=True):
        at_us = check.eval_us // trial.evaluation_us * trial.evaluation_us
        written["exp_alerts"] = [
            {
                "exp_labels": {name: text for name, text in one.labels if name != "alertname"},
                "exp_annotations": dict(one.annotations),
            }
            for one in found[check.rule, at_us]
        ]


@needs_promtool
@given(case=cases(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_we_say_fires_is_what_promtool_finds(
    case: tuple[dict[str, Any], dict[str, Any]], data: st.DataObject
) -> None:
    rules, top = case
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "t.yaml"
        (file.parent / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
        file.write_text(yaml.safe_dump(top), encoding="utf-8")
        if any("bear the labels" in failure for failure in our_failures(file)):
            assert not promtool_passes(file)
            return
        expect_what_we_say(file.parent, top)
        file.write_text(yaml.safe_dump(top), encoding="utf-8")
        assert our_failures(file) == []
        assert promtool_passes(file), yaml.safe_dump([rules, top])

        spoilt = data.draw(st.sampled_from(top["tests"][0]["alert_rule_test"]))
        if spoilt["exp_alerts"]:
            spoilt["exp_alerts"].pop()
        else:
            spoilt["exp_alerts"].append({"exp_labels": {"device": "a"}})
        file.write_text(yaml.safe_dump(top), encoding="utf-8")
        assert our_failures(file)
        assert not promtool_passes(file)


@pytest.mark.parametrize("file", sorted(SHARED.glob("*.test.yaml")), ids=lambda file: file.name)
def test_a_shared_case_ends_as_its_name_says(file: Path) -> None:
    assert (our_failures(file) == []) == file.name.startswith("passes")


@needs_promtool
@pytest.mark.parametrize("file", sorted(SHARED.glob("*.test.yaml")), ids=lambda file: file.name)
def test_a_shared_case_ends_as_in_promtool(file: Path) -> None:
    assert promtool_passes(file) == file.name.startswith("passes")


def test_unlike_in_promtool_an_input_that_ends_before_its_eval_time_fails(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("groups: [{name: g, rules: [{alert: R, expr: x > 1}]}]", encoding="utf-8")
    file = tmp_path / "t.yaml"
    file.write_text(
        "{rule_files: [rules.yaml], tests: [{interval: 1m, input_series: [{series: x, values: '0x4'}], "
        "alert_rule_test: [{eval_time: 5m, alertname: R}]}]}",
        encoding="utf-8",
    )

    (verdict,) = trialfile.verdicts(trialfile.load(file))

    assert verdict.failures == (
        "the input ends at 240s, before eval_time 300s: lengthen the series (`_x10` is no data)",
    )
