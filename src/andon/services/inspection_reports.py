"""What `andon inspect` leaves behind: results.csv, results.jsonl, and the summary a report shows."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from andon.analysis.bounds import sentence
from andon.analysis.cuts import PASS, REJECT, REVIEW, Rates, rates_of
from andon.blobs.files import write_durably
from andon.domain.inspections import Inspection, Verdict
from andon.domain.jobs import Job
from andon.domain.recipes import Recipe
from andon.domain.serial import to_json
from andon.formats.truth import Truth
from andon.services.inspections import of_job
from andon.services.workspaces import Workspace

CSV = "results.csv"
JSON_LINES = "results.jsonl"
REPORT = "report.html"

WORST_FIRST = (Verdict.NO_DECISION, Verdict.REJECT, Verdict.REVIEW, Verdict.PASS)
"""A part with several images gets the worst of their verdicts."""

DECIDED = {Verdict.NO_DECISION: REJECT, Verdict.REJECT: REJECT, Verdict.REVIEW: REVIEW, Verdict.PASS: PASS}
"""How verdicts count: outputs treat NO-DECISION as REJECT."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of one `andon inspect`.

    Attributes:
        verdicts: parts by verdict, worst verdict of each part's images.
        rates: escapes and overkill, None where no truth is known.
        median, p95: milliseconds from image bytes to verdict.
    """

    job: str
    recipe: str
    variant: str
    folder: Path
    parts: int
    images: int
    verdicts: Mapping[Verdict, int]
    rates: Rates | None
    median: float
    p95: float

    @property
    def csv(self) -> Path:
        """The table of all images."""
        return self.folder / CSV

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / REPORT

    def table(self) -> tuple[tuple[str, ...], list[list[object]]]:
        """What is printed at the end."""
        rows: list[list[object]] = [["parts", self.parts], ["images", self.images]]
        rows += [[str(verdict), self.verdicts.get(verdict, 0)] for verdict in reversed(WORST_FIRST)]
        if self.rates:
            rows.append(["escapes (missed defects)", sentence(self.rates.escapes)])
            overkill = self.rates.overkill
            doubt = f"{overkill.low:.1%} to {overkill.high:.1%} at {overkill.confidence:.0%}"
            rows.append(["overkill (good parts rejected)", f"{overkill.count} of {overkill.of}, {doubt}"])
            rows.append(
                ["good parts sent to review", f"{self.rates.reviews.count} of {self.rates.reviews.of}"]
            )
        rows.append(["ms per image, median / p95", f"{self.median:.1f} / {self.p95:.1f}"])
        rows.append(["recipe, variant", f"{self.recipe}, {self.variant}"])
        return ("", "result"), rows

    def sentence(self) -> str:
        """One line for the job's row."""
        return ", ".join(f"{number} {verdict}" for verdict, number in self.verdicts.items())

    def as_json(self) -> dict[str, object]:
        """The same for `--json`."""
        return {
            "job": self.job,
            "recipe": self.recipe,
            "variant": self.variant,
            "parts": self.parts,
            "images": self.images,
            "verdicts": {str(verdict): self.verdicts.get(verdict, 0) for verdict in WORST_FIRST},
            "rates": to_json(self.rates) if self.rates else None,
            "ms_median": self.median,
            "ms_p95": self.p95,
            "folder": str(self.folder),
            "csv": str(self.csv),
            "jsonl": str(self.folder / JSON_LINES),
            "report": str(self.report),
        }


def write_results(
    workspace: Workspace, of: tuple[Job, Recipe], folder: Path, truth: Mapping[str, Truth]
) -> Summary:
    """Write the tables and the report of a job from its records; gives the summary.

    Raises:
        DiskFull: a file could not be written; the records are kept, the same command writes them again.
    """
    from andon.services.report_pages import render_report

    job, recipe = of
    inspections = of_job(workspace, job.id)
    summary = _summary(job, recipe, folder, inspections, truth)
    write_durably(summary.csv, _csv(inspections).encode())
    write_durably(folder / JSON_LINES, _json_lines(inspections).encode())
    write_durably(summary.report, render_report(summary, recipe, inspections, truth).encode())
    return summary


def _summary(
    job: Job, recipe: Recipe, folder: Path, inspections: Sequence[Inspection], truth: Mapping[str, Truth]
) -> Summary:
    parts = verdict_of_parts(inspections)
    times = [inspection.milliseconds for inspection in inspections]
    median, high = np.percentile(times, [50, 95]) if times else (0.0, 0.0)
    counts = Counter(parts.values())
    return Summary(
        job=job.id,
        recipe=f"{recipe.name}@{recipe.version}",
        variant=inspections[0].variant if inspections else "",
        folder=folder,
        parts=len(parts),
        images=len(inspections),
        verdicts={verdict: counts[verdict] for verdict in WORST_FIRST if counts[verdict]},
        rates=_rates(inspections, truth),
        median=float(median),
        p95=float(high),
    )


def verdict_of_parts(inspections: Sequence[Inspection]) -> dict[str, Verdict]:
    """Part -> the worst verdict of its images."""
    parts: dict[str, Verdict] = {}
    for inspection in inspections:
        before = parts.get(inspection.part, Verdict.PASS)
        parts[inspection.part] = min(before, inspection.decision.verdict, key=WORST_FIRST.index)
    return parts


def _rates(inspections: Sequence[Inspection], truth: Mapping[str, Truth]) -> Rates | None:
    """Counted over parts of which every image's truth is stated."""
    known = [inspection for inspection in inspections if inspection.name in truth]
    if not known:
        return None
    parts = verdict_of_parts(known)
    defective = {i.part: False for i in known}
    for inspection in known:
        defective[inspection.part] |= bool(truth[inspection.name].defects)
    return rates_of(
        np.array([DECIDED[parts[part]] for part in parts]), np.array([defective[part] for part in parts])
    )


def _csv(inspections: Sequence[Inspection]) -> str:
    concepts = sorted({name for inspection in inspections for name in inspection.scores})
    file = io.StringIO()
    table = csv.writer(file)
    columns = [
        "id",
        "image",
        "part",
        "verdict",
        "reasons",
        "findings",
        "ms",
        *(f"score {c}" for c in concepts),
    ]
    table.writerow([*columns, "recipe", "model", "variant", "at"])
    for i in inspections:
        reasons = "; ".join(f"{r.concept or r.code}: {r.detail}" for r in i.decision.reasons)
        scores = [f"{i.scores[c]:.6f}" if c in i.scores else "" for c in concepts]
        made_by = [f"{i.recipe}@{i.recipe_version}", i.package, i.variant, i.at]
        row = [i.id, _inert(i.name), i.part, i.decision.verdict, reasons, len(i.findings)]
        table.writerow([*row, f"{i.milliseconds:.3f}", *scores, *made_by])
    return file.getvalue()


def _inert(name: str) -> str:
    """A file name that a spreadsheet does not take for a formula."""
    return f"'{name}" if name[:1] in "=+-@" else name


def _json_lines(inspections: Sequence[Inspection]) -> str:
    return "".join(json.dumps(to_json(i), ensure_ascii=False) + "\n" for i in inspections)
