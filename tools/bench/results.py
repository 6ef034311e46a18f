"""What a run leaves: a JSON file with the machine, the versions and a row for each workload and count of threads."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from .environments import VARIANTS, surroundings
from .workloads import WORKLOADS


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def read(path: str | None) -> dict:
    """The kept results, or empty ones of this machine."""
    if path and Path(path).exists():
        return json.loads(Path(path).read_text())
    return {
        "machine": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "limits": {},
        "rows": {},
    }


def write(book: dict, path: str) -> None:
    Path(path).write_text(json.dumps(book, indent=1) + "\n")


def limits(threads: int) -> dict[str, float]:
    """What the machine can do now, measured in a process of its own."""
    command = [sys.executable, "-m", "bench.limits", str(threads)]
    done = subprocess.run(
        command, env=surroundings(VARIANTS["numpy"], threads), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def best_limits(book: dict, threads: int) -> dict[str, float]:
    """The limits measured now and kept in the book, where the best that was ever seen stands."""
    now, kept = limits(threads), book["limits"].get(str(threads), {})
    book["limits"][str(threads)] = best = {k: max(v, kept.get(k, 0)) for k, v in now.items()}
    return best


def key(name: str, threads: int) -> str:
    return f"{name}@{threads}"


def least_seconds(name: str, measured: dict[str, float]) -> float | None:
    """What the limit that binds the workload allows."""
    w = WORKLOADS[name]
    if w.limit is None:
        return None
    return (w.flops if w.limit in ("fma", "int8") else w.bytes) / measured[w.limit]


def merge(book: dict, name: str, threads: int, row: dict, measured: dict[str, float]) -> None:
    """Put a row into the book; other peers keep their figures, and their ratios to graphc's of then."""
    kept = book["rows"].setdefault(key(name, threads), {"peers": {}})
    kept["date"] = str(datetime.date.today())
    kept["limit"] = least_seconds(name, measured)
    kept["peers"] |= row["peers"]


def complete(book: dict, name: str, threads: int, variants: list[str]) -> bool:
    """Whether the book has something of each of the variants."""
    peers = book["rows"].get(key(name, threads), {"peers": {}})["peers"]
    return all(v in peers or v in WORKLOADS[name].without for v in variants)


def best_peer(book: dict, name: str, threads: int) -> tuple[str, float] | None:
    """The fastest peer whose results were right, and its time by graphc's."""
    aside = ("graphc", *WORKLOADS[name].aside)
    peers = book["rows"][key(name, threads)]["peers"]
    ratios = {p: v["ratio"] for p, v in peers.items() if p not in aside and "ratio" in v}
    best = min(ratios, key=ratios.get, default=None)
    return (best, ratios[best]) if best else None
