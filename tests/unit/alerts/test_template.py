"""Templates print as Prometheus prints them; the expected texts were printed by promtool 2.42."""

import pytest

from alerts import template
from core.errors import InvalidInput


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (40, "40"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (999999, "999999"),
        (1234567, "1.234567e+06"),
        (100000000, "1e+08"),
        (123456789.25, "1.2345678925e+08"),
        (-0.00001, "-1e-05"),
        (0.0001, "0.0001"),
        (0, "0"),
        (1e21, "1e+21"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_a_value_prints_as_go_prints_it(value: float, printed: str) -> None:
    assert template.rendered("{{ $value }}|{{.Value}}", {}, value) == f"{printed}|{printed}"


@pytest.mark.parametrize(
    ("action", "printed"),
    [
        ('$value | printf "%.2f"', "3661.50"),
        ('printf "%8.3f" $value', "3661.500"),
        ('printf "%g" $value', "3661.5"),
        ('printf "%.3g" $value', "3.66e+03"),
        ('printf "%e" $value', "3.661500e+03"),
        ('printf "%.0f %%" $value', "3662 %"),
        ("humanize $value", "3.662k"),
        ("$value | humanizePercentage", "3.662e+05%"),
        ("humanizeDuration $value", "1h 1m 1s"),
        ("$labels.device", "MC-1"),
        ('printf "<%s>" $labels.device', "<MC-1>"),
        (".Labels.none", ""),
    ],
)
def test_an_action_prints_as_prometheus_prints_it(action: str, printed: str) -> None:
    assert template.rendered(f"{{{{ {action} }}}}", {"device": "MC-1"}, 3661.5) == printed


@pytest.mark.parametrize(
    ("value", "human", "duration"),
    [
        (0.1, "100m", "100ms"),
        (0.0001, "100u", "100us"),
        (75.25, "75.25", "1m 15s"),
        (12.345, "12.35", "12.35s"),
        (90061, "90.06k", "1d 1h 1m 1s"),
        (0, "0", "0s"),
    ],
)
def test_numbers_for_people(value: float, human: str, duration: str) -> None:
    assert template.rendered("{{ humanize $value }} {{ humanizeDuration $value }}", {}, value) == f"{human} {duration}"


@pytest.mark.parametrize(
    "action",
    ["$valve", "query `up`", "$value | shout", 'printf "%d" $value', "", "$value $value"],
)
def test_what_is_not_known_is_refused_and_says_what_is(action: str) -> None:
    with pytest.raises(InvalidInput, match="is not known: there are"):
        template.check(f"{{{{ {action} }}}}")


def test_the_labels_a_template_asks_for_are_told() -> None:
    assert template.labels_of("{{ $labels.device }} at {{ .Labels.street | printf `%s` }}, $labels.not") == {
        "device",
        "street",
    }
