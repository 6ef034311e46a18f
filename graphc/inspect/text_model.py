"""Graphs and Programs from edited IR text: the weights it refers to come from the model that it was printed from."""

from __future__ import annotations

import re

import numpy as np

from graphc.compile import target_of
from graphc.errors import FormatError, UsageError
from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text, program_text
from graphc.ir.program import Program
from graphc.ir.verify import verify_graph, verify_program
from graphc.options import Options
from graphc.passes.pipeline import infer

_REFERENCE = re.compile(r"#[a-z][a-z0-9]*\[[0-9,]*\]:([0-9a-f]+)")
_OF_PROGRAM = re.compile(r"^  constants [0-9]+ #([0-9a-f]+)", re.MULTILINE)
_MACHINE_TEXT = re.compile(r"^(define|declare|target triple|source_filename|; ModuleID|\s*\.(text|file|section|globl))\b", re.MULTILINE)


def read_text(text: str, weights: Graph | None = None, source: str = "the text", options: Options = Options()) -> Graph | Program:
    """The graph or Program that a text describes, checked as if a pass or lowering had made it.

    Args:
        weights: a graph whose constants the text may refer to, as they are, or as a pass or lowering changes them.
        options: how that graph was compiled; a Program has constants in the order in which its target wants them.

    Raises:
        FormatError: the text is malformed. GraphError, ShapeError, DtypeError, CompileError: what it describes is not legal.
        UsageError: it holds neither, or refers to constants that are not there.
    """
    if _MACHINE_TEXT.search(text):
        raise UsageError(f"{source} is text of LLVM or of an assembler, which is machine code and no model; what can be compiled are the "
                         "stages above it: traced, optimised, a pass, or program")  # fmt: skip
    wanted = {*_REFERENCE.findall(text), *_OF_PROGRAM.findall(text)}
    blobs = _constants(weights, wanted, options) if weights is not None else {}
    missing = sorted(wanted - blobs.keys())
    if missing:
        known = f"not in the model given by --weights, compiled for {target_of(options).name}" if weights is not None else "not in the text itself"
        machine = ", and the machine of the program: --target" if weights is not None and _OF_PROGRAM.search(text) else ""
        raise UsageError(f"{source} refers to {len(missing)} constants that are {known}: #{', #'.join(missing[:4])}; "
                         f"give the model that the text was printed from: --weights FILE.gc{machine}")  # fmt: skip
    try:
        found = parse(text, blobs)
    except FormatError as error:
        raise FormatError(f"{source}: {error}") from None
    if isinstance(found, Program):
        verify_program(found)
    elif isinstance(found, Graph):
        verify_graph(found, infer)
    else:
        raise UsageError(f"{source} holds a kernel alone; what can be compiled are graphs and programs")
    return found


def _constants(graph: Graph, wanted: set, options: Options) -> dict[str, np.ndarray]:
    """The large constants of a graph; where those do not suffice, of the graph after every pass, and of its Program."""
    blobs: dict[str, np.ndarray] = {}
    graph_text(graph, blobs=blobs)
    stages = Stages(graph, options)
    if wanted - blobs.keys():
        for record in stages.passes:
            if record.changed:
                graph_text(record.after, blobs=blobs)
    if wanted - blobs.keys():
        program_text(stages.program, blobs=blobs)
    return blobs
