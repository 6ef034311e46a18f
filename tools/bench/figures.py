"""Figures with goals: measured in turn, told in a table, written into a page."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .report import between, read_page
from .results import processor


@dataclass(frozen=True)
class Row:
    """One line of the table; ``good`` says whether the figure meets its goal, None where there is no goal."""

    what: str
    figure: str
    goal: str
    good: bool | None


def interleaved(*functions: Callable, seconds: float = 2.0, least: int = 5) -> list[float]:
    """Median seconds of each function, run in turn."""
    for f in functions:
        f()
    times: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < least:
        for f, mine in zip(functions, times):
            start = time.perf_counter()
            f()
            mine.append(time.perf_counter() - start)
    return [statistics.median(t) for t in times]


def per_call(f: Callable, count: int = 20_000, repeats: int = 7) -> float:
    """Seconds of one call: the median of several loops."""
    f()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(count):
            f()
        found.append((time.perf_counter() - start) / count)
    return statistics.median(found)


def python(code: str, repeats: int = 5, folder: Path | None = None, program: str = sys.executable, **environment) -> list[str]:
    """Last lines that a fresh interpreter, in ``folder``, prints for ``code``, several times."""
    env = {**os.environ, **environment}
    lines = []
    for _ in range(repeats):
        done = subprocess.run([program, "-c", code], env=env, cwd=folder, capture_output=True, text=True, check=True)
        lines.append((done.stdout or done.stderr).strip().splitlines()[-1] if done.stdout or done.stderr else "")
    return lines


def table(rows: list[Row]) -> str:
    lines = ["| what | figure | goal | met |", "|---|---|---|---|"]
    mark = {True: "yes", False: "**no**", None: ""}
    lines += [f"| {r.what} | {r.figure} | {r.goal} | {mark[r.good]} |" for r in rows]
    return "\n".join(lines)


def report(rows: Iterable[Row], page: str | None, marker: str, note: str) -> None:
    """Measure: print each row when it is there, and put all of them between the markers of a page, if one is given."""
    if page:  # one without a place for the table is better refused now than when all is measured
        between(read_page(Path(page)), marker, "")
    found = _shown(rows)
    if page:
        _write(Path(page), marker, note, found)


def _shown(rows: Iterable[Row]) -> list[Row]:
    found = []
    for row in rows:
        found.append(row)
        goal = f"   goal {row.goal}: {'met' if row.good else 'MISSED'}" if row.goal else ""
        print(f"{row.what}: {row.figure}{goal}", flush=True)
    return found


def _write(page: Path, marker: str, note: str, rows: list[Row]) -> None:
    """The table, below a line that says where and when it was measured."""
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "llvmlite"))
    head = (
        f"`python tools/bench {marker}`, {datetime.date.today()}, {processor()} ({os.cpu_count()} cores), "
        f"Python {platform.python_version()}, {versions}. {note}\n\n"
    )
    page.write_text(between(page.read_text(), marker, head + table(rows)))


def arguments(parser: argparse.ArgumentParser, benches: Iterable[str]) -> None:
    """The options that commands of such figures share."""
    parser.add_argument("--write", metavar="FILE", help="write the table there, between the markers")
    parser.add_argument("--only", nargs="+", choices=benches, default=list(benches))
