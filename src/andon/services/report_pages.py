"""The page that `andon inspect` leaves behind: verdicts, rates, speed, and pictures of what matters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from andon import __version__
from andon.domain.inspections import Inspection, Verdict
from andon.domain.recipes import Recipe
from andon.errors import UserError
from andon.formats.pixels import decode
from andon.formats.truth import Truth
from andon.look.figures import Fact, Figure, Picture, figure_of
from andon.look.inspection_report import InspectionReport, Latency, PartRow, render_inspection_report
from andon.services.inspection_reports import Summary
from andon.services.pictures import thumbnail

PICTURES = 12
"""Of each kind; the tables beside the report hold everything."""

LISTED = 200


@dataclass(frozen=True, slots=True)
class _Judged:
    """One inspection beside its truth, where that is known."""

    inspection: Inspection
    truth: Truth | None

    @property
    def verdict(self) -> Verdict:
        return self.inspection.decision.verdict

    @property
    def worst(self) -> float:
        return max(self.inspection.scores.values(), default=0.0)

    @property
    def is_escape(self) -> bool:
        return self.truth is not None and bool(self.truth.defects) and self.verdict is Verdict.PASS

    @property
    def is_overkill(self) -> bool:
        rejected = self.verdict in (Verdict.REJECT, Verdict.NO_DECISION)
        return self.truth is not None and not self.truth.defects and rejected


def render_report(
    summary: Summary, recipe: Recipe, inspections: Sequence[Inspection], truth: Mapping[str, Truth]
) -> str:
    """The report as one HTML document."""
    judged = [_Judged(inspection, truth.get(inspection.name)) for inspection in inspections]
    shown = sorted(judged, key=lambda j: (j.verdict is Verdict.PASS, -j.worst, j.inspection.name))
    return render_inspection_report(
        InspectionReport(
            title=f"Inspection with {summary.recipe}",
            facts=_facts(summary, recipe),
            verdicts=summary.verdicts,
            latency=Latency(summary.median, summary.p95, summary.images),
            figures=_figures(summary),
            escapes=_pictures(summary.folder, shown, lambda j: j.is_escape),
            overkills=_pictures(summary.folder, shown, lambda j: j.is_overkill),
            rejects=_pictures(
                summary.folder, shown, lambda j: j.verdict is Verdict.REJECT and not j.is_overkill
            ),
            reviews=_pictures(summary.folder, shown, lambda j: j.verdict is Verdict.REVIEW),
            parts=tuple(_row(j) for j in shown[:LISTED]),
            unlisted=max(0, len(shown) - LISTED),
        )
    )


def _facts(summary: Summary, recipe: Recipe) -> tuple[Fact, ...]:
    return (
        Fact("recipe", summary.recipe),
        Fact("model", recipe.package, exact=True),
        Fact("variant", summary.variant),
        Fact("images", f"{summary.images:,} of {summary.parts:,} parts"),
        Fact("all results", f"{summary.csv.name} beside this page"),
        Fact("Andon", __version__),
    )


def _figures(summary: Summary) -> tuple[Figure, ...]:
    if summary.rates is None:
        return ()
    rates = summary.rates
    return (
        figure_of("escapes", rates.escapes, "missed defects, underkill, false negatives"),
        figure_of("overkill", rates.overkill, "good parts rejected, false positives"),
        figure_of("good parts sent to review", rates.reviews),
    )


def _pictures(
    folder: Path, judged: Sequence[_Judged], wanted: Callable[[_Judged], bool]
) -> tuple[Picture, ...]:
    chosen = [j for j in judged if wanted(j)][:PICTURES]
    pictures = [(j, _overlay(folder, j.inspection.name)) for j in chosen]
    return tuple(
        Picture(j.inspection.name, _caption(j), overlay) for j, overlay in pictures if overlay is not None
    )


def _overlay(folder: Path, name: str) -> bytes | None:
    """The overlay as a small PNG; None where none was asked for or it was removed."""
    path = overlay_path(folder, name)
    if not path.is_file():
        return None
    try:
        return thumbnail(decode(path.read_bytes()))
    except UserError:
        return None


def overlay_path(folder: Path, name: str) -> Path:
    """Where the overlay of the image called ``name`` lies."""
    return folder / "overlays" / f"{name}.png"


def _caption(judged: _Judged) -> str:
    text = _reasons(judged.inspection) or "nothing found"
    if judged.truth is not None:
        text += f"; truth: {', '.join(sorted(judged.truth.defects)) or 'clean'}"
    return text


def _row(judged: _Judged) -> PartRow:
    inspection, truth = judged.inspection, judged.truth
    known = "" if truth is None else ", ".join(sorted(truth.defects)) or "clean"
    return PartRow(
        name=inspection.name,
        verdict=judged.verdict,
        reasons=_reasons(inspection),
        score=judged.worst if inspection.scores else None,
        milliseconds=inspection.milliseconds,
        truth=known,
    )


def _reasons(inspection: Inspection) -> str:
    return "; ".join(f"{r.concept or r.code}: {r.detail}" for r in inspection.decision.reasons[:3])
