"""Two processes never work on one run; a dead one does not block the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from andon.blobs.locks import alone, is_taken
from andon.errors import Conflict

HOLD = (
    "import sys; from pathlib import Path; from andon.blobs.locks import alone\n"
    "with alone(Path(sys.argv[1]), 'run 7'):\n"
    "    print('held', flush=True); sys.stdin.read()"
)
SOURCE = str(Path(__file__).parents[3] / "src")


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "7" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": SOURCE},
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(Conflict, match="run 7"), alone(path, "run 7"):
            pass
        other.send_signal(signal.SIGKILL)
    with alone(path, "run 7"):
        pass


def test_it_is_let_go_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), alone(tmp_path / "lock", "run 7"):
            raise ZeroDivisionError


def test_looking_whether_it_is_held_takes_it_from_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_taken(path) and not path.exists()
    with alone(path, "run 7"):
        assert is_taken(path)
        with pytest.raises(Conflict, match="run 7"), alone(path, "run 7"):
            pass
    assert not is_taken(path)
    with alone(path, "run 7"):
        pass
