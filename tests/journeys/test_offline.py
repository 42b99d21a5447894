"""Nothing phones home: the demo, from drawn parts to a report, with the network cable out."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CABLE = ROOT / "tests" / "simulators" / "pulled_cable"
ANDON = "from andon.cli.main import run; run()"
FRESH_PARTS, PASSING_PARTS, COMPARED_PARTS = 24, 160, 60

OWN_NETWORK = ("unshare", "--map-root-user", "--net")
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))"  # SIOCSIFFLAGS, IFF_UP
)
COUNTED = (
    'record=$1; python=$2; up=$3; shift 3; "$python" -c "$up" || exit 99; '
    '"$@"; ended=$?; grep ^Ip: /proc/net/snmp > "$record"; exit $ended'
)
"""Runs a program and keeps what the kernel counted in the network of its own that it ran in."""


@dataclass(frozen=True)
class Offline:
    """How a program ended, and what it tried.

    ``unroutable`` counts packets and look-ups of all its code, native libraries too, that found no way out;
    None where the machine gives no network of one's own.
    """

    done: subprocess.CompletedProcess[str]
    attempts: list[str]
    unroutable: int | None


def offline(folder: Path, code: str, *arguments: str | Path) -> Offline:
    """Run Python ``code`` with the cable out."""
    folder.mkdir(parents=True, exist_ok=True)
    record, counters = folder / "attempts.txt", folder / "counters.txt"
    paths = [str(CABLE), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    settings = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PULLED_CABLE_RECORD": str(record)}
    inherited = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    if has_own_network():
        command = [
            *OWN_NETWORK,
            "sh",
            "-c",
            COUNTED,
            "sh",
            str(counters),
            sys.executable,
            LOOPBACK_UP,
            *command,
        ]
    done = subprocess.run(command, env=inherited | settings, capture_output=True, text=True, check=False)
    attempts = record.read_text().splitlines() if record.exists() else []
    return Offline(done, attempts, unroutable(counters) if counters.exists() else None)


def has_own_network() -> bool:
    """Whether this machine lets us make a network that leads nowhere."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN_NETWORK, "true"], capture_output=True, check=False).returncode == 0


def unroutable(counters: Path) -> int:
    names, values = (line.split() for line in counters.read_text().splitlines())
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Offline:
    folder = tmp_path_factory.mktemp("offline")
    arguments: Sequence[str | Path] = ("demo", "--size", "tiny", "--folder", folder / "demo", "--json")
    return offline(folder, ANDON, *arguments)


def test_the_demo_works_and_asks_nobody(demo: Offline) -> None:
    assert demo.done.returncode == 0, demo.done.stderr
    assert demo.attempts == []
    assert demo.unroutable in {0, None}


def test_the_demo_ends_with_numbers_and_their_doubt(demo: Offline) -> None:
    found = json.loads(demo.done.stdout)["inspected"]
    assert found["parts"] == sum(found["verdicts"].values()) == FRESH_PARTS
    escapes, overkill = found["rates"]["escapes"], found["rates"]["overkill"]
    assert escapes["of"] > 0 and escapes["of"] + overkill["of"] == FRESH_PARTS
    for rate in (escapes, overkill):
        assert 0 <= rate["low"] <= rate["count"] / rate["of"] < rate["high"] <= 1
    assert 0 < found["ms_median"] <= found["ms_p95"]


def test_the_demo_leaves_a_report_overlays_and_tables(demo: Offline) -> None:
    found = json.loads(demo.done.stdout)["inspected"]
    assert Path(found["report"]).read_text().startswith("<!doctype html>")
    rows = list(csv.DictReader(Path(found["csv"]).open()))
    lines = [json.loads(line) for line in Path(found["jsonl"]).read_text().splitlines()]
    assert len(rows) == len(lines) == FRESH_PARTS
    shown = {path.name for path in (Path(found["folder"]) / "overlays").iterdir()}
    suspicious = [row["image"] for row in rows if row["verdict"] != "PASS"]
    assert shown >= {f"{name}.png" for name in suspicious} and shown


def test_a_line_ran_and_the_hub_has_every_part_once(demo: Offline) -> None:
    found = json.loads(demo.done.stdout)
    assert found["offered"] >= PASSING_PARTS
    assert sum(found["verdicts"].values()) == found["hub_records"] == found["offered"]
    assert found["duplicates"] == found["missing"] == 0
    assert found["escapes"]["of"] + found["overkill"]["of"] == found["offered"]
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]
    assert min(found["bytes"].values()) > 0


def test_the_loop_went_round_to_a_release(demo: Offline) -> None:
    loop = json.loads(demo.done.stdout)["loop"]
    assert sum(loop["answers"].values()) > 0
    assert 0 < loop["selected"] <= loop["looked_at"]
    assert loop["labelled"]["pictures"] == loop["selected"] and loop["labelled"]["minutes"] > 0
    for one in loop["estimates"]:
        assert one["parts"] > 0 and 0 <= one["escapes"]["true"] <= 1 and 0 <= one["overkill"]["true"] <= 1
        for estimate in (one["escapes"]["estimate"], one["overkill"]["estimate"]):
            assert estimate is None or 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
    assert sum(one["parts"] for one in loop["estimates"]) >= PASSING_PARTS / 2
    made = [event["step"] for event in loop["turn"]]
    assert made[:7] == ["started", "frozen", "trained", "evaluated", "recipe", "gated", "approved"]
    assert loop["gate"]["passed"] and len(loop["gate"]["checks"]) > 3
    assert [event["step"] for event in loop["release"]][:2] == ["waiting", "shadow"]
    assert loop["release"][-1]["step"] in {"done", "rolled-back"}


def test_both_models_are_compared_on_parts_that_nobody_has_seen(demo: Offline) -> None:
    compared = json.loads(demo.done.stdout)["loop"]["before_after"]
    assert compared["parts"] >= COMPARED_PARTS and compared["defective"] >= COMPARED_PARTS / 10
    for name in ("escapes", "overkill", "reviews", "cost"):
        row = compared[name]
        for figure in (row["old"], row["new"], row["difference"]):
            assert figure["low"] <= figure["value"] <= figure["high"]
        assert row["difference"]["value"] == pytest.approx(row["new"]["value"] - row["old"]["value"])
        assert row["word"] in {"better", "worse", "not shown"}


@pytest.mark.parametrize(
    ("code", "attempt"),
    [
        ("import socket; socket.socket().connect(('192.0.2.1', 80))", "socket.connect ('192.0.2.1', 80)"),
        ("import socket; socket.getaddrinfo('example.org', 443)", "socket.getaddrinfo example.org"),
        (
            "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
            "socket.sendto ('192.0.2.1', 53)",
        ),
        (
            "import subprocess, sys\n"
            "child = 'import socket; socket.socket().connect((\"192.0.2.1\", 80))'\n"
            "sys.exit(subprocess.run([sys.executable, '-c', child]).returncode)",
            "socket.connect ('192.0.2.1', 80)",
        ),
    ],
    ids=["connection", "name", "datagram", "child"],
)
def test_the_cable_is_really_out(tmp_path: Path, code: str, attempt: str) -> None:
    tried = offline(tmp_path, code)
    assert tried.done.returncode != 0
    assert tried.attempts[0] == attempt


def test_this_machine_can_still_be_talked_to(tmp_path: Path) -> None:
    code = "import socket; a, b = socket.socketpair(); a.send(b'x'); socket.getaddrinfo('127.0.0.1', 80)"
    assert offline(tmp_path, code).attempts == []


def test_code_that_python_does_not_see_is_counted_too(tmp_path: Path) -> None:
    """A C library that connects on its own, as an engine's reporter would."""
    code = (
        "import ctypes, struct\n"
        "c = ctypes.CDLL(None)\n"
        "address = struct.pack('=H', 2) + struct.pack('!H', 80) + bytes([192, 0, 2, 1]) + bytes(8)\n"
        "assert c.connect(c.socket(2, 1, 0), address, 16) == -1\n"
    )
    if not has_own_network():
        pytest.skip("this machine gives no network of one's own (unshare --net)")
    tried = offline(tmp_path, code)
    assert tried.done.returncode == 0, tried.done.stderr
    assert tried.attempts == [] and tried.unroutable == 1


@pytest.mark.parametrize(
    ("code", "loud"),
    [
        ("import onnxruntime", True),
        ("import andon.runtime.engines.onnxruntime, andon.runtime.engines.openvino", False),
    ],
    ids=["bare", "engines"],
)
def test_reporting_is_off_before_an_engine_is_imported(tmp_path: Path, code: str, loud: bool) -> None:
    tried = offline(tmp_path, code)
    assert tried.done.returncode == 0, tried.done.stderr
    assert tried.attempts == (["import onnxruntime before its reporting was off"] if loud else [])
