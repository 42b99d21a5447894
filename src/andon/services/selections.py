"""Selections: pick what is labelled next, follow how far people are, and see what choosing was worth."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import Connection

from andon.analysis.bounds import interval
from andon.analysis.selecting import rank
from andon.domain.annotations import Annotation, AnnotationState, Label
from andon.domain.jobs import Job, JobKind
from andon.domain.models import Cuts, Interval, Package
from andon.domain.needs import Need
from andon.domain.ontologies import ConceptKind
from andon.domain.requests import SelectJob
from andon.domain.selections import Labelling, LabelOutcome, Pick, PickReason, Selection, SelectionSettings
from andon.domain.serial import canonical, to_json
from andon.errors import NotFound, NotPossible
from andon.services.candidates import find_pool, proposal_of, weigh
from andon.services.evaluations import suggested_cuts
from andon.services.features import seen_by
from andon.services.jobs import enqueue
from andon.services.models import open_package
from andon.services.workspaces import Workspace, new_id, now
from andon.store import annotations as stored_annotations
from andon.store import models as stored_models
from andon.store import ontologies as stored_ontologies
from andon.store import recipes as stored_recipes
from andon.store import selections as stored_selections
from andon.store.paging import Page
from andon.store.selections import Progress
from andon.units import Digest, Timestamp, digest_of

FIRST_SECONDS = 20.0
"""For one picture, as long as nobody has labelled any."""

LATEST = 100
"""Labellings whose median says how long a picture takes."""

OPEN = 20
"""Latest selections that are looked through for pictures that wait."""

Report = Callable[[int, int | None, str], None]
Place = tuple[str, Digest]
"""A picture in a selection: id and image."""


def silent(_done: int, _total: int | None, _text: str) -> None:
    """Reports to nobody."""


@dataclass(frozen=True, slots=True)
class PerMinute:
    """A rate in a minute of a person, with its interval: that of the share, at the pace people had."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """What came of the chosen pictures, or of those drawn by chance, as far as they are labelled.

    Attributes:
        pictures: in the selections. labelled: of these. timed: of these, where it was measured how long
            they took. minutes: that took people.
        defective: share of the labelled ones that show a defect. corrected: share of them where a person
            changed what the model had proposed.
    """

    pictures: int
    labelled: int
    timed: int
    minutes: float
    defective: Interval
    corrected: Interval

    @property
    def defects_a_minute(self) -> PerMinute | None:
        """Pictures with a defect that were found in a minute; None while nothing took time."""
        return _per_minute(self.defective, self.timed, self.minutes)

    @property
    def corrections_a_minute(self) -> PerMinute | None:
        """Pictures in a minute on which a person changed what was proposed."""
        return _per_minute(self.corrected, self.timed, self.minutes)


@dataclass(frozen=True, slots=True)
class Worth:
    """What choosing was worth: the chosen pictures beside those drawn by chance."""

    chosen: Share
    control: Share


def ask_selection(workspace: Workspace, settings: SelectionSettings) -> Job:
    """Ask a worker for a selection."""
    asked = to_json(SelectJob(settings))
    return enqueue(workspace, JobKind.SELECT, asked, f"{settings.minutes:g} minutes of labelling")


def make_selection(
    workspace: Workspace, settings: SelectionSettings, report: Report = silent, key: str = ""
) -> Selection:
    """Pick what there is time to label, and propose its labels.

    ``key`` becomes its id, and where there is a selection of that id it is the answer: made once, however
    often it is asked for.  Empty: a new one.

    Candidates are images without an accepted label, less those of parts held for gates.  The same records,
    files and settings give the same pictures.

    Raises:
        NotFound: there is no model yet, or no such model.
        NotPossible: there is nothing to label that the model takes.
        DamagedPackage: the model's files are not what they were.
    """
    made = _made_before(workspace, key) if key else None
    if made is not None:
        return made
    package, cuts = _asked_model(workspace, settings)
    seconds = settings.seconds or usual_seconds(workspace)
    loaded, pool = open_package(workspace, package), find_pool(workspace, settings.source)
    images = [*(one.image for one in pool.candidates), *pool.labelled]
    seen = seen_by(workspace, loaded, images, report)
    known, weighed = weigh(pool, seen, package.manifest.output, cuts)
    if not known:
        raise NotPossible(
            "there is no picture to label: all are labelled, held for gates, or not of the model's kind",
            "Import pictures, let stations send some, or name another model.",
        )
    report(0, None, "choosing")
    count = max(1, int(settings.minutes * 60 / seconds))
    ranked = rank(weighed, count, settings.control, settings.seed)
    picks = tuple(
        Pick(
            position=position,
            image=known[one.index].image.digest,
            reason=one.reason,
            score=round(one.score, 6),
            parts={reason: round(float(of[one.index]), 4) for reason, of in weighed.parts.items()},
            proposal=proposal_of(seen[known[one.index].image.digest], cuts, pool.ontology),
        )
        for position, one in enumerate(ranked)
    )
    facts = (package.digest, seconds, len(known), picks, workspace.who, now())
    return _keep(workspace, Selection(key or new_id(), settings, *facts))


def _made_before(workspace: Workspace, key: str) -> Selection | None:
    try:
        return find_selection(workspace, key)
    except NotFound:
        return None


def find_selection(workspace: Workspace, start: str) -> Selection:
    """The selection whose id is ``start`` or begins with it.

    Raises:
        NotFound, Conflict: none, or several.
    """
    with workspace.database.read() as tx:
        return stored_selections.get(tx, start)


def list_selections(
    workspace: Workspace, after: int | None, limit: int
) -> Page[tuple[Selection, Progress]]:
    """Selections, newest first, without their pictures, and how far each is."""
    with workspace.database.read() as tx:
        page = stored_selections.page(tx, after, limit)
        far = stored_selections.progress(tx, [one.id for one in page.rows])
    return Page(tuple((one, far[one.id]) for one in page.rows), page.next)


def waiting_pictures(workspace: Workspace, selection: Selection) -> tuple[Pick, ...]:
    """The pictures of a selection without an accepted label, in order; those skipped before come last."""
    with workspace.database.read() as tx:
        said = stored_annotations.labels(tx, [pick.image for pick in selection.picks])
        passed = stored_selections.labellings_of(tx, [selection.id])
    skipped = {one.image for one in passed if one.outcome is LabelOutcome.SKIPPED}
    bare = [pick for pick in selection.picks if pick.image not in said]
    return tuple(sorted(bare, key=lambda pick: (pick.image in skipped, pick.position)))


def usual_seconds(workspace: Workspace) -> float:
    """How long a picture takes: the median of the latest labellings."""
    with workspace.database.read() as tx:
        seconds = stored_selections.latest_seconds(tx, LATEST)
    return min(max(median(seconds), 0.5), 3600.0) if seconds else FIRST_SECONDS


def latest_worth(workspace: Workspace) -> tuple[int, Worth]:
    """What choosing was worth in the latest selections together, and how many those are."""
    with workspace.database.read() as tx:
        page = stored_selections.page(tx, None, OPEN)
        made = stored_selections.with_pictures(tx, page.rows)
    return len(made), worth(workspace, made)


def worth(workspace: Workspace, selections: Sequence[Selection]) -> Worth:
    """What choosing was worth in ``selections``, given with their pictures."""
    picks = {(one.id, pick.image): pick for one in selections for pick in one.picks}
    with workspace.database.read() as tx:
        said = stored_selections.labellings_of(tx, [one.id for one in selections])
        labels = stored_annotations.labels(tx, list(dict.fromkeys(image for _, image in picks)))
        ontology = stored_ontologies.current(tx)
    defects = frozenset(one.name for one in ontology.concepts if one.kind is ConceptKind.DEFECT)
    bad = frozenset(image for image, concepts in labels.items() if concepts & defects)
    control = {key for key, pick in picks.items() if pick.reason is PickReason.CONTROL}
    shares = [_share(_only(picks, keys), said, bad) for keys in (picks.keys() - control, control)]
    return Worth(*shares)


def label_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Pictures of selections that wait for labels."""
    page = list_selections(workspace, None, OPEN)
    open_ones = [(one, far) for one, far in page.rows if far.waiting]
    if not open_ones:
        return ()
    newest, far = open_ones[0]
    minutes = max(1, round(far.waiting * newest.seconds / 60))
    wait = "picture waits" if far.waiting == 1 else "pictures wait"
    what = f"{far.waiting} {wait} for labels (about {minutes} min)"
    todo = "Accept or fix what the model proposes."
    return (Need(what, todo, wrong=False, link=f"/selections/{newest.id}", since=newest.at),)


def _only(picks: Mapping[Place, Pick], keys: Collection[Place]) -> dict[Place, Pick]:
    return {key: pick for key, pick in picks.items() if key in keys}


def _share(picks: Mapping[Place, Pick], said: Sequence[Labelling], bad: Collection[Digest]) -> Share:
    own = [one for one in said if (one.selection, one.image) in picks]
    done = {(one.selection, one.image): one for one in own if one.outcome is not LabelOutcome.SKIPPED}
    defective = sum(image in bad for _, image in done)
    corrected = sum(_is_change(one.outcome, picks[key]) for key, one in done.items())
    minutes = sum(one.seconds for one in own) / 60
    number, timed = len(done), sum(one.seconds > 0 for one in done.values())
    rates = interval(defective, number), interval(corrected, number)
    return Share(len(picks), number, timed, minutes, *rates)


def _is_change(outcome: LabelOutcome, pick: Pick) -> bool:
    return outcome is LabelOutcome.FIXED or (outcome is LabelOutcome.CLEAN and bool(pick.proposal))


def _per_minute(share: Interval, timed: int, minutes: float) -> PerMinute | None:
    if not timed or minutes <= 0:
        return None
    pace = timed / minutes
    return PerMinute(share.rate * pace, share.low * pace, share.high * pace)


def _asked_model(workspace: Workspace, settings: SelectionSettings) -> tuple[Package, Mapping[str, Cuts]]:
    """The model that is asked, and the cuts its scores are judged by."""
    with workspace.database.read() as tx:
        latest = stored_recipes.page(tx, None, 1).rows
        package = _package(tx, settings, latest[0].package if latest else None)
        recipes = [one for one in stored_recipes.page(tx, None, OPEN).rows if one.package == package.digest]
    return package, recipes[0].cuts if recipes else suggested_cuts(workspace, package)


def _package(tx: Connection, settings: SelectionSettings, of_recipe: Digest | None) -> Package:
    named = settings.package or of_recipe
    return stored_models.latest(tx) if named is None else stored_models.get(tx, named)


def _keep(workspace: Workspace, selection: Selection) -> Selection:
    """Record the selection and its proposals, all or nothing."""
    author = f"model/{selection.package[:12]}"
    proposed = [
        _proposed(pick.image, label, (author, selection.at))
        for pick in selection.picks
        for label in pick.proposal
    ]
    with workspace.database.write() as tx:
        known = stored_annotations.current(tx, [one.image for one in proposed])
        there = {one.id for these in known.values() for one in these}
        stored_selections.add(tx, selection)
        stored_annotations.add(tx, list({one.id: one for one in proposed if one.id not in there}.values()))
    return selection


def _proposed(image: Digest, label: Label, by: tuple[str, Timestamp]) -> Annotation:
    """The same proposal by the same model has the same id, however often it is made."""
    identity = digest_of(f"{image}\n{by[0]}\n".encode() + canonical(label))[:32]
    return Annotation(identity, 1, image, label.concept, label.geometry, AnnotationState.PROPOSED, *by)
