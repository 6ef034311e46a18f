"""Values of an array between its elements and beyond its ends: for warping images."""

from __future__ import annotations

import functools
import itertools
import operator

import graphc as tf

from graphc.keras.keras_graphc.core import convert_to_tensor, shape
from graphc.keras.keras_graphc.image.layout import precise, rounded_to

_FAR = float(2**30)  # places further away than this are all the same


def _nearest(index, size):
    return tf.clip_by_value(index, 0, size - 1)


def _wrap(index, size):
    return tf.math.floormod(index, size)


def _mirror(index, size):
    """Back and forth, without the outermost elements twice."""
    period = tf.maximum(2 * (size - 1), 1)
    place = tf.math.floormod(index, period)
    return tf.minimum(place, period - place) if size != 1 else tf.zeros_like(index)


def _reflect(index, size):
    """Back and forth, with the outermost elements twice."""
    place = tf.math.floormod(index, 2 * size)
    return tf.minimum(place, 2 * size - 1 - place)


# how an index outside finds one inside; None: the value to fill with counts
FILL_MODES = {"constant": None, "nearest": _nearest, "wrap": _wrap, "mirror": _mirror, "reflect": _reflect}


def check_fill_mode(fill_mode) -> None:
    if fill_mode not in FILL_MODES:
        raise ValueError(
            "Invalid value for argument `fill_mode`. Expected one of "
            f"{tuple(FILL_MODES)}. Received: fill_mode={fill_mode}"
        )


def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0.0):
    inputs = convert_to_tensor(inputs)
    coordinates = convert_to_tensor(coordinates)
    if coordinates.shape[0] != len(inputs.shape):
        raise ValueError(
            "First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs with shape: "
            f"{tuple(inputs.shape)} and coordinate leading dim of {coordinates.shape[0]}"
        )
    if len(coordinates.shape) < 2:
        raise ValueError(
            "Invalid coordinates rank: expected at least rank 2. "
            f"Received input with shape: {tuple(coordinates.shape)}"
        )
    check_fill_mode(fill_mode)
    if order not in (0, 1):
        raise ValueError(f"Invalid value for argument `order`. Expected one of [0, 1]. Received: order={order}")
    return sample(inputs, tf.unstack(coordinates), order, fill_mode, fill_value)


def sample(x, places, order: int, fill_mode: str, fill_value, batch: int = 0):
    """The values of ``x`` at places: of order 0 the nearest element, of order 1 linear between two along each axis.

    Args:
        x: [*batch, one axis for each of ``places``, *rest].
        places: one tensor [*batch, *shape] per axis, in elements.
        batch: how many axes of ``x`` and the places go together.

    Returns:
        [*batch, *shape, *rest] in the dtype of ``x``.
    """
    sizes = shape(x)[batch : batch + len(places)]
    rest = (None,) * (len(x.shape) - batch - len(places))
    fill = tf.cast(fill_value, x.dtype)
    axes = [_neighbours(precise(place), size, order, fill_mode) for place, size in zip(places, sizes)]
    terms = []
    for corner in itertools.product(*axes):
        values = tf.gather_nd(x, tf.stack([index for index, _, _ in corner], -1), batch_dims=batch)
        inside = [known for _, known, _ in corner if known is not None]
        if inside:
            values = tf.where(functools.reduce(operator.and_, inside)[(..., *rest)], values, fill)
        if order == 0:
            return values
        weight = functools.reduce(operator.mul, [share for _, _, share in corner])
        values = precise(values)
        terms.append(values * tf.cast(weight, values.dtype)[(..., *rest)])
    return rounded_to(functools.reduce(operator.add, terms), x.dtype)


def _neighbours(place, size, order: int, fill_mode: str) -> list[tuple]:
    """The elements that count along one axis: index, where it lies in the array (None: always), and share."""
    low = tf.floor(place + 0.5 if order == 0 else place)
    upper = place - low
    shares = [None] if order == 0 else [1 - upper, upper]
    found = []
    for step, share in enumerate(shares):
        index = tf.cast(tf.clip_by_value(low, -_FAR, _FAR), "int32") + step
        fixed = FILL_MODES[fill_mode]
        if fixed is not None:
            found.append((fixed(index, size), None, share))
            continue
        inside = (index >= 0) & (index < size)
        found.append((tf.where(inside, index, 0), inside, share))
    return found
