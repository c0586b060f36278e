"""Findings on a rule book that reads well but cannot be right: tried on the plausible values of its channels. Pure.

A condition is evaluated on every combination of values around its own thresholds and at the ends of the channels'
ranges. Whatever it does on none, or on all of them, it will never or always do.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from alerts import disabled, limits, lint_rule, syntax
from alerts.columns import Columns
from alerts.condition import Condition, of_tree
from alerts.finding import ChannelFact, Finding, Level, ProfileFact, Report, Surroundings
from alerts.notation import near
from alerts.rule import Rule, Rulebook
from alerts.signatures import SIGNATURES

__all__ = ["ChannelFact", "Finding", "Level", "ProfileFact", "Surroundings", "findings"]
_MOST_COMBINATIONS = 200_000
_PERCENT_UNITS = frozenset({"%", "%LEL"})


def findings(rulebook: Rulebook, known: Surroundings, texts: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """Give everything that is wrong or doubtful, in the order of the rules.

    `texts` are the rule files by name, for the comments in them that switch a check off.
    """
    found = [finding for rule in rulebook.rules for finding in _of_rule(rule, rulebook, known)]
    found.extend(lint_rule.inhibitions(rulebook))
    return disabled.without(found, rulebook, texts or {})


def _of_rule(rule: Rule, rulebook: Rulebook, known: Surroundings) -> Iterator[Finding]:
    def report(level: Level, field: str, check: str, message: str) -> Finding:
        return Finding(
            level=level, file=rule.file, line=rule.line, rule=rule.name, field=field, check=check, message=message
        )

    yield from _scope(rule, known, report)
    yield from _ownership(rule, known, report)
    yield from _limit(rule, known, report)
    for name in rule.scope.profiles:
        profile = known.profiles.get(name)
        if profile is not None and rule.fires is not None:
            yield from _conditions(rule, rule.fires, name, profile, report)
    yield from _areas(rule, known, report)
    if rule.fires is not None:
        yield from _recovery(rule, known, report)
    yield from lint_rule.findings(rule, known, report)
    yield from _shadowed(rule, rulebook, known, report)


def _shadowed(rule: Rule, rulebook: Rulebook, known: Surroundings, report: Report) -> Iterator[Finding]:
    """Find a rule that tells nothing new: it fires only where another one does, which is as severe."""
    for other in rulebook.rules:
        if other is rule or rule.fires is None or other.fires is None or not lint_rule.covers(other, rule):
            continue
        if lint_rule.covers(rule, other) and rulebook.rules.index(other) > rulebook.rules.index(rule):
            continue  # of two that say the same the later one is found
        if all(_implies(rule.fires, other.fires, known.profiles.get(name)) for name in rule.scope.profiles):
            message = f"fires only where {other.name} fires too, and is not more severe: it tells nothing new"
            yield report("warning", "expr", "shadowed", message)


def _implies(one: Condition, other: Condition, profile: ProfileFact | None) -> bool:
    """Say whether the other condition holds wherever the one does, on the plausible values."""
    if profile is None or not (one.channels | other.channels) <= profile.channels.keys():
        return False
    facts = dict(profile.channels)
    loose = [_loosened(condition, facts) for condition in (one, other)]
    grid = _grid(loose, facts, profile.channels)
    if grid is None:
        return False
    fires, also = (condition.holds(cast("Columns", grid)) for condition in loose)
    return bool(fires.any()) and not bool((fires & ~also).any())


def _scope(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    for name in rule.scope.profiles:
        if name not in known.profiles:
            message = f"there is no device profile {name}{near(name, known.profiles)}"
            yield report("error", "scope.profile", "unknown_profile", message)
    carried = {code for p in rule.scope.profiles if p in known.profiles for code in known.profiles[p].classes}
    for code in rule.scope.classes:
        if code not in known.classes:
            yield report("error", "scope.class", "unknown_class", f"the catalogue has no class {code}")
        elif code not in carried:
            message = f"no device of {', '.join(rule.scope.profiles)} stands on class {code}: the rule never sees one"
            yield report("warning", "scope.class", "class_not_carried", message)


def _ownership(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    if rule.raises.department is not None:
        return
    for name in rule.scope.profiles:
        if name in known.profiles and not known.profiles[name].classes:
            message = f"devices of {name} stand on no component: name the department that gets the incident"
            yield report("error", "raises.department", "no_department", message)


def _limit(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    raises = rule.raises
    why = limits.lacking(raises.class_code, raises.condition, known.limits) if known.limits is not None else None
    if why:
        yield report("warning", "raises.condition", "no_limit", why)


def _areas(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    for field, condition in (("expr", rule.fires), ("clear", rule.clears)):
        for area in (
            sorted(condition.areas.difference(known.areas or ())) if condition and known.areas is not None else ()
        ):
            yield report("error", field, "unknown_area", f"the city has no area {area}{near(area, known.areas or ())}")


def _conditions(rule: Rule, fires: Condition, name: str, profile: ProfileFact, report: Report) -> Iterator[Finding]:
    given = [("expr", fires), *([("clear", rule.clears)] if rule.clears else [])]
    unknown = False
    for field, condition in given:
        for channel in sorted(condition.channels - profile.channels.keys()):
            unknown = True
            message = f"profile {name} has no channel {channel}{near(channel, profile.channels)}"
            yield report("error", field, "unknown_channel", message)
    if unknown:
        return
    yield from (f for field, c in given for f in _units(field, c, profile, report))
    facts = dict(profile.channels)
    loose = [_loosened(condition, facts) for _, condition in given]
    grid = _grid(loose, facts, profile.channels)
    if grid is None:
        return
    yield from _on_grid(loose, name, grid, report)


_RANGES = {
    "hour": (0, 23),
    "local_hour": (0, 23),
    "minute": (0, 59),
    "day_of_week": (0, 6),
    "local_day_of_week": (0, 6),
    "day_of_month": (1, 31),
    "day_of_year": (1, 366),
    "days_in_month": (28, 31),
    "month": (1, 12),
    "sun_elevation_deg": (-90, 90),
    "off_route_m": (0, 1e6),
    "count_over_time": (0, 1e6),
    "neighbours_count": (0, 1e6),
}


def _loosened(condition: Condition, facts: dict[str, ChannelFact]) -> Condition:
    """Let what looks back, around or at time and place take any value it may have, as a channel of its own."""

    def free(node: syntax.Node) -> syntax.Node | None:
        match node:
            case syntax.Fact(syntax.Place("outside", area)):
                return syntax.Negation(_as_truth(free(syntax.Fact(syntax.Place("inside", area), f"inside({area})"))))
            case syntax.Fact(syntax.Place("inside", area)):
                text = f"inside({area})"
                facts[text] = ChannelFact("", 0, 1)
                return syntax.Comparison("==", syntax.Channel(text), syntax.Constant(1), text)
            case syntax.Fact(_, text):
                facts[text] = ChannelFact("", 0, 1)
                return syntax.Comparison("==", syntax.Channel(text), syntax.Constant(1), text)
            case syntax.Window() | syntax.Neighbours():
                own = facts[node.channel] if SIGNATURES[node.function].own_unit else None
                low, high = (own.min, own.max) if own else _RANGES.get(node.function, (-1e9, 1e9))
                if isinstance(node, syntax.Neighbours):
                    name = f"{node.function}({node.channel}, {node.radius_m:g}m)"
                else:
                    parameter = f"{node.parameter:g}, " if node.parameter else ""
                    name = f"{node.function}({parameter}{node.channel}[{node.span_us / 1e6:g}s])"
            case syntax.Call(function, ()):
                low, high = _RANGES.get(function, (0, 4e9))
                name = f"{function}()"
            case _:
                return None
        facts[name] = ChannelFact("", low, high)
        return syntax.Channel(name)

    return of_tree(_as_truth(syntax.replaced(condition.tree, free)), condition.text, "UTC")


def _as_truth(node: syntax.Node | None) -> syntax.Truth:
    assert isinstance(node, syntax.Truth)
    return node


def _on_grid(conditions: Sequence[Condition], name: str, grid: "_Grid", report: Report) -> Iterator[Finding]:
    columns = cast("Columns", grid)  # nothing else is left to ask for
    fired = conditions[0].holds(columns)
    if not fired.any():
        yield report("error", "expr", "impossible", f"never holds within the plausible ranges of {name}")
        return
    if fired.all():
        yield report("error", "expr", "always", f"holds for every plausible reading of {name}")
    if len(conditions) == 1:
        return
    cleared = conditions[1].holds(columns)
    if not cleared.any():
        yield report("error", "clear", "no_recovery", f"never holds within the plausible ranges of {name}")
    both = np.flatnonzero(fired & cleared)
    if len(both):
        message = f"holds together with `expr`, e.g. at {grid.point(int(both[0]))}: the rule would flap"
        yield report("warning" if grid.is_loose else "error", "clear", "contradictory", message)


def _units(field: str, condition: Condition, profile: ProfileFact, report: Report) -> Iterator[Finding]:
    for part in condition.parts:
        fact = profile.channels.get(part.channel or "")
        if fact is None or part.threshold is None or part.is_change:
            continue
        if fact.unit in _PERCENT_UNITS and 0 < part.threshold <= 1:
            range_text = f"`{part.text}`: {part.channel} is in {fact.unit}, {fact.min:g} to {fact.max:g}"
            message = f"{range_text}: {part.threshold:g} looks like a ratio; write {part.threshold * 100:g}?"
            yield report("warning", field, "unit_trap", message)
        elif not fact.min <= part.threshold <= fact.max:
            message = f"`{part.text}`: {part.channel} is plausible from {fact.min:g} to {fact.max:g} {fact.unit}"
            meant = lint_rule.in_another_unit(part.threshold, fact)
            yield report(
                "warning", field, "out_of_range", f"{message}; readings beyond are stored as not measured{meant}"
            )


def _recovery(rule: Rule, known: Surroundings, report: Report) -> Iterator[Finding]:
    """A rule that recovers exactly where it fires flaps on noise; a flag (0 or 1) has no noise."""
    assert rule.fires is not None
    if (
        rule.clears is not None
        or rule.keep_firing_us
        or not any(part.threshold is not None for part in rule.fires.parts)
    ):
        return
    facts = [
        known.profiles[p].channels.get(c)
        for p in rule.scope.profiles
        if p in known.profiles
        for c in rule.fires.channels
    ]
    if any(fact is not None and (fact.min, fact.max) != (0, 1) for fact in facts):
        message = "is missing: without it the rule recovers where it fires, and noise makes it flap"
        yield report("warning", "clear", "flapping", message)


@dataclass(frozen=True, slots=True)
class _Grid:
    """All combinations of the interesting values, as the columns a condition looks at."""

    columns: Mapping[str, NDArray[np.float64]]
    deltas: Mapping[str, NDArray[np.float64]]
    is_loose: bool
    """Some columns that hang together in life (the sun and the hour) take all combinations here."""

    def __len__(self) -> int:
        return len(next(iter({**self.columns, **self.deltas}.values())))

    def column(self, channel: str) -> NDArray[np.float64]:
        return self.columns[channel]

    def change(self, channel: str) -> NDArray[np.float64]:
        return self.deltas[channel]

    def elapsed_s(self) -> NDArray[np.float64]:
        return np.ones(len(self))

    def point(self, row: int) -> str:
        values = [f"{name} = {column[row]:g}" for name, column in self.columns.items()]
        changes = [f"change({name}) = {column[row]:g}" for name, column in self.deltas.items()]
        return ", ".join(values + changes)


def _grid(
    conditions: Sequence[Condition], facts: Mapping[str, ChannelFact], known: Mapping[str, ChannelFact]
) -> _Grid | None:
    """Give the combinations, None when there are too many to try."""
    constants = sorted({value for condition in conditions for value in _constants(condition.tree)})
    axes: dict[tuple[str, bool], list[float]] = {}
    for channel in sorted({c for condition in conditions for c in condition.channels}):
        fact = facts[channel]
        axes[channel, False] = _around(constants, fact.min, fact.max)
    for channel in sorted({c for condition in conditions for c in condition.changes}):
        fact = facts[channel]
        span = fact.max - fact.min
        axes[channel, True] = sorted({*_around(constants, -span, span), 0.0})
    if np.prod([float(len(values)) for values in axes.values()]) > _MOST_COMBINATIONS:
        return None
    table = np.array(list(itertools.product(*axes.values())))
    columns = {name: table[:, number] for number, (name, changed) in enumerate(axes) if not changed}
    deltas = {name: table[:, number] for number, (name, changed) in enumerate(axes) if changed}
    return _Grid(columns, deltas, is_loose=not columns.keys() <= known.keys())


def _around(constants: list[float], low: float, high: float) -> list[float]:
    """Give the ends of a range, and the thresholds in it with their neighbours and the middles between them."""
    both = {*constants, *(-value for value in constants), 0.0}  # of `abs(x) > 5` the other side of zero counts too
    inside = [value for value in both if low <= value <= high]
    edges = sorted({low, *inside, high})
    middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
    return sorted({*edges, *middles})


def _constants(node: syntax.Node) -> Iterator[float]:
    return (part.value for part in syntax.walk(node) if isinstance(part, syntax.Constant))
