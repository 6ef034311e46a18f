"""Fused operators of ONNX Runtime's domain com.microsoft, as its optimiser and exporters of transformers write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math, nn, reduction, shape
from graphc.lib.index import gather
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call
from graphc.onnx.ops.activations import hard_sigmoid
from graphc.onnx.ops.attention import rotary_embedding
from graphc.onnx.ops.convolution import convolution
from graphc.onnx.ops.normalization import rms_normalization
from graphc.onnx.ops.precision import widened
from graphc.onnx.ops.products import gemm, product
from graphc.onnx.registry import MICROSOFT, operator
from graphc.prims.table import apply

# ------------------------------------------------------------------------------------------------ products


@operator("FusedMatMul", domain=MICROSOFT)
def matmul(call: Call):
    """``alpha`` times the product of matrices that may be transposed."""
    x, y = call[0], call[1]
    if call.int("transBatchA", 0) or call.int("transBatchB", 0):
        raise call.refuse("transBatchA and transBatchB")
    out = product(*[_turned_matrix(v, call.int(name, 0)) for v, name in ((x, "transA"), (y, "transB"))])
    alpha = call.float("alpha", 1.0)
    return out if alpha == 1 else math.multiply(out, alpha)


def _turned_matrix(x: Node, is_turned: int) -> Node:
    rank = len(x.shape)
    return shape.transpose(x, (*range(rank - 2), rank - 1, rank - 2)) if is_turned and rank > 1 else x


def _activation(call: Call, x: Node, parameters: list[float]) -> Node:
    """The function that attribute ``activation`` names, of a result."""
    name = call.text("activation", "")
    a, b = (*parameters, None, None)[:2]
    table: dict[str, Callable] = {
        "": lambda: x, "Relu": lambda: nn.relu(x), "Sigmoid": lambda: math.sigmoid(x), "Tanh": lambda: math.tanh(x),
        "LeakyRelu": lambda: nn.leaky_relu(x, 0.01 if a is None else a),
        "Clip": lambda: math.minimum(math.maximum(x, a), b),
        "HardSigmoid": lambda: hard_sigmoid(x, a, b),
    }  # fmt: skip
    if name not in table or (name in ("Clip", "HardSigmoid") and b is None):
        raise call.refuse(f"activation {name!r} with {len(parameters)} parameters")
    return table[name]()


@operator("FusedConv", domain=MICROSOFT)
def conv(call: Call):
    """A convolution, plus a fourth input, then an activation."""
    out = convolution(replace(call, inputs=call.inputs[:3]))
    out = math.add(out, call[3]) if call.has(3) else out
    return _activation(call, out, call.floats("activation_params", []))


@operator("FusedGemm", domain=MICROSOFT)
def fused_gemm(call: Call):
    """``Gemm``, then an activation."""
    given = [call.float(f"activation_{name}", None) for name in ("alpha", "beta")]
    return _activation(call, gemm(call), [v for v in given if v is not None])


# --------------------------------------------------------------------------------------------- activations


def _with_bias(call: Call) -> Node:
    return math.add(call[0], call[1]) if call.has(1) else call[0]


@operator("Gelu", domain=MICROSOFT)
@operator("BiasGelu", domain=MICROSOFT)
def gelu(call: Call):
    """``x * P(X <= x)`` for a standard normal X, of the input plus a bias if there is one."""
    return nn.gelu(_with_bias(call))


@operator("FastGelu", domain=MICROSOFT)
def fast_gelu(call: Call):
    """``Gelu`` by the formula with tanh."""
    return nn.gelu(_with_bias(call), True)


@operator("QuickGelu", domain=MICROSOFT)
def quick_gelu(call: Call):
    """``x * sigmoid(alpha * x)``."""
    return nn.silu(call[0], call.float("alpha", 1.702))


# ------------------------------------------------------------------------------------------- normalisation


def _normalized(x: Node, gamma: Node, beta: Node | None, epsilon: float, centre: bool) -> tuple[Node, Node, Node]:
    """The last axis with mean 0 (if ``centre``) and mean square 1, scaled and moved; the mean; 1 / the deviation."""
    wide = widened(x)
    mean = reduction.reduce_mean(wide, [-1], True)
    distance = math.subtract(wide, mean) if centre else wide
    inverse = apply("rsqrt", math.add(reduction.reduce_mean(math.square(distance), [-1], True), epsilon))
    y = math.multiply(math.multiply(distance, inverse), math.cast(gamma, wide.dtype))
    y = y if beta is None else math.add(y, math.cast(beta, wide.dtype))
    return math.cast(y, x.dtype), mean, inverse


def _skipped(call: Call, bias: int) -> Node:
    """The input plus what was skipped, plus a bias if there is one."""
    x, skip = call[0], call[1]
    total = math.add(x, broadcast_to(skip, x.shape) if len(skip.shape) == len(x.shape) else skip)
    return math.add(total, call[bias]) if call.has(bias) else total


@operator("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(call: Call):
    """The layer normalisation of a sum, and the sum."""
    total = _skipped(call, 4)
    y, mean, inverse = _normalized(total, call[2], call.get(3), call.float("epsilon", 1e-12), True)
    return [y, mean, inverse, total]


@operator("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_rms_normalization(call: Call):
    """The root mean square normalisation of a sum, and the sum."""
    total = _skipped(call, 3)
    y, mean, inverse = _normalized(total, call[2], None, call.float("epsilon", 1e-12), False)
    return [y, mean, inverse, total]


@operator("SimplifiedLayerNormalization", domain=MICROSOFT)
@operator("SimplifiedLayerNormalization")  # where ONNX Runtime has it
def simplified_layer_normalization(call: Call):
    """The last axes divided by the root of their mean square, scaled."""
    return rms_normalization(call)


@operator("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_normalization(call: Call):
    """Embeddings of words, places and segments summed and normalised; how many words the mask has; the sum."""
    ids = call[0]
    if len(ids.shape) != 2:
        raise call.wrong("input_ids must be [batch, places]")
    if call.has(8):
        places = gather(call[3], call[8])
    else:
        places = shape.part(call[3], 0, 0, ids.shape[1])
    total = math.add(gather(call[2], ids), places)
    if call.has(1) and call.has(4):
        total = math.add(total, gather(call[4], call[1]))
    y, _, _ = _normalized(total, call[5], call.get(6), call.float("epsilon", 1e-12), True)
    mask = math.cast(call[7], dt.i32) if call.has(7) else shape.zeros_like(ids, dt.i32)
    return [y, reduction.reduce_sum(mask, [1]), total]


# --------------------------------------------------------------------------------------------------- places


@operator("RotaryEmbedding", domain=MICROSOFT)
def rotary(call: Call):
    """Pairs of elements turned by angles that depend on the place: one number is where the first place is."""
    x, places, cos, sin = (call[k] for k in range(4))
    if call.int("is_packed_batching", 0) or call.float("scale", 1.0) != 1:
        raise call.refuse("is_packed_batching and scale")
    if len(x.shape) == 3 and not call.int("num_heads", 0):
        width = call.int("rotary_embedding_dim", 0) or (2 * cos.shape[1] if type(cos.shape[1]) is int else 0)
        if not width or type(x.shape[2]) is not int or x.shape[2] % width:
            raise FormatError("RotaryEmbedding: attribute 'num_heads' is missing")
        return _turned(call, x, places, cos, sin, x.shape[2] // width)
    return _turned(call, x, places, cos, sin, call.int("num_heads", 0))


def _turned(call: Call, x: Node, places: Node, cos: Node, sin: Node, heads: int) -> Node:
    if len(places.shape) == 1:
        axis = 1 if len(x.shape) == 3 else 2
        line = apply("iota", shape=(x.shape[0], x.shape[axis]), axis=1, dtype=dt.i64)
        places = math.add(line, math.cast(places, dt.i64))
    if len(x.shape) == 3:
        x = shape.reshape(x, (x.shape[0], x.shape[1], heads, -1))
        out = rotary_embedding(replace(call, inputs=(shape.transpose(x, (0, 2, 1, 3)), cos, sin, places)))
        out = shape.transpose(out, (0, 2, 1, 3))
        return shape.reshape(out, call[0].shape)
    return rotary_embedding(replace(call, inputs=(x, cos, sin, places)))
