"""Judging stored parts anew by two recipes: from stored findings where the model is the same, else by
running both models side by side while the next pictures are read."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from andon.domain.gates import GateCase
from andon.domain.inspections import Decision, Finding, Reason, Verdict
from andon.domain.recipes import Recipe, judge
from andon.errors import NotFound, UserError
from andon.formats.pixels import decode
from andon.runtime.inspector import Inspector
from andon.runtime.prepared import Prepared
from andon.services.gate_cases import Part, Picture
from andon.services.recipes import find_recipe, judge_again
from andon.services.workspaces import Workspace

CHUNK_PICTURES = 128
CHUNK_BYTES = 64 * 2**20
"""Of decoded pictures that wait for the models, beside what is fitted for them; as many again are read."""

READERS = 2
MOST_REASONS = 5

Report = Callable[[int, int | None, str], None]

_Content = Prepared | bytes | None
"""Decoded and fitted; the bytes where they are no picture; nothing where the file is gone."""

_WORST = (Verdict.REJECT, Verdict.NO_DECISION, Verdict.REVIEW, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Judges:
    """Candidate and what runs now (None: the candidate stands alone), with their inspectors.

    ``old`` is None where both recipes judge what the same model finds in the same place.
    """

    candidate: Recipe
    baseline: Recipe | None
    new: Inspector
    old: Inspector | None

    @property
    def is_same_model(self) -> bool:
        """Both recipes judge the same findings."""
        return self.baseline is not None and self.old is None


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one recipe says of one picture."""

    decision: Decision
    score: float


_Version = tuple[str, int]
"""Name and version of a recipe."""

_Both = tuple[_Judged, _Judged]
"""What runs now, and the candidate."""


def replay(
    workspace: Workspace, judges: Judges, parts: Sequence[Part], report: Report
) -> Iterator[GateCase]:
    """Every part as both judge it, in their order.

    What cannot be judged is NO-DECISION, as on the line.
    """
    alike = _alike(workspace, judges, parts)
    known = {
        (part.key, picture.image.digest): both
        for part in parts
        for picture in part.pictures
        if (both := _again(judges, picture, alike)) is not None
    }
    left = [(p.key, one) for p in parts for one in p.pictures if (p.key, one.image.digest) not in known]
    run = _run(workspace, judges, [picture for _, picture in left])
    for number, ((key, picture), both) in enumerate(zip(left, run, strict=True), start=1):
        known[key, picture.image.digest] = both
        if number % CHUNK_PICTURES == 0:
            report(number, len(left), "pictures replayed")
    for part in parts:
        yield _case(part, [known[part.key, picture.image.digest] for picture in part.pictures])


def _alike(workspace: Workspace, judges: Judges, parts: Sequence[Part]) -> frozenset[_Version]:
    """Recipe versions whose records say what both would find: of the same model, which looked at the same
    place of each picture, and refused the same pictures."""
    if not judges.is_same_model:
        return frozenset()
    pictures = (picture for part in parts for picture in part.pictures)
    records = (picture.inspection for picture in pictures if picture.inspection is not None)
    versions = {(record.recipe, record.recipe_version) for record in records if record.recipe}
    new = judges.candidate
    asked = (new.package, new.locate, new.health)
    found = [find_recipe(workspace, f"{name}@{version}") for name, version in sorted(versions)]
    return frozenset((r.name, r.version) for r in found if (r.package, r.locate, r.health) == asked)


def _again(judges: Judges, picture: Picture, alike: frozenset[_Version]) -> _Both | None:
    """From what the station recorded, where only cuts and rules differ; None where the model has to run.

    What was not decided then had no findings, and stays so.
    """
    stored = picture.inspection
    if stored is None or (stored.recipe, stored.recipe_version) not in alike:
        return None
    assert judges.baseline is not None
    score = max(stored.scores.values(), default=0.0)
    if not stored.scores or stored.decision.verdict is Verdict.NO_DECISION:
        return (same := _Judged(stored.decision, score)), same
    old, new = (judge_again(recipe, stored) for recipe in (judges.baseline, judges.candidate))
    return _Judged(old, score), _Judged(new, score)


def _run(workspace: Workspace, judges: Judges, pictures: Sequence[Picture]) -> Iterator[_Both]:
    """Run the models, each in a thread of its own; readers decode and fit ahead of them, once for both."""
    both = (judges.new, judges.old)
    inputs = [inspector.input for inspector in both if inspector is not None]

    def read(picture: Picture) -> _Content:
        try:
            content = workspace.blobs.get(picture.image.blob)
        except NotFound:
            return None
        try:
            return Prepared(decode(content), inputs)
        except UserError:
            return content

    with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(1) as old, ThreadPoolExecutor(1) as new:
        begun: Callable[[], list[_Both]] = list
        for chunk in _chunks(pictures):
            read_ahead = [readers.submit(read, picture) for picture in chunk]
            begun, ended = _begin(judges, read_ahead, (old, new)), begun
            yield from ended()
        yield from begun()


def _begin(
    judges: Judges, contents: list[Future[_Content]], lanes: tuple[Executor, Executor]
) -> Callable[[], list[_Both]]:
    """Let both models judge these after what each was given before; a call waits for them."""
    if judges.old is None:
        one = lanes[1].submit(_one_model, judges, contents)
        return one.result
    old = lanes[0].submit(_lane, judges.old, contents)
    new = lanes[1].submit(_lane, judges.new, contents)
    return lambda: list(zip(old.result(), new.result(), strict=True))


def _one_model(judges: Judges, contents: Sequence[Future[_Content]]) -> list[_Both]:
    return [_both_of_one(judges, content.result()) for content in contents]


def _lane(inspector: Inspector, ready: Sequence[Future[_Content]]) -> list[_Judged]:
    judged = []
    for content in ready:
        found = content.result()
        outcome = inspector.inspect(found) if found is not None else inspector.without_image(_GONE)
        judged.append(_Judged(outcome.decision, max(outcome.scores.values(), default=0.0)))
    return judged


_GONE = "its file is not here any more"


def _both_of_one(judges: Judges, content: _Content) -> _Both:
    """One model: the candidate's verdict, and that of what runs now on the same findings."""
    inspector = judges.new
    outcome = inspector.inspect(content) if content is not None else inspector.without_image(_GONE)
    new = _Judged(outcome.decision, max(outcome.scores.values(), default=0.0))
    if judges.baseline is None or outcome.decision.verdict is Verdict.NO_DECISION:
        return new, new
    moved = (outcome.health.get("moved_x", 0.0), outcome.health.get("moved_y", 0.0))
    findings: Sequence[Finding] = outcome.findings
    return _Judged(judge(judges.baseline, findings, moved), new.score), new


def _chunks(pictures: Sequence[Picture]) -> Iterator[list[Picture]]:
    chunk: list[Picture] = []
    size = 0
    for picture in pictures:
        shape = picture.image.shape
        size += shape.height * shape.width * shape.channels * shape.bit_depth // 8
        chunk.append(picture)
        if size >= CHUNK_BYTES or len(chunk) == CHUNK_PICTURES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _case(part: Part, judged: Sequence[_Both]) -> GateCase:
    old, new = ([both[side] for both in judged] for side in (0, 1))
    return GateCase(
        part=part.key,
        images=tuple(picture.image.digest for picture in part.pictures),
        source=part.source,
        weight=part.weight,
        truth=part.truth,
        old=_worst(old),
        new=_worst(new),
        old_reasons=_words(old),
        new_reasons=_words(new),
        scores=(max(one.score for one in old), max(one.score for one in new)),
        old_found=_found(old),
        new_found=_found(new),
    )


def _worst(judged: Sequence[_Judged]) -> Verdict:
    return min((one.decision.verdict for one in judged), key=_WORST.index)


def _words(judged: Sequence[_Judged]) -> tuple[str, ...]:
    reasons = [reason for one in judged for reason in one.decision.reasons]
    return tuple(_sentence(reason) for reason in reasons[:MOST_REASONS])


def _sentence(reason: Reason) -> str:
    return f"{reason.concept or reason.code}: {reason.detail}"


def _found(judged: Sequence[_Judged]) -> tuple[str, ...]:
    reasons = [reason for one in judged for reason in one.decision.reasons]
    return tuple(dict.fromkeys(reason.concept for reason in reasons if reason.concept))
