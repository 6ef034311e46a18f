"""``graphc compile``: its arguments, and what it says of the files that are written."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from graphc.aot.targets import target_names
from graphc.cli.arguments import add_model, add_values, fast_math, sizes_in, values_of
from graphc.errors import UsageError
from graphc.inspect.sizes import unit
from graphc.ir.target import TARGETS
from graphc.models.compiling import compile_model
from graphc.models.settings import FLAGS, LISTS, options_in
from graphc.models.sizes import SYMBOLIC

_ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT.gc", help="or a folder, for files named after the model: DIR/"
    )
    add_values(parser)
    parser.add_argument(
        "--target", action="extend", default=[], metavar="T", type=_targets,
        help=f"may be given several times; default: this machine; {_ALL} are all CPUs ({', '.join(TARGETS)}). cuda:sm_90,sm_80 are GPUs, cuda the one "
        "of this machine. With several, OUT.gc has code for each, and files for C are in a folder each",
    )  # fmt: skip
    parser.add_argument(
        "--batch", metavar="N",
        help=f"a program for batches of N alone: the size of the first axis of every input where it is open; {SYMBOLIC} leaves it open. One that is fixed is made open before, if every operation treats rows apart",
    )  # fmt: skip
    parser.add_argument(
        "--size", action="append", default=[], metavar="NAME=N",
        help="the same for one open dimension, by the name that graphc inspect shows (n=32) or by input and axis (x.0=32)",
    )  # fmt: skip
    parser.add_argument(
        "--entry", action="append", default=[], metavar="NAME",
        help="given several times, for FILE.py and FILE.keras (predict, train): models with one library and header over all of them",
    )  # fmt: skip
    parser.add_argument("--fast-math", action="store_true", help="allow rewrites that change the last bits")
    parser.add_argument(
        "--opt", action="append", default=[], metavar="NAME=VALUE",
        help=f"an option of the compiler: {', '.join(FLAGS)} (true, false), {', '.join(LISTS)} (names with commas between them)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", choices=("pool", "none"), default="pool",
        help="of programs in C: a pool that models share (default), or none, for machines without an operating system",
    )  # fmt: skip
    parser.add_argument(
        "--separate-weights", action="store_true", help="programs in C map OUT.weights instead of having the weights inside"
    )


def run(options) -> None:
    """Compile the model that is named, and say what was written."""
    notes: list[str] = []
    written = compile_model(
        options.model,
        options.output,
        targets=options.target,
        batch=_batch(options.batch),
        sizes=sizes_in(options.size),
        entry=tuple(options.entry),
        weights=options.weights,
        inputs=values_of(options, options.input),
        threads=options.threads == "pool",
        separate_weights=options.separate_weights,
        on_note=notes.append,
        **{**fast_math(options), **options_in(options.opt)},
    )
    show(written, notes)


def show(written: Sequence[Path], notes: Sequence[str] = ()) -> None:
    """Say what was written, and what the files alone do not say."""
    for path in written:
        print(f"wrote {path} ({unit(path.stat().st_size)})")
    for note in notes:
        print(note)


def _targets(text: str) -> tuple[str, ...]:
    try:
        return tuple(TARGETS) if text == _ALL else target_names([text])
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _batch(text: str | None) -> int | str | None:
    if text is None or text == SYMBOLIC:
        return text
    if not text.isdecimal() or int(text) == 0:
        raise UsageError(f"--batch {text}: give a number, 1 or more, or {SYMBOLIC}")
    return int(text)
