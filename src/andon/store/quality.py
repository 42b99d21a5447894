"""What people judged of stations' parts, and how many parts there were, in few passes over the rows."""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from andon.domain.feedback import Review, SendReason, truth_of
from andon.domain.inspections import Verdict
from andon.domain.ontologies import ConceptKind
from andon.domain.quality import Inspected, Judged, contradicts, second_look_probability
from andon.domain.splitting import CLEAN
from andon.store import ontologies
from andon.store.reviews import review_of
from andon.store.rows import matching
from andon.store.tables import feedback, image_labels, images, inspections, recipes, reviews
from andon.units import Digest, Timestamp

DAY = 10
"""Characters of a timestamp up to its day."""

NO_RELEASE = "no recipe"
"""Release of parts that a station took without a model."""


@dataclass(frozen=True, slots=True)
class Window:
    """Parts that were inspected from ``since`` on and before ``before``, on ``station``; None: no bound."""

    since: Timestamp | None = None
    before: Timestamp | None = None
    station: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Parts of one kind, and the row of the first of them: rows come in order of arrival."""

    inspected: Inspected
    first: int


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """A part that people judged, and where to find it.

    Attributes:
        judged: as estimates count it; ``said`` is None where people were not sure.
        image: of the part.
        review: what people said last.
    """

    judged: Judged
    inspection: str
    at: Timestamp
    image: Digest | None
    review: Review

    @property
    def here(self) -> bool:
        """Whether the picture is stored."""
        return self.judged.pictured


def tallies(tx: Connection, window: Window) -> tuple[Tally, ...]:
    """Counts of all parts of stations, by everything that tells them apart."""
    day = func.substr(inspections.c.at, 1, DAY)
    by = (inspections.c.station, day, inspections.c.recipe_id, inspections.c.verdict)
    counted = select(*by, func.count(), func.min(inspections.c.id)).where(*_within(window))
    releases = _releases(tx)
    return tuple(
        Tally(
            Inspected(row[0], *_names(releases, row[2], row[1]), Verdict(row[3]), row[4]),
            row[5],
        )
        for row in tx.execute(counted.group_by(*by))
    )


def judged(tx: Connection, window: Window, newest: int | None = None) -> tuple[JudgedPart, ...]:
    """Parts of stations that people judged, in order of arrival; the last word on each counts.

    Args:
        tx: the transaction.
        window: which parts.
        newest: bounds what it costs: only parts that so many of the latest reviews speak of.
    """
    rows = _reviewed(tx, window, newest)
    labels = _labels(tx, rows)
    releases = _releases(tx)
    plain = _without_chosen(tx, [_judged(row, labels.get(row.image), releases) for row in rows])
    wanted = [part.inspection for part in plain if _needs_detail(part.judged)]
    details = _details(tx, wanted)
    return tuple(_completed(part, details.get(part.inspection)) for part in plain)


def _within(window: Window) -> Iterator[ColumnElement[bool]]:
    if window.station is None:
        yield inspections.c.station.is_not(None)
    else:
        yield inspections.c.station == window.station
    if window.since is not None:
        yield inspections.c.at >= window.since
    if window.before is not None:
        yield inspections.c.at < window.before


def _releases(tx: Connection) -> dict[int, tuple[str, str]]:
    """Row of a recipe version -> its part type, and NAME@VERSION."""
    found = tx.execute(select(recipes.c.id, recipes.c.name, recipes.c.version, recipes.c.part_type))
    return {row.id: (row.part_type or "", f"{row.name}@{row.version}") for row in found}


def _names(releases: Mapping[int, tuple[str, str]], recipe: int | None, day: str) -> tuple[str, str, str]:
    """Part type, day and release."""
    part_type, release = ("", NO_RELEASE) if recipe is None else releases[recipe]
    return part_type, day, release


def _reviewed(tx: Connection, window: Window, newest: int | None) -> Sequence[Row[Any]]:
    said: Any = select(reviews.c.inspection_id, reviews.c.id)
    if newest is not None:
        said = said.order_by(reviews.c.id.desc()).limit(newest)
    else:
        said = said.join(inspections, inspections.c.id == reviews.c.inspection_id).where(*_within(window))
    each = said.subquery()
    last = select(each.c.inspection_id, func.max(each.c.id).label("review")).group_by(each.c.inspection_id)
    of = last.subquery()
    joined = of.join(reviews, reviews.c.id == of.c.review).join(
        inspections, inspections.c.id == of.c.inspection_id
    )
    part = (
        inspections.c[name] for name in ("inspection", "part", "image", "station", "recipe_id", "verdict")
    )
    word = (reviews.c[name] for name in ("review", "answer", "queue", "concept", "note", "author"))
    columns = (*part, inspections.c.at.label("inspected_at"), *word, reviews.c.at)
    query: Select[Any] = select(*columns).select_from(joined).where(*_within(window))
    return tx.execute(query.order_by(inspections.c.id)).all()


def _labels(tx: Connection, rows: Sequence[Row[Any]]) -> dict[str, frozenset[str]]:
    """Stored pictures of the parts -> what people accepted as seen on them; nothing where nobody looked."""
    query = select(images.c.digest, image_labels.c.concept)
    query = query.select_from(images.outerjoin(image_labels, image_labels.c.image_id == images.c.id))
    found: dict[str, set[str]] = defaultdict(set)
    for row in matching(tx, query, images.c.digest, [row.image for row in rows if row.image]):
        found[row.digest].update(() if row.concept is None else (row.concept,))
    defects = {c.name for c in ontologies.current(tx).concepts if c.kind is ConceptKind.DEFECT}
    return {digest: frozenset(names & {*defects, CLEAN}) for digest, names in found.items()}


def _judged(
    row: Row[Any], labels: frozenset[str] | None, releases: Mapping[int, tuple[str, str]]
) -> JudgedPart:
    verdict, review = Verdict(row.verdict), review_of(row)
    said = truth_of(verdict, review)
    defects = (labels or frozenset()) - {CLEAN}
    names = {*defects, *((review.concept,) if review.concept else ())}
    part_type, day, release = _names(releases, row.recipe_id, row.inspected_at[:DAY])
    part = Judged(
        part=row.part,
        station=row.station,
        part_type=part_type,
        day=day,
        release=release,
        verdict=verdict,
        probability=0.0 if verdict is Verdict.PASS else 1.0,
        queue=review.queue,
        said=said,
        checked=bool(defects) if labels else None,
        check_probability=_check_probability(row.inspection, verdict, said),
        concepts=tuple(sorted(names)),
        pictured=labels is not None,
    )
    return JudgedPart(part, row.inspection, row.inspected_at, row.image, review)


def _without_chosen(tx: Connection, parts: Sequence[JudgedPart]) -> list[JudgedPart]:
    """Confirmed rejects and contradicted parts whose pictures were sent for their scores alone are no fair
    sample of all of them.

    Where a station sends all that it keeps, or sent them because they were drawn, or each that was
    contradicted, they are.
    """
    confirmed = [part.inspection for part in parts if _is_confirmed_reject(part.judged)]
    wrong = [part.inspection for part in parts if _is_contradicted(part.judged)]
    chosen = _sent_for(tx, confirmed, _BY_SCORES) - _sent_for(tx, confirmed, _DRAWN)
    chosen |= _sent_for(tx, wrong, _BY_SCORES) - _sent_for(tx, wrong, (*_DRAWN, SendReason.WRONG))
    return [
        replace(part, judged=replace(part.judged, check_probability=0.0))
        if part.inspection in chosen
        else part
        for part in parts
    ]


_BY_SCORES, _DRAWN = (SendReason.CONFUSED, SendReason.RULE), (SendReason.AUDIT, SendReason.RANDOM)


def _sent_for(tx: Connection, asked: Sequence[str], reasons: tuple[SendReason, ...]) -> set[str]:
    """Those of the inspections ``asked`` whose picture a station sent for one of ``reasons``."""
    joined = inspections.join(feedback, feedback.c.inspection_id == inspections.c.id)
    query = select(inspections.c.inspection).select_from(joined).where(feedback.c.reason.in_(reasons))
    return {row.inspection for row in matching(tx, query, inspections.c.inspection, asked)}


def _is_confirmed_reject(part: Judged) -> bool:
    return part.verdict is Verdict.REJECT and part.said is True and part.check_probability > 0


def _is_contradicted(part: Judged) -> bool:
    return part.said is not None and contradicts(part.verdict, part.said)


def _check_probability(inspection: str, verdict: Verdict, said: bool | None) -> float:
    return 0.0 if said is None else second_look_probability(inspection, contradicts(verdict, said))


def _needs_detail(part: Judged) -> bool:
    """Passes, for the probability of their audit; and parts that somebody says were judged wrongly."""
    if part.verdict is Verdict.PASS:
        return True
    return any(said is not None and contradicts(part.verdict, said) for said in (part.said, part.checked))


def _details(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[float, frozenset[str]]]:
    """Inspection -> probability of its audit, and the concepts that spoke against the part."""
    query = select(inspections.c.inspection, inspections.c.detail)
    found = {}
    for row in matching(tx, query, inspections.c.inspection, ids):
        detail = json.loads(zlib.decompress(row.detail))
        named = frozenset(one["concept"] for one in detail["reasons"] if one["concept"])
        found[row.inspection] = (float(detail["capture"]["audit"]), named)
    return found


def _completed(part: JudgedPart, detail: tuple[float, frozenset[str]] | None) -> JudgedPart:
    if detail is None:
        return part
    audit, reasons = detail
    if part.judged.verdict is Verdict.PASS:
        return replace(part, judged=replace(part.judged, probability=audit))
    concepts = tuple(sorted({*part.judged.concepts, *reasons}))
    return replace(part, judged=replace(part.judged, concepts=concepts))
