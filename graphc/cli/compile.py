"""``graphc compile``: its arguments, and the files that it writes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from graphc import aot
from graphc.cli.models import KERAS, add_model, add_target, add_values, keras_command, load_model, settings_of
from graphc.errors import UsageError
from graphc.inspect.sizes import unit
from graphc.ir.graph import Graph
from graphc.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT.gc", help="or a folder, for a file named after the model"
    )
    add_values(parser)
    add_target(parser)
    _add_c(parser)


def _add_c(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threads", choices=("pool", "none"), default="pool",
        help="of programs in C: a pool that models share (default), or none, for machines without an operating system",
    )  # fmt: skip
    parser.add_argument(
        "--separate-weights", action="store_true", help="programs in C map OUT.weights instead of having the weights inside"
    )


def compile_model(options) -> None:
    """Compile the model that is named, and say what was written."""
    if options.model.endswith(KERAS):
        return _compile_keras(options)
    graph = load_model(options.model, options.weights, options.input)
    write(graph, options, settings_of(options), **_for_c(options))


def write(graph: Graph, options, settings: Options, **for_c: bool) -> None:
    """Write the files of a graph where the output is wanted, and say which."""
    written = aot.export(graph, container_path(options.output, options.model), settings, **for_c)
    _show_written(written)
    if len(written) == 1:
        print("nothing for programs in C: some of its operations run on the host, through Python")


def _compile_keras(options) -> None:
    if options.weights is not None or options.input:
        raise UsageError(f"--weights and --input are not for models in {' and '.join(KERAS)} files")
    settings = Options(target=options.target, fast_math=options.fast_math)
    path = container_path(options.output, options.model)
    written, why = keras_command().compile_model(options.model, path, settings, **_for_c(options))
    _show_written(written)
    if why:
        print(f"no step of training: {why}")


def _for_c(options) -> dict[str, bool]:
    return {"threads": options.threads == "pool", "separate_weights": options.separate_weights}


def _show_written(paths) -> None:
    for path in paths:
        print(f"wrote {path} ({unit(path.stat().st_size)})")


def container_path(output: str, model: str) -> Path:
    """Where the container goes: ``output`` itself, or a file in it, if that is (or looks like) a folder."""
    path = Path(output)
    if not (output.endswith(("/", os.sep)) or path.is_dir() or (model.endswith((".onnx", *KERAS)) and not path.suffix)):
        return path
    path.mkdir(parents=True, exist_ok=True)
    stem = Path(model.rpartition(":")[2] if ".py:" in model else model).stem
    return path / f"{stem}.gc"
