"""The figures a city is evaluated by: counts over cases in a period, each rate with both its numbers. Pure.

Formulas: those that two management systems of cities agree on where there are two (docs/incidents.md lists them); where
sources are silent, our choice is said beside the figure. A denominator of zero is no value, neither 0 nor 1. "Due" (应)
means that the due time lies in the period: a case that is not due yet weighs on nobody. Rework and extension are
counted by case: one reworked twice counts once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Step = Literal["verify", "file", "dispatch", "check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A half-open span of time."""

    start: datetime
    end: datetime

    def holds(self, at: datetime | None) -> bool:
        """Say whether an instant lies in it."""
        return at is not None and self.start <= at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One step somebody at a post had to do by a time, e.g. verify within 24 h."""

    step: Step
    due_at: datetime | None
    """None = no limit is set for this step."""
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the figures look at of one case. Times are None while it has not come so far."""

    reported_at: datetime
    filed_at: datetime | None = None
    dispatched_at: datetime | None = None
    due_at: datetime | None = None
    """When its disposal is due, with pauses and extensions."""
    handled_at: datetime | None = None
    closed_at: datetime | None = None
    """When it ended as a case; a rejected or cancelled report never does."""
    reworks: int = 0
    returns: int = 0
    extensions: int = 0
    by_sensor: bool = False
    false_alarm: bool | None = None
    """None = nobody has said yet."""
    duties: tuple[Duty, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A figure as it must be read: a share of so many."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """Give the share, None where there is nothing to share."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A figure's name, formula and source."""

    key: str
    name_zh: str
    name_en: str
    formula: str
    source: str
    measure: Callable[[Sequence[Case], Period], Rate]


def filing(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases reported in the period that were filed by its end."""
    reported = [case for case in cases if period.holds(case.reported_at)]
    return _share(reported, lambda case: _by(case.filed_at, period))


def disposal(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases due in the period that were handled by its end."""
    return _share(_due(cases, period), lambda case: _by(case.handled_at, period))


def on_time_disposal(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases due in the period that were handled by their due time."""
    return _share(_due(cases, period), _in_time)


def overdue_open(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases due in the period that were still not handled at its end."""
    return _share(_due(cases, period), lambda case: not _by(case.handled_at, period))


def closure(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases to be closed that were closed by the period's end."""
    return _share(_to_close(cases, period), lambda case: _by(case.closed_at, period))


def on_time_closure(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases to be closed that were closed after a disposal in time."""
    return _share(_to_close(cases, period), lambda case: _by(case.closed_at, period) and _in_time(case))


def rework(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases to be closed whose check failed at least once."""
    return _share(_to_close(cases, period), lambda case: case.reworks > 0)


def extension(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases due in the period that were given more time."""
    return _share(_due(cases, period), lambda case: case.extensions > 0)


def accurate_dispatch(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the cases dispatched in the period that no department gave back."""
    dispatched = [case for case in cases if period.holds(case.dispatched_at)]
    return _share(dispatched, lambda case: case.returns == 0)


def alarm_precision(cases: Sequence[Case], period: Period) -> Rate:
    """Give the share of the sensors' cases reported in the period that were no false alarm, of those judged."""
    judged = [c for c in cases if c.by_sensor and period.holds(c.reported_at) and c.false_alarm is not None]
    return _share(judged, lambda case: case.false_alarm is False)


def on_time(step: Step) -> Callable[[Sequence[Case], Period], Rate]:
    """Give the measure of a step's duties that were due in the period: the share done by their due time."""

    def measure(cases: Sequence[Case], period: Period) -> Rate:
        due = [duty for case in cases for duty in case.duties if duty.step == step and period.holds(duty.due_at)]
        done = sum(duty.done_at is not None and duty.done_at <= duty.due_at for duty in due if duty.due_at)
        return Rate(numerator=done, denominator=len(due))

    return measure


def mean_s(cases: Iterable[Case], period: Period, *, until: Literal["dispatched", "handled"]) -> float | None:
    """Give the mean seconds from report to dispatch, or to handling, of the cases that got there in the period."""
    spans = [
        (end - case.reported_at).total_seconds()
        for case in cases
        if (end := case.dispatched_at if until == "dispatched" else case.handled_at) and period.holds(end)
    ]
    return sum(spans) / len(spans) if spans else None


def _due(cases: Sequence[Case], period: Period) -> list[Case]:
    return [case for case in cases if period.holds(case.due_at)]


def _to_close(cases: Sequence[Case], period: Period) -> list[Case]:
    """应结案数 = 处置数 + 超时未处置数: handled in the period, or due in it and not handled by its end."""
    return [
        case
        for case in cases
        if period.holds(case.handled_at) or (period.holds(case.due_at) and not _by(case.handled_at, period))
    ]


def _by(at: datetime | None, period: Period) -> bool:
    return at is not None and at < period.end


def _in_time(case: Case) -> bool:
    return case.handled_at is not None and case.due_at is not None and case.handled_at <= case.due_at


def _share(cases: Sequence[Case], counts: Callable[[Case], bool]) -> Rate:
    return Rate(numerator=sum(counts(case) for case in cases), denominator=len(cases))


_TWO = "two city management systems agree"
_ONE = "one city management system"
_OURS = "our choice"

INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        key="filing_rate",
        name_zh="立案率",
        name_en="filing rate",
        formula="filed / reported in the period (立案数 / 上报数)",
        source=_OURS + ": sources differ on the denominator",
        measure=filing,
    ),
    Indicator(
        key="disposal_rate",
        name_zh="处置率",
        name_en="disposal rate",
        formula="handled / due in the period (处置数 / 应处置数)",
        source=_TWO,
        measure=disposal,
    ),
    Indicator(
        key="on_time_disposal_rate",
        name_zh="按期处置率",
        name_en="on-time disposal rate",
        formula="handled by the due time / due in the period (按期处置数 / 应处置数)",
        source=_TWO,
        measure=on_time_disposal,
    ),
    Indicator(
        key="overdue_open_rate",
        name_zh="超期待处置率",
        name_en="overdue open rate",
        formula="due and not handled at the end / due in the period (超期待处置数 / 应处置数)",
        source=_ONE,
        measure=overdue_open,
    ),
    Indicator(
        key="closure_rate",
        name_zh="结案率",
        name_en="closure rate",
        formula="closed / to be closed = handled + overdue not handled (结案数 / 应结案数)",
        source=_TWO,
        measure=closure,
    ),
    Indicator(
        key="on_time_closure_rate",
        name_zh="按期结案率",
        name_en="on-time closure rate",
        formula="closed after a disposal in time / to be closed (按期结案数 / 应结案数)",
        source=_ONE,
        measure=on_time_closure,
    ),
    Indicator(
        key="rework_rate",
        name_zh="返工率",
        name_en="rework rate",
        formula="cases whose check failed / to be closed (返工数 / 应结案数), by case",
        source=_TWO + "; by case: " + _OURS,
        measure=rework,
    ),
    Indicator(
        key="extension_rate",
        name_zh="延期率",
        name_en="extension rate",
        formula="cases given more time / due in the period (延期数 / 应处置数), by case",
        source=_ONE,
        measure=extension,
    ),
    Indicator(
        key="accurate_dispatch_rate",
        name_zh="准确派遣率",
        name_en="accurate dispatch rate",
        formula="never given back / dispatched in the period (准确派遣数 / 派遣数)",
        source=_ONE,
        measure=accurate_dispatch,
    ),
    Indicator(
        key="on_time_verification_rate",
        name_zh="按期核实率",
        name_en="on-time verification rate",
        formula="verified by the due time / verifications due in the period",
        source=_ONE,
        measure=on_time("verify"),
    ),
    Indicator(
        key="on_time_filing_rate",
        name_zh="按时立案率",
        name_en="on-time filing rate",
        formula="filed by the due time / filings due in the period",
        source=_ONE,
        measure=on_time("file"),
    ),
    Indicator(
        key="on_time_dispatch_rate",
        name_zh="按期派遣率",
        name_en="on-time dispatch rate",
        formula="dispatched by the due time / dispatches due in the period",
        source=_ONE,
        measure=on_time("dispatch"),
    ),
    Indicator(
        key="on_time_check_rate",
        name_zh="按期核查率",
        name_en="on-time check rate",
        formula="checked by the due time / checks due in the period",
        source=_ONE,
        measure=on_time("check"),
    ),
    Indicator(
        key="alarm_precision",
        name_zh="告警准确率",
        name_en="alarm precision",
        formula="sensors' cases that were no false alarm / judged ones reported in the period",
        source=_OURS,
        measure=alarm_precision,
    ),
)
"""All figures over cases, in the order they are shown."""

POSTS: Mapping[str, tuple[str, ...]] = {
    "supervisor": ("on_time_verification_rate", "on_time_check_rate"),
    "acceptor": ("filing_rate",),
    "shift_leader": ("on_time_filing_rate", "closure_rate", "on_time_closure_rate"),
    "dispatcher": ("on_time_dispatch_rate", "accurate_dispatch_rate"),
    "department": ("disposal_rate", "on_time_disposal_rate", "overdue_open_rate", "rework_rate", "extension_rate"),
}
"""Whose work a figure shows: 监督员, 受理员, 值班长, 派遣员, 专业部门."""


def figures(cases: Sequence[Case], period: Period) -> dict[str, Rate]:
    """Give every figure of a group of cases, by its key."""
    return {indicator.key: indicator.measure(cases, period) for indicator in INDICATORS}
