"""``graphc tune``: its arguments, and what it says while it measures."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from graphc import aot
from graphc.aot.replace import new_folders
from graphc.cli.arguments import add_model, add_target, graph_to_run, settings_of, sizes_in
from graphc.cli.arrays import named_arrays
from graphc.cli.compile import show
from graphc.compile import target_of
from graphc.errors import UsageError, located
from graphc.models.compiling import place
from graphc.runtime.pool import default_threads


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    parser.add_argument("-o", "--output", required=True, metavar="OUT.gc", help="as for compile")
    parser.add_argument(
        "--input", "-i", action="append", default=[], metavar="[NAME=]FILE.npy",
        help="an input to measure with, by name or in order; the others are random",
    )  # fmt: skip
    parser.add_argument(
        "--size", action="append", default=[], metavar="NAME.AXIS=SIZE",
        help="of an open dimension of an input, such as x.0=32",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="to measure at most (default: 60)")
    parser.add_argument("--threads", type=int, metavar="N", help="as GRAPHC_NUM_THREADS; default: all")
    add_target(parser)


def run(options) -> None:
    """Measure, and write what ``graphc compile`` writes with what was found."""
    if options.threads is not None:
        if options.threads < 1:
            raise UsageError(f"--threads {options.threads}: there must be 1 or more")
        os.environ["GRAPHC_NUM_THREADS"] = str(options.threads)  # read when the first program is loaded
    path, folders = place(options.output, options.model)
    with new_folders(folders):
        aot.check_path(path)
        _tune(options, path)


def _tune(options, path: Path) -> None:
    graph, texts = graph_to_run(options)
    names = [x.attr("name") for x in graph.inputs]
    settings = settings_of(options)
    threads = default_threads()
    print(f"measuring {graph.name} for {target_of(settings).name} on {threads} thread{'s' if threads > 1 else ''}", flush=True)
    with located(None):
        tuning = aot.tune(graph, settings, named_arrays(texts, names), sizes_in(options.size), options.seconds, on_trial=_show_trial)
    _show_tuning(tuning, options)
    show(aot.export(graph, path, replace(settings, machine=tuning.machine)))


def _show_trial(trial: aot.Trial) -> None:
    """One line of the table; values that change no kernel are none."""
    if trial.ratio is not None:
        value = "" if trial.value is None else trial.value
        print(f"  {trial.name:12}  {value!s:>13}  {trial.ratio:6.3f}{'  kept' if trial.kept else ''}", flush=True)


def _show_tuning(tuning: aot.Tuning, options) -> None:
    """What measuring came to."""
    needed = f"{tuning.noise:.1%}"
    if tuning.left:
        print(f"no time was left for {tuning.left} values: --seconds {options.seconds:g} is the limit")
    if all(trial.ratio is None for trial in tuning.trials):
        print("no value that was tried changes a kernel: there is nothing to choose")
    elif tuning.ratio == 1.0:
        print(f"nothing is faster by more than {needed}, which is noise: the model of the machine is as good as it gets")
    else:
        print(f"kept {tuning.machine}: {tuning.ratio:.3f} times as fast, where {needed} is noise; all results have the same bits")
