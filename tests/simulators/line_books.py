"""Books of a line, kept by others than the line itself, and what must hold between them.

Every rule takes the books and gives the sentences that contradict it: no sentence, no contradiction.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from andon.domain.inspections import Inspection, ReasonCode, Verdict

IN_FLIGHT = 8
"""Parts between camera and record that a killed station may take with it: the plant hears nothing then."""


@dataclass(frozen=True)
class Heard:
    """One answer as the other side of the output heard it; sequence 0: the part could not be recorded."""

    sequence: int
    part: str
    verdict: Verdict
    inspection: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Death:
    """How far the station was when it was killed: its last sequence, and how many parts were offered."""

    sequence: int
    offered: int


@dataclass(frozen=True)
class Books:
    """What each side wrote down about the same parts.

    Attributes:
        offered: parts that the camera showed, in order; empty where nobody but the station counted.
        heard: what the other side of the output heard, in order.
        spooled: records that the station still has.
        stored: records that the hub has, in order of their sequence.
        acknowledged: ids the hub was once seen to have.
        deaths: kills of the station.
        unheard: sequences whose answers nobody could hear, because the broker was away.
    """

    heard: Sequence[Heard]
    stored: Sequence[Inspection]
    spooled: Sequence[str] = ()
    offered: Sequence[str] = ()
    acknowledged: Collection[str] = ()
    deaths: Sequence[Death] = ()
    unheard: Collection[int] = ()


def contradictions(books: Books, deadline: float) -> list[str]:
    """All of the rules below, one after the other; ``deadline`` in milliseconds."""
    return [
        *numbered_without_gap(books),
        *stored_once(books),
        *one_answer_each(books),
        *heard_as_recorded(books),
        *recorded_and_heard(books),
        *offered_and_recorded(books),
        *nothing_left(books),
        *acknowledged_are_kept(books),
        *late_is_undecided(books.stored, deadline),
        *judged_by_something_named(books.stored),
    ]


def numbered_without_gap(books: Books) -> Iterator[str]:
    found = sorted(sequence_of(record) for record in books.stored)
    if found != list(range(1, len(found) + 1)):
        missing = sorted(set(range(1, max(found) + 1)) - set(found))
        yield f"the hub's {len(found)} records are not numbered 1 to {len(found)}: missing {missing[:10]}"


def stored_once(books: Books) -> Iterator[str]:
    for what, values in (
        ("id", [record.id for record in books.stored]),
        ("sequence", [sequence_of(record) for record in books.stored]),
    ):
        if twice := repeated(values):
            yield f"the hub has two records with the same {what}: {twice[:5]}"


def one_answer_each(books: Books) -> Iterator[str]:
    answers = [heard.sequence or heard.inspection for heard in books.heard]
    if twice := repeated(answers):
        yield f"{len(twice)} parts were answered twice: {twice[:5]}"


def heard_as_recorded(books: Books) -> Iterator[str]:
    """An answer of which the station never knew that it was heard is NO-DECISION, and the reason says so.

    It ended right then, or the broker did.
    """
    deaths = [death.sequence for death in books.deaths]
    stored = {record.id: record for record in books.stored}
    for heard in books.heard:
        record = stored.get(heard.inspection)
        if heard.sequence == 0:
            verdicts = {heard.verdict, record.decision.verdict if record else heard.verdict}
            if verdicts != {Verdict.NO_DECISION}:
                yield f"part {heard.part} was not recorded in time and was {verdicts}"
        elif record is None:
            yield f"part {heard.sequence} was answered {heard.verdict} and is not recorded"
        elif _is_cut_short(record) and _is_last(heard.sequence, deaths, books.unheard):
            continue
        elif (record.decision.verdict, sequence_of(record)) != (heard.verdict, heard.sequence):
            yield f"part {heard.sequence} was answered {heard.verdict}, recorded {record.decision.verdict}"


def recorded_and_heard(books: Books) -> Iterator[str]:
    """Only a kill between record and answer makes a part silent; the plant takes silence as REJECT."""
    told = {heard.sequence for heard in books.heard}
    told |= {sequence_of(r) for r in books.stored if r.id in {heard.inspection for heard in books.heard}}
    deaths = [death.sequence for death in books.deaths]
    silent = {sequence_of(record) for record in books.stored} - told - set(books.unheard)
    if odd := sorted(sequence for sequence in silent if not _just_before(sequence, deaths)):
        yield f"{len(odd)} parts got no answer, and nothing was killed then: {odd[:10]}"
    decided = [r for r in books.stored if r.decision.verdict is not Verdict.NO_DECISION]
    if odd := sorted({sequence_of(record) for record in decided} & silent):
        yield f"{len(odd)} parts got no answer, and are recorded with a verdict: {odd[:10]}"


def offered_and_recorded(books: Books) -> Iterator[str]:
    if not books.offered:
        return
    recorded = [record.part for record in books.stored]
    known = set(recorded)
    deaths = [death.offered for death in books.deaths]
    missing = [place for place, part in enumerate(books.offered, start=1) if part not in known]
    if lost := [books.offered[place - 1] for place in missing if not _just_before(place, deaths)]:
        yield f"{len(lost)} parts were offered and not recorded: {lost[:5]}"
    if odd := sorted(known - set(books.offered)):
        yield f"{len(odd)} parts are recorded that were not offered: {odd[:5]}"
    if twice := repeated(recorded):
        yield f"{len(twice)} parts are recorded twice: {twice[:5]}"


def nothing_left(books: Books) -> Iterator[str]:
    if books.spooled:
        yield f"{len(books.spooled)} records are still in the spool"


def acknowledged_are_kept(books: Books) -> Iterator[str]:
    stored = {record.id for record in books.stored}
    if lost := sorted(set(books.acknowledged) - stored):
        yield f"{len(lost)} acknowledged records are lost: {lost[:5]}"


def late_is_undecided(records: Iterable[Inspection], deadline: float) -> Iterator[str]:
    for record in records:
        late = record.milliseconds > deadline
        says = any(reason.code is ReasonCode.LATE for reason in record.decision.reasons)
        if (late or says) and record.decision.verdict is not Verdict.NO_DECISION:
            yield (
                f"part {sequence_of(record)} took {record.milliseconds:.0f} ms of {deadline:g} "
                f"and was {record.decision.verdict}"
            )


def judged_by_something_named(records: Iterable[Inspection]) -> Iterator[str]:
    for record in records:
        named = bool(record.package and record.variant and record.recipe)
        if not named and record.decision.verdict is not Verdict.NO_DECISION:
            yield f"part {sequence_of(record)} was {record.decision.verdict} by nothing that has a name"
        if not record.decision.reasons and record.decision.verdict is not Verdict.PASS:
            yield f"part {sequence_of(record)} was {record.decision.verdict} without a reason"


def _is_last(sequence: int, deaths: Iterable[int], unheard: Collection[int]) -> bool:
    return _just_before(sequence, deaths) or sequence + 1 in unheard


def _is_cut_short(record: Inspection) -> bool:
    codes = {reason.code for reason in record.decision.reasons}
    return ReasonCode.NOT_ANSWERED in codes and record.decision.verdict is Verdict.NO_DECISION


def _just_before(place: int, deaths: Iterable[int]) -> bool:
    return any(death - IN_FLIGHT < place <= death for death in deaths)


def sequence_of(record: Inspection) -> int:
    assert record.capture is not None, f"record {record.id} does not say where it comes from"
    return record.capture.sequence


def repeated(values: Iterable[object]) -> list[object]:
    seen: set[object] = set()
    twice = []
    for value in values:
        if value in seen:
            twice.append(value)
        seen.add(value)
    return twice
