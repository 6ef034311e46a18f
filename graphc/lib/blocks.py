"""Blocks of space moved into depth or batch and back, and patches of volumes, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir.node import Node, const, origins, simplified
from graphc.lib.dims import constant, integer, listed, shape_of
from graphc.lib.promote import as_node
from graphc.lib.shape import pad, pairs_of, part, reshape, transpose
from graphc.prims.table import apply

FORMATS = ("NHWC", "NCHW")


def _image(op: str, value, block_size, data_format: str) -> tuple[Node, int]:
    """An image [batch, height, width, depth] and the size of a block."""
    x, b = as_node(value), integer(op, "block_size", block_size)
    if data_format not in FORMATS:
        raise UsageError(explain(f"{op}: data_format {data_format!r} is not 'NHWC' or 'NCHW'"))
    if len(x.shape) != 4:
        raise ShapeError(explain(f"{op}: needs [batch, height, width, depth], not {x.type}", origins(input=x)))
    if b < 2:
        raise UsageError(explain(f"{op}: block_size must be at least 2, got {b}"))
    return (x if data_format == "NHWC" else transpose(x, (0, 2, 3, 1))), b


def _back(x: Node, data_format: str) -> Node:
    return x if data_format == "NHWC" else transpose(x, (0, 3, 1, 2))


def _divided(op: str, x: Node, axis: int, by: int):
    """The size of an axis divided by ``by``, which has to divide it."""
    n = x.shape[axis]
    if type(n) is int and n % by:
        raise ShapeError(explain(f"{op}: axis {axis} of {x.type} has size {n}, no multiple of {by}", origins(input=x)))
    return simplified(n // by)


def space_to_depth(input, block_size, data_format="NHWC") -> Node:  # noqa: A002  TensorFlow's argument
    """Blocks of ``block_size`` x ``block_size`` places become places with as many times the depth."""
    x, b = _image("space_to_depth", input, block_size, data_format)
    n, _, _, c = x.shape
    height, width = (_divided("space_to_depth", x, k, b) for k in (1, 2))
    cut = transpose(reshape(x, (n, height, b, width, b, c)), (0, 1, 3, 2, 4, 5))
    return _back(reshape(cut, (n, height, width, simplified(c * (b * b)))), data_format)


def depth_to_space(input, block_size, data_format="NHWC") -> Node:  # noqa: A002
    """Depth spread over blocks of ``block_size`` x ``block_size`` places: the inverse of ``space_to_depth``."""
    x, b = _image("depth_to_space", input, block_size, data_format)
    n, height, width, _ = x.shape
    depth = _divided("depth_to_space", x, 3, b * b)
    cut = transpose(reshape(x, (n, height, width, b, b, depth)), (0, 1, 3, 2, 4, 5))
    return _back(reshape(cut, (n, simplified(height * b), simplified(width * b), depth)), data_format)


def _blocks(op: str, block_shape) -> list[int]:
    """The sizes of a block, one for each spatial axis."""
    values = constant(op, "block_shape", block_shape).tolist() if isinstance(block_shape, Node) else block_shape
    values = values.tolist() if isinstance(values, np.ndarray) else values
    values = [values] if isinstance(values, int) else listed(op, "block_shape", values)
    blocks = [integer(op, "block_shape", v) for v in values]
    if any(b < 1 for b in blocks):
        raise UsageError(explain(f"{op}: block_shape must be positive, got {blocks}"))
    return blocks


def _spatial(op: str, value, block_shape, amounts) -> tuple[Node, list[int], list]:
    x, blocks, pairs = as_node(value), _blocks(op, block_shape), pairs_of(op, amounts)
    blocks = blocks * len(pairs) if len(blocks) == 1 else blocks
    if len(blocks) != len(pairs) or len(x.shape) <= len(blocks):
        what = f"{op}: a block of {len(blocks)} axes and {len(pairs)} pairs of amounts for {x.type}"
        raise ShapeError(explain(what, origins(input=x)))
    return x, blocks, pairs


def space_to_batch(input, block_shape, paddings) -> Node:  # noqa: A002
    """Places of a block dealt out to copies of the batch, the first axis, after padding with zeros.

    Args:
        block_shape: the size of a block along each axis after the first.
        paddings: pairs of zeros added before and after each of these axes.

    Raises:
        ShapeError: a padded size is no multiple of its block's.
    """
    x, blocks, pairs = _spatial("space_to_batch", input, block_shape, paddings)
    m = len(blocks)
    x = pad(x, [(0, 0), *pairs, *((0, 0) for _ in range(len(x.shape) - 1 - m))])
    counts = [_divided("space_to_batch", x, k + 1, b) for k, b in enumerate(blocks)]
    cut = reshape(x, (x.shape[0], *(v for pair in zip(counts, blocks) for v in pair), *x.shape[m + 1 :]))
    order = (*range(2, 2 * m + 1, 2), 0, *range(1, 2 * m + 1, 2), *range(2 * m + 1, len(cut.shape)))
    batch = simplified(x.shape[0] * int(np.prod(blocks)))
    return reshape(transpose(cut, order), (batch, *counts, *x.shape[m + 1 :]))


def batch_to_space(input, block_shape, crops) -> Node:  # noqa: A002
    """Copies of the batch put together to blocks of places, of which ``crops`` are cut off: undoes ``space_to_batch``.

    Raises:
        ShapeError: the batch is no multiple of a block, or more is cut off than there is.
    """
    x, blocks, pairs = _spatial("batch_to_space", input, block_shape, crops)
    m, total = len(blocks), int(np.prod(blocks))
    batch = _divided("batch_to_space", x, 0, total)
    cut = reshape(x, (*blocks, batch, *x.shape[1:]))
    order = (m, *(v for k in range(m) for v in (m + 1 + k, k)), *range(2 * m + 1, len(cut.shape)))
    sizes = [simplified(n * b) for n, b in zip(x.shape[1:], blocks)]
    out = reshape(transpose(cut, order), (batch, *sizes, *x.shape[m + 1 :]))
    for k, (low, high) in enumerate(pairs):
        n = out.shape[k + 1]
        if type(n) is int and type(low) is int and type(high) is int and (min(low, high) < 0 or low + high > n):
            what = f"batch_to_space: {low} and {high} cannot be cut off axis {k + 1} of {out.type}"
            raise ShapeError(explain(what, origins(input=x)))
        out = part(out, k + 1, low, simplified(n - high))
    return out


def required_space_to_batch_paddings(input_shape, block_shape, base_paddings=None) -> tuple[Node, Node]:
    """Paddings with which ``space_to_batch`` fits ``input_shape``, and the crops that undo what they add.

    Args:
        input_shape, block_shape: vectors of sizes.
        base_paddings: pairs that are part of the paddings in any case.
    """
    op = "required_space_to_batch_paddings"
    sizes, blocks = shape_of(input_shape, op), _blocks(op, block_shape)
    base = [(0, 0)] * len(blocks) if base_paddings is None else pairs_of(op, base_paddings)
    if not len(sizes) == len(blocks) == len(base):
        raise ShapeError(explain(f"{op}: {len(sizes)} sizes, {len(blocks)} blocks and {len(base)} pairs"))
    if any(isinstance(v, Node) for v in (*sizes, *(v for pair in base for v in pair))):
        raise ShapeError(explain(f"{op}: needs known sizes, got {sizes} and {base}"))
    extra = [-(n + low + high) % b for n, b, (low, high) in zip(sizes, blocks, base)]
    paddings = [[low, high + e] for (low, high), e in zip(base, extra)]
    return tuple(const(np.array(v, np.int32).reshape(-1, 2)) for v in (paddings, [[0, e] for e in extra]))


def extract_volume_patches(input, ksizes, strides, padding) -> Node:  # noqa: A002
    """Windows of a volume [batch, planes, rows, columns, depth], each flattened into the depth.

    Args:
        ksizes, strides: five sizes of the window and of its steps; the first and the last are 1.
        padding: ``VALID``, or ``SAME`` to add zeros so that every step has a window.
    """
    op, x = "extract_volume_patches", as_node(input)
    size, step = ([integer(op, name, v) for v in listed(op, name, given)] for name, given in
                  (("ksizes", ksizes), ("strides", strides)))  # fmt: skip
    if len(x.shape) != 5 or any(len(v) != 5 or v[0] != 1 or v[4] != 1 or min(v) < 1 for v in (size, step)):
        what = f"{op}: needs [batch, planes, rows, columns, depth] and [1, p, r, c, 1], got {x.type}, {size}, {step}"
        raise ShapeError(explain(what, origins(input=x)))
    if padding not in ("SAME", "VALID"):
        raise UsageError(explain(f"{op}: padding {padding!r} is not 'SAME' or 'VALID'"))
    if padding == "SAME":
        totals = [_missing(n, k, s) for n, k, s in zip(x.shape[1:4], size[1:4], step[1:4])]
        halves = [(simplified(t // 2), simplified(t - t // 2)) for t in totals]
        x = pad(x, [(0, 0), *halves, (0, 0)])
    axes = (1, 2, 3)
    seen = apply("window", x, axes=axes, size=tuple(size[1:4]), stride=tuple(step[1:4]), dilation=(1, 1, 1))
    n, p, r, c, depth = seen.shape[:5]
    moved = transpose(seen, (0, 1, 2, 3, 5, 6, 7, 4))
    return reshape(moved, (n, p, r, c, simplified(depth * int(np.prod(size)))))


def _missing(n, size: int, step: int):
    """How many zeros SAME padding adds to an axis."""
    need = ((n + step - 1) // step - 1) * step + size - n
    return simplified(apply("max", need, as_node(0, need.dtype))) if isinstance(need, Node) else max(need, 0)
