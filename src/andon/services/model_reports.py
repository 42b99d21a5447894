"""Reports of models: one HTML file with everything inside, and the same as PDF."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from andon.analysis.bounds import sentence
from andon.blobs.files import disk_errors, write_durably
from andon.domain.models import Variant
from andon.domain.requests import ReportJob
from andon.errors import InvalidInput, MissingProgram
from andon.look.model_report import ModelReport, render_model_report
from andon.look.paper import on_paper, pdf_of
from andon.services.model_figures import Measured, measure
from andon.services.model_report_cases import Cases, cases_of
from andon.services.model_report_charts import charts_of_report
from andon.services.model_report_pages import Drawn, view_of
from andon.services.model_report_pictures import Drawing
from andon.services.models import open_package, usable_variants
from andon.services.workspaces import Workspace, now

HTML, PDF = "report.html", "report.pdf"

Report = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a report goes.

    Attributes:
        out: a folder, or a file whose name ends with .html or .pdf; None: beside the package.
        pdf: whether a PDF is wanted, too.
    """

    out: Path | None = None
    pdf: bool = True


@dataclass(frozen=True, slots=True)
class MadeReport:
    """What was written.

    Attributes:
        pdf: None where none was wanted, or ``lacking`` says why there is none.
    """

    measured: Measured
    html: Path
    pdf: Path | None
    lacking: MissingProgram | None = None

    def facts(self) -> dict[str, object]:
        """Name -> value, for people."""
        rates = self.measured.rates
        overkill = rates.overkill
        return {
            "model": self.measured.package.digest,
            "judged": f"{len(self.measured.table.parts)} test parts by {self.measured.source}",
            "escapes": sentence(rates.escapes),
            "overkill": f"{overkill.count} of {overkill.of}, {overkill.low:.1%} to {overkill.high:.1%}",
            **({"promise": self.measured.promise} if self.measured.promise else {}),
            "report": self.html,
            "PDF": self.pdf or "none",
        }

    def warning_table(self) -> tuple[tuple[str, ...], list[list[object]]]:
        """One row per warning."""
        return ("rule", "warning"), [[caution.rule, caution.text] for caution in self.measured.cautions]

    def as_json(self) -> dict[str, object]:
        """Figures and files."""
        return self.measured.as_json() | {
            "html": str(self.html),
            "pdf": None if self.pdf is None else str(self.pdf),
        }


def make_report(workspace: Workspace, asked: ReportJob, target: Target, report: Report) -> MadeReport:
    """Write the report of a model; its numbers come from stored scores, its pictures from the shipped file.

    The HTML is written first: where the PDF cannot be made, ``lacking`` of the answer says why.

    Raises:
        NotFound, Conflict, NotPossible: as :func:`andon.services.model_figures.measure`.
        DamagedPackage: the package was altered. Refused: so was an image.
        InvalidInput: the file to write has another ending. DiskFull, OperatorError: it cannot be written.
    """
    measured = measure(workspace, asked.model, asked.recipe)
    html, pdf = _files(workspace, measured, target)
    view = _view(workspace, measured, cases_of(measured, asked.images), report)
    with disk_errors(html):
        html.parent.mkdir(parents=True, exist_ok=True)
    if target.pdf or target.out is None:
        with disk_errors(pdf):
            pdf.unlink(missing_ok=True)  # an older one would say something else than the page
    write_durably(html, render_model_report(view).encode())
    if not target.pdf:
        return MadeReport(measured, html, None)
    try:
        write_durably(pdf, pdf_of(render_model_report(_on_paper(view))))
    except MissingProgram as lacking:
        return MadeReport(measured, html, None, lacking)
    return MadeReport(measured, html, pdf)


def _files(workspace: Workspace, measured: Measured, target: Target) -> tuple[Path, Path]:
    """Where the page and the PDF go; nothing is made yet."""
    if target.out is None:
        folder = workspace.packages / measured.package.digest
        return folder / HTML, folder / PDF
    out = target.out.resolve()
    if out.suffix.lower() == ".pdf" and not target.pdf and not out.is_dir():
        raise InvalidInput(f"{out.name} is the name of a PDF, and none is wanted", "Name an .html file.")
    if out.suffix.lower() in (".html", ".pdf") and not out.is_dir():
        return out.with_suffix(".html"), out.with_suffix(".pdf")
    if out.is_file():
        raise InvalidInput(f"{out.name} ends with neither .html nor .pdf", "Name such a file, or a folder.")
    return out / HTML, out / PDF


def _view(workspace: Workspace, measured: Measured, cases: Cases, report: Report) -> ModelReport:
    total = len(cases.misses) + len(cases.false_alarms) + len(cases.near)
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        report(done, total, "pictures")

    items = {item.image: item for item in measured.snapshot.items}
    loaded = open_package(workspace, measured.package)
    drawing = Drawing(workspace, loaded, _variant(measured), items)
    drawn = Drawn(
        misses=drawing.all_of(cases.misses, told),
        false_alarms=drawing.all_of(cases.false_alarms, told),
        near=drawing.all_of(cases.near, told),
        charts=charts_of_report(measured),
    )
    return view_of(measured, cases, drawn, now())


def _variant(measured: Measured) -> Variant:
    """The variant that was evaluated, or another that this machine can execute."""
    usable = usable_variants(measured.package)
    same = [variant for variant in usable if str(variant) == measured.evaluation.variant]
    if not usable:
        raise InvalidInput(
            f"no variant of model {measured.package.digest[:12]} can be executed here",
            "Make the report on the machine that evaluated it.",
        )
    return (same or list(usable))[0]


def _on_paper(view: ModelReport) -> ModelReport:
    return replace(view, charts=tuple(on_paper(chart) for chart in view.charts))
