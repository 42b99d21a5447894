"""What is seen of a model in the time after the station was switched to it: counts, and no judgement."""

from dataclasses import dataclass

from andon.analysis.watching import Seen, Tally
from andon.domain.feedback import Answer
from andon.domain.inspections import Inspection, ReasonCode, Verdict
from andon.domain.recipes import Recipe
from andon.domain.stations import Assignment, WatchLimits

BLAMED = frozenset(
    {ReasonCode.MODEL_FAILED, ReasonCode.LATE, ReasonCode.WRONG_SIZE, ReasonCode.WRONG_PIXELS}
)
"""Why a part is undecided through the model's own fault, whatever the recipe."""

_HEALTH = frozenset(
    {
        ReasonCode.STUCK_IMAGE,
        ReasonCode.DARK_IMAGE,
        ReasonCode.BRIGHT_IMAGE,
        ReasonCode.BLURRED_IMAGE,
    }
)


@dataclass(slots=True)
class _Count:
    """A tally that grows; ``second`` is the last one in which something was counted."""

    count: int = 0
    of: int = 0
    seconds: int = 0
    second: int = -1

    def add(self, hit: bool, monotonic: float) -> None:
        self.of += 1
        if not hit:
            return
        self.count += 1
        if int(monotonic) != self.second:
            self.second = int(monotonic)
            self.seconds += 1

    def tally(self) -> Tally:
        return Tally(self.count, self.of, self.seconds)


class Trial:
    """Of one assignment; made by :func:`trial_of`.

    Args:
        assignment: that was switched to. limits: its own.
        until: monotonic seconds before which watching does not end.
        reasons: for which an undecided part is held against the model.
    """

    def __init__(
        self, assignment: Assignment, limits: WatchLimits, until: float, reasons: frozenset[ReasonCode]
    ) -> None:
        self.counter = assignment.counter
        self.limits = limits
        self.until = until
        self._recipe = assignment.recipe
        self._blamed = reasons
        self._rejects, self._undecided, self._slow = _Count(), _Count(), _Count()
        self._answers: dict[str, Answer] = {}
        self._audited: dict[str, Answer] = {}

    def judged(self, inspection: Inspection, monotonic: float) -> None:
        """Count a part that was answered, if it was this assignment's to judge.

        A part that nobody judged (the inspector died and is not back) is its fault too.  Time and failures
        that belong to the disk are not: writing the record, and answers that were late because of it.
        """
        if not self._is_mine(inspection):
            return
        verdict, codes = inspection.decision.verdict, {why.code for why in inspection.decision.reasons}
        if verdict is not Verdict.NO_DECISION:
            self._rejects.add(verdict is not Verdict.PASS, monotonic)
            self._undecided.add(False, monotonic)
        elif codes & self._blamed and not (codes == {ReasonCode.LATE} and inspection.scores):
            self._undecided.add(True, monotonic)
        if self.limits.p99 is not None and inspection.recipe:
            record = inspection.capture.stages.get("record", 0.0) if inspection.capture else 0.0
            self._slow.add(inspection.milliseconds - record > self.limits.p99, monotonic)

    def answered(self, inspection: Inspection, answer: Answer, drawn: bool = False) -> None:
        """A person said something of a part; of each part the last word counts.

        ``drawn``: it was drawn from all that passed. What people pick themselves tells nothing of a share.
        """
        if self._is_mine(inspection) and inspection.recipe:
            self._answers[inspection.id] = answer
            if drawn or inspection.id in self._audited:
                self._audited[inspection.id] = answer

    def seen(self) -> Seen:
        """All counts, now."""
        said, audited = _sure(self._answers), _sure(self._audited)
        return Seen(
            rejects=self._rejects.tally(),
            undecided=self._undecided.tally(),
            slow=self._slow.tally(),
            missed=said.count(Answer.MISSED),
            false_alarms=said.count(Answer.FALSE_ALARM),
            answered=len(said),
            escaped=audited.count(Answer.MISSED),
            audited=len(audited),
        )

    def is_over(self, monotonic: float) -> bool:
        """Whether the time is over and enough parts were decided in it."""
        return monotonic > self.until and self._rejects.of >= self.limits.parts

    def _is_mine(self, inspection: Inspection) -> bool:
        mine = (self._recipe.name, self._recipe.version)
        return (inspection.recipe, inspection.recipe_version) in (mine, ("", 0))


def _sure(answers: dict[str, Answer]) -> list[Answer]:
    return [answer for answer in list(answers.values()) if answer is not Answer.UNSURE]


def trial_of(assignment: Assignment, monotonic: float, watched: float) -> Trial | None:
    """What is to be watched of an assignment that runs; None where it has no limits or no way back.

    Parts are counted anew: what was decided before a restart is not known any more.

    Args:
        assignment: that runs.
        monotonic: now.
        watched: seconds since the switch.
    """
    limits, fallback = assignment.watch, assignment.fallback
    if limits is None or fallback is None:
        return None
    until = monotonic + max(0.0, limits.seconds - watched)
    return Trial(assignment, limits, until, blamed(assignment.recipe, fallback.recipe))


def blamed(recipe: Recipe, fallback: Recipe) -> frozenset[ReasonCode]:
    """Why a part is undecided through a fault that going back can mend.

    Where both recipes look at the picture's health, or for the part, in the same way, a dark picture or a
    part that is not found says nothing against the new one.
    """
    found = BLAMED
    if recipe.health != fallback.health:
        found |= _HEALTH
    if recipe.locate != fallback.locate:
        found |= {ReasonCode.PART_NOT_FOUND}
    return found
