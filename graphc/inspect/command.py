"""``graphc inspect``: its arguments, and which view they ask for."""

from __future__ import annotations

import argparse
import os
import sys

from graphc.compile import target_of
from graphc.errors import UsageError
from graphc.inspect import show
from graphc.inspect.condition import holds
from graphc.inspect.draw import dot_text, mermaid_text
from graphc.inspect.memory import memory
from graphc.inspect.recorded import diff, graph_after, record_in
from graphc.inspect.report import report_text
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import numbers, summary
from graphc.inspect.trace import neighbours
from graphc.inspect.why import why
from graphc.ir.graph import Graph
from graphc.ir.record import Record
from graphc.ir.target import TARGETS
from graphc.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command, besides those that name the model."""
    parser.add_argument(
        "--stage", metavar="STAGE", help=f"show {', '.join(show.STAGES)}, or the graph after the pass of that name"
    )
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--diff", metavar="PASS", help="what one pass changed")
    view.add_argument("--passes", action="store_true", help="what every pass did, and how long it took")
    view.add_argument("--kernels", action="store_true", help="every kernel with the lines of the program that it comes from")
    view.add_argument("--kernel", metavar="KERNEL", help="one kernel")
    view.add_argument("--memory", action="store_true", help="buffers, their places and lifetimes")
    view.add_argument("--node", metavar="NAME", help="the lines around a value, before and after it; of --stage, or optimised")
    view.add_argument(
        "--why", metavar="NAME",
        help="from the line to kernels and memory, with reasons: a traced value, an output, FILE:LINE, a name scope, or @KERNEL",
    )  # fmt: skip
    view.add_argument("--dot", action="store_true", help="the graph, of --stage or optimised, for Graphviz")
    view.add_argument("--mermaid", action="store_true", help="the same for Mermaid")
    view.add_argument("--json", action="store_true", help="everything as JSON")
    parser.add_argument("--all", action="store_true", help="with --passes: those that changed nothing too; with --profile: all kernels")
    parser.add_argument("--neighbours", type=int, default=2, metavar="N", help="with --node: how many operations away (default: 2)")
    parser.add_argument(
        "--as", dest="form", choices=("ir", "llvm", "asm"), default="ir", help="how to show the kernel (default: ir); with --why: where its code stands in the program"
    )
    parser.add_argument(
        "--size", action="append", default=[], type=_size, metavar="NAME=SIZE",
        help="of an open dimension, by the name that the summary shows (n=32) or as input.axis (x.0=32); default: 64",
    )  # fmt: skip
    parser.add_argument(
        "--fail-if", metavar="CONDITION",
        help='exit status 1 if it is true of the numbers of the summary (--json shows their names): "kernels > 12"',
    )  # fmt: skip
    parser.add_argument("--target", choices=TARGETS, help="default: this machine")
    parser.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")


def _size(text: str) -> tuple[str, int]:
    name, equals, size = text.rpartition("=")
    if not (equals and name and size.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r}: give NAME=SIZE, such as n=32")
    return name, int(size)


def inspect(options, graph: Graph, settings: Options) -> int:
    """Print the view that was asked for; the exit status is 1 where the condition of ``--fail-if`` holds.

    Raises:
        UsageError: names of something that is not there.
        GraphcError: the model cannot be compiled. What was asked for is printed as far as the passes went.
    """
    stages = Stages(graph, settings)
    fails = options.fail_if and holds(options.fail_if, numbers(stages, _sizes(options, stages)))
    is_plain = options.json or options.stage or options.dot or options.mermaid or not sys.stdout.isatty()
    print(_view(options, stages) if is_plain else coloured(_view(options, stages)))
    if options.passes and stages.failure is not None:
        raise stages.failure
    if fails:
        print(f"graphc: true of {graph.name}: {options.fail_if}", file=sys.stderr)
        return 1
    return 0


def recorded_view(options) -> str | None:
    """A view of passes by the record in a container, for which nothing is compiled; None where it takes the model itself.

    Raises:
        UsageError: names of a pass that did not run. FormatError, OSError: the file is damaged, or cannot be read.
    """
    is_of_passes = options.passes or options.diff or options.stage not in (None, "program", "llvm", "asm")
    is_why = options.why and options.form == "ir"
    others = options.node or options.dot or options.mermaid or options.fail_if
    if others or not (is_of_passes or is_why) or not options.model.endswith(".gc"):
        return None
    record = record_in(options.model, target_of(Options(target=options.target)).name, options.fast_math)
    if record is None or (is_why and record.lowering is None):
        return None
    return why(record, options.why, {}) if is_why else _of_record(options, record)


def check(options) -> None:
    """Refuse arguments that do not go together, before a model is read.

    Raises:
        UsageError: they do not.
    """
    if options.form != "ir" and not (options.kernel or options.why):
        raise UsageError(
            "--as says how to show one kernel; give --kernel or --why too, or --stage llvm, --stage asm for the program"
        )
    if options.all and not (options.passes or options.profile):
        raise UsageError("--all goes with --passes and --profile")
    if options.neighbours < 0:
        raise UsageError(f"--neighbours {options.neighbours}: there must be 0 or more")
    others = (options.diff, options.passes, options.kernels, options.kernel, options.memory, options.why, options.json)
    if options.stage and any(others):
        raise UsageError("--stage is a view of its own, and goes with --node, --dot and --mermaid only")


def _sizes(options, stages: Stages) -> Sizes:
    return Sizes(stages.program.signature, given=dict(options.size))


def _of_record(options, record: Record) -> str:
    if options.passes:
        return show.passes(record, options.all)
    return diff(record, options.diff) if options.diff else graph_after(record, options.stage)


def _view(options, stages: Stages) -> str:
    if options.diff and stages.failure is not None and options.diff not in [p.name for p in stages.passes]:
        raise stages.failure
    if options.diff or options.passes:
        return _of_record(options, stages.record)
    if options.kernel:
        return stages.kernel_as(options.kernel, options.form)
    if options.node:
        return neighbours(stages, options.node, options.stage, options.neighbours)
    if options.why:
        return why(stages.whole_record, options.why, stages.sources, stages.code_lines(options.form))
    is_drawn = options.dot or options.mermaid
    if options.stage and not is_drawn:
        return show.stage_text(stages, options.stage)
    sizes = _sizes(options, stages)  # lowers the graph, which may be what fails: not for what can be shown without
    if is_drawn:
        draw = dot_text if options.dot else mermaid_text
        return draw(show.stage_graph(stages, options.stage or "optimised"), sizes)
    if options.kernels:
        return show.kernels(stages, sizes)
    if options.memory:
        return memory(stages.program, sizes, stages.whole_record.lowering)
    return report_text(stages, sizes) if options.json else summary(stages, sizes)


def coloured(text: str) -> str:
    """For a terminal: the lines that begin a part are bold, and those of a difference green and red."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    codes = {"+": "32", "-": "31", "@": "36", " ": "", "": ""}
    found = [(codes.get(line[:1], "1"), line) for line in text.splitlines()]
    return "\n".join(f"\033[{code}m{line}\033[0m" if code else line for code, line in found)
