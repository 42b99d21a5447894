"""Reviews: what people say of a part's verdict on the hub's own pages; a station's come by ingest."""

from dataclasses import dataclass

from andon.domain.feedback import Answer, Queue, Review
from andon.domain.inspections import Decision, Verdict
from andon.errors import InvalidInput
from andon.services.workspaces import Workspace, new_id, now
from andon.store import inspections as stored_inspections
from andon.store import reviews as stored_reviews

MAX_NOTE = 10_000


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """What a person says.

    Attributes:
        concept: which defect was missed or is meant.
    """

    answer: Answer
    concept: str | None = None
    note: str = ""


def review(workspace: Workspace, inspection_id: str, request: ReviewRequest) -> Review:
    """Add what the local user says of an inspection (its id, or the beginning of it).

    Raises:
        NotFound, Conflict: no inspection, or several, begin with this id.
        InvalidInput: the answer does not fit the verdict, or the texts are not usable.
    """
    for text in (request.concept or "", request.note):
        if len(text) > MAX_NOTE or "\0" in text:
            raise InvalidInput(f"a note has at most {MAX_NOTE} characters, and no NUL among them")
    with workspace.database.write() as tx:
        inspection = stored_inspections.get(tx, inspection_id)
        check_answer(inspection.decision, request.answer)
        said = Review(
            id=new_id(),
            inspection=inspection.id,
            answer=request.answer,
            queue=Queue.PICKED,
            author=workspace.who,
            at=now(),
            concept=request.concept or None,
            note=request.note.strip(),
        )
        stored_reviews.add(tx, [said])
    return said


def check_answer(decision: Decision, answer: Answer) -> None:
    """Return where ``answer`` can be said of ``decision``.

    Raises:
        InvalidInput: MISSED of a part that did not pass, or FALSE_ALARM of one that did.
    """
    passed = decision.verdict is Verdict.PASS
    if answer is Answer.MISSED and not passed:
        raise InvalidInput(
            f"nothing was missed: the part was {decision.verdict}", "Confirm it, or say false alarm."
        )
    if answer is Answer.FALSE_ALARM and passed:
        raise InvalidInput("a part that passed raised no alarm", "Confirm it, or say what was missed.")
