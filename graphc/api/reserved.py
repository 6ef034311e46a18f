"""How much of its random stream TensorFlow reserves for an operation: where the next one of the same seed goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphc.api.shape import TensorShape
from graphc.api.tensor import EagerTensor

_EACH = 256  # blocks for each number, of which each has four


def reserved(kind: str, arguments: Mapping) -> tuple[str, int | None]:
    """What goes on where the same has ended before, and how many blocks it reserves, None if sizes are not known.

    Args:
        kind: the operation's type. arguments: those of its function, by name.
    """
    if kind == "RandomShuffle":
        value = arguments["value"]
        rows = (_sizes(value) or [1])[0]
        return f"{kind} {_dtype(value)}", None if rows is None else (rows + 2) // 4  # the last row needs no number
    if kind == "Multinomial":
        logits, count = arguments["logits"], arguments["num_samples"]
        rows = (_sizes(logits) or [None])[0]
        kind = f"{kind} {_dtype(logits)}"
        return _counted(kind, arguments["dtype"], [rows, (count + 3) // 4 * 4 if isinstance(count, int) else None, 2])
    if kind == "Dropout":
        x, noise = _sizes(arguments["x"]), arguments.get("noise_shape")
        sizes = x if noise is None else _shape(noise)
        if len(sizes) == len(x):
            sizes = [m if n is None else n for m, n in zip(x, sizes)]
        return _counted("RandomUniform", getattr(arguments["x"], "dtype", "float32"), sizes)
    return _counted(kind, arguments.get("dtype", ""), _shape(arguments.get("shape")))


def _counted(kind: str, dtype, sizes: list) -> tuple[str, int | None]:
    """What ``reserved`` answers for so many numbers of a dtype."""
    is_known = all(isinstance(n, int) and n >= 0 for n in sizes)
    return f"{kind} {getattr(dtype, 'name', dtype)}", math.prod(sizes) * _EACH if is_known else None


def _shape(shape) -> list:
    """The sizes that an argument says; [None] if they are not known."""
    if isinstance(shape, EagerTensor):
        shape = shape.array
    if isinstance(shape, TensorShape):
        return [None] if shape.rank is None else shape.as_list()
    try:
        return [n if n is None else int(n) for n in shape]
    except (TypeError, ValueError):  # symbolic, or wrong, which the operation itself says
        return [None]


def _sizes(value) -> list:
    """The sizes of a tensor, an array or nested lists; [None] if they are not known."""
    if isinstance(value, (list, tuple)):
        return [len(value), *(_sizes(value[0]) if value else ())]
    return _shape(getattr(value, "shape", ()))


def _dtype(value) -> str:
    """Which dtype a tensor or array has; lists have that which they usually get."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    found = getattr(value, "dtype", None) or {int: "int32", float: "float32"}.get(type(value), "")
    return getattr(found, "name", found)
