"""``graphc inspect``: its arguments, and which view they ask for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from graphc.errors import UsageError
from graphc.inspect import show
from graphc.inspect.compare import compare, different_settings
from graphc.inspect.condition import holds
from graphc.inspect.gpu_code import FORMS
from graphc.inspect.draw import dot_text, mermaid_text
from graphc.inspect.memory import memory
from graphc.inspect.kept import Kept, kept, targets_in
from graphc.inspect.neighbours import neighbours
from graphc.inspect.recorded import diff, passes, statistics
from graphc.inspect.report import report_text
from graphc.inspect.sizes import Sizes, signature_of
from graphc.inspect.stage_names import CODE
from graphc.inspect.stages import Stages
from graphc.inspect.summary import numbers, summary
from graphc.inspect.why import why
from graphc.ir.gpu import GPUS
from graphc.ir.graph import Graph
from graphc.ir.record import OPTIMISED
from graphc.ir.target import TARGETS
from graphc.options import Options

_NEAR = 2  # operations that --node looks around
WHOLE = ".."  # what --diff compares where no pass is named: all that passes did


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command, besides those that name the model."""
    parser.add_argument("other", nargs="?", metavar="OTHER", help="with --diff: another model to compare with the first")
    parser.add_argument(
        "--stage", "--at", metavar="STAGE",
        help="show traced, optimised, program, llvm, asm, the graph after the pass of that name; for GPUs cuda, ptx, sass, and parts for several devices",
    )  # fmt: skip
    view = parser.add_mutually_exclusive_group()
    view.add_argument(
        "--diff", nargs="?", const=WHOLE, metavar="PASS|A..B",
        help="what one pass changed, or all between two stages (of all passes, if none is named); with OTHER: how two models differ",
    )  # fmt: skip
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
    parser.add_argument("--stat", action="store_true", help="with --diff: numbers of lines and operations instead of the lines")
    parser.add_argument("--all", action="store_true", help="with --passes: those that changed nothing too; with --profile: all kernels")
    parser.add_argument("--neighbours", type=int, metavar="N", help=f"with --node: how many operations away (default: {_NEAR})")
    parser.add_argument(
        "--as", dest="form", choices=("loops", "llvm", "asm", *FORMS), default="loops",
        help="how to show the kernel (default: loops), of GPUs also as CUDA C++, PTX, machine code, or what it needs; with --why: where its code stands in the program",
    )
    parser.add_argument(
        "--size", action="append", default=[], type=_size, metavar="NAME=SIZE",
        help="of an open dimension, by the name that the summary shows (n=32) or as input.axis (x.0=32); default: 64",
    )  # fmt: skip
    parser.add_argument(
        "--fail-if", metavar="CONDITION",
        help='exit status 1 if it is true of the numbers of the summary (--json shows their names): "kernels > 12"',
    )  # fmt: skip
    parser.add_argument("--target", choices=(*TARGETS, *GPUS), help="default: this machine, or what the file holds if it has nothing that runs here")
    parser.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")


def _size(text: str) -> tuple[str, int]:
    name, equals, size = text.rpartition("=")
    if not (equals and name and size.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r}: give NAME=SIZE, such as n=32")
    return name, int(size)


def inspect(options, load: Callable[[str], tuple[Graph, Options]]) -> int:
    """Print the view that was asked for.

    Args:
        load: the graph of a model that is named, and how to compile it.

    Returns:
        The exit status: 1 where the condition of ``--fail-if`` holds, or two models differ.

    Raises:
        UsageError: names of something that is not there. FormatError, OSError: a file is damaged, or cannot be read.
        GraphcError: the model cannot be compiled. What was asked for is printed as far as the passes went.
    """
    if options.other is not None:
        return _compare(options, load)
    stages = in_file(options) or Stages(*load(options.model))
    fails = options.fail_if and holds(options.fail_if, numbers(stages, _sizes(options, stages)))
    is_plain = options.json or options.stage or options.dot or options.mermaid or not sys.stdout.isatty()
    print(_view(options, stages) if is_plain else coloured(_view(options, stages)))
    if options.passes and stages.failure is not None:
        raise stages.failure
    if fails:
        print(f"graphc: true of {stages.graph.name}: {options.fail_if}", file=sys.stderr)
        return 1
    return 0


def _compare(options, load: Callable[[str], tuple[Graph, Options]]) -> int:
    """Print how two models differ; 1 if they do."""
    (a, before), (b, after) = load(options.model), load(options.other)
    found = compare(a, b)
    held = [targets_in(name) if name.endswith(".gc") else None for name in (options.model, options.other)]
    found.settings = different_settings(before, after)
    if None not in held and held[0] != held[1]:
        found.settings.append(f"  code for {', '.join(held[0]) or 'no target'} -> {', '.join(held[1]) or 'no target'}")
    text = found.text(options.all, options.stat)
    print(coloured(text) if sys.stdout.isatty() else text)
    return int(bool(found))


def in_file(options) -> Kept | None:
    """What a container holds of a compilation, where that is enough for the view.

    Raises:
        FormatError, OSError: the file is damaged, or cannot be read.
    """
    if not options.model.endswith(".gc") or options.stage == "parts" or options.weights is not None or options.input:  # which loading it refuses
        return None
    found = kept(options.model, options.target, options.fast_math)
    if found is None or found.has_program:
        tells_why = options.why or options.html
        return found if found is None or not tells_why or found.record.lowering is not None else None
    is_of_passes = options.passes or options.diff or options.node or options.stage not in (None, *CODE)
    return found if is_of_passes and not (options.dot or options.mermaid or options.fail_if) else None


def check(options) -> None:
    """Refuse arguments that do not go together, before a model is read.

    Raises:
        UsageError: they do not.
    """
    if options.form != "loops" and not (options.kernel or options.why):
        raise UsageError(
            "--as says how to show one kernel; give --kernel or --why too, or --stage llvm, --stage asm for the program"
        )
    if options.other is None and options.diff and options.diff.endswith((".gc", ".onnx", ".keras", ".h5", ".txt")):
        raise UsageError(f"{options.diff} is no pass; to compare two models: graphc inspect {options.model} {options.diff} --diff")
    if options.stat and not options.diff:
        raise UsageError("--stat goes with --diff")
    if options.all and not (options.passes or options.profile or options.other):
        raise UsageError("--all goes with --passes, --profile, and --diff of two models")
    if options.other is not None and options.diff != WHOLE:
        raise UsageError(f"to compare two models: graphc inspect {options.model} {options.other} --diff")
    if options.other is not None and (options.stage or options.fail_if):
        raise UsageError("--stage and --fail-if are of one model, and --diff compares two")
    if options.neighbours is not None and not options.node:
        raise UsageError("--neighbours goes with --node")
    if options.neighbours is not None and options.neighbours < 0:
        raise UsageError(f"--neighbours {options.neighbours}: there must be 0 or more")
    others = (options.diff, options.passes, options.kernels, options.kernel, options.memory, options.why, options.json)
    if options.stage and any(others):
        raise UsageError("--stage is a view of its own, and goes with --node, --dot and --mermaid only")


def _sizes(options, stages: Stages) -> Sizes:
    return Sizes(stages.program.signature, given=dict(options.size))


def _view(options, stages: Stages) -> str:
    if options.diff and stages.failure is not None and options.diff not in [p.name for p in stages.passes]:
        raise stages.failure
    if options.diff:
        return (statistics if options.stat else diff)(stages.record, options.diff)
    if options.passes:
        sizes = Sizes(signature_of(stages.graph if stages.failure is not None else stages.optimised), given=dict(options.size))
        return passes(stages.record, sizes, options.all)
    if options.kernel:
        return show.kernel_text(stages, options.kernel, options.form)
    if options.node:
        return neighbours(stages, options.node, options.stage, _NEAR if options.neighbours is None else options.neighbours)
    if options.why:
        return why(stages.whole_record, options.why, stages.sources, stages.code_lines(options.form))
    is_drawn = options.dot or options.mermaid
    if options.stage and not is_drawn:
        return show.stage_text(stages, options.stage)
    sizes = _sizes(options, stages)  # lowers the graph, which may be what fails: not for what can be shown without
    if is_drawn:
        graph, names, _ = show.stage_values(stages, options.stage or OPTIMISED)
        return (dot_text if options.dot else mermaid_text)(graph, sizes, names)
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
