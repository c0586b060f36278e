"""Rule files: YAML in the Prometheus shape to a `Rulebook`. Every mistake names file, line, rule and field.

`groups`, `name`, `labels`, `rules`, `alert`, `expr`, `for`, `keep_firing_for`, `annotations` mean what they mean in
Prometheus, except that time is the readings' own (event time); `alerts.rulefields` reads a rule and names our own keys.
`inhibit_rules` mean what they mean in Alertmanager. An unknown key is a mistake. Only `load` touches files; the rest is
pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alerts import mutefile, notation, rulefields
from alerts.mute import InhibitRule
from alerts.notation import Entry, Mistake
from alerts.rule import Rule, Rulebook
from alerts.work_calendar import Calendar
from core.errors import InvalidInput

DEFAULT = Path(__file__).parent / "rulebooks"
"""The rule book a city starts with: a file a subsystem."""
TEST_SUFFIX = ".test.yaml"


class WrongRules(InvalidInput):
    """One or more mistakes in rule files."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def load(path: Path, calendar: Calendar | None = None) -> Rulebook:
    """Give the rule book of a file, or of all rule files in a folder; raises `WrongRules` with every mistake."""
    return parse(texts(path), calendar)


def texts(path: Path) -> dict[str, str]:
    """Give the texts of a file, or of all rule files in a folder, by path."""
    return {str(file): _text(file) for file in files(path)}


def files(path: Path) -> list[Path]:
    """Give the rule files of a folder, in order, or the one file; raises `InvalidInput` when there is none."""
    found = [path] if path.is_file() else [f for f in sorted(path.glob("*.y*ml")) if not f.name.endswith(TEST_SUFFIX)]
    if not found:
        raise InvalidInput(f"{path} is no rule file and holds none (*.yaml)")
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Mistake(str(file), 1, "", "", f"is no UTF-8 text: {error.reason}; save it as UTF-8") from error


def parse(texts: Mapping[str, str], calendar: Calendar | None = None) -> Rulebook:
    """Give the rule book of texts by file name; raises `WrongRules` with every mistake."""
    calendar = calendar or Calendar()
    reader = _Reader(zone=calendar.timezone)
    for file, text in texts.items():
        try:
            reader.file(notation.read(text, file))
        except Mistake as mistake:
            reader.mistakes.append(mistake)
    reader.mistakes.extend(_unknown_names(reader.rules))
    if reader.mistakes:
        raise WrongRules(reader.mistakes)
    return Rulebook(rules=tuple(reader.rules), calendar=calendar, inhibit_rules=tuple(reader.inhibit_rules))


def _unknown_names(rules: Sequence[Rule]) -> Iterator[Mistake]:
    """Find the names of rules that are none."""
    names = {rule.name for rule in rules}
    for rule in rules:
        for name in rule.together.replaces if rule.together else ():
            if name not in names:
                reason = f"there is no rule {name}{notation.near(name, names)}"
                yield Mistake(rule.file, rule.line, rule.name, "together.replaces", reason)


@dataclass(slots=True)
class _Reader:
    """Collects rules and mistakes over all files."""

    zone: str
    """The city's time zone."""
    rules: list[Rule] = field(default_factory=list[Rule])
    inhibit_rules: list[InhibitRule] = field(default_factory=list[InhibitRule])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])

    def file(self, top: Entry) -> None:
        top.allow("groups", "inhibit_rules")
        for group in top.need("groups").items():
            self._attempt(lambda group=group: self._group(group))
        if inhibit_rules := top.get("inhibit_rules"):
            self._attempt(lambda: self.inhibit_rules.extend(mutefile.inhibit_rules(inhibit_rules)))

    def _group(self, group: Entry) -> None:
        group.allow("name", "interval", "limit", "query_offset", "labels", "rules")
        if limit := group.get("limit"):
            raise limit.mistake("has no meaning here: a rule has one alert a device; remove it")
        rulefields.duration_us(group.get("interval"))  # read and without effect: rules run as readings arrive
        given = rulefields.Group(
            name=group.need("name").text(),
            labels=rulefields.texts(group.get("labels")),
            offset_us=rulefields.duration_us(group.get("query_offset")),
            zone=self.zone,
        )
        for entry in group.need("rules").items():
            self._attempt(lambda entry=entry: self._add(rulefields.read(entry, given)))

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
