"""Models that a command line names: their arguments, how they become graphs, and how to compile them."""

from __future__ import annotations

import argparse
import importlib
import runpy
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import graphc
from graphc import aot, v1
from graphc.cli.arrays import named_arrays
from graphc.compile import target_of
from graphc.errors import FormatError, GraphcError, Location, UsageError, located
from graphc.inspect.text_model import read_text
from graphc.ir.graph import Graph
from graphc.ir.machine import DEFAULT
from graphc.ir.target import TARGETS
from graphc.options import INEXACT, Options

KERAS = (".keras", ".h5")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Which model is meant, and where its weights are."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="FILE.gc (or the FILE.so beside it, to run); FILE.onnx; FILE.keras (or .h5) for what a Keras model predicts, FILE.keras:train for a step of its "
        "training; FILE.txt with the text of a graph; or FILE.py:NAME, where NAME is a Graph, v1 tensors and operations, or "
        "a function without arguments that returns them",
    )
    parser.add_argument("--weights", metavar="MODEL", help="for FILE.txt: the model that the text was printed from")


def add_target(parser: argparse.ArgumentParser) -> None:
    """What to compile for, and how strictly."""
    parser.add_argument("--target", choices=TARGETS, help="default: this machine")
    parser.add_argument("--fast-math", action="store_true", help="allow rewrites that change the last bits")


def add_values(parser: argparse.ArgumentParser) -> None:
    """Values of inputs of ONNX models."""
    parser.add_argument(
        "--input", "-i", action="append", default=[], metavar="NAME=FILE.npy",
        help="for FILE.onnx: the value of an input on which what the model computes depends, such as a list of axes",
    )  # fmt: skip


def load_model(name: str, weights: str | None = None, values: list[str] | tuple = ()) -> Graph:
    """The graph meant by ``FILE.gc``, ``FILE.onnx``, ``FILE.keras[:train]``, ``FILE.txt`` (IR text) or ``FILE.py:NAME``.

    Args:
        weights: a model like ``name``, for the constants that a ``.txt`` refers to.
        values: ``NAME=FILE.npy`` for the inputs of an ONNX model whose values count.

    Raises:
        UsageError: the file or the name in it does not exist, or is nothing that can be compiled.
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith((".py", *KERAS)):
        path, attribute = name, ""
    if path.endswith(".txt"):
        given = load_model(weights) if weights is not None else None
        return read_text(_read(path), given, path)
    if weights is not None:
        raise UsageError(f"--weights is for models in .txt files, which hold no weights; {path} has its own")
    if path.endswith(".onnx"):
        model = graphc.onnx.load(path)
        return model.trace(named_arrays(values, [i.name for i in model.inputs])).graph
    if values:
        raise UsageError(f"--input gives values to models in .onnx files; {path} is none")
    if path.endswith(KERAS):
        return keras_command().graph_of(path, attribute)
    if path.endswith(".so"):
        raise UsageError(f"{path} is machine code alone, which can be run; the graph is in the .gc container that was written with it")
    if not path.endswith(".py"):
        return aot.read(path).graph
    if not attribute:
        raise UsageError(f"say which model of {path} is meant: {path}:NAME")
    _read(path)  # says what is wrong with the file itself
    sys.path.insert(0, str(Path(path).resolve().parent))  # as Python does for a script
    v1.reset_default_graph()  # two models may be loaded in one command
    space = _guarded(lambda: runpy.run_path(path, run_name="graphc_model"), path)
    if attribute not in space:
        names = sorted(k for k, v in space.items() if isinstance(v, (Graph, v1.Tensor, v1.Operation)))
        raise UsageError(f"{path} defines no {attribute!r}" + (f"; it defines {', '.join(names)}" if names else ""))
    return as_graph(space[attribute], attribute, path)


def graph_to_run(options) -> tuple[Graph, list[str]]:
    """A model as a graph, and those of the texts of ``--input`` that are for its inputs.

    Of an ONNX model, inputs whose value counts have become a part of the graph.
    """
    if not options.model.endswith(".onnx"):
        return load_model(options.model, options.weights), options.input
    graph = load_model(options.model, options.weights, options.input)
    names = [x.attr("name") for x in graph.inputs]
    return graph, [t for t in options.input if t.partition("=")[0] in names]


def keras_command():
    """What reads files of Keras models, imported when there is one: Keras is no part of graphc."""
    return importlib.import_module("graphc.keras.command")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not text: {error}") from None


def _guarded(call: Callable, path: str):
    """What the user's code answers; its errors become errors with a message."""
    try:
        return call()
    except GraphcError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} stopped with {type(error).__name__}: {error}{_where(error, path)}") from None


def _where(error: BaseException, path: str) -> str:
    """The last line of the user's file that led to an error."""
    if isinstance(error, SyntaxError):
        return ""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == Path(path)]
    return f"\n  at {Location(path, lines[-1])}: {Location(path, lines[-1]).source}" if lines else ""


def as_graph(model, name: str, path: str) -> Graph:
    """A Graph from a Graph, v1 tensors and operations, or a function without arguments that returns one of them.

    Tensors are compiled with the initial values of the variables. With an operation among them, such as a training
    step, variables become inputs, and their new values outputs.

    Raises:
        UsageError: it is something else, or the user's function in ``path`` failed.
    """
    if callable(model) and not isinstance(model, (Graph, v1.Tensor, v1.Operation)):
        model = _guarded(model, path)
    if isinstance(model, Graph):
        return model
    outputs = (
        list(model.values())
        if isinstance(model, dict)
        else list(model)
        if isinstance(model, (list, tuple))
        else [model]
    )
    if outputs and all(isinstance(t, (v1.Tensor, v1.Operation)) for t in outputs):
        with located(None):  # not the line of this program
            is_step = any(isinstance(t, v1.Operation) for t in outputs)
            return v1.step_graph(outputs, name=name) if is_step else v1.freeze_initial(model, name=name)
    raise UsageError(
        f"{name} is a {type(model).__name__}; a model is a Graph, v1 tensors and operations, or a function that "
        "returns them"
    )


def settings_of(options) -> Options:
    """How to compile the model that is named: ONNX and Keras models are for inference, a container tells how it was compiled."""
    settings = Options(target=options.target, fast_math=options.fast_math)
    if options.model.endswith((".onnx", *KERAS)):
        return replace(settings, allow=INEXACT)
    if not options.model.endswith(".gc"):
        return settings
    model = aot.read(options.model)
    machine = model.machine if target_of(settings).name in model.targets else DEFAULT
    fast = options.fast_math or model.fast_math
    return replace(settings, fast_math=fast, allow=model.allow, checks=model.checks, machine=machine)
