"""Head-to-head measurements: each module has ``run() -> rows`` and ``main(argv)``; results are JSON files."""
