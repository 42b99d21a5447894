"""What all benchmarks share: on which machine, how samples become numbers, where results are kept."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"

Row = Mapping[str, object]
"""``what``, and any of ``median_ms``, ``p95_ms``, ``ratio`` (ours by the peer's), ``limit``, ``note``."""


def machine() -> dict[str, object]:
    """CPU, cores this process may use, memory, system and Python."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def summarise(samples: Sequence[float]) -> tuple[float, float]:
    """(median, 95th percentile) in the unit of the samples; at least one sample."""
    median, high = np.percentile(np.asarray(samples, np.float64), [50, 95])
    return float(median), float(high)


def save(name: str, rows: Sequence[Row]) -> Path:
    """Write ``benchmarks/results/NAME.json``: rows with commit, machine and time. Gives the path."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    found = machine()
    content = {
        "name": name,
        "rows": [dict(row) for row in rows],
        "commit": commit(),
        "cpu": found.pop("cpu"),
        "machine": found,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def commit() -> str:
    """The commit that was measured, with ``+`` when source files differ from it; "unknown" outside git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    changed = "\n".join(line for line in changed.splitlines() if "benchmarks/results/" not in line)
    return head + ("+" if changed else "")


def table(name: str, rows: Sequence[Row]) -> str:
    """The rows as aligned text, one line each, with how each stands against its limit."""
    lines = [name]
    for row in rows:
        figures = [f"{key} {row[key]:.4g}" for key in _FIGURES if isinstance(row.get(key), float | int)]
        ratio, limit = row.get("ratio"), row.get("limit")
        if isinstance(ratio, float | int) and isinstance(limit, float | int):
            figures.append("met" if ratio <= limit else "NOT MET")
        lines.append(f"  {row['what']!s:<56} {'  '.join(figures)}  {row.get('note', '')}".rstrip())
    return "\n".join(lines)


_FIGURES = ("median_ms", "p95_ms", "ratio", "limit")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
