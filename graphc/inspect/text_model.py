"""Graphs from edited IR text: the weights it refers to come from the model that it was printed from."""

from __future__ import annotations

import re

import numpy as np

from graphc.errors import FormatError, UsageError
from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.verify import verify_graph
from graphc.passes.pipeline import infer

_REFERENCE = re.compile(r"#[a-z][a-z0-9]*\[[0-9,]*\]:([0-9a-f]+)")


def read_text(text: str, weights: Graph | None = None, source: str = "the text") -> Graph:
    """The graph that a text describes, checked as if a pass had made it.

    Args:
        weights: a graph whose constants the text may refer to, as they are or as any pass changes them.

    Raises:
        FormatError: the text is malformed. GraphError, ShapeError, DtypeError: what it describes is no legal graph.
        UsageError: it holds no graph, or refers to constants that are not there.
    """
    wanted = set(_REFERENCE.findall(text))
    blobs = _constants(weights, wanted) if weights is not None else {}
    missing = sorted(wanted - blobs.keys())
    if missing:
        known = "not in the model given by --weights" if weights is not None else "not in the text itself"
        raise UsageError(f"{source} refers to {len(missing)} constants that are {known}: #{', #'.join(missing[:4])}; "
                         "give the model that the text was printed from: --weights FILE.gc")  # fmt: skip
    try:
        found = parse(text, blobs)
    except FormatError as error:
        raise FormatError(f"{source}: {error}") from None
    if not isinstance(found, Graph):
        raise UsageError(
            f"{source} holds a {type(found).__name__}; only graphs can be compiled (stages traced, optimised or a pass)"
        )
    verify_graph(found, infer)
    return found


def _constants(graph: Graph, wanted: set) -> dict[str, np.ndarray]:
    """The large constants of a graph, and where those do not suffice of the graph after every pass."""
    blobs: dict[str, np.ndarray] = {}
    graph_text(graph, blobs=blobs)
    if wanted - blobs.keys():
        for record in Stages(graph).passes:
            if record.changed:
                graph_text(record.after, blobs=blobs)
    return blobs
