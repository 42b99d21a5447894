"""A turn that dies like a process in a power cut: ``python killed_turn.py WORKSPACE TURN REPORTS``.

It kills itself with SIGKILL when the turn has reported that many times.
"""

import sys
from pathlib import Path

from simulators.killed_job import Countdown

from andon.jobs.turn import do_turn
from andon.services.workspaces import open_workspace

if __name__ == "__main__":
    place, turn, count = sys.argv[1:]
    do_turn(open_workspace(Path(place), "test"), turn, Countdown(int(count)).report)
