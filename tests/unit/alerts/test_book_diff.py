"""What differs between rule books is told by meaning, key by key."""

from alerts import rulebook
from alerts.book_diff import differences, lines
from alerts.rule import Rulebook

RULE = """
      - alert: {name}
        expr: {expr}
        for: {lasts}
        labels: {{severity: major}}
        scope: {{profile: manhole_cover, district: ["130203"]}}
        raises: {{deadline: 1 hour}}
        annotations: {{summary: s, summary_zh: s}}
"""


def book(*rules: tuple[str, str, str], before: str = "") -> Rulebook:
    body = "".join(RULE.format(name=name, expr=expr, lasts=lasts) for name, expr, lasts in rules)
    return rulebook.parse({"r.yaml": f"{before}groups:\n  - name: g\n    rules:{body}"})


OLD = book(("A", "tilt_deg > 15", "20s"), ("B", "water_m > 1", "0s"))


def test_order_layout_comments_and_place_are_no_differences() -> None:
    same = book(("B", "water_m  >  1", "0s"), ("A", "tilt_deg > 15", "20s"), before="# a comment\n\n")

    assert differences(OLD, same) == ()


def test_a_changed_rule_names_its_keys_with_old_and_new() -> None:
    (changed,) = differences(OLD, book(("A", "tilt_deg > 20", "1m"), ("B", "water_m > 1", "0s")))

    assert (changed.rule, changed.what) == ("A", "changed")
    assert [(it.key, it.old, it.new) for it in changed.changes] == [
        ("expr", "tilt_deg > 15", "tilt_deg > 20"),
        ("for", "20s", "60s"),
    ]


def test_added_and_removed_rules_are_named() -> None:
    found = differences(OLD, book(("A", "tilt_deg > 15", "20s"), ("C", "ch4_pct_lel > 5", "0s")))

    assert [(it.rule, it.what) for it in found] == [("B", "removed"), ("C", "added")]
    text = "\n".join(lines(found))
    assert text.startswith("- B\n+ C\n")
    assert "    expr: ch4_pct_lel > 5" in text


def test_every_key_of_the_default_book_can_be_told() -> None:
    default = rulebook.load(rulebook.DEFAULT)

    found = differences(Rulebook(), default)

    assert {it.rule for it in found} - {"inhibit_rules"} == {rule.name for rule in default.rules}
    assert not [text for text in lines(found) if " object at 0x" in text]
