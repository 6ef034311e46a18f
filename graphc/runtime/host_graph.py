"""Graphs that host steps call: the branches and bodies of control flow that Python drives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.runtime.dims import evaluate


class HostGraph:
    """A graph that is compiled when it is first called.

    Args:
        compile: makes its Executable.
        inputs, results: types of its inputs and results.
        sizes: names of the sizes that it gets from outside, each as the leading size of one more argument.
    """

    def __init__(self, compile: Callable, inputs: tuple, results: tuple, sizes: tuple[str, ...]):
        self._compile, self.inputs, self.results, self.sizes = compile, inputs, results, sizes
        self._made: Callable | None = None

    def at(self, values: dict[str, int]) -> "BoundGraph":
        """The graph where the symbols have these values."""
        return BoundGraph(self, values)

    @property
    def executable(self) -> Callable:
        if self._made is None:
            self._made = self._compile()  # twice at the worst: what is compiled is kept by its digest
        return self._made


class BoundGraph:
    """What the NumPy meaning of control flow calls."""

    def __init__(self, graph: HostGraph, values: dict[str, int]):
        self.graph, self.values = graph, values
        self._sizes = [np.empty((values[name], 0), np.uint8) for name in graph.sizes]

    @property
    def outputs(self) -> list[tuple]:
        """Shape and dtype of every result."""
        return [(tuple([evaluate(d, self.values) for d in t.shape]), t.dtype) for t in self.graph.results]

    def __call__(self, *arrays) -> tuple:
        given = [a if isinstance(a, np.ndarray) else np.array(a, t.dtype.numpy) for a, t in zip(arrays, self.graph.inputs)]
        return self.graph.executable(*given, *self._sizes)
