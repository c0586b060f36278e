"""Comments in rule files that switch a check off: `# citygrid: disable flapping`. Pure.

In a rule, or alone on the lines above its `- alert:`, it counts for that rule; above the first rule's lines, apart from
them, for the whole file.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from alerts.finding import Finding
from alerts.rule import Rulebook

CHECKS = frozenset(
    {
        *("syntax", "unknown_profile", "unknown_class", "class_not_carried", "unknown_channel", "unknown_area"),
        *("no_department", "no_limit", "impossible", "always", "no_recovery", "contradictory", "unit_trap"),
        *("out_of_range", "flapping", "shadowed", "unknown_label", "window_too_short", "few_devices", "empty_equal"),
    }
)
_COMMENT = re.compile(r"#\s*citygrid:\s*disable\s+([\w, ]+)")
_WHOLE_FILE = 0


def without(found: Iterable[Finding], rulebook: Rulebook, texts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Give the findings that no comment switches off, and one for each comment that names no check."""
    kept: list[Finding] = []
    off: set[tuple[str, int, str]] = set()
    for file, text in texts.items():
        starts = sorted(rule.line for rule in rulebook.rules if rule.file == file)
        for number, line, checks in _comments(text):
            place = _rule_of(number, line, text.splitlines(), starts)
            off |= {(file, place, check) for check in checks}
            kept.extend(_unknown(file, number, check) for check in checks if check not in CHECKS)
    for finding in found:
        where = {(finding.file, finding.line, finding.check), (finding.file, _WHOLE_FILE, finding.check)}
        if not where & off:
            kept.append(finding)
    return tuple(kept)


def _comments(text: str) -> Iterable[tuple[int, str, tuple[str, ...]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := _COMMENT.search(line):
            yield number, line, tuple(word for word in re.split(r"[,\s]+", match[1]) if word)


def _rule_of(number: int, line: str, lines: Sequence[str], starts: Sequence[int]) -> int:
    """Give the line of the rule that a comment is about."""
    if line.lstrip().startswith("#"):
        below = number
        while below < len(lines) and lines[below].lstrip().startswith("#"):
            below += 1
        if below + 1 in starts:
            return below + 1
    return max((start for start in starts if start <= number), default=_WHOLE_FILE)


def _unknown(file: str, line: int, check: str) -> Finding:
    known = ", ".join(sorted(CHECKS))
    return Finding(
        level="warning",
        file=file,
        line=line,
        rule="",
        field="# citygrid: disable",
        check="unknown_check",
        message=f"{check} is no check; there are {known}",
    )
