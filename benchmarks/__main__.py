"""`make bench`: every benchmark, or one (`ROW=name`), each with its peer in the same run."""

import argparse
import importlib
import sys

ROWS = (
    "import_images",
    "promise",
    "runtime",
    "gate",
    "ingest",
    "images_page",
    "line",
    "shadow",
    "classify",
    "clean",
    "loop",
    "magnetic_tile",
)
"""In order of how long they take; the last one trains for hours."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--row", choices=ROWS, help="only this benchmark; further arguments are its own")
    chosen, rest = parser.parse_known_args()
    failed = []
    for name in [chosen.row] if chosen.row else ROWS:
        module = importlib.import_module(f"benchmarks.{name}")
        if module.main(rest if chosen.row else []) != 0:
            failed.append(name)
    if failed:
        sys.stdout.write(f"not met or not run: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
