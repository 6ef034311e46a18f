"""What a benchmark computes, told once for all peers: inputs, constants and a program over a peer's operations.

Images are rank-4 arrays ``[batch, height, width, channels]`` here; a peer keeps them, and the filters
``[height, width, inputs, outputs]``, in the layout that it likes best, and gives results back in this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np


class Weight(NamedTuple):
    """A constant of a program.

    Attributes:
        kind: ``plain``; ``dense`` for the right operand ``[inputs, outputs]`` of a product; ``filter`` and ``depthwise``
            (``[height, width, channels, 1]``) of a convolution; ``gates`` of an LSTM, ``[inputs, 4 * units]`` in the
            order input, forget, candidate, output.
    """

    array: np.ndarray
    kind: str = "plain"


Made = tuple[list[np.ndarray], dict[str, Weight]]


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes:
        name: what is chosen on the command line.
        group: the row of the table of goals that it belongs to.
        make: inputs and constants from a random generator.
        program: ``program(ops, inputs, constants)`` gives a tensor or several; the loss where ``training`` is set.
        flops: floating-point operations of one call, a multiply-add being two.
        bytes: what a call must read and write at least.
        limit: what binds at best: ``fma``, ``int8`` (four times that), ``copy``, ``read``, or nothing that is measured.
        tolerance: largest error beside the reference, relative to its largest value (to its norm where ``training``).
        goal: how many times faster than the best peer.
        gradient: inputs whose gradient is the result, instead of the program's value; the last input multiplies it.
        training: optimizer (``sgd`` or ``adam``) and rate; a call is a step of it over all constants. What is checked
            is the loss and the constants after the first step.
        reference: ``reference(inputs, constants)`` gives the results by NumPy where ``gradient`` or ``training`` asks for
            more than the program says.
        rotate: whether inputs come from memory that no cache holds.
        numpy_io: whether inputs are NumPy arrays, and results are made ones, inside of what is timed.
        half: whether inputs are of bfloat16, which has their values, and so are results; for peers on GPUs.
        aside: peers that are measured but are none that a user would choose between.
        without: peers that would take too long, or that cannot do it.
        quantised: whether bytes go between layers: the program is an ONNX model for all, in the form that they know.
    """

    name: str
    group: str
    make: Callable[[np.random.Generator], Made]
    program: Callable[..., Any]
    flops: float = 0.0
    bytes: float = 0.0
    limit: str | None = None
    tolerance: float = 1e-4
    goal: float | None = None
    gradient: tuple[int, ...] = ()
    training: tuple[str, float] | None = None
    reference: Callable[[list, dict], Any] | None = None
    rotate: bool = False
    numpy_io: bool = False
    aside: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    quantised: bool = False
    half: bool = False

    def data(self) -> Made:
        """Inputs and constants, the same ones in every process."""
        return _data(self)


@lru_cache(maxsize=1)
def _data(workload: Workload) -> Made:
    """Made once, so that no peer's compilation is told to take longer."""
    return workload.make(np.random.default_rng(sum(map(ord, workload.name))))


def as_tuple(value) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    values = rng.standard_normal(shape, dtype=np.float32)
    return values if scale == 1.0 else values * np.float32(scale)


def dense(rng: np.random.Generator, inputs: int, outputs: int) -> Weight:
    """A matrix that keeps the scale of what it is multiplied with."""
    return Weight(normal(rng, inputs, outputs, scale=inputs**-0.5), "dense")


def bias(rng: np.random.Generator, size: int) -> Weight:
    return Weight(normal(rng, size, scale=0.1))


def reference(workload: Workload, numpy_ops, dtype=np.float64) -> list[np.ndarray]:
    """The results by NumPy in ``dtype``."""

    def wide(a):
        return a.astype(dtype) if a.dtype.kind == "f" else a

    inputs, constants = workload.data()
    inputs, constants = [wide(a) for a in inputs], {k: wide(w.array) for k, w in constants.items()}
    with np.errstate(all="ignore"):
        if workload.reference:
            found = workload.reference(inputs, constants)
        else:
            found = workload.program(numpy_ops, inputs, constants)
    return [np.asarray(f) for f in as_tuple(found)]


def error(workload: Workload, found: list[np.ndarray], right: list[np.ndarray]) -> float:
    """The largest error of the results beside the reference, as ``Workload.tolerance`` measures it."""
    if len(found) != len(right):
        return float("inf")
    worst = 0.0
    for f, r in zip(found, right):
        if f.shape != r.shape or not np.isfinite(f).all():
            return float("inf")
        difference = np.asarray(f, np.float64) - r
        if workload.training:
            size, off = np.linalg.norm(r), np.linalg.norm(difference)
        else:
            size, off = np.abs(r).max(initial=0), np.abs(difference).max(initial=0)
        worst = max(worst, float(off / (size + 1e-30)))
    return worst
