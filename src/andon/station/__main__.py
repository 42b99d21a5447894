"""`python -m andon.station`."""

import sys

from andon.station.main import run

if __name__ == "__main__":
    sys.exit(run())
