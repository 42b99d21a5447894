"""Which parts' pictures go to the hub to be learned from, and why: pure, so that every choice can be told.

What is drawn at random is drawn before anything else is asked, and is chosen for no other reason that lies
in its scores: all of the random share wait alike, so that it is a fair sample of all parts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from andon.domain.feedback import Answer, SendPolicy, SendReason, SendRule
from andon.domain.inspections import Decision, Verdict
from andon.domain.models import Cuts
from andon.domain.quality import second_look_probability


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a part when it is chosen, or not.

    Attributes:
        scores: image-level score of each concept, 0..1.
        cuts: of the recipe that judged it; empty where none did.
    """

    decision: Decision
    scores: Mapping[str, float]
    cuts: Mapping[str, Cuts]
    part_type: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One reason to send a part's picture; ``probability`` and ``detail`` as in ``Chosen``."""

    reason: SendReason
    probability: float = 1.0
    detail: str = ""


def choose(seen: Seen, policy: SendPolicy | None, audit: float, draw: float) -> tuple[Choice, ...]:
    """Why a part's picture is sent, the most urgent reason first; empty where it is not.

    Args:
        seen: the part.
        policy: None chooses nothing: what is kept is sent without being chosen.
        audit: probability with which it was drawn to be looked at: a PASS for people on the line, a REJECT
            for a second look on the hub (see :func:`second_look`); 0 where it was not.
        draw: a number in [0, 1), drawn evenly for this purpose alone.
    """
    return tuple(_choices(seen, policy, audit, draw)) if policy else ()


def second_look(verdict: Verdict, inspection: str) -> float:
    """With which probability a REJECT was drawn for a second look; 0 where it was not, or is no REJECT.

    The hub draws by the inspection's id alike, so the picture of whatever it lists as due comes back.
    """
    return second_look_probability(inspection, contradicted=False) if verdict is Verdict.REJECT else 0.0


def contradicted(verdict: Verdict, answer: Answer, policy: SendPolicy | None) -> Choice | None:
    """The reason to send a part of which a person said ``answer``; None where that is no contradiction,
    or the policy does not ask for them."""
    if policy is None or not policy.wrong or answer not in {Answer.MISSED, Answer.FALSE_ALARM}:
        return None
    said = "a defect was missed" if answer is Answer.MISSED else "a false alarm"
    return Choice(SendReason.WRONG, detail=f"judged {verdict}, a person said: {said}")


def _choices(seen: Seen, policy: SendPolicy, audit: float, draw: float) -> Iterator[Choice]:
    if audit > 0:
        passed = seen.decision.verdict is Verdict.PASS
        share = "passed parts is looked at" if passed else "rejected parts is looked at a second time"
        yield Choice(SendReason.AUDIT, audit, f"1 of {1 / audit:.4g} {share}")
    if draw < policy.random:
        share = f"1 of {1 / policy.random:.4g} parts is sent, whatever was decided"
        yield Choice(SendReason.RANDOM, policy.random, share)
        return
    if policy.near is not None and (doubt := _doubt(seen, policy.near)):
        yield Choice(SendReason.CONFUSED, detail=doubt)
    for number, rule in enumerate(policy.rules, start=1):
        if (fit := _fit(rule, seen)) is not None:
            yield Choice(SendReason.RULE, detail=f"rule {number}: {fit}")
            return


def _doubt(seen: Seen, near: float) -> str:
    """What the model was not sure of, in words; empty where it was sure."""
    distances = [
        (abs(score - cut), f"{concept} {score:.2f}, {name} cut {cut:.2f}")
        for concept, score in seen.scores.items()
        if (cuts := seen.cuts.get(concept)) is not None
        for name, cut in (("review", cuts.review), ("reject", cuts.reject))
    ]
    nearest = min(distances, default=(float("inf"), ""))
    if nearest[0] <= near:
        return nearest[1]
    if seen.decision.verdict is not Verdict.REVIEW:
        return ""
    named = [f"{reason.concept} {reason.detail}" for reason in seen.decision.reasons if reason.concept]
    return ", ".join(["for review", *named[:1]])


def _fit(rule: SendRule, seen: Seen) -> str | None:
    """In words what of a part a rule asks for; None where it does not fit."""
    if rule.verdict not in {None, seen.decision.verdict} or rule.part_type not in {None, seen.part_type}:
        return None
    words = [word for word in (rule.verdict, rule.part_type) if word]
    if rule.concept is None and (rule.low, rule.high) == (0.0, 1.0):
        return ", ".join(words) or "every part"
    fitting = {
        concept: score
        for concept, score in seen.scores.items()
        if rule.concept in {None, concept} and rule.low <= score <= rule.high
    }
    if not fitting:
        return None
    concept = max(fitting, key=lambda name: fitting[name])
    return ", ".join([f"{concept} {fitting[concept]:.2f} from {rule.low:g} to {rule.high:g}", *words])
