"""Small groups of primitives that programs are full of, for random graphs."""

from __future__ import annotations

from graphc import prims as p
from graphc.ir.node import Node, const
from graphc.ir.type import Type


def kept(x: Node, axes) -> tuple:
    return tuple([a for a in range(x.type.rank) if a not in axes])


def back(r: Node, x: Node, axes) -> Node:
    """A reduction of ``x`` over ``axes``, repeated to the shape of ``x``."""
    return p.broadcast(r, x.shape, kept(x, axes))


def softmax(x: Node, axes) -> Node:
    e = p.exp(p.sub(x, back(p.reduce(x, "max", axes), x, axes)))
    return p.div(e, back(p.reduce(e, "sum", axes), x, axes))


def normalise(x: Node, axes) -> Node:
    """Centred, and divided by something like a deviation."""
    centred = p.sub(x, back(scaled(p.reduce(x, "sum", axes)), x, axes))
    square = scaled(p.reduce(p.mul(centred, centred), "sum", axes))
    return p.mul(centred, back(p.rsqrt(p.add(square, const(1, square.type))), x, axes))


def spread(x: Node, axes) -> Node:
    """Largest minus smallest, beside the mean of squares."""
    width = p.sub(p.reduce(x, "max", axes), p.reduce(x, "min", axes))
    return p.add(width, scaled(p.reduce(p.mul(x, x), "sum", axes)))


def scaled(x: Node) -> Node:
    return p.mul(x, const(0.125, x.type))


def dense(x: Node, y: Node, tx: bool, ty: bool) -> Node:
    """A contraction with a bias and an activation."""
    z = p.dot(x, y, tx, ty)
    bias = p.broadcast(const(0.5, Type(z.dtype, z.shape[-1:])), z.shape, (z.type.rank - 1,))
    return p.max(p.add(z, bias), const(0, z.type))
