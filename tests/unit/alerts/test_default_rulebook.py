"""The default rule book: its own tests, and what every rule of it must have."""

import pytest

from alerts import lint, rulebook, trialfile
from alerts.lint import ChannelFact, ProfileFact, Surroundings
from components_registry import taxonomy
from devices import profile

FILE = trialfile.load(rulebook.DEFAULT.with_suffix(rulebook.TEST_SUFFIX))
BOOK = rulebook.load(rulebook.DEFAULT)


@pytest.mark.parametrize("verdict", trialfile.verdicts(FILE), ids=lambda verdict: verdict.name)
def test_rule_test(verdict: trialfile.Verdict) -> None:
    assert verdict.failures == ()


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.name)
def test_every_rule_has_a_test_in_which_it_fires_and_recovers(rule: rulebook.Rule) -> None:
    incidents = [incident for trial in FILE.trials for incident in trial.incidents or ()]

    assert any(incident.rule == rule.name and incident.resolved_s is not None for incident in incidents)


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.name)
def test_every_rule_names_its_source_and_fires_within_20_s(rule: rulebook.Rule) -> None:
    assert rule.source
    assert rule.for_us <= 20_000_000


def test_lint_finds_nothing() -> None:
    profiles = {
        name: ProfileFact(
            channels={c.name: ChannelFact(unit=c.unit, min=c.min, max=c.max) for c in one.channels}, classes=one.classes
        )
        for name, one in profile.shipped().items()
    }

    assert lint.findings(BOOK, Surroundings(profiles=profiles, classes=taxonomy.TANGSHAN.classes)) == ()
