"""Arguments that several commands have: which model is meant, where its weights are, and what to compile for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

import graphc
from graphc.cli.arrays import named_arrays
from graphc.errors import UsageError
from graphc.ir.graph import Graph
from graphc.ir.target import TARGETS
from graphc.models.files import load_model
from graphc.models.settings import settings_for
from graphc.options import Options


def add_model(parser: argparse.ArgumentParser) -> None:
    """Which model is meant, and where its weights are."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="FILE.gc (to run, also the FILE.so beside it, or FILE.so:FUNCTION); FILE.onnx; FILE.keras (or .h5) for what a Keras model "
        "predicts, FILE.keras:train for a step of its training; FILE.txt with the text of a graph (or, to compile, of a program); or "
        "FILE.py:NAME, where NAME is a Graph, v1 tensors and operations, a graphc.function, a Keras model, or a function without arguments "
        "that returns one",
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


def refuse_others(options, view: str, others: tuple[str, ...]) -> None:
    """Refuse arguments of other views beside a view that stands alone.

    Args:
        view: the argument of the view, without its hyphens; others: names of attributes of ``options``.

    Raises:
        UsageError: one of the others was given.
    """
    for name in others:
        if getattr(options, name):
            raise UsageError(f"--{view} is a view of its own, and does not go with --{name.replace('_', '-')}")


def graph_of(options, texts: list[str] | tuple = ()) -> Graph:
    """The model that is named, as a graph.

    Args:
        texts: ``NAME=FILE.npy`` for the inputs of an ONNX model whose values count.
    """
    return load_model(options.model, options.weights, values_of(options, texts))


def graph_to_run(options) -> tuple[Graph, list[str]]:
    """A model as a graph, and those of the texts of ``--input`` that are for its inputs.

    Of an ONNX model, inputs whose value counts have become a part of the graph.
    """
    if not options.model.endswith(".onnx"):
        return graph_of(options), options.input
    graph = graph_of(options, options.input)
    names = [x.attr("name") for x in graph.inputs]
    return graph, [t for t in options.input if t.partition("=")[0] in names]


def values_of(options, texts: list[str] | tuple) -> Mapping[str, np.ndarray]:
    """The arrays that texts mean for the inputs of an ONNX model.

    Raises:
        UsageError: it is no ONNX model. FormatError, OSError: a file cannot be read.
    """
    if not texts:
        return {}
    if not options.model.endswith(".onnx"):
        raise UsageError(f"--input gives values to models in .onnx files; {options.model} is none")
    return named_arrays(texts, [item.name for item in graphc.onnx.load(options.model).inputs])


def settings_of(options) -> Options:
    """How to compile the model that is named, for the target that is named."""
    return settings_for(options.model, fast_math(options), (options.target,) if options.target else ())


def fast_math(options) -> dict[str, bool]:
    """What ``--fast-math`` says; without it, a model is compiled as it says itself."""
    return {"fast_math": True} if options.fast_math else {}


def sizes_in(texts: list[str]) -> dict[str, int]:
    """What ``NAME=SIZE`` texts say.

    Raises:
        UsageError: one says something else, or a name is given twice.
    """
    sizes: dict[str, int] = {}
    for text in texts:
        name, equals, size = text.rpartition("=")
        if not (equals and name and size.isdecimal()):
            raise UsageError(f"--size {text}: give NAME=SIZE, such as x.0=32")
        if name in sizes:
            raise UsageError(f"size {name} is given twice")
        sizes[name] = int(size)
    return sizes
