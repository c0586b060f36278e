"""To whom an incident goes: the department that answers for it, or a dispatcher; and the team of its grid. Pure.

The component's maintainer comes first, then its owner, then the unit competent for it; where it names none, the rule's
department and then the class's. What nobody answers for, and what several departments do, goes to the dispatcher of the
district, who decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Who answers for one component, by what the survey says; keys of departments."""

    maintainer: int | None = None
    owner: int | None = None
    competent: int | None = None

    def first(self) -> tuple[int, str] | None:
        """Give the department that is asked first, and why."""
        found = (("maintainer", self.maintainer), ("owner", self.owner), ("competent", self.competent))
        return next(((department, why) for why, department in found if department is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of an incident."""

    components: Sequence[Answers]
    """Of the components it is about; none when it is about a place."""
    of_rule: int | None = None
    of_class: int | None = None
    team: str | None = None
    """The patrol grid's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where it goes; without a department, to the district's dispatcher."""

    department_id: int | None
    reason: str
    """maintainer, owner, competent, rule, class; or why it is unclear."""
    team: str | None

    @property
    def is_unclear(self) -> bool:
        """Whether a dispatcher must decide."""
        return self.department_id is None


def choose(asked: Asked) -> Choice:
    """Give to whom an incident goes, and why."""
    found = [first for answers in asked.components if (first := answers.first())]
    departments = {department for department, _ in found}
    if len(departments) == 1:
        return Choice(department_id=found[0][0], reason=found[0][1], team=asked.team)
    if asked.of_rule is not None:
        return Choice(department_id=asked.of_rule, reason="rule", team=asked.team)
    if departments:
        return Choice(
            department_id=None, reason=f"unclear: {len(departments)} departments answer for it", team=asked.team
        )
    if asked.of_class is not None:
        return Choice(department_id=asked.of_class, reason="class", team=asked.team)
    return Choice(department_id=None, reason="unclear: nobody answers for it", team=asked.team)
