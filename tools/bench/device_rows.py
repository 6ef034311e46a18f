"""What is measured on GPUs, at full size and at sizes that the emulated device does in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .workload import Weight, Workload, normal, reference
from .workloads import WORKLOADS, elementwise, networks, training

ENDS = 128  # rows at either end that are checked, where the rows of a result are independent
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name: what is chosen on the command line. group: of the goals.
        full: the workload. small: the same one for the emulated device, None where that would take minutes.
        probe: its schedule in few blocks, whose bytes the emulated device counts; None where that would take minutes.
        by_rows: inputs of which a row makes a row of the results; all rows are checked where there are none.
        of_copy: the share of what copying reaches that is the goal.
        of_peers: the goals beside peers, their time by ours.
        starts: whether compiling is a goal too, in seconds: with an empty cache, and with a full one.
    """

    name: str
    group: str
    full: Workload
    small: Workload | None
    probe: Workload | None = None
    by_rows: tuple[int, ...] = ()
    of_copy: float | None = None
    of_peers: tuple[tuple[str, float], ...] = ()
    starts: tuple[float, float] | None = None


def ends(array: np.ndarray) -> np.ndarray:
    """The rows that are checked."""
    return array if len(array) <= 2 * ENDS else np.concatenate([array[:ENDS], array[-ENDS:]])


def expected(row: Row, workload: Workload, numpy_ops) -> list[np.ndarray]:
    """The results in float64, of the rows that are checked."""
    if not row.by_rows:
        return reference(workload, numpy_ops)
    arrays, weights = workload.data()
    cut = [ends(a) if k in row.by_rows else a for k, a in enumerate(arrays)]
    return reference(replace(workload, make=lambda rng: (cut, weights)), numpy_ops)


def checked(row: Row, found: list[np.ndarray]) -> list[np.ndarray]:
    """What of the results is compared with ``expected``."""
    return [ends(a) for a in found] if row.by_rows else found


def _of(program: Callable, *shapes: tuple[int, ...], weights: Callable | None = None, **attributes) -> Workload:
    """A workload of normal numbers; rounded to bfloat16 where it is one of halves."""

    def make(rng):
        arrays = [normal(rng, *shape) for shape in shapes]
        if attributes.get("half"):
            arrays = [(a.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) for a in arrays]
        return arrays, weights(rng) if weights else {}

    return Workload("x".join(map(str, shapes[0])), "", make, program, **attributes)


def _adam(ops, inputs, _):
    """A step of Adam for a flat parameter: its new value and those of its moments; the second one is given by its root."""
    p, m, root, g = inputs
    m = BETA1 * m + (1 - BETA1) * g
    v = BETA2 * root * root + (1 - BETA2) * g * g
    return p - RATE * m / (ops.sqrt(v) + EPSILON), m, v


def _softmax(rows: int, width: int) -> Workload:
    return _of(lambda ops, x, _: ops.softmax(x[0]), (rows, width), bytes=8 * rows * width)


def _layer_norm(rows: int, width: int) -> Workload:
    def weights(rng):
        return {"gamma": Weight(1 + normal(rng, width, scale=0.1)), "beta": Weight(normal(rng, width, scale=0.1))}

    return _of(lambda ops, x, w: ops.layer_norm(x[0], w["gamma"], w["beta"]), (rows, width), weights=weights, bytes=8 * rows * width)


def _chain(n: int) -> Workload:
    return _of(elementwise._chain, (n,), (n,), bytes=12 * n)


def _step(n: int) -> Workload:
    return _of(_adam, (n,), (n,), (n,), (n,), bytes=28 * n)


def _product(n: int, half: bool = False) -> Workload:
    size = 2 if half else 4
    return _of(lambda ops, x, _: ops.matmul(*x), (n, n), (n, n), flops=2 * n**3, bytes=3 * size * n * n, half=half,
               tolerance=1e-2 if half else 1e-4)  # fmt: skip


def _lenet(batch: int) -> Workload:
    def make(rng):
        return [normal(rng, batch, 28, 28, 1), training.labels(rng, batch, 10)], networks.lenet_weights(rng)

    return replace(WORKLOADS["lenet-adam-64"], make=make)


_BESIDE = (("torch.compile", 1.0),)
_PRODUCT = (("torch", 0.9),)
_TWICE = (("torch.compile", 2.0),)

ROWS: dict[str, Row] = {
    row.name: row
    for row in [
        Row("chain-64m", "fused chain", _chain(1 << 26), _chain(2048), _chain(1 << 15), (0, 1), 0.9, _BESIDE),
        Row("softmax-32768x4096", "softmax", _softmax(1 << 15, 4096), _softmax(8, 200), _softmax(32, 4096), (0,), 0.9, _BESIDE),
        Row("layernorm-65536x1024", "layer norm", _layer_norm(1 << 16, 1024), _layer_norm(8, 64), _layer_norm(8192, 1024), (0,), 0.9, _BESIDE),
        Row("adam-64m", "optimizer step", _step(1 << 26), _step(1024), _step(1 << 15), (0, 1, 2, 3), 0.9, _BESIDE),
        Row("gemm-f32-4096", "float32 GEMM", _product(4096), _product(64), None, (0,), None, _PRODUCT),
        Row("gemm-f32-8192", "float32 GEMM", _product(8192), _product(48), None, (0,), None, _PRODUCT),
        *(
            Row(f"gemm-bf16-{n}", "bfloat16 GEMM", _product(n, True), _product(64, True), None, (0,), None, _PRODUCT)
            for n in (4096, 6144, 8192)
        ),
        *(Row(name, "small MLP, inference", WORKLOADS[name], WORKLOADS["mlp-1"], WORKLOADS[name], (), None, _TWICE) for name in ("mlp-1", "mlp-32")),
        Row("lenet-adam-64", "LeNet, training step", WORKLOADS["lenet-adam-64"], _lenet(1), None, (), None, _TWICE),
        Row("resnet50-1", "ResNet-50", WORKLOADS["resnet50-1"], None, None, (), None, (), (10.0, 0.2)),
    ]
}  # fmt: skip
