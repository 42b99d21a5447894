"""Quality: escapes, overkill and cost of what stations inspected, from what people looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from andon.analysis.bounds import interval
from andon.analysis.estimates import MIN_CONFIRMED, MIN_CONTRADICTED, compare, rows
from andon.domain.inspections import Verdict
from andon.domain.models import Costs
from andon.domain.needs import Need
from andon.domain.quality import Cohort, Comparison, Found, Inspected, Judged, Quality, QualityRow, is_found
from andon.domain.recipes import Recipe
from andon.errors import NotFound
from andon.services.scores import latest_evaluation
from andon.services.workspaces import Workspace
from andon.store import models as stored_models
from andon.store import quality as stored_quality
from andon.store import recipes as stored_recipes
from andon.store.quality import NO_RELEASE, JudgedPart, Tally, Window
from andon.units import Timestamp

LATEST_REVIEWS = 500
"""What people said last, from which is told at each look whether somebody is needed."""

_STATED = ("escape", "overkill", "review")


@dataclass(frozen=True, slots=True)
class FoundParts:
    """Parts of one list, newest first: the first ``rows`` of ``total``."""

    what: Found
    rows: tuple[JudgedPart, ...]
    total: int


def report(
    workspace: Workspace,
    since: Timestamp | None = None,
    before: Timestamp | None = None,
    costs: Costs | None = None,
) -> Quality:
    """What is known of the parts that stations inspected from ``since`` on and before ``before``.

    ``costs``: None takes those of the recipe that came last to the stations, or those its model was
    evaluated with.
    """
    window = Window(since, before)
    with workspace.database.read() as tx:
        tallies = stored_quality.tallies(tx, window)
        parts = stored_quality.judged(tx, window)
    judged = [part.judged for part in parts]
    inspected = [tally.inspected for tally in tallies]
    releases = _releases(tallies)
    costs = costs or (_costs(workspace, releases[-1]) if releases else None)
    found = {by: rows(by, inspected, judged, costs) for by in Cohort} if inspected else {}
    against: Comparison | None = None
    if len(releases) > 1:
        against = compare(inspected, judged, costs, (releases[-1], releases[-2]))
    return Quality(
        since=since,
        before=before,
        rows=found,
        remarks=(*_remarks(inspected, judged, costs), *_of_second_looks(found, parts)),
        against=against,
        due=sum(_is_listed(part, Found.DUE) for part in parts),
    )


def of_station(
    workspace: Workspace, station: str, since: Timestamp, costs: Costs | None = None
) -> QualityRow | None:
    """One station's row of :func:`report`, from its own parts alone; None where it inspected nothing.

    ``costs``: None takes those of the recipe that came last to this station, or its model's.
    """
    window = Window(since, station=station)
    with workspace.database.read() as tx:
        tallies = stored_quality.tallies(tx, window)
        judged = [part.judged for part in stored_quality.judged(tx, window)]
    releases = _releases(tallies)
    costs = costs or (_costs(workspace, releases[-1]) if releases else None)
    found = rows(Cohort.STATION, [tally.inspected for tally in tallies], judged, costs)
    return found[0] if found else None


def found_parts(
    workspace: Workspace,
    what: Found,
    since: Timestamp | None = None,
    before: Timestamp | None = None,
    limit: int = 100,
) -> FoundParts:
    """Parts that wait for a second look, or that the model or people found and the other had missed."""
    with workspace.database.read() as tx:
        judged = stored_quality.judged(tx, Window(since, before))
    these = [part for part in reversed(judged) if _is_listed(part, what)]
    return FoundParts(what, tuple(these[:limit]), len(these))


def quality_needs(workspace: Workspace) -> tuple[Need, ...]:
    """More escapes than a model promised, and second looks that are due; from the latest reviews alone."""
    with workspace.database.read() as tx:
        judged = stored_quality.judged(tx, Window(), LATEST_REVIEWS)
    return (*_broken_promises(workspace, judged), *_due(judged))


def promised(workspace: Workspace, release: str) -> float | None:
    """Escapes per part that ``NAME@VERSION`` may have at most, by the evaluation of its model.

    The upper bound of its test parts, times the share of defective parts that it was evaluated for; None
    where it never was.
    """
    recipe = _recipe(workspace, release)
    if recipe is None:
        return None
    with workspace.database.read() as tx:
        package = stored_models.get(tx, recipe.package)
    evaluation = latest_evaluation(workspace, package, brief=True)
    if evaluation is None or evaluation.rates is None or not evaluation.rates.escapes.of:
        return None
    return evaluation.rates.escapes.high * evaluation.costs.defect_rate


def _is_listed(part: JudgedPart, what: Found) -> bool:
    """A second look needs the picture."""
    return is_found(part.judged, what) and (part.here or what is not Found.DUE)


def _broken_promises(workspace: Workspace, judged: Sequence[JudgedPart]) -> Iterator[Need]:
    audited = [p.judged for p in judged if p.judged.verdict is Verdict.PASS and p.judged.probability > 0]
    for release in dict.fromkeys(part.release for part in audited):
        known = [part for part in audited if part.release == release and part.said is not None]
        wrong = sum(bool(part.said if part.checked is None else part.checked) for part in known)
        limit = promised(workspace, release) if wrong else None
        if limit is not None and (seen := interval(wrong, len(known))).low > limit:
            yield Need(
                f"{release} lets more defects pass than its model promised: {wrong} of the last"
                f" {len(known):,} passes that people judged were defective, at most {_percent(limit)} were"
                " expected",
                f"At least {_percent(seen.low)} escape. Look at Quality; go back to the release before, or"
                " label what was missed and train.",
                True,
                "/quality",
            )


def _due(judged: Sequence[JudgedPart]) -> Iterator[Need]:
    due = [part for part in judged if _is_listed(part, Found.DUE)]
    if due:
        number = "1 part waits" if len(due) == 1 else f"{len(due):,} parts wait"
        yield Need(
            f"{number} for a second look",
            "Label the pictures: only so it is known how often people err.",
            False,
            f"/quality/parts/{Found.DUE}",
        )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _releases(tallies: Sequence[Tally]) -> list[str]:
    """In the order in which they came to the stations."""
    first: dict[str, int] = {}
    for tally in tallies:
        release = tally.inspected.release
        if release != NO_RELEASE:
            first[release] = min(tally.first, first.get(release, tally.first))
    return sorted(first, key=lambda release: first[release])


def _costs(workspace: Workspace, release: str) -> Costs | None:
    recipe = _recipe(workspace, release)
    if recipe is None:
        return None
    stated: Mapping[str, float] = recipe.costs
    if set(stated) >= set(_STATED):
        escape, overkill, review = (stated[name] for name in _STATED)
        return Costs(escape, overkill, review, stated.get("defect_percent", 0.0) / 100)
    with workspace.database.read() as tx:
        package = stored_models.get(tx, recipe.package)
    evaluation = latest_evaluation(workspace, package, brief=True)
    return evaluation.costs if evaluation else None


def _recipe(workspace: Workspace, release: str) -> Recipe | None:
    name, _, version = release.rpartition("@")
    if not version.isdigit():
        return None
    try:
        with workspace.database.read() as tx:
            return stored_recipes.get(tx, name, int(version))
    except NotFound:
        return None


def _remarks(
    inspected: Sequence[Inspected], judged: Sequence[Judged], costs: Costs | None
) -> Iterator[str]:
    if not inspected:
        return
    if judged:
        yield (
            "What people were shown and did not answer is taken to be like what they answered, on the same"
            " station, release and day. Second looks are taken to be right."
        )
    for verdict, what in ((Verdict.PASS, "escapes"), (Verdict.REJECT, "overkill")):
        yield from _not_looked_at(inspected, judged, (verdict, what))
    unsure = sum(part.said is None for part in judged)
    if unsure:
        yield f"People were unsure of {unsure:,} parts; these count as not answered."
    picked = sum(p.verdict is Verdict.PASS and p.probability <= 0 and p.said is not None for p in judged)
    if picked:
        yield (
            f"{picked:,} passes were picked by people and not drawn by chance: what they found is listed,"
            " and says nothing about the other parts."
        )
    if costs is None:
        yield (
            "Cost is not reckoned: the latest recipe states no costs, and its model was not evaluated."
            " Make a version of the recipe that does."
        )


def _of_second_looks(
    found: Mapping[Cohort, tuple[QualityRow, ...]], parts: Sequence[JudgedPart]
) -> Iterator[str]:
    away = sum(is_found(part.judged, Found.DUE) and not part.here for part in parts)
    if away:
        yield f"{away:,} parts drawn for a second look have no picture here: it is to come, or not sent."
    estimates = [e for by in found.values() for row in by for e in (row.escapes, row.overkill) if e]
    if not all(estimate.checked for estimate in estimates):
        yield (
            "Where it says so, there are too few second looks to know how often people err: all those that"
            f" are due, and at least {MIN_CONTRADICTED} of the verdicts they contradicted and"
            f" {MIN_CONFIRMED} of those they confirmed, or all. Until then the figure is an estimate of"
            " what people say, not of what is."
        )


def _not_looked_at(
    inspected: Sequence[Inspected], judged: Sequence[Judged], of: tuple[Verdict, str]
) -> Iterator[str]:
    verdict, what = of
    drawn = [p for p in judged if p.verdict is verdict and p.said is not None and p.probability > 0]
    known = {(part.station, part.release) for part in drawn}
    unknown: dict[tuple[str, str], int] = {}
    for many in inspected:
        place = (many.station, many.release)
        if many.verdict is verdict and place not in known:
            unknown[place] = unknown.get(place, 0) + many.parts
    for (station, release), parts in sorted(unknown.items()):
        yield (
            f"Nobody judged a {verdict} of {station} with {release} ({parts:,} parts) that was drawn by"
            f" chance: they are in no estimate of {what}."
        )
