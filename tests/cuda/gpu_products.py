"""Kernels of products on the emulator: many graphs in one text, their results beside those of the CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from emitted import Emitted

from graphc.ir import dtype as dt
from graphc.ir.gpu import GPUS, Gpu
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Kernel
from graphc.ir.node import Node, symbol
from graphc.ir.type import Type
from graphc.lower.gpu.convolutions import conv_kernel
from graphc.lower.gpu.products import dot_kernel
from graphc.prims.shape import broadcast
from graphc.prims.table import apply
from graphc.runtime.dims import evaluate
from tests.native import Native, host_targets

GPU = GPUS["cuda-emulated:sm_90a"]
FEW = replace(GPU, multiprocessors=2)  # so that small products have many tiles for each
N = symbol("n")


@dataclass(frozen=True)
class Case:
    """A graph, the kernel that computes all of it, values of symbols, and arrays for its inputs where they are not drawn."""

    name: str
    graph: Graph
    kernel: Kernel
    sizes: dict
    given: tuple | None = None

    @property
    def arrays(self) -> tuple:
        """Arrays for the inputs."""
        return draw(self.graph.inputs, self.sizes) if self.given is None else self.given


def draw(nodes, sizes: dict, seed: int = 0) -> tuple:
    """Arrays for input Nodes."""
    rng = np.random.default_rng(seed)

    def one(x: Node) -> np.ndarray:
        shape = [evaluate(d, sizes) for d in x.shape]
        if x.dtype.is_integer:
            info = np.iinfo(x.dtype.numpy)
            return rng.integers(info.min, info.max, shape, dtype=x.dtype.numpy)
        return rng.standard_normal(shape).astype(x.dtype.numpy)

    return tuple(map(one, nodes))


def dot_case(name: str, m, n, k, dtype=dt.f32, tx=False, ty=False, batch=(), end=False, gpu: Gpu = GPU, n_=5, op="dot") -> Case:
    """A product; with ``end`` also bias, activation and a residual, and two results."""
    x = input_node("x", Type(dtype, (*batch, *((k, m) if tx else (m, k)))))
    y = input_node("y", Type(dtype, (*batch, *((n, k) if ty else (k, n)))))
    flags = {"transpose_x": tx, "transpose_y": ty}
    inputs, outputs = [x, y], [apply(op, x, y, **flags)]
    if end:
        (z,) = outputs
        bias, rest = input_node("b", Type(dtype, (n,))), input_node("r", z.type)
        sum_ = apply("add", z, broadcast(bias, z.shape, (len(z.shape) - 1,)))
        inputs, outputs = [x, y, bias, rest], [apply("add", apply("tanh", sum_), rest), sum_]
    return _case(name, inputs, outputs, lambda g: dot_kernel(g, gpu), {"n": n_})


def conv_case(name: str, xs, ws, dtype=dt.f32, end=True, gpu: Gpu = GPU, op="conv", n_=3, **attrs) -> Case:
    """A convolution, with a bias and an activation if ``end``, and two results."""
    rank = len(xs) - 2
    usual = {"stride": (1,) * rank, "low": (0,) * rank, "high": (0,) * rank, "dilation": (1,) * rank, "x_dilation": (1,) * rank, "groups": 1}
    x, w = input_node("x", Type(dtype, xs)), input_node("w", Type(dtype, ws))
    inputs, outputs = [x, w], [apply(op, x, w, **{**usual, **attrs})]
    if end:
        (z,) = outputs
        bias = input_node("b", Type(dtype, z.shape[-1:]))
        sum_ = apply("add", z, broadcast(bias, z.shape, (len(z.shape) - 1,)))
        inputs, outputs = [x, w, bias], [apply("tanh", sum_), sum_]
    return _case(name, inputs, outputs, lambda g: conv_kernel(g, gpu), {"n": n_})


def _case(name: str, inputs: list, outputs: list, make, sizes: dict) -> Case:
    graph = Graph(name, tuple(inputs), tuple(outputs), tuple(f"y{k}" for k in range(len(outputs))))
    return Case(name, graph, replace(make(graph), name=name), sizes)


def results(cases: list[Case], emitted: Emitted | None = None) -> dict[str, list[np.ndarray]]:
    """What the kernels of all cases store, by name; as they were emitted, or in one text."""
    emitted = emitted or Emitted([case.kernel for case in cases])
    found = {}
    for case in cases:
        given = {f"x{k}": a for k, a in enumerate(case.arrays)}
        given |= dict(zip(("source", "weights"), case.arrays))
        for a in case.kernel.arrays:
            shape = [evaluate(d, case.sizes) for d in a.type.shape]
            if a.written:
                given[a.name] = np.frombuffer(b"\xff" * (int(np.prod(shape)) * a.type.dtype.size), a.type.dtype.numpy).reshape(shape)
        dims = {d.attr("name"): case.sizes[d.attr("name")] for d in case.kernel.dims}
        stored = emitted.run(case.name, given, **dims)
        shapes = [[evaluate(d, case.sizes) for d in y.shape] for y in case.graph.outputs]
        found[case.name] = [stored[f"out{k}"].reshape(shape) for k, shape in enumerate(shapes)]
    return found


def cpu(case: Case) -> list[np.ndarray]:
    """What the code for this CPU gives."""
    return Native(case.graph, next(t for t in host_targets() if t.fma))(*case.arrays)


def same(case: Case, got: list[np.ndarray]) -> bool:
    """Whether results are those of the CPU, bit for bit."""
    return all(np.array_equal(a, b, equal_nan=b.dtype.kind not in "iub") for a, b in zip(got, cpu(case), strict=True))
