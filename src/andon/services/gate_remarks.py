"""What a reader of a gate must know of the parts it asked."""

from collections.abc import Iterator, Sequence

from andon.domain.gates import GateCase, GateRequest, wider_than_usual
from andon.domain.models import Package
from andon.services.gate_cases import Collected


def remarks_of(request: GateRequest, collected: Collected, cases: Sequence[GateCase]) -> Iterator[str]:
    """In sentences, the gravest first."""
    if wider := wider_than_usual(request.limits):
        yield f"Asked with wider limits than usual ({', '.join(wider)}), because: {request.reason.strip()}"
    if request.baseline is None:
        yield "There is nothing to compare it with: only golden and must-catch parts were asked."
    yield from _of_training(collected)
    yield from _of_the_line(collected)
    if collected.more:
        yield f"Only the latest {request.history} pictures from lines were replayed."
    if collected.lost:
        yield f"Of {collected.lost} golden parts no picture is here; they could not be asked."
    unjudged = sum(case.unjudged for case in cases)
    if unjudged:
        yield f"{unjudged} parts could not be judged at all; they are shown, and not counted."
    unknown = [case for case in cases if case.truth is None]
    flipped = sum(case.flipped for case in unknown)
    if unknown:
        yield (
            f"Of {len(unknown)} parts nobody has said what is on them; they are not counted. "
            f"The two disagree on {flipped} of them: look at those."
        )


def of_origins(candidate: Package, runs: Package | None) -> Iterator[str]:
    """What is not known of models trained elsewhere; ``runs`` is None where nothing is compared."""
    for package, who in ((candidate, "the candidate"), (runs, "what runs now")):
        if package is not None and package.manifest.origin is not None:
            yield (
                f"Model {package.digest[:12]}, {who}, was trained elsewhere: that it has not learned from "
                "the parts asked here is the word of whoever imported it, and was not checked."
            )


def _of_training(collected: Collected) -> Iterator[str]:
    if collected.learned:
        yield f"{collected.learned} parts are left out, because the candidate has learned from them."
    if collected.taught:
        yield (
            f"{collected.taught} must-catch parts are asked although the candidate has learned from them: "
            "that it catches them says less."
        )
    if collected.known_before:
        yield (
            f"{collected.known_before} parts are known to what runs now from its training: it looks better "
            "on them than it is."
        )


def _of_the_line(collected: Collected) -> Iterator[str]:
    if collected.chose:
        yield (
            f"What people judged on the line chose the candidate's cuts: only the {collected.kept_apart} "
            f"judged parts that are always kept for gates count, and {collected.easier} others do not."
        )
    elif collected.left_easier:
        yield (
            f"Of the judged parts from lines only the {collected.kept_apart} that are always kept for "
            f"gates count. {collected.easier} others do not: the candidate has learned from some that were "
            "chosen because they are hard, and those that are left are easier."
        )
    elif collected.easier:
        yield (
            f"{collected.easier} judged parts from lines count that are not kept for gates. Some that were "
            "chosen because they are hard were learned from, so both may look better than they are; "
            f"of those that are always kept there are too few ({collected.kept_apart}) to decide."
        )
    if collected.by_scores:
        yield (
            f"{collected.by_scores} parts came back for their scores or for what somebody said, not by a "
            "draw: they stand for themselves alone. So escapes are also asked with every part counted once."
        )
    if collected.one_word:
        yield (
            f"That {collected.one_word} parts are defective is one operator's word against the verdict; "
            "nobody has looked a second time."
        )
