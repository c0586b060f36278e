"""Checks of one rule that need no values tried: labels, windows, numbers of devices, scopes. Pure."""

from collections.abc import Iterator

from alerts import labels, syntax, template
from alerts.finding import ChannelFact, Finding, Report, Surroundings
from alerts.rule import Rule, Rulebook, Severity

LABELS = frozenset(
    {"alertname", "severity", "device", "profile", "class", "subsystem", "district", "component", *labels.PLACE_LABELS}
)
"""What a case may bear (`alerts.labels`)."""
MAY_LACK = frozenset({"component", "class", "subsystem", "district", *labels.PLACE_LABELS})
"""Labels that not every case has."""
SEEN_LABELS = frozenset({"plate"})
"""What a sighting adds."""
FEWEST_REPORTS = 2.0
"""A window must hold so many usual reports to say more than the newest one (our choice)."""
_OTHER_UNITS = ((1e-3, "thousandths"), (1e-2, "hundredths"), (1e3, "thousands"), (1e2, "hundreds"))


def findings(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    """Give what is doubtful about a rule by itself."""
    yield from _labels(rule, report)
    yield from _windows(rule, known, report)
    yield from _together(rule, known, report)


def _labels(rule: Rule, report: Report) -> Iterator[Finding]:
    borne = LABELS | rule.labels.keys() | (SEEN_LABELS if rule.sighting else frozenset())
    for key, text in rule.annotations.items():
        for name in sorted(template.labels_of(text) - borne):
            message = f"no case bears the label {name}, so it stays empty; there are {', '.join(sorted(borne))}"
            yield report("warning", f"annotations.{key}", "unknown_label", message)


def _windows(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    for field, condition in (("expr", rule.fires), ("clear", rule.clears)):
        windows = [node for node in syntax.walk(condition.tree) if isinstance(node, syntax.Window)] if condition else []
        for name in rule.scope.profiles:
            interval_s = known.profiles[name].interval_s if name in known.profiles else 0.0
            for window in windows:
                if window.span_us / 1e6 < FEWEST_REPORTS * interval_s:
                    message = (
                        f"{window.function}({window.channel}[{window.span_us / 1e6:g}s]) holds less than "
                        f"{FEWEST_REPORTS:g} reports of a {name}, which reports each {interval_s:g} s; lengthen it"
                    )
                    yield report("warning", field, "window_too_short", message)


def _together(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    if rule.together is None or known.devices is None:
        return
    there = sum(known.devices.get(name, 0) for name in rule.scope.profiles)
    if there < rule.together.at_least:
        message = f"asks for {rule.together.at_least} devices, and there are {there} of its profiles in the whole city"
        yield report("warning", "together.at_least", "few_devices", message)


def inhibitions(rulebook: Rulebook) -> Iterator[Finding]:
    """Find inhibitions that make all cases equal which lack a label: absent is the same as empty."""
    for one in rulebook.inhibit_rules:
        for name in one.equal:
            sure = any(it.name == name and it.operator != "=" and not it.matches({}) for it in one.source_matchers)
            if name in MAY_LACK and not sure and not any(it.name == name for it in one.target_matchers):
                yield Finding(
                    level="warning",
                    file=one.file,
                    line=one.line,
                    rule=one.name,
                    field="inhibit_rules.equal",
                    check="empty_equal",
                    message=f"cases without a {name} are all equal here: add '{name}!=\"\"' to source_matchers",
                )


def in_another_unit(threshold: float, fact: ChannelFact) -> str:
    """Say what a threshold out of range may have meant."""
    for factor, name in _OTHER_UNITS:
        if fact.min < threshold * factor < fact.max and threshold * factor != 0:
            return f"; {threshold * factor:g} {fact.unit} if it was meant in {name}"
    return ""


def covers(other: Rule, rule: Rule) -> bool:
    """Say whether another rule looks wherever and whenever a rule looks, as long and as severely."""
    severities = [*Severity]
    scopes = (
        (other.scope.classes, rule.scope.classes),
        (other.scope.subsystems, rule.scope.subsystems),
        (other.scope.districts, rule.scope.districts),
        (other.scope.grids, rule.scope.grids),
        (other.scope.tags, rule.scope.tags),
    )
    return (
        set(rule.scope.profiles) <= set(other.scope.profiles)
        and all(not wide or (narrow and set(narrow) <= set(wide)) for wide, narrow in scopes)
        and other.together is None
        and rule.together is None
        and other.schedule in (None, rule.schedule)
        and other.mode == rule.mode
        and other.for_us <= rule.for_us
        and severities.index(other.severity) >= severities.index(rule.severity)
    )
