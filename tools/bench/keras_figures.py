"""``python tools/bench keras``: graphc below Keras beside its other back ends, in processes of their own, in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from . import environments, results
from .environments import Variant
from .keras_workloads import FIRST_STEPS, WORKLOADS, FirstStep
from .processes import Missing, Process
from .report import between, lines_of, met, read_page, shown
from .starts import CACHES, KEEP_ALL, python_caches

BACKENDS = {name: Variant(name, "", None if name == "graphc" else name) for name in (
    "graphc", "tensorflow", "jax", "torch")}  # fmt: skip
AGREE = 2e-3  # how far losses may be from those of most, relative to these
IMPORT = "import"
MARKER = "keras"  # between whose comments the table stands in a page
IMPORT_GOAL = 0.3  # seconds that graphc may take longer than Keras' back end of NumPy alone
IMPORTS = {  # the back end of NumPy cannot be imported without JAX
    "graphc": ("graphc", "from graphc import keras"),
    "numpy": ("jax", "import os; os.environ['KERAS_BACKEND'] = 'numpy'; import keras"),
}


class Worker(Process):
    """A back end's process."""

    def __init__(self, backend: str, threads: int, folder: Path, settings: dict[str, str] | None = None):
        super().__init__(backend, threads, folder, settings, BACKENDS, ("bench.keras_worker", backend, str(threads)))


def agreed(told: dict[str, list[float]]) -> dict[str, str]:
    """For each back end whose numbers differ from the middle of all the note that says so."""
    middle = [statistics.median(column) for column in zip(*told.values())]
    notes = {}
    for name, found in told.items():
        off = max(abs(a - b) / max(abs(b), 1e-6) for a, b in zip(found, middle))
        if not off <= AGREE:
            notes[name] = f"wrong: {off:.1e} off the others, {AGREE:.0e} is allowed"
    return notes


def row_of(peers: dict[str, dict], rounds: dict[str, list[float]]) -> dict:
    """The figures of back ends, of a time for each round; ``ratio`` is the median of the rounds' ratios to graphc's."""
    for name, found in rounds.items():
        peers[name] |= {"median": statistics.median(found), "best": min(found)}
        if "graphc" in rounds:
            peers[name]["ratio"] = statistics.median(a / b for a, b in zip(found, rounds["graphc"]))
    return peers


def measure(name: str, options, folder: Path) -> dict:
    """Times of calls, of those who agree about what is computed; their numbers are compared with those of most."""
    peers: dict[str, dict] = {}
    workers: dict[str, Worker] = {}
    told: dict[str, list[float]] = {}
    try:
        for backend in options.backends:
            try:
                workers[backend] = Worker(backend, options.threads, folder)
            except Missing as e:
                peers[backend] = {"note": str(e)}
                continue
            answer = workers[backend].ask(do="build", workload=name, check=True)
            peers[backend] = {k: answer[k] for k in ("version", "import", "note") if k in answer}
            if "told" in answer:
                told[backend] = answer["told"]
        for backend, note in agreed(told).items():
            peers[backend]["note"] = note
        rounds: dict[str, list[float]] = {b: [] for b in told if "note" not in peers[b]}
        for k in range(options.rounds):
            for backend in list(rounds)[:: -1 if k % 2 else 1]:
                answer = workers[backend].ask(do="measure", seconds=options.seconds)
                if "note" in answer:
                    peers[backend]["note"] = answer["note"]
                    del rounds[backend]
                else:
                    rounds[backend].append(statistics.median(answer["times"]))
    finally:
        for worker in workers.values():
            worker.close()
    return row_of(peers, rounds)


def first_step(name: str, options, folder: Path) -> dict:
    """Seconds of the first step of ``fit`` in new processes, whose caches are empty at first, byte code apart."""
    peers: dict[str, dict] = {b: {} for b in options.backends}
    rounds: dict[str, list[float]] = {b: [] for b in options.backends}
    with tempfile.TemporaryDirectory() as bytecode:
        for k in range(options.rounds + 1):
            for backend in list(rounds):
                answer = _started(FIRST_STEPS[name], backend, options.threads, folder, python_caches(bytecode))
                if "note" in answer:
                    peers[backend]["note"] = answer["note"]
                    del rounds[backend]
                elif k:  # the first one leaves byte code behind
                    rounds[backend] += answer["times"]
    return row_of(peers, rounds)


def _started(row: FirstStep, backend: str, threads: int, folder: Path, python: dict[str, str]) -> dict:
    """What the last of so many processes says."""
    answer: dict = {}
    with tempfile.TemporaryDirectory() as caches:
        for _ in range(row.starts):
            try:
                worker = Worker(backend, threads, folder, dict.fromkeys(CACHES, caches) | KEEP_ALL | python)
            except Missing as e:
                return {"note": str(e)}
            worker.ask(do="build", workload=row.workload, check=False)
            answer = worker.ask(do="first")
            worker.close()
    return answer


def imports(options, folder: Path) -> dict:
    """Seconds of new processes that import Keras, on graphc and on its back end of NumPy alone."""
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory() as bytecode:
        for k in range(options.rounds + 1):
            for name, (backend, text) in IMPORTS.items():
                python = environments.interpreter(BACKENDS[backend], folder)
                if python is None:
                    return {name: {"note": f"{environments.NOT_SET_UP} (python tools/bench setup {backend})"}}
                timed = f"import time; begin = time.perf_counter(); {text}; print(time.perf_counter() - begin)"
                settings = environments.surroundings(BACKENDS[backend], options.threads) | python_caches(bytecode)
                done = subprocess.run([python, "-c", timed], env=settings, capture_output=True, text=True, check=True)
                if k:  # the first one leaves byte code behind
                    found[name].append(float(done.stdout.split()[-1]))
    return row_of({name: {} for name in found}, found)


def goal_of(name: str) -> float | None:
    return (FIRST_STEPS if name in FIRST_STEPS else WORKLOADS)[name].goal


def table(rows: dict[str, dict]) -> str:
    """All rows in Markdown: graphc's time, the best other back end's, the ratio and its goal, the others' ratios."""
    lines = []
    for name, row in rows.items():
        peers, name = row["peers"], name.partition("@")[0]
        ours = peers.get("graphc", {})
        if "median" not in ours:
            lines.append([name, str(row["threads"]), ours.get("note", "not measured"), *[""] * 6])
            continue
        aside = FIRST_STEPS[name].aside if name in FIRST_STEPS else ()
        ratios = [(p in aside, v["ratio"], p) for p, v in peers.items() if p != "graphc" and "ratio" in v]
        others = [(ratio, p) for _, ratio, p in sorted(ratios)]  # those that are aside come last
        cells = [name, str(row["threads"]), shown(ours["median"])]
        if name == IMPORT:
            more = ours["median"] - peers["numpy"]["median"]
            cells += ["numpy", shown(peers["numpy"]["median"]), f"{more:+.2f} s", f"+{IMPORT_GOAL} s",
                      "yes" if more <= IMPORT_GOAL else "**no**", ""]  # fmt: skip
        elif others:
            (ratio, best), goal = others[0], goal_of(name)
            notes = [f"{p}: {v['note']}" for p, v in peers.items() if "note" in v]
            cells += [best, shown(peers[best]["median"]), f"{ratio:.2f}", f"{goal:g}" if goal else "", met(ratio, goal),
                      ", ".join([f"{p} {r:.2f}" for r, p in others[1:]] + notes)]  # fmt: skip
        else:
            cells += [""] * 6
        lines.append(cells)
    return lines_of("what|threads|graphc|best other|its time|ratio|goal|met|others", lines, {1, 2, 4, 5, 6})


def run(options) -> None:
    folder = Path(options.environments or environments.default_folder())
    every = [*WORKLOADS, *FIRST_STEPS, IMPORT]
    unknown = [n for n in options.workloads if n not in every]
    if unknown:
        raise SystemExit(f"no workload {', '.join(unknown)}; there are {', '.join(every)}")
    if options.write:
        between(read_page(Path(options.write)), MARKER, "")  # better refused now than when all is measured
    options.backends = ["graphc", *[b for b in options.backends or BACKENDS if b != "graphc"]]
    rows: dict[str, dict] = {}
    if options.json and Path(options.json).exists():
        rows = json.loads(Path(options.json).read_text())
    for name in () if options.report else options.workloads or every:
        if name == IMPORT:
            found = imports(options, folder)
        else:
            found = (first_step if name in FIRST_STEPS else measure)(name, options, folder)
        row = {"threads": options.threads, "peers": found}
        rows[f"{name}@{options.threads}"] = row
        print(table({name: row}).splitlines()[-1], flush=True)
        if options.json:
            results.write(rows, options.json)
    print(table(rows))
    if options.write:
        page = Path(options.write)
        page.write_text(between(read_page(page), MARKER, table(rows)))


def arguments(p: argparse.ArgumentParser, count, cores, duration) -> None:
    """The arguments of the command, of types that the command line has."""
    names = ", ".join([*WORKLOADS, *FIRST_STEPS, IMPORT])
    p.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {names}")
    p.add_argument("--backends", nargs="+", choices=BACKENDS, help="graphc is always there")
    p.add_argument("--threads", type=cores, default=1)
    p.add_argument("--rounds", type=count, default=5)
    p.add_argument("--seconds", type=duration, default=0.5, help="of each back end in each round")
    p.add_argument("--environments", metavar="FOLDER", help="where setup has put the peers")
    p.add_argument("--json", metavar="FILE", help="keep the results there, beside those that it has")
    p.add_argument("--write", metavar="PAGE.md", help="put the table of all results there")
    p.add_argument("--report", action="store_true", help="measure nothing: the results that are kept")
    p.set_defaults(do=run)
