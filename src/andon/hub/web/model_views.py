"""What the pages of models show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from andon.analysis.metrics import ANY, Separation
from andon.domain.approvals import Approval, ApprovalDecision
from andon.domain.jobs import Job
from andon.domain.models import Cuts, Package
from andon.domain.serial import from_json
from andon.errors import NotFound
from andon.hub.api.models import USUAL_COSTS, subject_of
from andon.look.figures import Chart, Figure, figure_of
from andon.runtime.package import CARD
from andon.services.approvals import approvals_of, approved_packages
from andon.services.jobs import list_jobs
from andon.services.model_reports import HTML, PDF
from andon.services.models import BENCHMARK, find_package, usable_variants
from andon.services.score_charts import charts_of
from andon.services.scores import StoredEvaluation, latest_evaluation
from andon.services.workspaces import Workspace
from andon.store import models as stored_models
from andon.store.jobs import Query
from andon.units import Digest

JOBS_SHOWN = 5
OTHERS = 50


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model in the list."""

    package: Package
    approved: bool
    evaluation: StoredEvaluation | None

    @property
    def passed(self) -> int:
        """Variants that score like the trained model."""
        return sum(parity.passed for parity in self.package.parity)


@dataclass(frozen=True, slots=True)
class ModelList:
    """A page of the list; ``next`` asks for the following one."""

    models: tuple[ModelLine, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How long the variants took, on which machine."""

    rows: tuple[Mapping[str, Any], ...]
    threads: int
    machine: str
    at: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """Everything the page of one model shows.

    Attributes:
        figures: metrics with n, and with an interval where they are rates.
        cuts: what the evaluation suggests, by concept.
        others: models it can be compared with.
        has_report, has_paper: whether its report lies there as a page, and as PDF.
    """

    package: Package
    approvals: tuple[Approval, ...]
    evaluation: StoredEvaluation | None
    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...]
    benchmark: Benchmark | None
    jobs: tuple[Job, ...]
    others: tuple[Package, ...]
    variants: tuple[str, ...]
    has_card: bool
    has_report: bool
    has_paper: bool

    @property
    def title(self) -> str:
        """Name and the beginning of the digest."""
        return f"{self.package.manifest.name} {self.package.digest[:12]}"

    @property
    def approved(self) -> bool:
        """Whether it may go to stations."""
        return bool(self.approvals) and self.approvals[-1].decision is ApprovalDecision.APPROVED

    @property
    def cuts(self) -> Mapping[str, Cuts]:
        """Suggested cuts by concept; empty before an evaluation."""
        return {} if self.evaluation is None else self.evaluation.cuts

    @property
    def costs(self) -> Mapping[str, float]:
        """Costs to offer: those of the latest evaluation, else the usual ones."""
        costs = USUAL_COSTS if self.evaluation is None else self.evaluation.costs
        return {
            "escape": costs.escape,
            "overkill": costs.overkill,
            "review": costs.review,
            "defect_percent": round(100 * costs.defect_rate, 6),
        }


def list_view(workspace: Workspace, after: int | None, limit: int) -> ModelList:
    """A page of models, newest first."""
    with workspace.database.read() as tx:
        found = stored_models.page(tx, after, limit)
    approved = approved_packages(workspace)
    lines = (
        ModelLine(p, p.digest in approved, latest_evaluation(workspace, p, brief=True)) for p in found.rows
    )
    return ModelList(tuple(lines), found.next)


def model_view(workspace: Workspace, name: str) -> ModelView:
    """The page of one model.

    Raises:
        NotFound, Conflict: none, or several, begin so.
    """
    package = find_package(workspace, name)
    evaluation = latest_evaluation(workspace, package)
    with workspace.database.read() as tx:
        others = stored_models.page(tx, None, OTHERS).rows
        measured = [a for a in stored_models.attestations(tx, package.digest) if a.kind == BENCHMARK]
    return ModelView(
        package=package,
        approvals=approvals_of(workspace, package.digest),
        evaluation=evaluation,
        figures=() if evaluation is None else tuple(_figures(evaluation)),
        charts=() if evaluation is None else charts_of(evaluation),
        benchmark=_benchmark(measured[-1]) if measured else None,
        jobs=_jobs(workspace, package),
        others=tuple(other for other in others if other.digest != package.digest),
        variants=tuple(str(variant) for variant in usable_variants(package)),
        has_card=(workspace.packages / package.digest / CARD).is_file(),
        has_report=(workspace.packages / package.digest / HTML).is_file(),
        has_paper=(workspace.packages / package.digest / PDF).is_file(),
    )


def picture_of_case(workspace: Workspace, package: Package, picture: Digest) -> bytes:
    """One of the pictures that the latest evaluation kept.

    Raises:
        NotFound: it kept no such picture.
    """
    evaluation = latest_evaluation(workspace, package, brief=True)
    cases = () if evaluation is None else (*evaluation.worst.misses, *evaluation.worst.false_alarms)
    if not any(picture in (case.overlay, case.original) for case in cases):
        raise NotFound(f"model {package.digest[:12]} has no picture {picture[:12]!r}")
    return workspace.blobs.get(picture)


def _jobs(workspace: Workspace, package: Package) -> tuple[Job, ...]:
    return list_jobs(workspace, JOBS_SHOWN, Query(subject=subject_of(package))).rows


def _benchmark(attestation: stored_models.Attestation) -> Benchmark:
    facts = attestation.facts
    return Benchmark(tuple(facts["rows"]), facts["threads"], facts["machine"], attestation.at)


def _figures(evaluation: StoredEvaluation) -> Iterator[Figure]:
    if evaluation.rates:
        yield figure_of("escapes", evaluation.rates.escapes, "missed defects, underkill, false negatives")
        yield figure_of("overkill", evaluation.rates.overkill, "good parts rejected, false positives")
        yield figure_of("good parts sent to review", evaluation.rates.reviews)
    parts: Any = evaluation.facts.get("parts", {})
    for name, found in parts.items():
        title = "any defect" if name == ANY else name
        separation = from_json(Separation, found)
        n = separation.defective + separation.clean
        yield Figure(f"average precision, {title}", separation.average_precision, n)
        yield Figure(f"AUROC, {title}", separation.auroc, n)
