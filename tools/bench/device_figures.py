"""``run --device``: graphc's kernels on a GPU beside PyTorch there, times of the device, medians.

Every peer has a process of its own. Results are compared with NumPy in float64 first. What is not measured is named, with the
reason. On ``cuda-emulated`` the rows run at tiny sizes, to see that all of this works; times mean nothing there.
"""

from __future__ import annotations

import fnmatch
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import numpy as np

from .device_rows import ROWS, Row, expected
from .environments import Variant
from .peers import numpy as numpy_peer
from .processes import Process
from .report import met, shown
from .workload import error

EMULATED = "cuda-emulated"
DEVICES = ("cuda", EMULATED)
NO_TIMES = f"{EMULATED}: these are times of a CPU that plays GPU at tiny sizes; they mean nothing"
_TORCH = {"torch": "eager", "torch.compile": "compile", "torch.compile+graphs": "graphs"}


def variants(device: str) -> dict[str, Variant]:
    """The peers by name, graphc first; PyTorch is that of this Python."""
    seen = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0")}
    found = {"graphc": Variant("graphc", device, None, {**seen, "GRAPHC_DEVICE": device})}
    if device != EMULATED:
        found |= {name: Variant("torch_cuda", mode, None, seen) for name, mode in _TORCH.items()}
    return found


def chosen(patterns: list[str]) -> list[Row]:
    """The rows whose name or group matches a pattern; all for none."""
    found = {p: [r for r in ROWS.values() if fnmatch.filter((r.name, r.group), p)] for p in patterns or ["*"]}
    for pattern, rows in found.items():
        if not rows:
            raise SystemExit(f"no row of GPUs matches {pattern}; there are {', '.join(ROWS)}")
    return list(dict.fromkeys(row for rows in found.values() for row in rows))


def start(name: str, device: str, settings: dict[str, str] | None = None) -> Process:
    """The process of a peer."""
    peers = variants(device)
    module = "graphc_cuda" if name == "graphc" else peers[name].module
    return Process(name, 1, Path(), settings, peers, ("bench.device_worker", module, peers[name].variant))


def command(options, say: Callable[[str], None]) -> int:
    """Measure the rows that are chosen; 3 where there is no device."""
    device, rows = options.device, chosen(options.workloads)
    emulated = device == EMULATED
    book: dict = {"device": device, "roof": None, "rows": {}, "skipped": []}
    if emulated:
        say(NO_TIMES)

    def skip(what: str, why: str) -> None:
        book["skipped"].append([what, why])
        say(f"skipped: {what}: {why}")

    with ExitStack() as stack:
        peers = {name: stack.enter_context(closing(start(name, device))) for name in variants(device)}
        for row in rows:
            if emulated and row.small is None:
                skip(row.name, "it would take minutes on the emulated device")
                continue
            found = measure(row, peers, emulated, options, skip)
            if "graphc" not in found:
                if not book["rows"]:
                    return 3
                continue
            if not emulated and book["roof"] is None:
                book["roof"] = peers["graphc"].ask(do="roof").get("roof")
                say(f"{found['graphc']['device']}: copying {(book['roof'] or 0) / 1e9:.0f} GB/s, reads and writes together")
            if row.starts and not emulated:
                found["graphc"]["starts"] = starts(row, device)
            book["rows"][row.name] = found
            say(line(row, found, book["roof"]))
            if options.json:
                Path(options.json).write_text(json.dumps(book, indent=1) + "\n")
    say(f"skipped: {len(book['skipped'])}" if book["skipped"] else "nothing was skipped")
    if emulated:
        say(NO_TIMES)
    return 0


def measure(row: Row, peers: dict, emulated: bool, options, skip: Callable[[str, str], None]) -> dict:
    """What each peer takes, by name; a peer without results that are right is skipped, and all are without graphc's."""
    size, found = "small" if emulated else "full", {}
    workload = getattr(row, size)
    right = None
    with tempfile.TemporaryDirectory() as folder:
        for name, peer in peers.items():
            told = peer.ask(do="build", row=row.name, size=size, folder=folder)
            if "note" in told:
                skip(f"{row.name}, {name}", told["note"])
                if name == "graphc":
                    return {}
                continue
            right = right or expected(row, workload, numpy_peer.Ops())
            off = error(workload, [np.load(file) for file in told.pop("files")], right)
            if off > workload.tolerance:
                skip(f"{row.name}, {name}", f"wrong results: off by {off:.1e}, {workload.tolerance:.0e} is allowed")
                if name == "graphc":
                    return {}
                continue
            found[name] = {**told, "error": off, "rounds": []}
    for _ in range(options.rounds):
        for name in list(found):
            told = peers[name].ask(do="measure", seconds=options.seconds)
            if "note" in told:
                skip(f"{row.name}, {name}", told["note"])
                del found[name]
            else:
                found[name]["rounds"].append(median(told["times"]))
    for one in found.values():
        one["median"] = median(one["rounds"])
    return found


def starts(row: Row, device: str) -> list[float] | None:
    """Seconds to the first result in a new process, with an empty cache and then with what the first one left."""
    found = []
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            with closing(start("graphc", device, {"GRAPHC_CACHE_DIR": cache})) as peer:
                told = peer.ask(do="build", row=row.name, size="full", folder=folder)
            if "note" in told:
                return None
            found.append(told["compile"])
    return found


def goals(row: Row, found: dict, roof: float | None) -> list[tuple[str, float, float]]:
    """What a goal is of, its value and the goal, for those that can be told."""
    ours, told = found["graphc"]["median"], []
    if row.of_copy and roof:
        told.append(("of copying", row.full.bytes / ours / roof, row.of_copy))
    told += [(f"x {name}", found[name]["median"] / ours, goal) for name, goal in row.of_peers if name in found]
    return told


def line(row: Row, found: dict, roof: float | None) -> str:
    """One line for the terminal."""
    ours = found["graphc"]
    parts = [f"{row.name}: graphc {shown(ours['median'])}"]
    if roof and row.full.flops:
        parts.append(f"{row.full.flops / ours['median'] / 1e12:.1f} TFLOP/s")
    parts += [f"{name} {shown(one['median'])} = {one['median'] / ours['median']:.2f}x" for name, one in found.items() if name != "graphc"]
    parts += [f"goal {value:.2f} {what} >= {goal:g}: {met(value, goal)}" for what, value, goal in goals(row, found, roof)]
    if ours.get("starts"):
        parts += [
            f"first result {what} {shown(took)}, goal <= {goal:g} s: {met(-took, -goal)}"
            for what, took, goal in zip(("without a cache", "cached"), ours["starts"], row.starts)
        ]
    return "; ".join(parts)
