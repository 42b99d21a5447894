"""Head-to-head measurements: each module has ``main(argv)``; results are JSON files."""
