from alerts.dispatch import Answers, Asked, Choice, choose

ONE = Answers(maintainer=1, owner=2, competent=3)


def test_the_maintainer_is_asked_before_the_owner_and_the_owner_before_the_competent_unit() -> None:
    without_maintainer = Answers(owner=2, competent=3)
    without_owner = Answers(competent=3)

    chosen = [
        choose(Asked(components=[answers], of_rule=4, of_class=5))
        for answers in (ONE, without_maintainer, without_owner)
    ]

    assert [(choice.department_id, choice.reason) for choice in chosen] == [
        (1, "maintainer"),
        (2, "owner"),
        (3, "competent"),
    ]


def test_where_the_survey_names_nobody_the_rule_says_and_then_the_class() -> None:
    nobody = [Answers()]

    assert choose(Asked(components=nobody, of_rule=4, of_class=5, team="T")) == Choice(
        department_id=4, reason="rule", team="T"
    )
    assert choose(Asked(components=nobody, of_class=5)).reason == "class"


def test_what_nobody_answers_for_is_a_dispatcher_s() -> None:
    choice = choose(Asked(components=[], team="T"))

    assert choice.is_unclear
    assert (choice.reason, choice.team) == ("unclear: nobody answers for it", "T")


def test_components_of_one_department_are_its_and_of_two_are_a_dispatcher_s() -> None:
    other = Answers(maintainer=9)

    assert choose(Asked(components=[ONE, Answers(owner=1)])).department_id == 1
    assert choose(Asked(components=[ONE, other], of_class=5)).reason == "unclear: 2 departments answer for it"
    assert choose(Asked(components=[ONE, other], of_rule=4)).reason == "rule"
