"""Losses of classes: negative log likelihood, and softmax with cross entropy."""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.lib import math, nn, reduction, shape
from graphc.lib.index import looked_at
from graphc.lib.math import full_like
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import with_ones
from graphc.onnx.ops.precision import widened
from graphc.onnx.ops.sizes import differ
from graphc.onnx.registry import operator
from graphc.prims.table import apply


def _loss(call: Call, logp: Node, target: Node, weight: Node | None) -> Node:
    """``-weight[target] * logp[n, target, ...]``, reduced as the call says; ignored targets count for nothing."""
    if len(logp.shape) < 2 or len(target.shape) != len(logp.shape) - 1 or not target.dtype.is_integer:
        raise call.wrong("needs scores [n, classes, ...] and integer labels [n, ...]")
    places = (logp.shape[0], *logp.shape[2:])
    if differ(target.shape, places):
        raise call.wrong("the labels are not of the shape of the scores without classes")
    target = shape.ensure_shape(target, places)
    ignored = None
    if "ignore_index" in call.attributes:
        ignored = math.equal(target, call.int("ignore_index"))
        target = apply("select", ignored, full_like(target, 0), target)
    wide = apply("reshape", target, shape=(*target.shape, 1))
    target = apply("reshape", looked_at(call.op, wide, [logp.shape[1]]), shape=target.shape)
    axes = (0, *range(2, len(logp.shape)))
    spread = apply("broadcast", target, shape=logp.shape, axes=axes)
    hit = apply("eq", spread, apply("iota", shape=logp.shape, axis=1, dtype=target.dtype))

    def picked(x: Node) -> Node:
        return apply("reduce", apply("select", hit, x, full_like(x, 0)), kind="sum", axes=(1,))

    loss, share = apply("neg", picked(logp)), None
    if weight is not None:
        if len(weight.shape) != 1:
            raise call.wrong("the weights must be a vector, one for each class")
        column = with_ones(math.cast(weight, logp.dtype), len(logp.shape) - 2)
        share = picked(broadcast_to(column, logp.shape, call.op))
    if ignored is not None:
        share = full_like(loss, 1) if share is None else share
        share = apply("select", ignored, full_like(loss, 0), share)
    loss = loss if share is None else math.multiply(loss, share)
    loss = loss if ignored is None else apply("select", ignored, full_like(loss, 0), loss)
    return _reduced(call, loss, share)


def _reduced(call: Call, loss: Node, share: Node | None) -> Node:
    way = call.choice("reduction", "mean", "none", "sum")
    if way == "none":
        return loss
    if way == "mean" and share is None:
        return reduction.reduce_mean(loss)
    total = reduction.reduce_sum(loss)
    return total if way == "sum" else math.realdiv(total, reduction.reduce_sum(share))


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood(call: Call):
    """The negative scores of the labels' classes, weighted by class."""
    x = call[0]
    return math.cast(_loss(call, widened(x), call[1], call.get(2)), x.dtype)


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(call: Call):
    """The negative log likelihood of softmax over classes, and its logarithms."""
    x = call[0]
    if len(x.shape) < 2:
        raise call.wrong("needs scores [n, classes, ...]")
    logp = nn.log_softmax(widened(x), 1)
    return [math.cast(v, x.dtype) for v in (_loss(call, logp, call[1], call.get(2)), logp)]
