"""``graphc bisect``: the first pass that changes a result."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from graphc.cli.arguments import add_model, graph_to_run, settings_of
from graphc.cli.arrays import add_feeds, arrays_for
from graphc.inspect.bisect import bisect
from graphc.ir.graph import Graph
from graphc.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    add_feeds(parser)
    parser.add_argument("--fast-math", action="store_true", help="with rewrites that change the last bits")


def run(options) -> int:
    """Print what is found; the exit status is 1 where a result is changed."""
    verdict = bisect(*to_compare(options))
    print(verdict)
    return int(verdict.culprit is not None)


def to_compare(options) -> tuple[Graph, list[np.ndarray], Options]:
    """A model as a graph, what to run it on, and how to compile it."""
    graph, texts = graph_to_run(options)
    inputs = [(x.attr("name"), x.type) for x in graph.inputs]
    options.target = None  # it is run, so for this machine
    return graph, arrays_for(inputs, texts, options), replace(settings_of(options), cache=False)
