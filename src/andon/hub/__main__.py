"""`python -m andon.hub`."""

import sys

from andon.hub.main import run

if __name__ == "__main__":
    sys.exit(run())
