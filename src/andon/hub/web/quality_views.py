"""What the pages of quality show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from andon.domain.quality import Cohort, Estimate, Found, Quality, QualityRow
from andon.hub.api.quality import Span
from andon.look.figures import FEW
from andon.services.quality import FoundParts

COHORTS: Mapping[Cohort, str] = {
    Cohort.RELEASE: "Release",
    Cohort.STATION: "Station",
    Cohort.PART_TYPE: "Part type",
    Cohort.CONCEPT: "Concept",
    Cohort.DAY: "Day",
}

UNNAMED: Mapping[Cohort, str] = {Cohort.PART_TYPE: "no part type stated"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a list is called, and what its parts are."""

    title: str
    means: str
    empty: str


FOUND: Mapping[Found, Words] = {
    Found.DUE: Words(
        "Second looks due",
        "Parts whose verdict people contradicted, and a share of those they confirmed that is drawn by lot."
        " Somebody sits down with the picture and labels it: only so it is known how often people err.",
        "No part waits for a second look.",
    ),
    Found.MODEL: Words(
        "Found by the model, missed by people",
        "People called these parts good; a second look found the defect that the model had pointed at.",
        "No defect is known that people missed and the model had found.",
    ),
    Found.PEOPLE: Words(
        "Found by people, missed by the model",
        "The model let these parts pass; people caught them, in the audit or by themselves.",
        "No defect is known that the model let pass and people caught.",
    ),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """An estimate as it is written, and its bar.

    Attributes:
        value, low, high: as text with unit.
        start, width, point: of the bar, 0..100 of the largest upper bound of its column.
        n: parts people judged. checked: by second looks.
    """

    value: str
    low: str
    high: str
    start: float
    width: float
    point: float
    n: int
    of: int
    checked: bool
    confidence: float

    @property
    def few(self) -> bool:
        """Whether it stands on too little."""
        return self.n < FEW


@dataclass(frozen=True, slots=True)
class Row:
    """One cohort as it is shown; ``link``: its parts in the list of inspections, empty where none fits."""

    row: QualityRow
    name: str
    link: str
    escapes: Cell | None
    overkill: Cell | None
    cost: Cell | None


@dataclass(frozen=True, slots=True)
class Change:
    """A difference to the release before, in words; ``is_worse`` beyond what chance explains."""

    name: str
    text: str
    verdict: str
    is_worse: bool
    is_better: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """A link to the same report by another cohort."""

    name: str
    link: str
    current: bool


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A list of parts behind the numbers."""

    title: str
    number: int
    link: str


@dataclass(frozen=True, slots=True)
class QualityView:
    """The page. ``whole`` is None where no station has inspected anything in that time."""

    quality: Quality
    span: Span
    by: Cohort
    is_filtered: bool
    whole: Row | None
    rows: tuple[Row, ...]
    tabs: tuple[Tab, ...]
    changes: tuple[Change, ...]
    lists: tuple[FoundLink, ...]


@dataclass(frozen=True, slots=True)
class PartsView:
    """Parts of one list, and the way back."""

    found: FoundParts
    words: Words
    back: str


def quality_view(quality: Quality, by: Cohort, span: Span) -> QualityView:
    """The report as the page shows it, with one table ``by`` cohort."""
    shown = by if by in COHORTS else Cohort.RELEASE
    (whole,) = _rows(quality.rows.get(Cohort.ALL, ()), Cohort.ALL) or (None,)
    return QualityView(
        quality=quality,
        span=span,
        by=shown,
        is_filtered=bool(span.since or span.before),
        whole=whole,
        rows=_rows(quality.rows.get(shown, ()), shown),
        tabs=tuple(
            Tab(name, _address("/quality", span, by=cohort.value), cohort is shown)
            for cohort, name in COHORTS.items()
        ),
        changes=tuple(_changes(quality)),
        lists=tuple(_lists(quality, whole, span)),
    )


def parts_view(found: FoundParts, span: Span) -> PartsView:
    """One list of parts."""
    return PartsView(found, FOUND[found.what], _address("/quality", span))


def _rows(rows: Sequence[QualityRow], by: Cohort) -> tuple[Row, ...]:
    newest_first = by in {Cohort.DAY, Cohort.RELEASE}
    ordered = sorted(rows, key=lambda row: _natural(row.name), reverse=newest_first)
    columns = (
        _cells([row.escapes for row in ordered], rate),
        _cells([row.overkill for row in ordered], rate),
        _cells([row.cost for row in ordered], money),
    )
    return tuple(
        Row(row, row.name or UNNAMED.get(by, "none"), _link(row.name, by), *cells)
        for row, *cells in zip(ordered, *columns, strict=True)
    )


def _natural(name: str) -> tuple[str, int, str]:
    """Version 10 of a recipe comes after version 9."""
    recipe, _, version = name.rpartition("@")
    return (recipe, int(version), "") if recipe and version.isdigit() else ("", 0, name)


def _cells(column: Sequence[Estimate | None], written: Callable[[float], str]) -> list[Cell | None]:
    largest = max((estimate.high for estimate in column if estimate), default=0.0) or 1.0
    return [_cell(estimate, written, 100 / largest) if estimate else None for estimate in column]


def _cell(estimate: Estimate, written: Callable[[float], str], scale: float) -> Cell:
    value, low, high = (written(each) for each in (estimate.value, estimate.low, estimate.high))
    start, end = scale * estimate.low, scale * estimate.high
    return Cell(
        value,
        low,
        high,
        start,
        max(0.5, end - start),
        scale * estimate.value,
        estimate.looked_at,
        estimate.of,
        estimate.checked,
        estimate.confidence,
    )


def rate(share: float) -> str:
    """A share in percent, with the digits that can matter where most are far below one percent."""
    percent = 100 * share
    digits = 0 if percent == 0 else 3 if percent < 0.1 else 2 if percent < 10 else 1
    return f"{percent:.{digits}f} %"


def money(amount: float) -> str:
    """An amount without a currency."""
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.1f}"


def _link(name: str, by: Cohort) -> str:
    if by is Cohort.STATION:
        return "/inspections?" + urlencode({"station": name})
    if by is Cohort.RELEASE and "@" in name:
        return "/inspections?" + urlencode({"recipe": name.rpartition("@")[0]})
    if by is Cohort.DAY:
        return "/inspections?" + urlencode({"since": name, "before": f"{name}T23:59:59.999999Z"})
    return ""


def _changes(quality: Quality) -> Iterator[Change]:
    against = quality.against
    if against is None:
        return
    named = (
        ("Escapes", against.escapes, "{:+.2f}", " percentage points"),
        ("Overkill", against.overkill, "{:+.2f}", " percentage points"),
        ("Cost per 1,000 parts", against.cost, "{:+,.0f}", ""),
    )
    for name, change, form, unit in named:
        if change is None:
            yield Change(name, "not known yet", "people have looked at too little", False, False)
            continue
        scale = 100 if unit else 1
        value, low, high = (form.format(scale * each) for each in (change.value, change.low, change.high))
        worse, better = change.low > 0, change.high < 0
        verdict = "worse" if worse else "better" if better else "no difference shown"
        text = f"{value} ({low} to {high}){unit}"
        yield Change(name, text, verdict, worse, better)


def _lists(quality: Quality, whole: Row | None, span: Span) -> Iterator[FoundLink]:
    if whole is None:
        return
    numbers = {
        Found.DUE: quality.due,
        Found.MODEL: whole.row.model_found,
        Found.PEOPLE: whole.row.people_found,
    }
    for what, number in numbers.items():
        yield FoundLink(FOUND[what].title, number, _address(f"/quality/parts/{what}", span))


def _address(path: str, span: Span, **more: str) -> str:
    given = {"since": span.since, "before": span.before, **more}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path
