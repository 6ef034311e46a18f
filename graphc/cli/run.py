"""``graphc run``: a model on arrays."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import graphc
from graphc import aot
from graphc.aot.devices import asked_device, kind_of
from graphc.cli.arrays import add_feeds, arrays_for, named_arrays
from graphc.cli.arguments import add_model, graph_of
from graphc.compile import compile_graph
from graphc.errors import UsageError, located
from graphc.models.files import split_name
from graphc.options import Options
from graphc.runtime.gpus import CPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    add_feeds(parser)
    parser.add_argument("--device", metavar="D", help="cpu, cuda:0 (or another number) or cuda-emulated; default: GRAPHC_DEVICE, else what the file is for, see graphc.load")
    parser.add_argument("--output", "-o", metavar="FILE.npz", help="write the results there instead of printing them")


def run(options) -> None:
    """Run the model and print its results, or write them."""
    if options.model.endswith(".onnx") and options.device is not None:
        raise UsageError("--device: models in .onnx files run on the CPU here; graphc compile makes a container, which runs on GPUs")
    if options.model.endswith(".onnx"):
        return _show_values(_run_onnx(options), options)
    path, function = split_name(options.model)
    if path.endswith((".gc", ".so")) and options.weights is None:
        program = aot.load(path, function or None, options.device)
    else:
        device = asked_device(options.device)
        program = compile_graph(graph_of(options), Options(target=None if device is None or kind_of(device) == CPU else device))
    arrays = arrays_for([(p.name, p.type) for p in program.signature.inputs], options.input, options)
    with located(None):
        values = program(*arrays)
    _show_values([(p.name, v) for p, v in zip(program.signature.outputs, values)], options)


def _run_onnx(options) -> list[tuple[str, np.ndarray]]:
    """The outputs of an ONNX model with their names; those of a sequence one by one."""
    model = graphc.onnx.load(options.model)
    given = named_arrays(options.input, [i.name for i in model.inputs])
    rng = np.random.default_rng(0)
    for item in model.inputs:
        if item.name in given or item.kind == "optional":
            continue
        if not _can_be_random(item):
            raise UsageError(f"input {item} is missing; give --input {item.name}=FILE.npy (--random has no value of its type)")
        if options.random is None:
            raise UsageError(f"input {item} is missing; give --input {item.name}=FILE.npy or --random SIZE")
        shape = [d if isinstance(d, int) else options.random for d in item.shape]
        given[item.name] = aot.random_array(rng, shape, item.element.carrier).astype(item.element.numpy)
    with located(None):
        values = model.run(given)
    named = []
    for item, value in zip(model.outputs, values):
        parts = value if isinstance(value, list) else [] if value is None else None
        named += [(item.name, value)] if parts is None else [(f"{item.name}.{k}", v) for k, v in enumerate(parts)]
    return named


def _can_be_random(item) -> bool:
    return item.kind == "tensor" and item.shape is not None and item.element is not None and item.element.name != "string"


def _show_values(named: list[tuple[str, np.ndarray]], options) -> None:
    if options.output:
        aot.write_arrays(Path(options.output), named)
        print(f"wrote {options.output}")
        return
    for name, value in named:
        print(f"{name}: {'string' if value.dtype == object else value.dtype.name}{list(value.shape)}")
        print(np.array2string(value, threshold=200, edgeitems=3))
