"""Checking gradients of functions of tensors against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.control import open_body
from graphc.api.eager import EAGER
from graphc.api.structure import leaves
from graphc.api.tape import GradientTape
from graphc.autodiff import check_gradients as check_graph
from graphc.errors import DtypeError, explain
from graphc.ir.graph import Graph, input_node


def check_gradients(f: Callable, args: Sequence, order: int = 1, modes=("reverse", "forward"), tolerance: float | None = None,
                    step: float | None = None, samples: int = 64, seed: int = 0) -> None:  # fmt: skip
    """Compare the derivatives of ``f`` with central differences.

    Args:
        f: a function of tensors that answers with a tensor or a structure of them; it is called once.
        args: where to look; float64 gives sharp answers.
        order: 2 also checks the gradient of the gradient.
        modes: ``reverse`` compares single elements, ``forward`` one random direction.
        tolerance: allowed difference, relative to max(1, the value); by default by dtype. step: width of the difference.
        samples: at most this many elements of each argument are moved.

    Raises:
        GradientError: names the argument and the element with the largest difference.

    Example::

        graphc.check_gradients(lambda x, w: tf.tanh(tf.matmul(x, w)), [np.ones((2, 3)), np.ones((3, 4))], order=2)
    """
    tensors = [EAGER.convert(a) for a in args]
    body = open_body(EAGER)
    arguments = [body.argument(t) for t in tensors]
    with body:
        body.finish(list(leaves(f(*arguments))))
    inputs = tuple(input_node(f"x{k}", t.type) for k, t in enumerate([*tensors, *body.captured]))
    outputs = tuple(body.replay(inputs[: len(tensors)], inputs[len(tensors) :]))
    arrays = [t.array for t in [*tensors, *body.captured]]
    check_graph(Graph(getattr(f, "__name__", "f"), inputs, outputs), arrays, order, modes, tolerance, step, samples, seed)


def compute_gradient(f: Callable, x: Sequence, delta: float | None = None) -> tuple[list, list]:
    """The Jacobians of ``f`` by each of ``x``, as derived and as found by finite differences.

    Args:
        f: a function of tensors that answers with one tensor.
        x: arguments, floating.
        delta: half the width of the difference; 2^-10 if None.

    Returns:
        Two lists with, for each argument, an array ``[y.size, x.size]``.

    Raises:
        DtypeError: an argument is not floating.
    """
    tensors = [EAGER.convert(a) for a in x]
    if not all(t.dtype.is_float for t in tensors):
        raise DtypeError(explain("compute_gradient: arguments must be floating"))
    with GradientTape(persistent=True) as tape:
        tape.watch(tensors)
        y = f(*tensors)
    derived, found = [], []
    for k, t in enumerate(tensors):
        matrix = tape.jacobian(y, t)
        shape = (y.numpy().size, t.numpy().size)
        derived.append(np.zeros(shape, y.dtype.numpy) if matrix is None else np.reshape(matrix.numpy(), shape))
        found.append(_differences(f, tensors, k, 2.0**-10 if delta is None else delta))
    return derived, found


def _differences(f: Callable, tensors: list, place: int, delta: float) -> np.ndarray:
    """Central differences by one argument."""
    start, columns = tensors[place].array, []
    for k in range(start.size):
        sides = []
        for sign in (1, -1):
            moved = start.copy().reshape(-1)
            moved[k] += sign * delta
            value = f(*[moved.reshape(start.shape) if j == place else t for j, t in enumerate(tensors)])
            sides.append(np.asarray(EAGER.convert(value).numpy()).reshape(-1))
        columns.append((sides[0] - sides[1]) / (2 * delta))
    return np.stack(columns, 1)
