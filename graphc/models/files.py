"""Models in files: what a name such as ``FILE.onnx`` or ``FILE.py:NAME`` means."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import graphc
from graphc import aot
from graphc.errors import FormatError, UsageError
from graphc.inspect.text_model import read_text
from graphc.ir.graph import Graph
from graphc.ir.program import Program
from graphc.models.settings import KERAS, settings_for


def split_name(name: str) -> tuple[str, str]:
    """The path in the name of a model, and the part of the file that is meant; empty where none is named."""
    path, colon, part = name.rpartition(":")
    return (path, part) if colon and path.endswith((".py", ".so", *KERAS)) else (name, "")


def programs():
    """What makes graphs of the objects of programs, imported when there is one: it needs all interfaces, which takes long."""
    return importlib.import_module("graphc.models.objects")


def load_model(name: str, weights: str | None = None, values: Mapping[str, np.ndarray] = {}) -> Graph:
    """The graph meant by ``FILE.gc``, ``FILE.onnx``, ``FILE.keras[:train]``, ``FILE.txt`` (IR text) or ``FILE.py:NAME``.

    Args:
        weights: a model like ``name``, for the constants that a ``.txt`` refers to.
        values: for the inputs of an ONNX model whose values count.

    Raises:
        UsageError: the file or the name in it does not exist, or is nothing that can be compiled.
        FormatError: the file is damaged.
        OSError: it cannot be read.
    """
    found = load_any(name, weights, values)
    if isinstance(found, Program):
        raise UsageError(f"{name} holds a program, which graphc compile makes machine code of; everything else takes graphs")
    return found


def load_any(
    name: str, weights: str | None = None, values: Mapping[str, np.ndarray] = {}, target: str | None = None
) -> Graph | Program:  # fmt: skip
    """As ``load_model``; a text may also be that of a Program for a target, None for this machine."""
    path, part = split_name(name)
    if path.endswith(".txt"):
        if weights is None:
            return read_text(read_source(path), None, path)
        return read_text(read_source(path), load_model(weights), path, settings_for(weights, targets=(target,) if target else ()))
    if weights is not None:
        raise UsageError(f"--weights is for models in .txt files, which hold no weights; {path} has its own")
    if path.endswith(".onnx"):
        return graphc.onnx.load(path).trace(values).graph
    if values:
        raise UsageError(f"--input gives values to models in .onnx files; {path} is none")
    if path.endswith(KERAS):
        return programs().keras_command().graph_of(path, part)
    if path.endswith(".so"):
        raise UsageError(f"{path} is machine code alone, which can be run; the graph is in the .gc container that was written with it")
    if not path.endswith(".py"):
        return aot.read(path).graph
    if not part:
        raise UsageError(f"say which model of {path} is meant: {path}:NAME")
    return programs().as_graph(objects_in(path, (part,))[part], part, path)


def objects_in(path: str, names: tuple[str, ...]) -> dict[str, object]:
    """What a Python program defines under these names, all from one run of it.

    Raises:
        UsageError: it fails, or defines no such thing. OSError: it cannot be read.
    """
    read_source(path)  # says what is wrong with the file itself
    sys.path.insert(0, str(Path(path).resolve().parent))  # as Python does for a script
    graphc.v1.reset_default_graph()  # two models may be loaded in one command
    space = programs().guarded(lambda: runpy.run_path(path, run_name="graphc_model"), path)
    for name in names:
        if name not in space:
            known = sorted(k for k, v in space.items() if programs().is_model(v))
            raise UsageError(f"{path} defines no {name!r}" + (f"; it defines {', '.join(known)}" if known else ""))
    return {name: space[name] for name in names}


def read_source(path: str) -> str:
    """The content of a text file.

    Raises:
        FormatError: it is no text. OSError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not text: {error}") from None
