"""One rule of a rule file, field by field, to a `Rule`. Every mistake says what would be right. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from alerts import condition, due, notation, schedulefile, template
from alerts.condition import Condition
from alerts.due import Limit
from alerts.notation import Entry
from alerts.rule import FILES, MODES, ON_RECOVERY, Absence, Department, Raises, Rule, Scope, Severity, Sighting
from alerts.syntax import SyntaxFault
from alerts.together import FLAT, PLACES, SamePlace, Together
from core.errors import InvalidInput

_RULE_KEYS = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations")
_OWN_KEYS = ("scope", "clear", "absent_for", "event", "schedule", "mode", "together", "same_place", "raises", "source")
_ALERT = r"[A-Z][A-Za-z0-9]*"
_NAME = r"[a-z][a-z0-9_]*"
_CLASS = 'the four digits of a component class, quoted, e.g. "0101"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What a group gives to its rules."""

    name: str
    labels: Mapping[str, str]
    offset_us: int
    zone: str
    """The city's time zone."""


def read(entry: Entry, group: Group) -> Rule:
    """Give the rule of an entry of `rules:`; raises `Mistake`."""
    alert = entry.need("alert")
    name = alert.text()
    entry = entry.of_rule(name)
    if not re.fullmatch(_ALERT, name):
        raise entry.need("alert").mistake("is a CamelCase word, e.g. CoverDisplaced")
    entry.allow(*_RULE_KEYS, *_OWN_KEYS)
    labels = {**group.labels, **texts(entry.get("labels"))}
    schedule, mode = entry.get("schedule"), entry.get("mode")
    together, same_place = entry.get("together"), entry.get("same_place")
    if together and same_place:
        raise same_place.mistake("has no meaning beside `together`; remove one of them")
    event = entry.get("event")
    fires, clears, absence = _trigger(entry, group.zone) if event is None else (None, None, None)
    return Rule(
        name=name,
        group=group.name,
        scope=_scope(entry.need("scope")),
        severity=_severity(entry, labels),
        raises=_raises(entry.need("raises")),
        fires=fires,
        clears=clears,
        absence=absence,
        sighting=_sighting(entry, event) if event else None,
        for_us=duration_us(entry.get("for")),
        keep_firing_us=duration_us(entry.get("keep_firing_for")),
        offset_us=group.offset_us,
        mode=mode.choice(MODES) if mode else "live",
        schedule=schedulefile.read(schedule, group.zone) if schedule else None,
        together=_together(together) if together else None,
        same_place=_same_place(same_place) if same_place else None,
        labels=labels,
        annotations=_annotations(entry.need("annotations")),
        source=source.text() if (source := entry.get("source")) else "",
        file=entry.file,
        line=alert.line,
    )


def _trigger(entry: Entry, zone: str) -> tuple[Condition | None, Condition | None, Absence | None]:
    expr, clear, absent = entry.get("expr"), entry.get("clear"), entry.get("absent_for")
    if (expr is None) == (absent is None):
        raise entry.mistake("needs one of `expr`, `absent_for` and `event`")
    if expr is not None:
        return _condition(expr, zone), _condition(clear, zone) if clear else None, None
    for key in ("clear", "keep_firing_for"):
        if unwanted := entry.get(key):
            raise unwanted.mistake("has no meaning beside `absent_for`: the next reading ends a silence; remove it")
    assert absent is not None
    return None, None, _absence(absent)


def _sighting(entry: Entry, event: Entry) -> Sighting:
    for key in ("expr", "clear", "absent_for"):
        if unwanted := entry.get(key):
            raise unwanted.mistake("has no meaning beside `event`, which looks at facts; remove one of them")
    if duration_us(entry.get("keep_firing_for")) == 0:
        raise entry.mistake("`keep_firing_for` is missing: a sighting ends when that has passed without another")
    event.allow("kind", "confidence")
    confidence = event.get("confidence")
    return Sighting(
        kinds=event.need("kind").texts(_NAME, "the kind of a fact, e.g. uncovered_truck"),
        confidence=confidence.number(0, 1) if confidence else 0.0,
    )


def _condition(entry: Entry, zone: str) -> Condition:
    try:
        result = condition.compiled(entry.text(), zone)
    except SyntaxFault as fault:
        raise entry.mistake(str(fault)) from fault
    if constant := next((part.text for part in result.parts if not part.varies), None):
        raise entry.mistake(f"`{constant}` looks at no channel: name one on either side")
    return result


def _absence(entry: Entry) -> Absence:
    text = entry.text()
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s+intervals?", text.strip())
    if match is None:
        try:
            return Absence(seconds=notation.duration_us(text) / 1e6)
        except InvalidInput as error:
            raise entry.mistake(
                f"is a duration (90s) or a number of the device's intervals (3 intervals): {error}"
            ) from error
    if float(match[1]) < 1:
        raise entry.mistake("must be 1 interval or more: a shorter one is over before the next report is due")
    return Absence(intervals=float(match[1]))


def _scope(entry: Entry) -> Scope:
    entry.allow("profile", "class", "subsystem", "district", "grid", "tag")

    def listed(key: str, pattern: str, wanted: str) -> tuple[str, ...]:
        found = entry.get(key)
        return found.texts(pattern, wanted) if found else ()

    return Scope(
        profiles=entry.need("profile").texts(_NAME, "the name of a device profile, e.g. manhole_cover"),
        classes=listed("class", r"[0-9]{4}", _CLASS),
        subsystems=listed("subsystem", _NAME, "the name of a subsystem, e.g. drainage"),
        districts=listed("district", r"[0-9]{6}", 'the six digits of a district, quoted, e.g. "130202"'),
        grids=listed("grid", r"[0-9A-Za-z-]{6,20}", "the code of a patrol grid or unit grid, quoted"),
        tags=listed("tag", r"[^\s,{}]{1,64}", "a tag: a word of up to 64 characters"),
    )


def _together(entry: Entry) -> Together:
    entry.allow("in", "radius", "at_least", "share", "per_km2", "within", "merge", "clear_below", "replaces")
    place, radius, merge = entry.need("in").choice(PLACES), entry.get("radius"), entry.get("merge")
    if place == "radius" and radius is None:
        raise entry.mistake("`radius` is missing: say how far apart neighbours may be, e.g. radius: 300m")
    if place != "radius" and radius is not None:
        raise radius.mistake("has a meaning only with `in: radius`; remove it, or write `in: radius`")
    share, density, replaces = entry.get("share"), entry.get("per_km2"), entry.get("replaces")
    if not (entry.get("at_least") or share or density):
        raise entry.mistake("does not say how many: it needs `at_least`, `share` or `per_km2`")
    if density and place not in FLAT:
        raise density.mistake(f"a {place} has no area; write `share`, or one of in: {', '.join(FLAT)}")
    return Together(
        in_=place,
        radius_m=_length_m(radius) if radius else 0.0,
        at_least=_count(entry.get("at_least")),
        share=share.number(0, 1) if share else 0.0,
        per_km2=density.number(0, 1e6, "devices a square kilometre") if density else 0.0,
        within_us=duration_us(entry.get("within")),
        merge=merge.flag() if merge else True,
        clear_below=_count(entry.get("clear_below")),
        replaces=replaces.texts(_ALERT, "the name of a rule, e.g. LampOut") if replaces else (),
    )


def _same_place(entry: Entry) -> SamePlace:
    entry.allow("radius", "within")
    return SamePlace(radius_m=_length_m(entry.need("radius")), within_us=duration_us(entry.need("within")))


def _count(entry: Entry | None) -> int:
    if entry is None:
        return 0
    if not re.fullmatch(r"[1-9]\d{0,5}", entry.text()):
        raise entry.mistake(f"{entry.text()!r} is no number of devices: write e.g. 3")
    return int(entry.text())


def _severity(entry: Entry, labels: Mapping[str, str]) -> Severity:
    try:
        return Severity(labels.get("severity", ""))
    except ValueError as error:
        known = ", ".join(Severity)
        raise (entry.get("labels") or entry).mistake(f"severity must be one of {known}") from error


def _raises(entry: Entry) -> Raises:
    entry.allow("class", "condition", "deadline", "department", "files", "on_recovery")
    code, files, on_recovery = entry.get("class"), entry.get("files"), entry.get("on_recovery")
    if code and not re.fullmatch(r"E?[0-9]{4}", code.text()):
        raise code.mistake(f"{code.text()!r} is not {_CLASS}, nor of an event class, e.g. E0506")
    return Raises(
        deadline=_limit(entry.need("deadline")),
        department=_department(entry.get("department")),
        class_code=code.text() if code else "",
        condition=condition.text() if (condition := entry.get("condition")) else "",
        files=files.choice(FILES) if files else "after_check",
        on_recovery=on_recovery.choice(ON_RECOVERY) if on_recovery else "check",
    )


def _limit(entry: Entry) -> Limit:
    try:
        return due.parse(entry.text())
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error


def _department(entry: Entry | None) -> Department | None:
    if entry is None:
        return None
    entry.allow("zh", "en")
    return Department(name_zh=entry.need("zh").text(), name_en=entry.need("en").text())


def _length_m(entry: Entry) -> float:
    try:
        return notation.length_m(entry.text())
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error


def _annotations(entry: Entry) -> Mapping[str, str]:
    for key in ("summary", "summary_zh"):
        entry.need(key)
    for key in entry.names():
        try:
            template.check(entry.need(key).text())
        except InvalidInput as error:
            raise entry.need(key).mistake(str(error)) from error
    return texts(entry)


def texts(entry: Entry | None) -> dict[str, str]:
    """Give a mapping of texts; nothing is none."""
    return {key: entry.need(key).text() for key in entry.names()} if entry else {}


def duration_us(entry: Entry | None) -> int:
    """Give microseconds of a duration; nothing is 0."""
    if entry is None:
        return 0
    try:
        return notation.duration_us(entry.text())
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error
