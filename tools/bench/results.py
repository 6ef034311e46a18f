"""What a run leaves: a JSON file with the machine, the versions and a row for each workload and count of threads."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from .environments import NOT_SET_UP, VARIANTS, surroundings
from .workloads import WORKLOADS


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def empty() -> dict:
    """No results yet, of this machine."""
    return {
        "machine": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "limits": {},
        "rows": {},
    }


def read(path: str) -> dict:
    """The kept results.

    Raises:
        SystemExit: the file cannot be read, or holds something else.
    """
    try:
        book = json.loads(Path(path).read_text())
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    except ValueError as e:
        raise SystemExit(f"{path} is no JSON, and stays as it is: {e}") from None
    if not isinstance(book, dict) or any(type(book.get(k)) is not type(v) for k, v in empty().items()):
        raise SystemExit(f"{path} holds no results of python tools/bench run, and stays as it is")
    return book


def to_fill(path: str | None) -> dict:
    """The results that a run adds to: those of the file, if there is one.

    Raises:
        SystemExit: the file cannot be read or made, or another machine's results are in it.
    """
    if path is None:
        return empty()
    folder = Path(path).resolve().parent
    if not os.access(folder, os.W_OK):
        raise SystemExit(f"{folder} is no folder that can be written to")
    if not Path(path).exists():
        return empty()
    book = read(path)
    if book["machine"] != processor():
        raise SystemExit(f"{path} has the results of another machine, {book['machine']}; this one is {processor()}")
    return book


def write(book: dict, path: str) -> None:
    """Put the results into a file, whole or not at all."""
    made = Path(f"{path}.new")
    made.write_text(json.dumps(book, indent=1) + "\n")
    made.replace(path)


def keep(kept: dict, new: dict) -> None:
    """Put figures by peer beside those that are there; a peer that is not set up now loses none."""
    kept |= {p: v for p, v in new.items() if p not in kept or not is_missing(v)}


def is_missing(figures: dict) -> bool:
    """Whether these are no figures because a peer was not set up."""
    return figures.get("note", "").startswith(NOT_SET_UP)


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
    keep(kept["peers"], row["peers"])


def complete(book: dict, name: str, threads: int, variants: list[str]) -> bool:
    """Whether the book has something of each of the variants."""
    peers = book["rows"].get(key(name, threads), {"peers": {}})["peers"]
    return all((v in peers and not is_missing(peers[v])) or v in WORKLOADS[name].without for v in variants)


def best_peer(book: dict, name: str, threads: int) -> tuple[str, float] | None:
    """The fastest peer whose results were right, and its time by graphc's."""
    aside = ("graphc", *WORKLOADS[name].aside)
    peers = book["rows"][key(name, threads)]["peers"]
    ratios = {p: v["ratio"] for p, v in peers.items() if p not in aside and "ratio" in v}
    best = min(ratios, key=ratios.get, default=None)
    return (best, ratios[best]) if best else None
