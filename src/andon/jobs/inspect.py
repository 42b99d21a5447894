"""Inspect: every image of a folder through package and recipe; records, overlays, tables and a report."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from andon.blobs.files import disk_errors
from andon.blobs.locks import alone
from andon.domain.datasets import Split
from andon.domain.inspections import Inspection, Verdict
from andon.domain.jobs import Job, JobKind
from andon.domain.recipes import Recipe
from andon.errors import InvalidInput, NotFound
from andon.formats.files import escaped, folder_errors
from andon.formats.pixels import encode_png
from andon.formats.truth import Truth, read_truth
from andon.runtime.inspector import Inspector, Outcome
from andon.services.datasets import load_snapshot
from andon.services.inspection_reports import Summary, write_results
from andon.services.inspections import begin_job, finish_job, recorded_names, store_inspections
from andon.services.jobs import find_job
from andon.services.models import fastest_inspector, find_package
from andon.services.pictures import overlay
from andon.services.recipes import find_recipe
from andon.services.report_pages import overlay_path
from andon.services.truths import defect_names
from andon.services.workspaces import Workspace, new_id, now

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".tif", ".tiff", ".webp"})
BATCH = 32
"""Records that share one transaction; a kill -9 repeats at most these."""

Report = Callable[[int, int | None, str], None]


class Overlays(StrEnum):
    """Which images get an overlay: all, those that did not PASS, or none."""

    ALL = "all"
    FOUND = "found"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """A folder, or the test group of a data set; the rest as `andon inspect --help` says.

    ``job`` is the job of a worker that this is; None makes one, or goes on with one that was interrupted.
    """

    folder: Path | None
    dataset: str | None
    recipe: str
    truth: Path | None = None
    out: Path | None = None
    variant: str | None = None
    threads: int = 2
    overlays: Overlays = Overlays.FOUND
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One image to judge. ``part`` is None where nobody says which part it shows."""

    name: str
    read: Callable[[], bytes]
    part: str | None = None


def inspect_images(workspace: Workspace, request: InspectRequest, report: Report) -> Summary:
    """Judge everything, or go on where the same call was interrupted.

    Raises:
        NotFound: folder, data set, recipe or model. InvalidInput: nothing to inspect, or a bad truth file.
        DamagedPackage: the model is not the one that was approved. DiskFull: what was judged is kept.
    """
    recipe = find_recipe(workspace, request.recipe)
    items, truth = _items(workspace, request)
    _check_apart(request.folder, request.out or workspace.inspections)
    package = find_package(workspace, recipe.package)
    inspector = fastest_inspector(workspace, recipe, package, request.variant, request.threads)
    job = _job(workspace, request, recipe)
    folder = request.out or workspace.inspections / job.id
    with alone(workspace.locks / job.id, f"this inspection (job {job.id})"):
        with disk_errors(folder):
            (folder / "overlays").mkdir(parents=True, exist_ok=True)
        work = _Work(workspace, recipe, job, folder, request.overlays)
        _judge_all(work, inspector, (items, truth), report)
        summary = write_results(workspace, (job, recipe), folder, truth)
        finish_job(workspace, job, outcome=summary.sentence())
    return summary


@dataclass(frozen=True, slots=True)
class _Work:
    """What stays the same during one job."""

    workspace: Workspace
    recipe: Recipe
    job: Job
    folder: Path
    overlays: Overlays


def _judge_all(
    work: _Work,
    inspector: Inspector,
    what: tuple[Sequence[Item], Mapping[str, Truth]],
    report: Report,
) -> None:
    """Judge what has no record yet; records are written batch by batch, each after its overlays."""
    items, truth = what
    done = recorded_names(work.workspace, work.job.id)
    report(len(done), len(items), "")
    left = [item for item in items if item.name not in done]
    number = len(done)
    for batch in (left[start : start + BATCH] for start in range(0, len(left), BATCH)):
        inspections = []
        for item in batch:
            outcome = _judged(inspector, item)
            inspections.append(_record(item, outcome, (work.recipe, work.job), str(inspector.variant)))
            if _wants_overlay(work.overlays, outcome, truth.get(item.name)):
                _write_overlay(work.folder, item, outcome)
            number += 1
            report(number, len(items), str(outcome.decision.verdict))
        store_inspections(work.workspace, work.job, inspections, done=number)


def _check_apart(images: Path | None, results: Path) -> None:
    """Overlays among the images would be the parts of the next inspection."""
    if images is not None and results.resolve().is_relative_to(images.resolve()):
        raise InvalidInput(
            f"the results would lie in {results}, among the images", "Name another folder: --out."
        )


def _items(workspace: Workspace, request: InspectRequest) -> tuple[Sequence[Item], Mapping[str, Truth]]:
    if (request.folder is None) == (request.dataset is None):
        raise InvalidInput("name a folder of images, or a data set with --test-of", "One of them.")
    truth = read_truth(request.truth) if request.truth else {}
    if request.folder is not None:
        return _folder_items(request.folder, truth), truth
    assert request.dataset is not None
    return _test_items(workspace, request.dataset)


def _folder_items(folder: Path, truth: Mapping[str, Truth]) -> list[Item]:
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}")
    files = sorted(_image_files(folder))
    if not files:
        raise InvalidInput(f"{folder} holds no image", f"Known endings: {', '.join(sorted(SUFFIXES))}.")
    names = [escaped(path.relative_to(folder).as_posix()) for path in files]
    unknown = sorted(set(truth) - set(names))
    if unknown:
        raise InvalidInput(f"the truth file names {unknown[0]!r}, which is not in {folder}")
    return [
        Item(name, path.read_bytes, truth[name].part if name in truth else None)
        for name, path in zip(names, files, strict=True)
    ]


def _image_files(folder: Path) -> Iterator[Path]:
    """Images and links to images; a link that leads nowhere is a part that nobody has judged."""
    with folder_errors():
        for place, _, names in os.walk(folder, onerror=_stop):
            paths = (Path(place, name) for name in names)
            yield from (
                path
                for path in paths
                if path.suffix.lower() in SUFFIXES
                and not path.name.startswith(".")
                and (path.is_file() or path.is_symlink())
            )


def _stop(problem: OSError) -> None:
    raise problem


def _test_items(workspace: Workspace, dataset: str) -> tuple[list[Item], dict[str, Truth]]:
    snapshot = load_snapshot(workspace, dataset)
    found = snapshot.of(Split.TEST)
    if not found:
        raise InvalidInput(f"data set {dataset!r} has an empty test group")
    defects = defect_names(snapshot)
    items = [Item(i.name, partial(workspace.blobs.get, i.blob), i.part) for i in found]
    return items, {i.name: Truth(i.part, i.concepts() & defects) for i in found}


def _job(workspace: Workspace, request: InspectRequest, recipe: Recipe) -> Job:
    if request.job is not None:
        return find_job(workspace, request.job)
    return begin_job(workspace, JobKind.INSPECT, _subject(request, recipe))


def _subject(request: InspectRequest, recipe: Recipe) -> str:
    what = request.folder.resolve() if request.folder else f"test of {request.dataset}"
    return f"{what} by {recipe.name}@{recipe.version} to {request.out or 'workspace'}"


def _judged(inspector: Inspector, item: Item) -> Outcome:
    try:
        content = item.read()
    except OSError as cause:
        return inspector.without_image(f"the file cannot be read: {cause.strerror}")
    return inspector.inspect(content)


def _record(item: Item, outcome: Outcome, by: tuple[Recipe, Job], variant: str) -> Inspection:
    recipe, job = by
    image = outcome.image()
    return Inspection(
        id=new_id(),
        at=now(),
        part=item.part or f"image={item.name}",
        image=image,
        name=item.name,
        recipe=recipe.name,
        recipe_version=recipe.version,
        package=recipe.package,
        variant=variant,
        decision=outcome.decision,
        findings=outcome.findings,
        scores=outcome.scores,
        milliseconds=outcome.milliseconds,
        job=job.id,
    )


def _wants_overlay(wanted: Overlays, outcome: Outcome, truth: Truth | None) -> bool:
    """A known escape is shown too, although nothing was found on it."""
    if outcome.pixels is None or wanted is Overlays.NONE:
        return False
    found = outcome.decision.verdict is not Verdict.PASS or (truth is not None and bool(truth.defects))
    return found or wanted is Overlays.ALL


def _write_overlay(folder: Path, item: Item, outcome: Outcome) -> None:
    """Written before the record, so that a record without its overlay cannot be."""
    assert outcome.pixels is not None
    target = overlay_path(folder, item.name)
    picture = overlay(outcome.pixels, outcome.regions, outcome.decision.verdict, tuple(outcome.scores))
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode_png(picture))
