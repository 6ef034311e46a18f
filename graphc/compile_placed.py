"""What ``compile`` does for a graph whose values are made on several devices: a program for each part, and the copies."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.graph import Graph
from graphc.ir.parts import Copy, Parts
from graphc.ir.program import Param, Signature
from graphc.options import Options
from graphc.passes.parts import cut
from graphc.passes.standalone import standalone
from graphc.runtime.placed import Bring, PlacedExecutable, Stage


def parts_of(graph: Graph, options: Options) -> Parts | None:
    """The parts of a graph; None where it runs on one device."""
    return cut(graph, options.device)


def placed(parts: Parts, options: Options, compile: Callable) -> PlacedExecutable:
    """A callable of parts.

    Args:
        compile: from a Graph and Options to an Executable.
    """
    whole, symbols = parts.whole, {s.attr("name"): k for k, s in enumerate(parts.whole.symbols)}
    made, devices = {}, {}  # of each run its program and the sizes that it takes; of each name its device, None for the host
    for step in parts.steps:
        if not isinstance(step, Copy):
            graph, sizes = standalone(step.graph)
            program = compile(graph, options.at(step.device))
            made[step] = program.bind(residents=True) if program.resides else program, tuple([symbols[s] for s in sizes])
            devices[step.device] = program.device if program.resides else None
    numbers = {(name, ""): k for k, name in enumerate(parts.inputs)}  # of values, by name and device; given ones have none

    def new(name: str, place: str) -> int:
        return numbers.setdefault((name, place), len(numbers))

    def known(name: str, place: str) -> int:
        return numbers[name, place] if (name, place) in numbers else numbers[name, ""]

    steps: list[Bring | Stage] = []
    for step in parts.steps:
        if isinstance(step, Copy):
            steps.append(Bring(known(step.value, step.source), new(step.value, step.target), devices[step.target]))
        else:
            call, sizes = made[step]
            takes = tuple([known(n, step.device) for n in step.takes])
            steps.append(Stage(call, takes, sizes, tuple([new(n, step.device) for n in step.makes])))
    results = tuple([known(name, parts.places.get(name, parts.device)) for name in parts.results])
    signature = Signature(
        tuple([Param(x.attr("name"), x.type, x.location) for x in whole.inputs]),
        tuple([Param(name, x.type, x.location) for name, x in zip(whole.names, whole.outputs)]),
        tuple(symbols), whole.donated,
    )  # fmt: skip
    return PlacedExecutable(whole.name, signature, tuple(steps), len(numbers), results, parts)
