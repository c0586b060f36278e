"""The default rule book: its own tests, and what every rule of it must have."""

import pytest

from alerts import rulebook, trialfile
from alerts.rule import Rule
from alerts.trialfile import TrialFile
from components_registry import taxonomy
from devices import profile

BOOK = rulebook.load(rulebook.DEFAULT)
TESTS = [trialfile.load(file) for file in sorted(rulebook.DEFAULT.glob(f"*{rulebook.TEST_SUFFIX}"))]
DEMO = {"manhole_cover", "streetlight", "bus", "camera"}
"""Devices of the demo: what befalls them must show within a minute."""
PATIENT = {
    *("CoverRattles", "VoltageOffStandard", "PowerFactorLow", "LitInDaylight", "RecorderFull", "BusOvercrowded"),
    *("StreetVendorSeen", "GoodsOutsideShopSeen", "BicyclesInDisorderSeen", "RoadWaterSeen", "SiteDustSeen"),
    "BuildingInProgressSeen",
}
"""Rules on them that mean something lasting; the demo has no fault of their kind."""


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.path.name)
def test_the_rule_tests_of_a_file_pass(file: TrialFile) -> None:
    assert [(verdict.name, verdict.failures) for verdict in trialfile.verdicts(file) if verdict.failures] == []


def test_every_file_has_its_tests_beside_it() -> None:
    assert {file.path.name.replace(".test.", ".") for file in TESTS} == {
        file.name for file in rulebook.files(rulebook.DEFAULT)
    }


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.name)
def test_every_rule_has_a_test_in_which_it_fires_and_recovers(rule: Rule) -> None:
    incidents = [incident for file in TESTS for trial in file.trials for incident in trial.incidents or ()]

    assert any(incident.rule == rule.name and incident.resolved_s is not None for incident in incidents)


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.name)
def test_every_rule_names_its_source_and_those_of_the_demo_fire_soon(rule: Rule) -> None:
    assert rule.source
    if DEMO & set(rule.scope.profiles) and rule.name not in PATIENT:
        assert rule.for_us <= 20_000_000


def test_every_shipped_device_type_is_watched_by_more_than_its_silence() -> None:
    watched = {name for rule in BOOK.rules if rule.absence is None for name in rule.scope.profiles}

    assert watched == profile.shipped().keys()


def test_every_subsystem_has_a_file() -> None:
    assert {it.subsystem for it in taxonomy.TANGSHAN.classes.values()} - {"none"} <= {
        file.stem for file in rulebook.files(rulebook.DEFAULT)
    }
