"""A gate: the same parts through what runs and through what shall replace it, on the shipped artefacts."""

from collections.abc import Callable
from dataclasses import dataclass

from andon.domain.gates import Gate, GateRequest
from andon.domain.models import Package, Precision, Variant
from andon.domain.recipes import Recipe
from andon.errors import DamagedPackage
from andon.jobs.replay import Judges, replay
from andon.runtime.choosing import fastest
from andon.runtime.inspector import Inspector
from andon.runtime.predictions import ModelFailed
from andon.runtime.timing import Timing, setup_of, time_alternately
from andon.services.gate_cases import Collected, collect_parts
from andon.services.gates import Contest, Facts, contest_of, recorded_gate, store_gate
from andon.services.models import open_package, usable_variants
from andon.services.workspaces import Workspace

TIMED = 40
"""Pictures that speed is measured on."""

Report = Callable[[int, int | None, str], None]


def run_gate(workspace: Workspace, request: GateRequest, report: Report, job: str | None = None) -> Gate:
    """Compare a candidate with what runs now, and record what was found.

    Args:
        workspace: where everything is.
        request: what is compared.
        report: told how far it is.
        job: the worker's job that this is; its gate is recorded once, however often the job is done.

    Raises:
        NotFound: a recipe or a model is unknown. Conflict: both are the same version.
        InvalidInput: a limit is wider than usual, and no reason says why.
        DamagedPackage, ModelFailed: what runs now cannot be replayed on this machine.
        OperatorError: nothing could be timed.
    """
    if job is not None and (done := recorded_gate(workspace, job)):
        return done
    contest = contest_of(workspace, request)
    report(0, None, "reading the parts")
    models = contest.package, contest.runs
    collected = collect_parts(workspace, contest.request, *models, contest.candidate.line_chose)
    opened = _opened(workspace, contest)
    if isinstance(opened, str):
        return store_gate(workspace, contest, Facts(collected, (), failure=opened), job)
    cases = tuple(replay(workspace, opened.judges, collected.parts, report))
    report(len(cases), len(cases), "measuring time and memory")
    timings = _timed(workspace, opened, collected)
    return store_gate(workspace, contest, Facts(collected, cases, timings), job)


@dataclass(frozen=True, slots=True)
class _Opened:
    """Both recipes on the same variant of their packages; ``packages`` of the candidate first."""

    judges: Judges
    packages: tuple[Package, ...]
    threads: int

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        judges = self.judges
        return (judges.candidate,) if judges.baseline is None else (judges.candidate, judges.baseline)


def _opened(workspace: Workspace, contest: Contest) -> _Opened | str:
    """What both are judged with, or why the candidate does not run on this machine."""
    threads = contest.request.threads
    packages = (contest.package,) if contest.runs is None else (contest.package, contest.runs)
    variants = [v for v in _usable(contest.package) if all(v in _usable(one) for one in packages)]
    recipe = contest.candidate
    try:
        loaded = open_package(workspace, contest.package)
        new = fastest(loaded, recipe, variants, threads, _template(workspace, recipe))
    except (DamagedPackage, ModelFailed) as cause:
        return cause.message
    old = None
    if contest.runs is not None and contest.baseline is not None and not contest.is_same_model:
        template = _template(workspace, contest.baseline)
        loaded = open_package(workspace, contest.runs)
        old = Inspector(loaded, contest.baseline, new.variant, threads, template)
    return _Opened(Judges(recipe, contest.baseline, new, old), packages, threads)


def _usable(package: Package) -> list[Variant]:
    """As where nobody names a variant; see ``services.models.fastest_inspector``."""
    return [variant for variant in usable_variants(package) if variant.precision is Precision.F32]


def _template(workspace: Workspace, recipe: Recipe) -> bytes | None:
    return None if recipe.locate is None else workspace.blobs.get(recipe.locate.template)


def _timed(workspace: Workspace, opened: _Opened, collected: Collected) -> tuple[Timing, ...]:
    """Of the candidate first; on pictures of the parts, else on the golden images of the package."""
    variant = opened.judges.new.variant
    setups = [
        setup_of(
            workspace.packages / package.digest,
            recipe,
            variant,
            opened.threads,
            _template(workspace, recipe),
        )
        for package, recipe in zip(opened.packages, opened.recipes, strict=True)
    ]
    pictures = [picture.image for part in collected.parts for picture in part.pictures]
    step = max(1, len(pictures) // TIMED)
    chosen = [image.blob for image in pictures[::step][:TIMED]]
    contents = [workspace.blobs.get(blob) for blob in chosen if workspace.blobs.has(blob)]
    golden = open_package(workspace, opened.packages[0]).golden
    return time_alternately(setups, contents or list(golden.values()))
