"""Nothing phones home, whatever the environment asks for."""

import os
import subprocess
import sys

import pytest

PROGRAMS = ("andon.hub.main", "andon.station.main", "andon.cli.main")

CODE = """
import sys, importlib
from andon.errors import AndonError
program = importlib.import_module(sys.argv[1])
sys.argv = [sys.argv[0], "--version"]
try:
    program.run()
except (SystemExit, AndonError):
    pass
from fastapi import FastAPI
sys.exit(7 if FastAPI()._telemetry["auto_configure"] else 0)
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_sends_traces_where_the_environment_says(program: str) -> None:
    asked = {"FASTAPI_OTEL_AUTO_CONFIGURE": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, program],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
