"""The nest of ``conv``: convolution of channels-last arrays together with the element-wise operations on its result.

In every form an output element is one chain of multiply-adds over (kernel axes ..., input channel) that starts at 0;
padding and holes take part as zeros (holes may be left out where the weights are known to be finite). So all forms give
the same bits.
"""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Array, Kernel
from graphc.ir.node import Node, make
from graphc.ir.order import toposort
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests import conv_clip, conv_columns, conv_depthwise, conv_panel, conv_spread, conv_tile
from graphc.lower.nests.conv_direct import direct_body
from graphc.lower.nests.conv_epilogue import Epilogue
from graphc.lower.nests.conv_shape import shape_of
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import product
from graphc.lower.panels import Panels
from graphc.lower.schedule import symbols_of

CONVOLUTIONS = ("conv", "conv4")  # elements of the latter are words of four bytes along the channels
COLUMNS, DEPTHWISE, SPREAD, CLIP = "columns", "depthwise", "spread", "clip"
PANEL, TILE, DIRECT = "panel", "tile", "direct"


def conv(node: Node, target: Target, form: str | None = None) -> Kernel:
    """out[n, *p, o] = sum of x0[n, *(p*stride - low + k*dilation), c] * x1[*k, c, o], in arrays x0, x1, out0."""
    operands = tuple([input_node(f"x{k}", x.type) for k, x in enumerate(node.inputs)])
    alone = make(node.op, operands, node.attrs, node.type)
    form = form or form_of(node, node.inputs[1], target, packs=False)
    return conv_kernel(Graph("conv", operands, (alone,)), target, node.inputs[1], form=form)


def direct(node: Node) -> Kernel:
    """The same by the form for every case, which all others agree with."""
    return conv(node, Target("any", "", "", "", 0, 0, True), DIRECT)


def conv_of(graph: Graph) -> Node:
    """The convolution of a region."""
    return next(n for n in toposort(graph.outputs) if n.op in CONVOLUTIONS)


def form_of(node: Node, weights: Node, target: Target, packs: bool = True) -> str:
    """The fastest form that can compute a convolution.

    Args:
        weights: what the second operand stands for.
        packs: weights that are not known may be packed by a kernel of their own, ``conv_pack.pack_kernel``.
    """
    if not 2 < len(node.inputs[0].shape) <= 5:
        return DIRECT
    shape = shape_of(node)
    if node.op == "conv4":
        if conv_clip.can_clip_words(node.attr("fill"), weights, shape, target):
            return CLIP
        return PANEL if conv_panel.can_panel(weights, shape, target) else DIRECT
    if conv_columns.can_run(weights, shape, target):
        return COLUMNS
    if conv_depthwise.can_run(shape, target):
        return DEPTHWISE
    if conv_spread.can_spread(weights, shape, target):
        return SPREAD
    if (packs or weights.op == "const") and conv_clip.can_clip(weights, shape, target):
        return CLIP
    if conv_panel.can_panel(weights, shape, target):
        return PANEL
    return TILE if conv_tile.can_tile(node) else DIRECT


def packed_weights(node: Node, weights: Node, form: str, target: Target) -> Panels | None:
    """Known weights in the order in which the kernel of a form reads them; None where it reads them as they are."""
    if weights.op != "const" or form not in (CLIP, PANEL, SPREAD):
        return None
    wide, shape = dt.accumulator(node.dtype), shape_of(node)
    array = np.broadcast_to(weights.attr("value").array, weights.shape)
    if form == SPREAD:
        return conv_spread.packed_columns(array, shape, target, wide)
    return conv_panel.pack(array, node.attr("groups"), conv_panel.panel_width(wide, shape, target), wide.numpy)


def conv_kernel(
    graph: Graph, target: Target, weights: Node, packed: Type | None = None, form: str | None = None,
    outside: Type | None = None,
) -> Kernel:  # fmt: skip
    """The kernel of a region that holds a convolution.

    Arrays: ``x<k>`` for the region's inputs, ``out<k>``, ``scratch0`` where the form needs it, and ``packed`` and
    ``outside`` if their types are given. An operand of the convolution that the rest reads as well has a second array,
    ``source`` or ``weights``.
    """
    node = conv_of(graph)
    x, w = node.inputs
    epilogue = Epilogue(graph, node)
    names = {v: f"x{k}" for k, v in enumerate(graph.inputs)}
    source = "source" if x in epilogue.used else names[x]
    kernel = "weights" if w in epilogue.used or w is x else names[w]
    form = form or form_of(node, weights, target)
    spatial = 2 < len(x.shape) <= 5
    shape = shape_of(node) if spatial else None
    site = Site(node, shape, source, kernel if packed is None else "packed", packed is not None, epilogue,
                target.lanes(dt.accumulator(node.dtype)), None if outside is None else "outside")
    flat, rows = (product(x.shape),), (product(w.shape[:-1]), w.shape[-1])
    scratch: tuple = ()
    if form == COLUMNS:
        body, views = conv_columns.columns(site, target), (flat, rows)
    elif form == DEPTHWISE:
        body, views = conv_depthwise.depthwise(site, target), (flat, rows)
    elif form == CLIP:
        body, views = conv_clip.clipped(site, target), (flat, rows)
    elif form == PANEL:
        body, views = conv_panel.panels(site, target), (flat, rows)
    elif form == SPREAD:
        body, views = conv_spread.spread(site, target), (flat, rows)
    elif form == TILE:
        body, scratch = conv_tile.tiled(site, target)
        views = (flat, rows)
    else:
        body, views = direct_body(site), (x.shape, w.shape)
    arrays = [Array(source, Type(x.dtype, views[0])),
              Array(site.weights, Type(w.dtype, views[1]) if packed is None else packed),
              *([] if outside is None else [Array("outside", outside)]),
              *epilogue.arrays, *[Array(f"scratch{k}", t, written=True) for k, t in enumerate(scratch)]]  # fmt: skip
    return Kernel("conv", tuple(arrays), symbols_of(body, tuple(arrays)), body)
