"""Products of matrices and tensors, determinants."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import einsum, linalg, math, shape
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call
from graphc.onnx.ops.precision import widened
from graphc.onnx.registry import operator


def product(x: Node, y: Node) -> Node:
    """NumPy's matrix product: vectors are rows on the left and columns on the right."""
    row, column = len(x.shape) == 1, len(y.shape) == 1
    x = shape.reshape(x, (1, *x.shape)) if row else x
    y = shape.reshape(y, (*y.shape, 1)) if column else y
    out = linalg.matmul(x, y)
    if column:
        out = shape.reshape(out, out.shape[:-1])
    if row:
        lead = out.shape[:-1] if column else (*out.shape[:-2], out.shape[-1])
        out = shape.reshape(out, lead)
    return out


@operator("MatMul")
def matmul(call: Call):
    """The product of matrices over the last two axes, or of vectors."""
    x, y = call[0], call[1]
    if not x.shape or not y.shape:
        raise call.wrong("a scalar is no matrix")
    return product(x, y)


@operator("Gemm")
def gemm(call: Call):
    """``alpha * A @ B + beta * C``; ``C`` is broadcast to the product."""
    a, b, c = call[0], call[1], call.get(2)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise call.wrong("needs two matrices")
    alpha, beta = call.float("alpha", 1.0), call.float("beta", 1.0)
    kind = a.dtype
    if kind.is_integer and not (alpha.is_integer() and beta.is_integer()):
        a, b, c = (None if v is None else math.cast(v, dt.f64) for v in (a, b, c))
    elif kind.is_integer:
        alpha, beta = int(alpha), int(beta)
    out = linalg.matmul(a, b, bool(call.int("transA", 0)), bool(call.int("transB", 0)))
    out = out if alpha == 1 else math.multiply(out, alpha)
    if c is not None:
        c = c if beta == 1 else math.multiply(c, beta)
        out = math.add(out, broadcast_to(c, out.shape, "Gemm"))
    return math.cast(out, kind)


@operator("Einsum")
def einstein(call: Call):
    """A sum of products over the axes that an equation names."""
    return einsum.einsum(call.text("equation"), *call.tensors())


@operator("Det")
def determinant(call: Call):
    """The determinants of square matrices."""
    x = call[0]
    return math.cast(linalg.matrix_determinant(widened(x)), x.dtype)
