"""Filter gradients: a convolution between transpositions becomes one operation on its operands as they lie."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.passes.nested import everywhere, same_or
from graphc.prims import TABLE, apply, dot, reshape
from graphc.prims.correlate import correlate
from graphc.rewrite.driver import rewrite
from graphc.rewrite.rule import Rules, on

CHANNELS = 8  # of the input, from which on a tile of them has enough sums
ROWS = 5  # the same of channels and taps of a row of the kernel, where these are neighbours in the input


@everywhere
def gather_filter_gradients(graph: Graph) -> Graph:
    """Put one operation in the place of each gradient of a convolution by its filter."""
    if not any(n.op == "conv" for n in graph.nodes):
        return graph
    return same_or(graph, rewrite(graph.roots, FILTERS))


@on("transpose")
def filter_gradient(node: Node) -> Node | None:
    """What ``prims.contract.conv_filter`` says, for known sizes (but the batch), no groups and no holes."""
    conv = node.inputs[0]
    if conv.op != "conv" or conv.attr("groups") != 1 or set(conv.attr("x_dilation")) != {1}:
        return None
    turned, kernel = conv.inputs
    count = conv.type.rank - 2
    spatial = tuple(range(1, count + 1))
    if not turned.op == kernel.op == "transpose" or node.attr("perm") != (*spatial, 0, count + 1):
        return None
    if turned.attr("perm") != (count + 1, *spatial, 0) or kernel.attr("perm") != (*spatial, 0, count + 1):
        return None
    x, g = turned.inputs[0], kernel.inputs[0]
    window = (conv.attr("dilation"), conv.attr("low"), conv.attr("stride"))
    sizes = (*node.shape, *x.shape[1:], *g.shape[1:], *window[1])
    if count > 2 or not all(type(d) is int for d in sizes) or 0 in sizes[: -len(window[1])]:
        return None
    if dt.accumulator(x.dtype) is not x.dtype or not x.dtype.is_float:
        return None
    stride, low, dilation = window
    near = node.shape[count - 1] if dilation[-1] == 1 else 1
    if x.shape[-1] < CHANNELS and x.shape[-1] * near < ROWS:
        return None
    if set(node.shape[:count]) == {1} and set(stride) == {1} and not any(low) and x.shape[1:-1] == g.shape[1:-1]:
        rows, columns = (reshape(v, (v.type.size // v.shape[-1], v.shape[-1])) for v in (x, g))
        return reshape(dot(rows, columns, True), node.shape)
    return correlate(x, g, node.shape[:count], stride, low, dilation)


FILTERS = Rules(filter_gradient, rows=TABLE, build=apply)
