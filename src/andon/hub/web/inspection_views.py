"""What the pages of inspections show."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from andon.domain.calibrations import Calibration
from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import Finding, Kept, Reason, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.recipes import Rule
from andon.hub.api.inspections import Filters
from andon.services.stories import COUNTED, InspectionList, Story
from andon.units import Timestamp

HUES = 8
"""Concept colours of the tokens; used again from the start."""

REASONS: Mapping[ReasonCode, str] = {
    ReasonCode.DEFECT: "a defect beyond the reject cut",
    ReasonCode.MINOR_DEFECT: "a minor defect beyond the reject cut",
    ReasonCode.UNCERTAIN: "between the review cut and the reject cut",
    ReasonCode.BAD_IMAGE: "the image could not be read",
    ReasonCode.WRONG_SIZE: "the image has another size than the model was made for",
    ReasonCode.WRONG_PIXELS: "the image has other pixels than the model was made for",
    ReasonCode.MODEL_FAILED: "the model gave no usable answer",
    ReasonCode.NO_MODEL: "the station had no model to judge with",
    ReasonCode.LATE: "the verdict came after the deadline",
    ReasonCode.NOT_RECORDED: "the record could not be written in time",
    ReasonCode.NOT_ANSWERED: "the station ended before it could answer",
    ReasonCode.NO_IMAGE: "the camera gave no image",
    ReasonCode.STUCK_IMAGE: "the camera gave the same picture again and again",
    ReasonCode.DARK_IMAGE: "the image is too dark",
    ReasonCode.BRIGHT_IMAGE: "the image is too bright",
    ReasonCode.BLURRED_IMAGE: "the image is blurred",
    ReasonCode.PART_NOT_FOUND: "the part was not found on the image",
}

ANSWERS: Mapping[Answer, str] = {
    Answer.CONFIRMED: "confirmed",
    Answer.FALSE_ALARM: "false alarm",
    Answer.MISSED: "missed defect",
    Answer.UNSURE: "unsure",
}

QUEUES: Mapping[Queue, str] = {
    Queue.REJECT: "shown as a reject",
    Queue.REVIEW: "shown for review",
    Queue.AUDIT: "drawn by chance from the passed parts",
    Queue.PICKED: "picked by the person",
}

KEPT: Mapping[Kept, str] = {
    Kept.KEPT: "kept",
    Kept.LOST: "lost: it could not be written or had to make room",
    Kept.NOT_KEPT: "not kept, as the keep policy has it",
}


@dataclass(frozen=True, slots=True)
class ListView:
    """A page of the list.

    Attributes:
        ways: verdict -> address of this list with that verdict alone.
        first: address of the first page. older: of the rows that follow; None on the last page.
        is_first: rows that arrive belong here.
        most: as many inspections are counted at most.
    """

    found: InspectionList
    filters: Filters
    stations: tuple[str, ...]
    recipes: tuple[str, ...]
    ways: Mapping[Verdict, str]
    first: str
    older: str | None
    is_first: bool
    is_filtered: bool
    most: int = COUNTED


def list_view(
    found: InspectionList,
    filters: Filters,
    choices: tuple[tuple[str, ...], tuple[str, ...]],
    after: int | None,
) -> ListView:
    """A page of the list; ``choices`` are names of stations and of recipes."""
    ways = {verdict: address(filters, verdict=verdict.value) for verdict in Verdict}
    older = None if found.next is None else address(filters, after=str(found.next))
    given = any(getattr(filters, field.name) for field in fields(filters))
    ends = (address(filters), older)
    return ListView(found, filters, *choices, ways, *ends, is_first=after is None, is_filtered=given)


def address(filters: Filters, **changes: str) -> str:
    """The list's address with ``filters``, some of them changed."""
    values = {field.name: getattr(filters, field.name) for field in fields(filters)} | changes
    given = {name: value for name, value in values.items() if value}
    return f"/inspections?{urlencode(given)}" if given else "/inspections"


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding as it is drawn and listed.

    Attributes:
        number: from 1, as it stands on the picture.
        hue: 1..``HUES``.
        length_mm, area_mm2: None without a calibration.
        judged: in words, against the cuts of the recipe.
    """

    number: int
    finding: Finding
    hue: int
    cuts: Cuts | None
    length_mm: float | None
    area_mm2: float | None
    judged: str


@dataclass(frozen=True, slots=True)
class Told:
    """A reason in words."""

    words: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Answering:
    """Something that a person can say of the part: the button's words, and what they mean."""

    answer: Answer
    words: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StoryView:
    """One part's story."""

    story: Story
    marks: tuple[Mark, ...]
    reasons: tuple[Told, ...]
    rules: tuple[str, ...]
    scores: tuple[tuple[str, float, Cuts | None], ...]
    heard: str
    answers: tuple[Answering, ...]
    kept: str
    said: Mapping[Answer, str]
    queues: Mapping[Queue, str]
    captured_at: Timestamp


def story_view(story: Story) -> StoryView:
    """Everything in words that is not said in numbers."""
    inspection, recipe = story.inspection, story.recipe
    cuts = recipe.cuts if recipe else {}
    capture = inspection.capture
    return StoryView(
        story=story,
        marks=tuple(_mark(story, number, finding) for number, finding in enumerate(inspection.findings, 1)),
        reasons=tuple(Told(REASONS[reason.code], reason) for reason in inspection.decision.reasons),
        rules=tuple(_rule(rule) for rule in recipe.rules) if recipe else (),
        scores=tuple((name, score, cuts.get(name)) for name, score in sorted(inspection.scores.items())),
        heard=_heard(inspection.decision.verdict, capture is not None),
        answers=_answers(inspection.decision.verdict),
        kept=KEPT[capture.kept] if capture else "",
        said=ANSWERS,
        queues=QUEUES,
        captured_at=(capture.origin.captured_at if capture else None) or inspection.at,
    )


def concept_hue(story: Story, concept: str) -> int:
    """1..``HUES``: by the concept's place in the ontology, or among the model's outputs."""
    outputs = story.package.manifest.output.concepts if story.package else ()
    names = (*story.concepts, *(name for name in outputs if name not in story.concepts))
    return (names.index(concept) if concept in names else 0) % HUES + 1


def _mark(story: Story, number: int, finding: Finding) -> Mark:
    recipe = story.recipe
    cuts = recipe.cuts.get(finding.concept) if recipe else None
    scale = _scale(recipe.calibration if recipe else None)
    return Mark(
        number=number,
        finding=finding,
        hue=concept_hue(story, finding.concept),
        cuts=cuts,
        length_mm=finding.length / scale if scale else None,
        area_mm2=finding.area / scale**2 if scale else None,
        judged=_judged(finding, cuts),
    )


def _scale(calibration: Calibration | None) -> float | None:
    return calibration.pixels_per_mm if calibration else None


def _judged(finding: Finding, cuts: Cuts | None) -> str:
    if cuts is None:
        return "no cut"
    if finding.score >= cuts.reject:
        return "beyond the reject cut"
    return "between the cuts" if finding.score >= cuts.review else "below both cuts"


def _rule(rule: Rule) -> str:
    sizes = []
    if rule.min_area:
        sizes.append(f"smaller than {rule.min_area:g} {rule.unit}²")
    if rule.min_length:
        sizes.append(f"shorter than {rule.min_length:g} {rule.unit}")
    tolerated = f"{rule.concept} is tolerated where it is {' or '.join(sizes)}" if sizes else ""
    count = f"up to {rule.max_count} of {rule.concept} are tolerated" if rule.max_count else ""
    said = "; ".join(words for words in (tolerated, count) if words) or f"every {rule.concept} counts"
    zone = " inside its zone" if rule.within else ""
    severity = f", as {rule.severity}" if rule.severity else ""
    return f"{said}{zone}{severity}"


def _heard(verdict: Verdict, on_a_line: bool) -> str:
    if not on_a_line:
        return "No output: the image was inspected from a folder or data set."
    if verdict in {Verdict.NO_DECISION, Verdict.REVIEW}:
        return f"{verdict}, which the line's outputs treat as REJECT."
    return f"{verdict}."


def _answers(verdict: Verdict) -> tuple[Answering, ...]:
    unsure = Answering(Answer.UNSURE, "Unsure", "Somebody else should look.")
    if verdict is Verdict.PASS:
        return (
            Answering(Answer.CONFIRMED, "Confirm", "The part is good."),
            Answering(Answer.MISSED, "Missed", "The part has a defect that was not found: an escape."),
            unsure,
        )
    return (
        Answering(Answer.CONFIRMED, "Confirm", "The part is not good."),
        Answering(Answer.FALSE_ALARM, "False alarm", "The part is good: overkill."),
        unsure,
    )
