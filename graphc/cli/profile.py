"""``graphc inspect --profile``: its arguments, and what the model is run on."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphc import aot
from graphc.cli import page
from graphc.cli.arguments import graph_to_run, refuse_others, settings_of
from graphc.cli.arrays import named_arrays
from graphc.errors import UsageError
from graphc.inspect.page.measured import timeline
from graphc.inspect.profile import profile
from graphc.inspect.profile_view import profile_text, shares, table, trace_text
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.why import why
from graphc.ir.node import symbol_name
from graphc.ir.program import Signature

_OTHERS = ("diff", "passes", "kernels", "kernel", "memory", "node", "dot", "mermaid", "stage", "fail_if")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments, besides those of the other views of ``graphc inspect``."""
    parser.add_argument(
        "--input", "-i", action="append", default=[], metavar="[NAME=]FILE.npy",
        help="with --profile: an input, the others are random; for FILE.onnx, the value of an input that counts, such as axes",
    )  # fmt: skip
    parser.add_argument("--profile", action="store_true", help="run it, and show where the time goes; with --json and --why too")
    parser.add_argument("--trace", metavar="OUT.json", help="with --profile: the fastest run for chrome://tracing and Perfetto")
    parser.add_argument("--threads", type=int, metavar="N", help="with --profile: that runs use; default: all")
    parser.add_argument("--runs", type=int, metavar="N", help="with --profile: how many; default: as many as take a second")
    parser.add_argument(
        "--peaks", choices=("kept", "fresh"), default="kept",
        help="with --profile: what the machine can do, as measured before (default), or measured anew",
    )  # fmt: skip


def check(options) -> None:
    """Refuse arguments that do not go together, before a model is read.

    Raises:
        UsageError: they do not.
    """
    numbers = {name: getattr(options, name) for name in ("threads", "runs") if getattr(options, name) is not None}
    if not options.profile:
        alone = [*numbers, *(["trace"] if options.trace is not None else []), *(["peaks"] if options.peaks != "kept" else [])]
        if alone:
            raise UsageError(f"--{alone[0]} goes with --profile")
        return
    for name, number in numbers.items():
        if number < 1:
            raise UsageError(f"--{name} {number}: there must be 1 or more")
    refuse_others(options, "profile", _OTHERS)


def show(options) -> None:
    """Run the model, and print where the time goes.

    Raises:
        UsageError: names of something that is not there. OSError: the trace cannot be written.
    """
    graph, texts = graph_to_run(options)
    stages = Stages(graph, settings_of(options))
    arrays = _arrays(stages.program.signature, texts, dict(options.size))
    found = profile(stages, arrays, threads=options.threads, runs=options.runs, fresh=options.peaks == "fresh")
    if options.trace:
        aot.replace_files({Path(options.trace): [trace_text(found).encode()]})
    if options.html:
        page.write(options, stages, Sizes(stages.program.signature, given=found.sizes), timeline(found))
    if options.why:
        print(why(stages.whole_record, options.why, stages.sources, measured=shares(found)))
    else:
        print(profile_text(found) if options.json else table(found, options.all))


def _arrays(signature: Signature, texts: list[str], sizes: dict[str, int]) -> list:
    """One array for each input; open sizes that no given array has are as in the summary."""
    given = named_arrays(texts, [p.name for p in signature.inputs])
    shown = Sizes(signature, given=sizes)
    known = {symbol_name(d) for p in signature.inputs if p.name in given for d in p.type.shape}
    free = {name: size for name, size in shown.by_symbol.items() if name in shown.given or name not in known}
    return aot.feeds(signature, given, free)
