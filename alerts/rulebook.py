"""Rule files: YAML in the Prometheus shape to a `Rulebook`. Every mistake names file, line, rule and field.

`groups`, `name`, `labels`, `rules`, `alert`, `expr`, `for`, `keep_firing_for`, `annotations` mean what they mean in
Prometheus, except that time is the readings' own (event time). Our own keys: `scope`, `clear`, `absent_for`, `raises`,
`source`. An unknown key is a mistake. Only `load` touches files; the rest is pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from alerts import condition, deadline, notation
from alerts.condition import Condition
from alerts.deadline import Calendar
from alerts.notation import Entry, Mistake
from alerts.rule import Absence, Department, Raises, Rule, Rulebook, Scope, Severity
from alerts.syntax import SyntaxFault
from core.errors import InvalidInput

DEFAULT = Path(__file__).parent / "rulebooks" / "default.yaml"
TEST_SUFFIX = ".test.yaml"

_RULE_KEYS = ("alert", "expr", "for", "keep_firing_for", "labels", "annotations")
_OWN_KEYS = ("scope", "clear", "absent_for", "raises", "source")
_TEMPLATE = re.compile(r"\{\{(.*?)\}\}")
_PLACEHOLDER = re.compile(r"\s*\$(?:value|labels\.[A-Za-z_]\w*)\s*")

T = TypeVar("T")


class WrongRules(InvalidInput):
    """One or more mistakes in rule files."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def load(path: Path, calendar: Calendar | None = None) -> Rulebook:
    """Give the rule book of a file, or of all rule files in a folder; raises `WrongRules` with every mistake."""
    return parse({str(file): file.read_text(encoding="utf-8") for file in files(path)}, calendar)


def files(path: Path) -> list[Path]:
    """Give the rule files of a folder, in order, or the one file; raises `InvalidInput` when there is none."""
    found = [path] if path.is_file() else [f for f in sorted(path.glob("*.y*ml")) if not f.name.endswith(TEST_SUFFIX)]
    if not found:
        raise InvalidInput(f"{path} is no rule file and holds none (*.yaml)")
    return found


def parse(texts: Mapping[str, str], calendar: Calendar | None = None) -> Rulebook:
    """Give the rule book of texts by file name; raises `WrongRules` with every mistake."""
    reader = _Reader()
    for file, text in texts.items():
        try:
            reader.file(notation.read(text, file))
        except Mistake as mistake:
            reader.mistakes.append(mistake)
    if reader.mistakes:
        raise WrongRules(reader.mistakes)
    return Rulebook(rules=tuple(reader.rules), calendar=calendar or Calendar())


@dataclass(slots=True)
class _Reader:
    """Collects rules and mistakes over all files."""

    rules: list[Rule] = field(default_factory=list[Rule])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])

    def file(self, top: Entry) -> None:
        top.allow("groups")
        for group in top.need("groups").items():
            self._attempt(lambda group=group: self._group(group))

    def _group(self, group: Entry) -> None:
        group.allow("name", "interval", "limit", "query_offset", "labels", "rules")
        for key in ("interval", "limit", "query_offset"):
            if entry := group.get(key):
                raise entry.mistake("has no meaning here: rules run as readings arrive; remove it")
        name = group.need("name").text()
        labels = _texts(group.get("labels"))
        for entry in group.need("rules").items():
            self._attempt(lambda entry=entry: self._add(_rule(entry, name, labels)))

    def _add(self, rule: Rule) -> None:
        twin = next((other for other in self.rules if other.name == rule.name), None)
        if twin is not None:
            where = f"{rule.name} is already defined in {twin.file}:{twin.line}; names are unique"
            raise Mistake(rule.file, rule.line, rule.name, "alert", where)
        self.rules.append(rule)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Mistake as mistake:
            self.mistakes.append(mistake)


def _rule(entry: Entry, group: str, group_labels: Mapping[str, str]) -> Rule:
    alert = entry.need("alert")
    name = alert.text()
    entry = entry.of_rule(name)
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise entry.need("alert").mistake("is a CamelCase word, e.g. CoverDisplaced")
    entry.allow(*_RULE_KEYS, *_OWN_KEYS)
    labels = {**group_labels, **_texts(entry.get("labels"))}
    fires, clears, absence = _trigger(entry)
    return Rule(
        name=name,
        group=group,
        scope=_scope(entry.need("scope")),
        severity=_severity(entry, labels),
        raises=_raises(entry.need("raises")),
        fires=fires,
        clears=clears,
        absence=absence,
        for_us=_duration_us(entry.get("for")),
        keep_firing_us=_duration_us(entry.get("keep_firing_for")),
        labels=labels,
        annotations=_annotations(entry.need("annotations")),
        source=source.text() if (source := entry.get("source")) else "",
        file=entry.file,
        line=alert.line,
    )


def _trigger(entry: Entry) -> tuple[Condition | None, Condition | None, Absence | None]:
    expr, clear, absent = entry.get("expr"), entry.get("clear"), entry.get("absent_for")
    if (expr is None) == (absent is None):
        raise entry.mistake("needs either `expr` or `absent_for`, and not both")
    if expr is not None:
        return _condition(expr), _condition(clear) if clear else None, None
    for key in ("clear", "keep_firing_for"):
        if unwanted := entry.get(key):
            raise unwanted.mistake("has no meaning beside `absent_for`: the next reading ends a silence; remove it")
    assert absent is not None
    return None, None, _absence(absent)


def _condition(entry: Entry) -> Condition:
    try:
        result = condition.compiled(entry.text())
    except SyntaxFault as fault:
        raise entry.mistake(str(fault)) from fault
    if constant := next((part.text for part in result.parts if part.channel is None), None):
        raise entry.mistake(f"`{constant}` looks at no channel: name one on either side")
    return result


def _absence(entry: Entry) -> Absence:
    text = entry.text()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s+intervals?", text.strip())
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
    entry.allow("profile", "class", "district")
    profiles = entry.need("profile").texts()
    classes = entry.get("class")
    districts = entry.get("district")
    return Scope(
        profiles=profiles,
        classes=classes.texts(r"[0-9]{4}", 'the four digits of a component class, quoted, e.g. "0101"')
        if classes
        else (),
        districts=districts.texts(r"[0-9]{6}", 'the six digits of a district, quoted, e.g. "130202"')
        if districts
        else (),
    )


def _severity(entry: Entry, labels: Mapping[str, str]) -> Severity:
    try:
        return Severity(labels.get("severity", ""))
    except ValueError as error:
        known = ", ".join(Severity)
        raise (entry.get("labels") or entry).mistake(f"severity must be one of {known}") from error


def _raises(entry: Entry) -> Raises:
    entry.allow("deadline", "department")
    limit = entry.need("deadline")
    department = entry.get("department")
    if department is not None:
        department.allow("zh", "en")
    try:
        return Raises(
            deadline=deadline.parse(limit.text()),
            department=Department(name_zh=department.need("zh").text(), name_en=department.need("en").text())
            if department
            else None,
        )
    except Mistake:
        raise
    except InvalidInput as error:
        raise limit.mistake(str(error)) from error


def _annotations(entry: Entry) -> Mapping[str, str]:
    for key in ("summary", "summary_zh"):
        entry.need(key)
    for key in entry.names():
        for inside in _TEMPLATE.findall(entry.need(key).text()):
            if not _PLACEHOLDER.fullmatch(inside):
                raise entry.need(key).mistake(
                    f"{{{{{inside}}}}} is not known: there are {{{{ $value }}}} and {{{{ $labels.device }}}}"
                )
    return _texts(entry)


def _texts(entry: Entry | None) -> dict[str, str]:
    return {key: entry.need(key).text() for key in entry.names()} if entry else {}


def _duration_us(entry: Entry | None) -> int:
    if entry is None:
        return 0
    try:
        return notation.duration_us(entry.text())
    except InvalidInput as error:
        raise entry.mistake(str(error)) from error


def rendered(template: str, labels: Mapping[str, str], value: float) -> str:
    """Give an annotation's text with `{{ $value }}` and `{{ $labels.x }}` filled in; an unknown label is empty."""

    def fill(match: re.Match[str]) -> str:
        inside = match[1].strip()
        return f"{value:.4g}" if inside == "$value" else labels.get(inside.removeprefix("$labels."), "")

    return _TEMPLATE.sub(fill, template)
