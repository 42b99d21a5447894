"""``python -m andon.worker WORKSPACE``: see ``andon worker --help`` for what can be set."""

import sys
from pathlib import Path

from andon.errors import AndonError
from andon.worker.main import work
from andon.worker.settings import Settings, default_name

if __name__ == "__main__":
    try:
        work(Settings(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve(), default_name()))
    except AndonError as error:
        sys.stderr.write(f"andon: {error.message}\n  {error.todo}\n")
        sys.exit(error.exit_code)
