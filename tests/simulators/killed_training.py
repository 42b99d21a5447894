"""A training run that dies like a process in a power cut: ``python killed_training.py FOLDER STEP``."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from simulators.drawings import drawn_parts

from andon.domain.presets import preset
from andon.domain.runs import MetricPoint
from andon.training.loop import train

SETTINGS = replace(preset("segment-tiny"), steps=20)


def main() -> None:
    folder, step = Path(sys.argv[1]), int(sys.argv[2])

    def die(point: MetricPoint, steps: int, seconds_left: float) -> None:
        if point.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    train(drawn_parts(), ("dent",), SETTINGS, folder, die)


if __name__ == "__main__":
    main()
