"""``graphc bisect``: the first pass that changes a result."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from graphc.aot.devices import asked_device, kind_of
from graphc.cli.arguments import add_model, graph_to_run, settings_of
from graphc.cli.arrays import add_feeds, arrays_for
from graphc.inspect.bisect import bisect
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.runtime.gpus import CPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    add_feeds(parser)
    parser.add_argument("--device", metavar="D", help="what the compiled program is for: cpu, cuda:0 (or another number) or cuda-emulated; default: GRAPHC_DEVICE, else the CPU")
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
    device = asked_device(options.device)
    options.target = None if device is None or kind_of(device) == CPU else device  # it is run, so for this machine
    return graph, arrays_for(inputs, texts, options), replace(settings_of(options), cache=False)
