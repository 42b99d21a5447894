"""A job that dies like a process in a power cut: ``python killed_job.py WORKSPACE JOB REPORTS [FOLDER]``.

It kills itself with SIGKILL when the job has reported that many times.
"""

import os
import signal
import sys
from pathlib import Path

from andon.domain.runs import TrainSettings
from andon.jobs.inspect import InspectRequest, inspect_images
from andon.jobs.train import train_model
from andon.services.workspaces import Workspace, open_workspace

SETTINGS = TrainSettings(
    encoder="mobilenetv3_small_050", weights="none", height=96, width=96, steps=12, batch=4, seed=9
)


class Countdown:
    """Dies at the given report."""

    def __init__(self, reports: int) -> None:
        self.left = reports

    def report(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def run(workspace: Workspace, job: str, reports: int, folder: Path) -> None:
    dying = Countdown(reports)
    if job == "train":
        train_model(workspace, "brackets", SETTINGS, dying.report)
    else:
        request = InspectRequest(folder, None, "brackets", out=workspace.folder / "out")
        inspect_images(workspace, request, dying.report)


if __name__ == "__main__":
    place, what, count, images = sys.argv[1:]
    run(open_workspace(Path(place), "test"), what, int(count), Path(images))
