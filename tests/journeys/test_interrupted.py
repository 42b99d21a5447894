"""kill -9 and a full disk while training and inspecting: the same command goes on, nothing is lost."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from journeys.conftest import Plant, andon, must

from andon.domain.runs import RunState
from andon.services.workspaces import open_workspace
from andon.store import inspections as stored_inspections
from andon.store import runs as stored_runs

TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])}
PROGRAM = [sys.executable, "-m", "simulators.killed_job"]


@pytest.fixture
def copy(plant: Plant, tmp_path: Path) -> Plant:
    shutil.copytree(plant.folder, tmp_path / "ws")
    return Plant(tmp_path / "ws", plant.parts, plant.fresh, plant.truth)


def die(plant: Plant, job: str, reports: int) -> None:
    command = [*PROGRAM, str(plant.folder), job, str(reports), str(plant.fresh)]
    assert subprocess.run(command, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL


def finish(plant: Plant, job: str) -> None:
    command = [*PROGRAM, str(plant.folder), job, "100000", str(plant.fresh)]
    subprocess.run(command, env=ENVIRONMENT, check=True)


def test_an_inspection_that_was_killed_goes_on(copy: Plant) -> None:
    for reports in (3, 9, 15):
        die(copy, "inspect", reports)
    finish(copy, "inspect")
    rows = list(csv.DictReader((copy.folder / "out" / "results.csv").open()))
    assert sorted(row["image"] for row in rows) == sorted(path.name for path in copy.fresh.glob("*.png"))
    with open_workspace(copy.folder, "test").database.read() as tx:
        stored = stored_inspections.page(tx, stored_inspections.Query(), None, 1000).rows
    jobs = {inspection.job for inspection in stored}
    assert len(jobs) == 1 and len(stored) == 20, "one job, every part once"
    rejected = [row["image"] for row in rows if row["verdict"] != "PASS"]
    assert all((copy.folder / "out" / "overlays" / f"{name}.png").is_file() for name in rejected)


def test_a_training_that_was_killed_ends_in_the_same_package(
    copy: Plant, plant: Plant, tmp_path: Path
) -> None:
    shutil.copytree(plant.folder, tmp_path / "undisturbed")
    undisturbed = Plant(tmp_path / "undisturbed", plant.parts, plant.fresh, plant.truth)
    finish(undisturbed, "train")
    die(copy, "train", 4)
    die(copy, "train", 5)
    finish(copy, "train")
    digests = []
    for workspace in (undisturbed, copy):
        with open_workspace(workspace.folder, "test").database.read() as tx:
            runs = stored_runs.page(tx, None, 10).rows
        assert [run.state for run in runs] == [RunState.FINISHED] * 2
        digests.append(runs[0].package)
    assert digests[0] == digests[1]


FULL = """
set -e
mount -t tmpfs -o size=400m tmpfs "$ROOM"
cp -r "$WORKSPACE" "$ROOM/ws"
used=$(df -k --output=used "$ROOM" | tail -1)
mount -o remount,size=$((used + 200))k tmpfs "$ROOM"
set +e
"$PYTHON" -c "from andon.cli.main import run; run()" -w "$ROOM/ws" $COMMAND; first=$?
mount -o remount,size=400m tmpfs "$ROOM"
"$PYTHON" -c "from andon.cli.main import run; run()" -w "$ROOM/ws" $COMMAND; second=$?
echo "codes $first $second"
"""


@pytest.mark.parametrize("job", ["inspect", "train"])
def test_a_full_disk_is_said_and_the_same_command_goes_on(plant: Plant, tmp_path: Path, job: str) -> None:
    if subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this machine does not let its users mount a small disk")
    options = "--weights none --encoder mobilenetv3_small_050 --size 96x96 --steps 6 --seed 3 --batch 4"
    command = {
        "inspect": f"inspect {plant.fresh} --recipe brackets --overlays all --json",
        "train": f"train brackets {options} --json",
    }[job]
    room = tmp_path / "room"
    room.mkdir()
    environment = {
        **ENVIRONMENT,
        "ROOM": str(room),
        "WORKSPACE": str(plant.folder),
        "PYTHON": sys.executable,
        "COMMAND": command,
    }
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", FULL], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("codes 4 0"), done.stdout[-500:] + done.stderr[-2000:]
    assert "no space is left" in done.stderr.lower()


def test_a_finished_inspection_is_not_taken_up_again(copy: Plant) -> None:
    must(andon("-w", copy.folder, "inspect", copy.fresh, "--recipe", "brackets"))
    must(andon("-w", copy.folder, "inspect", copy.fresh, "--recipe", "brackets"))
    with open_workspace(copy.folder, "test").database.read() as tx:
        stored = stored_inspections.page(tx, stored_inspections.Query(), None, 1000).rows
    assert len({inspection.job for inspection in stored}) == 2
