"""Laws of matchers and of inhibition, against the plainest way to say them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from alerts import matcher
from alerts.matcher import Matcher
from alerts.mute import InhibitRule, Standing, Subject

NAMES = st.sampled_from(["alertname", "severity", "circuit"])
VALUES = st.sampled_from(["", "a", "b", "ab"])
LABELS = st.dictionaries(NAMES, VALUES)
MATCHERS = st.builds(
    Matcher, NAMES, st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from(["", "a", "b", "a|b", "a.*", ".+"])
)
SIDES = st.lists(MATCHERS, max_size=2).map(tuple)
RULES = st.builds(
    InhibitRule, source_matchers=SIDES, target_matchers=SIDES, equal=st.lists(NAMES, unique=True).map(tuple)
)
CAUSES = st.sampled_from(["x", "y", "z"])
MOVES = st.lists(st.tuples(CAUSES, st.none() | LABELS), max_size=12)


@given(MATCHERS, LABELS)
def test_a_matcher_and_its_opposite_part_everything(one: Matcher, labels: dict[str, str]) -> None:
    opposite = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}

    assert one.matches(labels) != Matcher(one.name, opposite[one.operator], one.value).matches(labels)  # type: ignore[arg-type]


@given(st.builds(Matcher, NAMES, st.sampled_from(["=", "!="]), st.text(max_size=20)))
def test_every_matcher_is_read_as_it_was_written(one: Matcher) -> None:
    assert matcher.parse(str(one)) == (one,)


@given(st.lists(st.builds(Matcher, NAMES, st.just("="), st.text(max_size=10)), max_size=4).map(tuple))
def test_several_matchers_are_read_as_they_were_written(several: tuple[Matcher, ...]) -> None:
    assert matcher.parse("{" + ", ".join(map(str, several)) + "}") == several


@given(MATCHERS, LABELS)
def test_an_absent_label_is_an_empty_one(one: Matcher, labels: dict[str, str]) -> None:
    assert one.matches(labels) == one.matches({"alertname": "", "severity": "", "circuit": "", **labels})


def plainly(rules: list[InhibitRule], causes: dict[str, dict[str, str]], cause: str, labels: dict[str, str]) -> bool:
    """Alertmanager's documentation, word for word."""

    def holds(side: tuple[Matcher, ...], of: dict[str, str]) -> bool:
        return all(
            {
                "=": of.get(m.name, "") == m.value,
                "!=": of.get(m.name, "") != m.value,
                "=~": bool(re.fullmatch(m.value, of.get(m.name, ""))),
                "!~": not re.fullmatch(m.value, of.get(m.name, "")),
            }[m.operator]
            for m in side
        )

    def is_both(rule: InhibitRule, of: dict[str, str]) -> bool:
        return holds(rule.source_matchers, of) and holds(rule.target_matchers, of)

    return any(
        holds(rule.target_matchers, labels)
        and holds(rule.source_matchers, other)
        and source != cause
        and not (is_both(rule, labels) and is_both(rule, other))
        and all(labels.get(name, "") == other.get(name, "") for name in rule.equal)
        for rule in rules
        for source, other in causes.items()
    )


@given(st.lists(RULES, max_size=3), MOVES, MOVES, CAUSES, LABELS)
def test_what_is_held_back_is_what_the_plain_words_say(
    rules: list[InhibitRule],
    committed: list[tuple[str, dict[str, str] | None]],
    drafted: list[tuple[str, dict[str, str] | None]],
    cause: str,
    labels: dict[str, str],
) -> None:
    known: dict[str, dict[str, str]] = {}
    causes = Standing(rules)
    draft = causes.draft()
    for target, moves in ((causes, committed), (draft, drafted)):
        for name, given_labels in moves:
            known.pop(name, None)
            if given_labels is None:
                target.drop(name)
            else:
                target.put(name, given_labels)
                known[name] = given_labels
    subject = Subject(cause=cause, labels=labels, lon_deg=0, lat_deg=0)
    expected = plainly(rules, known, cause, labels)

    assert (draft.inhibitor(subject) is not None) == expected
    causes.apply(draft)
    assert (causes.inhibitor(subject) is not None) == expected
