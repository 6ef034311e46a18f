"""Derivatives of a graph against finite differences: ``tf.test.compute_gradient`` of TensorFlow 1."""

from __future__ import annotations

import numpy as np

from graphc.api.operators import Operators
from graphc.errors import DtypeError, GraphError, ShapeError, UsageError, explain
from graphc.v1 import ops
from graphc.v1.gradients import gradients
from graphc.v1.tensor import session_for


def compute_gradient(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None):
    """The Jacobian of ``y`` by ``x``, as derived and as found by central differences, in the default session.

    Args:
        x: a tensor or a list of them; a placeholder, or any tensor that can be fed.
        x_shape: its sizes, or a list of them.
        y, y_shape: the tensor that depends on ``x``, and its sizes.
        x_init_value: where to differentiate; random numbers in [0, 1) if None.
        delta: half the width of the difference.
        init_targets: operations to run first.
        extra_feed_dict: other values that runs need.

    Returns:
        Two arrays ``[x.size, y.size]``; for a list of tensors a list of such pairs.

    Raises:
        DtypeError: something is not floating. GraphError: ``y`` does not depend on ``x``.
        ShapeError: a start has not the shape ``x_shape``. StateError: there is no default session.
    """
    for target in init_targets or ():
        target.run()
    if not isinstance(x, (list, tuple)):
        start = _start(x, x_shape, x_init_value)
        return _both(x, start, y, tuple(y_shape), delta, {x: start, **(extra_feed_dict or {})})
    if len(x) != len(x_shape):
        raise UsageError(explain(f"compute_gradient: {len(x)} tensors, but {len(x_shape)} shapes"))
    given = [None] * len(x) if x_init_value is None else x_init_value
    starts = [_start(*both) for both in zip(x, x_shape, given)]
    feeds = {**dict(zip(x, starts)), **(extra_feed_dict or {})}
    return [_both(v, start, y, tuple(y_shape), delta, feeds) for v, start in zip(x, starts)]


def compute_gradient_error(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None,
                           extra_feed_dict=None) -> float:  # fmt: skip
    """The largest difference between the two Jacobians of ``compute_gradient``."""
    found = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    pairs = found if isinstance(found, list) else [found]
    return max([float(np.abs(a - b).max()) for a, b in pairs if a.size], default=0.0)


def _start(x, shape, value) -> np.ndarray:
    if not isinstance(x, Operators) or not x.dtype.is_float:
        raise DtypeError(explain(f"compute_gradient: x must be a floating tensor, got {x!r}"))
    if value is None:
        return np.random.default_rng().random(tuple(shape)).astype(x.dtype.numpy)
    start = np.asarray(value, x.dtype.numpy)
    if start.shape != tuple(shape):
        what = f"compute_gradient: x_init_value of shape {start.shape}, but x_shape is {tuple(shape)}"
        raise ShapeError(explain(what))
    return start


def _both(x, start: np.ndarray, y, y_shape: tuple, delta: float, feeds: dict) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(y, Operators) or not y.dtype.is_float:
        raise DtypeError(explain(f"compute_gradient: y must be a floating tensor, got {y!r}"))
    seed = ops.constant(np.zeros(y_shape, y.dtype.numpy))
    (slope,) = gradients(y, x, seed)
    if slope is None:
        raise GraphError(explain(f"compute_gradient: {y.name} does not depend on {x.name}"))
    slope, run = ops.convert_to_tensor(slope), session_for(y, None).run
    size = int(np.prod(y_shape))
    derived = np.zeros((start.size, size), start.dtype)
    for k in range(size):
        chosen = np.zeros(size, y.dtype.numpy)
        chosen[k] = 1
        derived[:, k] = run(slope, {**feeds, seed: chosen.reshape(y_shape)}).reshape(-1)
    found = np.zeros((start.size, size), y.dtype.numpy)
    for k in range(start.size):
        sides = []
        for sign in (1, -1):
            moved = start.copy().reshape(-1)
            moved[k] += sign * delta
            sides.append(run(y, {**feeds, x: moved.reshape(start.shape)}).reshape(-1))
        found[k] = (sides[0] - sides[1]) / (2 * delta)
    return derived, found
