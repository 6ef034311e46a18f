"""Products, convolutions, pooling, lookups and decompositions of the compiler's graphs as TensorFlow's nodes."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.emit.emitter import Emitter, Form, NoForm, Value
from graphc.api.node_def.attrs import value_of
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const_value
from graphc.ir.type import Type
from graphc.prims.contract import conv, dilated
from graphc.prims.dims import size_of, zeros
from graphc.prims.shape import concat, pad, reshape, slice_

_GROUPS = 32  # convolutions of more groups are not written one by one


def _dot(e: Emitter, node: Node) -> Value:
    names, kind = [e.full(x) for x in node.inputs], node.dtype
    turned = node.attr("transpose_x"), node.attr("transpose_y")
    if len(node.shape) == 2:
        name = e.add("MatMul", names, T=kind, transpose_a=turned[0], transpose_b=turned[1])
        return Value(name, node.shape)
    if kind.is_complex and any(turned):
        raise NoForm("a product of transposed complex matrices")
    return Value(e.add("BatchMatMulV2", names, T=kind, adj_x=turned[0], adj_y=turned[1]), node.shape)


# ------------------------------------------------------------------------------------------- convolutions


def _border(low, high) -> dict:
    """The attributes of padding."""
    if not any((*low, *high)):
        return {"padding": "VALID"}
    pairs = [0, 0, *[v for pair in zip(low, high) for v in pair], 0, 0]
    return {"padding": "EXPLICIT", "explicit_paddings": pairs}


def _window(stride, dilation, low, high) -> dict:
    return {"strides": [1, *stride, 1], "dilations": [1, *dilation, 1], "data_format": "NHWC", **_border(low, high)}


def _conv2d(e: Emitter, node: Node) -> Value:
    names = [e.full(x) for x in node.inputs]
    border = [node.attr("low"), node.attr("high")]
    attrs = _window(node.attr("stride"), node.attr("dilation"), *border)
    return Value(e.add("Conv2D", names, T=node.dtype, **attrs), node.shape)


def _conv3d(e: Emitter, node: Node) -> Value:
    names = [e.full(x) for x in node.inputs]
    name = e.add("Conv3D", names, T=node.dtype, strides=[1, *node.attr("stride"), 1], padding="VALID",
                 dilations=[1, *node.attr("dilation"), 1], data_format="NDHWC")  # fmt: skip
    return Value(name, node.shape)


def as_itself(node: Node) -> Form:
    """A form that is another Node of the same shape."""

    def write(e: Emitter, _: Node) -> Value:
        return e.loose(node)

    return Form((node,), write)


def plan_conv(e: Emitter, node: Node) -> Form:
    """A convolution, or the gradient of one with respect to its input."""
    x, w = node.inputs
    count = len(node.shape) - 2
    found = _input_gradient(node)
    if found is not None:
        return found
    window = {k: node.attr(k) for k in ("stride", "low", "high", "dilation", "x_dilation")}
    if node.attr("groups") > 1:
        return as_itself(_grouped(x, w, node.attr("groups"), window))
    if count == 1:
        flat = {k: (1 if k not in ("low", "high") else 0, *v) for k, v in window.items()}
        image = reshape(x, (x.shape[0], 1, *x.shape[1:]))
        return as_itself(reshape(conv(image, reshape(w, (1, *w.shape)), **flat), node.shape))
    if count not in (2, 3):
        raise NoForm(f"a convolution of {count} axes")
    spread, low, high = _bordered(x, window, explicit=count == 2)
    if spread is not x:
        return as_itself(conv(spread, w, window["stride"], low, high, window["dilation"]))
    return Form(node.inputs, _conv2d if count == 2 else _conv3d)


def _bordered(x: Node, window: dict, explicit: bool) -> tuple[Node, tuple, tuple]:
    """The input of a convolution with holes and borders; what is left for the convolution's own padding."""
    low, high = window["low"], window["high"]
    for axis, d in enumerate(window["x_dilation"], 1):
        if d > 1:
            shape = x.shape
            wide = reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
            after = [0] * len(wide.shape)
            after[axis + 1] = d - 1
            wide = reshape(pad(wide, zeros(Type(x.dtype, ())), [0] * len(after), after),
                           (*shape[:axis], shape[axis] * d, *shape[axis + 1 :]))  # fmt: skip
            stop = list(wide.shape)
            stop[axis] = dilated(shape[axis], d)
            x = slice_(wide, [0] * len(stop), stop)
    known = all(type(v) is int for v in (*low, *high))
    none = (0,) * len(low)
    if known and explicit and min((*low, *high)) >= 0:
        return x, low, high
    if not known:
        raise NoForm("a convolution whose border depends on sizes")
    if any(v < 0 for v in (*low, *high)):
        cut = [0, *[max(0, -v) for v in low], 0]
        stop = [x.shape[0], *[n - max(0, -v) for n, v in zip(x.shape[1:-1], high)], x.shape[-1]]
        x = slice_(x, cut, stop)
    return pad(x, zeros(Type(x.dtype, ())), [0, *[max(0, v) for v in low], 0], [0, *[max(0, v) for v in high], 0]), \
        none, none  # fmt: skip


def _grouped(x: Node, w: Node, groups: int, window: dict) -> Node:
    if groups > _GROUPS or type(x.shape[-1]) is not int:
        raise NoForm(f"a convolution of {groups} groups")
    wide, many = x.shape[-1] // groups, w.shape[-1] // groups
    parts = []
    for g in range(groups):
        own = slice_(x, [0] * len(x.shape[1:]) + [g * wide], [*x.shape[:-1], (g + 1) * wide])
        filters = slice_(w, [0] * len(w.shape[1:]) + [g * many], [*w.shape[:-1], (g + 1) * many])
        parts.append(conv(own, filters, **window))
    return concat(*parts, axis=len(x.shape) - 1)


def _input_gradient(node: Node) -> Form | None:
    """A convolution of two axes with a turned kernel, as the gradient of one with the kernel itself."""
    g, kernel = node.inputs
    if kernel.op != "transpose" or kernel.attr("perm") != (0, 1, 3, 2) or len(node.shape) != 4:
        return None
    turned = kernel.inputs[0]
    if turned.op != "reverse" or turned.attr("axes") != (0, 1) or node.attr("groups") != 1:
        return None
    stride, low, high = node.attr("x_dilation"), node.attr("low"), node.attr("high")
    plain = node.attr("stride") == node.attr("dilation") == (1, 1)
    if not plain or any(type(v) is not int for v in (*low, *high, *kernel.shape[:2])):
        return None
    before = [k - 1 - v for k, v in zip(kernel.shape, low)]
    after = [k - 1 - v for k, v in zip(kernel.shape, high)]
    if min(before) < 0 or any(v <= -s for v, s in zip(after, stride)):
        return None
    w, after = turned.inputs[0], [max(0, v) for v in after]

    def write(e: Emitter, _: Node) -> Value:
        names = [e.shape(node.shape), e.full(w), e.full(g)]
        return Value(e.add("Conv2DBackpropInput", names, T=node.dtype, **_window(stride, (1, 1), before, after)),
                     node.shape)  # fmt: skip

    return Form((w, g), write)


def filter_gradient(node: Node) -> Form | None:
    """A transposed convolution of a transposed image, as the gradient of one with respect to its kernel."""
    inner = node.inputs[0]
    if inner.op != "conv" or node.attr("perm") != (1, 2, 0, 3) or inner.attr("groups") != 1:
        return None
    image, kernel = inner.inputs
    if image.op != "transpose" or kernel.op != "transpose" or len(node.shape) != 4:
        return None
    if image.attr("perm") != (3, 1, 2, 0) or kernel.attr("perm") != (1, 2, 0, 3):
        return None
    stride, low, after = inner.attr("dilation"), inner.attr("low"), inner.attr("high")
    plain = inner.attr("stride") == inner.attr("x_dilation") == (1, 1)
    if not plain or any(type(v) is not int for v in (*low, *after, *node.shape)):
        return None
    if min(low) < 0 or any(v <= -s for v, s in zip(after, stride)):
        return None
    x, g, high = image.inputs[0], kernel.inputs[0], [max(0, v) for v in after]

    def write(e: Emitter, _: Node) -> Value:
        names = [e.full(x), e.shape(node.shape), e.full(g)]
        return Value(e.add("Conv2DBackpropFilter", names, T=node.dtype, **_window(stride, (1, 1), low, high)),
                     node.shape)  # fmt: skip

    return Form((x, g), write)


# ------------------------------------------------------------------------------------------------ pooling


def pool_gradient(e: Emitter, node: Node) -> Form | None:
    """The gradient of a pooling operation that is in the graph."""
    if node.attr("graph").name != "pool_gradient" or len(node.inputs) != 3:
        return None
    g, y, x = node.inputs
    forward = e.pools.get(y)
    if forward is None:
        return None
    attrs = {k: value_of(forward.attr[k]) for k in ("ksize", "strides", "padding", "data_format")}

    def write(e: Emitter, _: Node) -> Value:
        name = e.add("MaxPoolGrad", [e.full(x), forward.name, e.full(g)], T=node.dtype, **attrs)
        return Value(name, node.shape)

    return Form((g, x), write)


# ------------------------------------------------------------------------------------------------ lookups


def _in_range(e: Emitter, name: str, indices: Node, x: Node, axis: int) -> str:
    """Indices; those that were chosen not to be used are put at the border, as TensorFlow refuses to look them up."""
    chosen = indices
    while chosen.op in ("reshape", "cast", "broadcast"):
        chosen = chosen.inputs[0]
    if chosen.op != "select":
        return name
    kind, last = indices.dtype, e.add("Sub", [e.size(x.shape[axis]), e.const(1, dt.i32)], T=dt.i32)
    last = e.cast(last, dt.i32, kind)
    low = e.add("Maximum", [name, e.const(0, kind)], T=kind)
    return e.add("Minimum", [low, last], T=kind)


def _gather(e: Emitter, node: Node) -> Value:
    x, indices = node.inputs
    batch, depth = node.attr("batch"), indices.shape[-1]
    kinds = {"Tparams": x.dtype, "Tindices": indices.dtype}
    if depth == 1:
        flat = e.reshaped(e.full(indices), indices.shape[:-1], indices.dtype)
        flat = _in_range(e, flat, indices, x, batch)
        axis = e.const(batch, dt.i32)
        return Value(e.add("GatherV2", [e.full(x), flat, axis], Taxis=dt.i32, batch_dims=batch, **kinds), node.shape)
    if batch:
        raise NoForm("a lookup of several indices in batches")
    return Value(e.add("GatherNd", [e.full(x), e.full(indices)], **kinds), node.shape)


_SCATTERS = {"add": "TensorScatterAdd", "set": "TensorScatterUpdate", "max": "TensorScatterMax",
             "min": "TensorScatterMin"}  # fmt: skip


def plan_scatter(e: Emitter, node: Node) -> Form:
    """Values put at places; batches become one long axis first."""
    x, indices, updates = node.inputs
    batch, depth, kind = node.attr("batch"), indices.shape[-1], node.attr("kind")
    if kind not in _SCATTERS:
        raise NoForm(f"a scatter of kind {kind}")
    if batch:
        return _batched_scatter(node)
    if const_value(x) == 0 and kind == "add" and depth == 1:
        return Form((indices, updates), _segments)
    return Form(node.inputs, _scatter)


def _segments(e: Emitter, node: Node) -> Value:
    _, indices, updates = node.inputs
    places = e.reshaped(e.full(indices), indices.shape[:-1], indices.dtype)
    name = e.add("UnsortedSegmentSum", [e.full(updates), places, e.size(node.shape[0])], T=node.dtype,
                 Tindices=indices.dtype, Tnumsegments=dt.i32)  # fmt: skip
    return Value(name, node.shape)


def _scatter(e: Emitter, node: Node) -> Value:
    x, indices, updates = [e.full(v) for v in node.inputs]
    name = e.add(_SCATTERS[node.attr("kind")], [x, indices, updates], T=node.dtype, Tindices=node.inputs[1].dtype)
    return Value(name, node.shape)


def _batched_scatter(node: Node) -> Form:
    """Places of batches: b * size + place."""
    x, indices, updates = node.inputs
    batch = node.attr("batch")
    if indices.shape[-1] != 1:
        raise NoForm("a scatter at several indices in batches")
    many, size = size_of(x.shape[:batch]), x.shape[batch]
    rest, places = x.shape[batch + 1 :], size_of(indices.shape[batch:-1])

    def write(e: Emitter, _: Node) -> Value:
        kind = indices.dtype
        row = e.add("Range", [e.const(0, dt.i32), e.size(many), e.const(1, dt.i32)], Tidx=dt.i32)
        row, wide = e.cast(row, dt.i32, kind), e.cast(e.size(size), dt.i32, kind)
        first = e.add("Mul", [e.reshaped(row, (many, 1), kind), wide], T=kind)
        grid = e.reshaped(e.full(indices), (many, places), kind)
        flat = e.reshaped(e.add("AddV2", [grid, first], T=kind), (many * places, 1), kind)
        target = e.reshaped(e.full(x), (many * size, *rest), node.dtype)
        values = e.reshaped(e.full(updates), (many * places, *rest), node.dtype)
        name = e.add(_SCATTERS[node.attr("kind")], [target, flat, values], T=node.dtype, Tindices=kind)
        return Value(e.reshaped(name, node.shape, node.dtype), node.shape)

    return Form(node.inputs, write)


# ----------------------------------------------------------------------------------------- decompositions


def _matrix(kind: str, **fixed) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        return Value(e.add(kind, [e.full(x) for x in node.inputs], T=node.dtype, **fixed), node.shape)

    return write


PRODUCT_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {
    "dot": _dot, "gather": _gather, "cholesky": _matrix("Cholesky"), "det": _matrix("MatrixDeterminant"),
    "inverse": _matrix("MatrixInverse", adjoint=False),
}  # fmt: skip
