"""A training that a page asked for: killed, stopped and gone on with, it ends in one run and one model."""

import contextlib
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from simulators.workers import Workers, until
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.datasets import DatasetSpec
from andon.domain.jobs import ENDED, JobEventKind, JobState
from andon.domain.presets import preset
from andon.domain.runs import Augmentation, Run, RunState
from andon.errors import Conflict, InvalidInput, NotPossible
from andon.hub.web.run_views import list_view
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.datasets import freeze_dataset
from andon.services.jobs import job_events
from andon.services.models import list_models
from andon.services.runs import job_of_run, page_of_runs, show_run, start_run, stop_run, story_of_run
from andon.services.workspaces import Workspace, create_workspace, now

SETTINGS = replace(preset("classify-tiny"), steps=30, augmentation=Augmentation(blur=0.0))


def pictures(root: Path, bad: bool) -> Path:
    """Noise; bright in the middle where a part is bad."""
    noise = np.random.default_rng(7)
    for number in range(48):
        folder = root / ("spot" if bad and number % 3 == 0 else "good")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(0, 120, (64, 64), dtype=np.uint8)
        if folder.name == "spot":
            pixels[24:40, 24:40] = 255
        assert cv2.imwrite(str(folder / f"{number:03d}.png"), pixels)
    return root


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "ws", "tester")[0]
    for name, bad in (("spots", True), ("clean", False)):
        request = ImportRequest(
            pictures(tmp_path / name, bad), name, "tester", now(), "classes", metadata={"part_type": name}
        )
        import_images(made.database, made.blobs, request, lambda *_: None)
    return made


@pytest.fixture
def workers(workspace: Workspace) -> Iterator[Workers]:
    with Workers(workspace.folder) as started:
        yield started


def frozen(workspace: Workspace, name: str) -> str:
    from andon.domain.images import ImageFilter

    return freeze_dataset(workspace, DatasetSpec(name, ImageFilter(part_type=name))).snapshot.digest


def job_state(workspace: Workspace, run: Run) -> JobState:
    job = job_of_run(workspace, run)
    assert job is not None
    return job.state


def measured(workspace: Workspace, run: Run) -> int:
    return len(story_of_run(workspace, run.id).points)


def test_a_run_that_waits_says_so_everywhere(workspace: Workspace) -> None:
    run = start_run(workspace, frozen(workspace, "spots"), SETTINGS)

    def told() -> tuple[str, str, str]:
        listed = CliRunner().invoke(app, ["-w", str(workspace.folder), "runs", "list", "--json"]).stdout
        return json.loads(listed)[0]["state"], show_run(workspace, run.id)["state"], shown(workspace)

    assert told() == ("queued",) * 3
    stop_run(workspace, run.id)
    assert told() == ("stopped",) * 3


def shown(workspace: Workspace) -> str:
    """The state of the newest run on its page."""
    return list_view(workspace, None, 1).lines[0].state.state


def test_killed_twice_it_ends_once_and_shows_what_it_got_wrong(
    workspace: Workspace, workers: Workers
) -> None:
    run = start_run(workspace, frozen(workspace, "spots"), SETTINGS)
    with pytest.raises(Conflict, match="already"):
        start_run(workspace, "spots", SETTINGS)
    first = workers.start("first")
    until(lambda: measured(workspace, run) >= 4, "it has learned a little")
    workers.kill(first)
    second = workers.start("second")
    until(lambda: job_attempts(workspace, run) == 2 and bool(workers.jobs_of(second)), "it is taken again")
    for process in workers.jobs_of(second):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    until(lambda: job_state(workspace, run) in ENDED, "the job has ended")
    assert job_state(workspace, run) is JobState.FINISHED
    (line,), _ = page_of_runs(workspace, None, 10)
    assert (line.run.id, line.run.state, line.run.steps) == (run.id, RunState.FINISHED, 30)
    assert [model["run"] for model in list_models(workspace, 10)] == [run.id]
    job = job_of_run(workspace, run)
    assert job is not None
    kinds = [event.kind for event in job_events(workspace, job)]
    assert kinds.count(JobEventKind.ENDED) == 1
    story = story_of_run(workspace, run.id)
    assert story.points[-1].step == 30
    assert story.wrong_now is not None and 0 < len(story.wrong_now.worst) <= 8
    assert all(miss.concept == "spot" for miss in story.wrong_now.worst)


def job_attempts(workspace: Workspace, run: Run) -> int:
    job = job_of_run(workspace, run)
    return 0 if job is None else job.attempts


def test_stopped_it_goes_on_when_it_is_asked_for_again(workspace: Workspace, workers: Workers) -> None:
    digest = frozen(workspace, "spots")
    run = start_run(workspace, digest, SETTINGS)
    workers.start("w")
    until(lambda: measured(workspace, run) >= 3, "it has learned a little")
    stop_run(workspace, run.id)
    until(lambda: job_state(workspace, run) in ENDED, "it has stopped")
    if job_state(workspace, run) is JobState.FINISHED:
        pytest.skip("it was done before the word to stop reached it")
    assert story_of_run(workspace, run.id).line.run.state is RunState.RUNNING
    learned = measured(workspace, run)
    assert start_run(workspace, digest, SETTINGS).id == run.id
    until(lambda: job_state(workspace, run) in ENDED, "it has ended")
    assert job_state(workspace, run) is JobState.FINISHED
    assert measured(workspace, run) >= learned


def test_what_cannot_be_learned_is_refused_before_anything_waits(workspace: Workspace) -> None:
    digest = frozen(workspace, "spots")
    with pytest.raises(InvalidInput, match="100x96"):
        start_run(workspace, digest, replace(SETTINGS, height=100, width=96))
    with pytest.raises(InvalidInput, match="batch 0"):
        start_run(workspace, digest, replace(SETTINGS, batch=0))
    with pytest.raises(NotPossible, match="shows no defect"):
        start_run(workspace, frozen(workspace, "clean"), SETTINGS)
    assert page_of_runs(workspace, None, 10) == ((), None)
