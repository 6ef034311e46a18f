"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import fnmatch
import os
import tempfile
from pathlib import Path

from graphc.cli.pipe import reader_may_leave

from . import ahead_figures, device_figures, environments, keras_figures, predictions, promises, report, results
from .rounds import Pool, measure
from .starts import Starts
from .workloads import WORKLOADS


def chosen(patterns: list[str]) -> list[str]:
    """Names of the workloads whose name or group matches a pattern; all for none."""
    if not patterns:
        return list(WORKLOADS)
    found = {p: [n for n, w in WORKLOADS.items() if fnmatch.filter((n, w.group), p)] for p in patterns}
    unknown = [p for p, names in found.items() if not names]
    if unknown:
        raise SystemExit(f"no workload matches {', '.join(unknown)}; python tools/bench list shows them")
    return list(dict.fromkeys(n for names in found.values() for n in names))


def run(options) -> None:
    if options.device:
        raise SystemExit(device_figures.command(options, say))
    folder = Path(options.environments or environments.default_folder())
    variants = environments.variants_of(options.peers or list(environments.VARIANTS))
    here = [v for v in variants if environments.interpreter(environments.VARIANTS[v], folder)]
    names, book = chosen(options.workloads), results.to_fill(options.json)
    if options.cold:
        run_cold(options, book, names, variants, folder)
        return
    for threads in options.threads:
        limits = results.best_limits(book, threads)
        with Pool(variants, threads, folder) as pool:
            for name in names:
                if options.missing and results.complete(book, name, threads, here):
                    continue
                row = measure(WORKLOADS[name], pool, options.rounds, options.seconds, say)
                results.merge(book, name, threads, row, limits)
                say(report.line(book, name, threads))
                if options.json:
                    results.write(book, options.json)


def run_cold(options, book: dict, names: list[str], variants: list[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as bytecode:
        starts = Starts(options.threads[0], folder, min(options.rounds, 3), bytecode, say)
        for name in names:
            kept = book.setdefault("starts", {}).setdefault(name, {})
            wanted = [v for v in variants if not (options.missing and v in kept and not results.is_missing(kept[v]))]
            results.keep(kept, starts.measure(WORKLOADS[name], wanted))
            if options.json:
                results.write(book, options.json)


def count(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def cores(text: str) -> int:
    """So many threads that each has a core."""
    number, most = count(text), len(os.sched_getaffinity(0))
    if number > most:
        raise argparse.ArgumentTypeError(f"there are {most} cores, not {text}")
    return number


def duration(text: str) -> float:
    """Seconds, more than none."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time to measure in")
    return seconds


def say(text: str) -> None:
    print(text, flush=True)


def listing(options) -> None:
    for name, w in WORKLOADS.items():
        goal = f"goal {w.goal:g}" if w.goal else ""
        print(f"{name:32} {w.group:40} {goal}")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python tools/bench", description="Measure graphc beside its peers.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    p = commands.add_parser("setup", help="make the peers' virtual environments")
    p.add_argument("peers", nargs="+", choices=environments.PACKAGES)
    p.add_argument("--into", metavar="FOLDER", help=f"where, {environments.default_folder()} if not given")
    p.set_defaults(do=lambda o: environments.setup(o.peers, Path(o.into or environments.default_folder())))
    p = commands.add_parser("run", help="measure workloads")
    p.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="names or patterns; all if none are given")
    p.add_argument("--peers", nargs="+", help=f"of {', '.join(environments.VARIANTS)}; graphc is always there")
    p.add_argument("--threads", nargs="+", type=cores, default=[1])
    p.add_argument("--device", choices=device_figures.DEVICES, help="measure the rows of GPUs there, beside PyTorch of this Python")
    p.add_argument("--rounds", type=count, default=5)
    p.add_argument("--seconds", type=duration, default=0.2, help="of each peer in each round")
    p.add_argument("--environments", metavar="FOLDER", help="where setup has put the peers")
    p.add_argument("--json", metavar="FILE", help="keep the results there, beside those that it has")
    p.add_argument(
        "--cold", action="store_true", help="measure starts in new processes, with empty caches, instead of calls"
    )
    p.add_argument("--missing", action="store_true", help="leave out what the file has of all these peers")
    p.set_defaults(do=run)
    p = commands.add_parser("report", help="write tables, and a plot, of kept results")
    p.add_argument("json", metavar="FILE")
    p.add_argument("--write", nargs="+", default=[], metavar="PAGE", help="put the table between the page's markers")
    p.add_argument("--plot", metavar="FILE", help="write a picture as SVG")
    p.set_defaults(do=report.command)
    p = commands.add_parser("keras", help="measure Keras on graphc beside its other back ends")
    keras_figures.arguments(p, count, cores, duration)
    commands.add_parser("list", help="show the workloads").set_defaults(do=listing)
    p = commands.add_parser("promises", help="measure what else graphc promises: import, sessions, files, eager steps")
    promises.arguments(p)
    p = commands.add_parser("predict", help="say what the rows of GPUs should take, from their machine code; no GPU is needed")
    predictions.arguments(p, device_figures.chosen, say)
    p = commands.add_parser("ahead", help="measure compiling ahead of time: files, starts, calls from C, the record")
    ahead_figures.arguments(p)
    return top


def main(arguments: list[str] | None = None) -> None:
    os.environ.pop("OPENBLAS_CORETYPE", None)
    try:
        with reader_may_leave():
            options = parser().parse_args(arguments)
            options.do(options)
    except KeyboardInterrupt:
        raise SystemExit("interrupted; what was measured before is kept") from None
