"""Cutting and framing images: crops, borders, crops at boxes, glimpses and patches, under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const_value, origins, simplified
from graphc.lib import math, random
from graphc.lib.dims import dim, dim_node, integer, listed, shape_of
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.shape import ensure_shape, part
from graphc.prims.table import apply


def check_image(op: str, image) -> Node:
    """An image [height, width, channels] or a batch of them.

    Raises:
        ShapeError: another rank.
    """
    x = as_node(image)
    if len(x.shape) not in (3, 4):
        what = f"{op}: needs an image of 3 axes or a batch of 4, not {x.type}"
        raise ShapeError(explain(what, origins(image=x)))
    return x


def same_leading(*nodes: Node) -> list[Node]:
    """The tensors with one leading size: an int wins over a symbol, and is checked at entry."""
    sizes = [n.shape[0] for n in nodes]
    wanted = next((d for d in sizes if type(d) is int), sizes[0])
    return [n if n.shape[0] is wanted else ensure_shape(n, (wanted, *(None,) * (len(n.shape) - 1))) for n in nodes]


def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width) -> Node:
    """The part of ``target_height`` x ``target_width`` pixels from an offset on.

    Raises:
        ShapeError: a negative offset, an empty target, or a part that reaches beyond the image.
    """
    op = "crop_to_bounding_box"
    x = check_image(op, image)
    rank = len(x.shape)
    for axis, offset, target in ((rank - 3, offset_height, target_height), (rank - 2, offset_width, target_width)):
        low, size = dim(offset, op), dim(target, op)
        _check_part(op, x, axis, low, size)
        x = part(x, axis, low, simplified(low + size))
    return x


def _check_part(op: str, x: Node, axis: int, low, size) -> None:
    have, stop = x.shape[axis], simplified(low + size)
    if type(low) is int and low < 0:
        raise ShapeError(explain(f"{op}: offset {low} must not be negative", origins(image=x)))
    if type(size) is int and size < 1:
        raise ShapeError(explain(f"{op}: target size {size} must be positive", origins(image=x)))
    if type(have) is int and type(stop) is int and stop > have:
        what = f"{op}: {low} + {size} lies beyond axis {axis} of {x.type}"
        raise ShapeError(explain(what, origins(image=x)))


def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width) -> Node:
    """The image at an offset inside ``target_height`` x ``target_width`` zeros.

    Raises:
        ShapeError: a negative offset, or a target that is too small.
    """
    op = "pad_to_bounding_box"
    x = check_image(op, image)
    rank = len(x.shape)
    low, high = [0] * rank, [0] * rank
    for axis, offset, target in ((rank - 3, offset_height, target_height), (rank - 2, offset_width, target_width)):
        before, wanted = dim(offset, op), dim(target, op)
        after = simplified(wanted - before - x.shape[axis])
        if any(type(d) is int and d < 0 for d in (before, after)):
            what = f"{op}: axis {axis} of {x.type} at offset {before} does not fit into {wanted}"
            raise ShapeError(explain(what, origins(image=x)))
        low[axis], high[axis] = before, after
    if not any(isinstance(d, Node) or d for d in (*low, *high)):
        return x
    return apply("pad", x, as_node(x.dtype.numpy.type(0), x.dtype), low=tuple(low), high=tuple(high))


def resize_with_crop_or_pad(image, target_height, target_width) -> Node:
    """The middle of the image, or the image in the middle of zeros, for each of height and width."""
    op = "resize_with_crop_or_pad"
    x = check_image(op, image)
    sizes, crops, pads = x.shape[-3:-1], [], []
    target = tuple(dim(d, op) for d in (target_height, target_width))
    for have, wanted in zip(sizes, target):
        if type(wanted) is int and wanted < 1:
            raise ShapeError(explain(f"{op}: target size {wanted} must be positive", origins(image=x)))
        spare = simplified(wanted - have)
        crops.append(_extreme("max", simplified((0 - spare) // 2), 0))
        pads.append(_extreme("max", simplified(spare // 2), 0))
    inner = [_extreme("min", a, b) for a, b in zip(target, sizes)]
    return pad_to_bounding_box(crop_to_bounding_box(x, *crops, *inner), *pads, *target)


def _extreme(op: str, a, b):
    if isinstance(a, Node) or isinstance(b, Node):
        return simplified(binary(op, a, b))
    return max(a, b) if op == "max" else min(a, b)


def central_crop(image, central_fraction) -> Node:
    """The middle part of an image: this fraction of its height and width.

    Raises:
        UsageError: the fraction is not a known number in (0, 1].
    """
    x = check_image("central_crop", image)
    known = const_value(central_fraction) if isinstance(central_fraction, Node) else float(central_fraction)
    if known is None or not 0 < known <= 1:
        what = f"central_crop: central_fraction must be a known number in (0, 1], got {central_fraction!r}"
        raise UsageError(explain(what, origins(image=x)))
    if known == 1:
        return x
    for axis in (len(x.shape) - 3, len(x.shape) - 2):
        n = x.shape[axis]
        start = int((float(n) - float(n) * known) / 2) if type(n) is int else _symbolic_margin(n, known)
        x = part(x, axis, start, simplified(n - start))
    return x


def _symbolic_margin(n: Node, fraction: float):
    """``(n - n * fraction) / 2`` rounded down, in integers: the fraction as a quotient by 2**20."""
    scale = 1 << 20
    return simplified((n * (scale - round(fraction * scale))) // (2 * scale))


# ---------------------------------------------------------------------------------------------- at places


def crop_and_resize(image, boxes, box_indices, crop_size, method="bilinear", extrapolation_value=0.0) -> Node:
    """Parts of images inside boxes, each resized to one size, in float32.

    Args:
        image: [batch, height, width, channels].
        boxes: [boxes, 4]: y1, x1, y2, x2 as fractions of height - 1 and width - 1; y1 > y2 turns the part over.
        box_indices: [boxes], the image that each box belongs to.
        crop_size: height and width of the result.
        method: ``bilinear`` or ``nearest``.
        extrapolation_value: what lies outside the image.

    Raises:
        ShapeError: other ranks or sizes. UsageError: an unknown method.
    """
    op = "crop_and_resize"
    x, b, owner = math.cast(as_node(image), dt.f32), as_node(boxes), as_node(box_indices)
    if len(x.shape) != 4 or len(b.shape) != 2 or len(owner.shape) != 1:
        what = f"{op}: needs image [n,h,w,c], boxes [m,4] and box_indices [m], not {x.type}, {b.type}, {owner.type}"
        raise ShapeError(explain(what, origins(image=x, boxes=b, box_indices=owner)))
    if method not in ("bilinear", "nearest"):
        raise UsageError(explain(f"{op}: method {method!r} is not 'bilinear' or 'nearest'", origins(image=x)))
    wanted = shape_of(crop_size, op)
    if len(wanted) != 2 or any(type(d) is int and d < 1 for d in wanted):
        raise ShapeError(explain(f"{op}: crop_size must be two positive sizes, got {wanted}", origins(image=x)))
    b, owner = same_leading(ensure_shape(math.cast(b, dt.f32), (None, 4)), math.cast(owner, dt.i64))
    axes = [_box_positions(b, k, x.shape[1 + k], wanted[k]) for k in (0, 1)]
    full = (b.shape[0], *wanted)
    picture = apply("broadcast", owner, shape=full, axes=(0,))
    out = _sampled(x, picture, axes, full, method)
    inside = _outer("and", *[_within(p, x.shape[1 + k]) for k, p in enumerate(axes)], full)
    inside = apply("broadcast", inside, shape=out.shape, axes=(0, 1, 2))
    return apply("select", inside, out, math.full_like(out, extrapolation_value))


def crop_and_resize_v1(image, boxes, box_ind=None, crop_size=None, method="bilinear", extrapolation_value=0, name=None,
                       box_indices=None) -> Node:  # fmt: skip
    """``crop_and_resize`` with TensorFlow 1's arguments.

    Raises:
        UsageError: ``box_ind`` or ``crop_size`` is missing.
    """
    owner = box_ind if box_indices is None else box_indices
    if owner is None or crop_size is None:
        raise UsageError(explain("crop_and_resize: pass box_ind and crop_size"))
    return crop_and_resize(image, boxes, owner, crop_size, method, extrapolation_value)


def _box_positions(boxes: Node, k: int, n, m) -> Node:
    """Where the rows (k = 0) or columns (k = 1) of each box's crop lie in the image, float32 [boxes, m]."""
    first, last = (part(boxes, 1, c, c + 1) for c in (k, k + 2))
    full = (boxes.shape[0], m)
    reach = broadcast_to(dim_node(n, dt.f32), full) - 1.0
    low, high = broadcast_to(first, full), broadcast_to(last, full)
    if type(m) is int and m == 1:
        return apply("mul", apply("add", low, high) * 0.5, reach)
    gaps = broadcast_to(dim_node(m, dt.f32), full) - 1.0
    step = apply("div", apply("mul", apply("sub", high, low), reach), gaps)
    return apply("add", apply("mul", low, reach), apply("mul", apply("iota", shape=full, axis=1, dtype=dt.f32), step))


def _within(position: Node, n) -> Node:
    last = broadcast_to(dim_node(n, dt.f32), position.shape) - 1.0
    return apply("and", apply("le", math.full_like(position, 0), position), apply("le", position, last))


def _outer(op: str, rows: Node, columns: Node, full: tuple) -> Node:
    """[boxes, rows] and [boxes, columns] combined to [boxes, rows, columns]."""
    return apply(op, apply("broadcast", rows, shape=full, axes=(0, 1)), apply("broadcast", columns, shape=full,
                                                                              axes=(0, 2)))  # fmt: skip


def _sampled(x: Node, picture: Node, axes: list[Node], full: tuple, method: str) -> Node:
    """The pixels at positions: the nearest, or the four around a position weighted."""

    def place(position: Node, n) -> Node:
        low = math.maximum(position, 0.0)
        return math.cast(apply("min", low, broadcast_to(dim_node(n, dt.f32), low.shape) - 1.0), dt.i64)

    def pick(rows: Node, columns: Node) -> Node:
        row = apply("broadcast", place(rows, x.shape[1]), shape=full, axes=(0, 1))
        column = apply("broadcast", place(columns, x.shape[2]), shape=full, axes=(0, 2))
        index = [apply("reshape", i, shape=(*full, 1)) for i in (picture, row, column)]
        return apply("gather", x, apply("concat", *index, axis=3), batch=0)

    y, z = axes
    if method == "nearest":
        return pick(apply("floor", y + 0.5), apply("floor", z + 0.5))
    top, bottom = (apply(f, apply("stop", y)) for f in ("floor", "ceil"))
    left, right = (apply(f, apply("stop", z)) for f in ("floor", "ceil"))
    corners = [[pick(r, c) for c in (left, right)] for r in (top, bottom)]
    wide = corners[0][0].shape
    down = apply("broadcast", apply("sub", y, top), shape=wide, axes=(0, 1))
    across = apply("broadcast", apply("sub", z, left), shape=wide, axes=(0, 2))
    upper, lower = (apply("add", a, apply("mul", apply("sub", b, a), across)) for a, b in corners)
    return apply("add", upper, apply("mul", apply("sub", lower, upper), down))


def extract_glimpse(key: Node, counter: Node, input, size, offsets, centered=True, normalized=True,  # noqa: A002
                    noise="uniform") -> Node:  # fmt: skip
    """A window of one size from each image; what lies outside the image is noise.

    Args:
        key, counter: what ``random.uniform`` draws from.
        input: float32 [batch, height, width, channels].
        size: height and width of the window.
        offsets: [batch, 2], where (y, x) each window lies.
        centered: offsets count from the middle of the image; else from its upper left corner.
        normalized: offsets are fractions of the image, -1 to 1 if centered; centered fractions mean the middle of the
            window, all other offsets its upper left corner, as in TensorFlow.
        noise: ``uniform``, ``gaussian`` or ``zero``.

    Raises:
        ShapeError: other ranks. UsageError: an unknown noise.
    """
    return _glimpse(key, counter, input, size, offsets, noise, lambda *at: _glimpse_start(*at, centered, normalized))


def extract_glimpse_v1(key: Node, counter: Node, input, size, offsets, centered=True, normalized=True,  # noqa: A002
                       uniform_noise=True, name=None) -> Node:  # fmt: skip
    """TensorFlow 1's ``extract_glimpse``: offsets mean the middle of the window; noise is uniform or Gaussian."""

    def start(middle: Node, extent: Node, window: Node) -> Node:
        middle = apply("mul", middle, extent) if normalized else middle
        middle = apply("add", middle, extent) * 0.5 if centered else middle
        return apply("sub", middle, window * 0.5)

    return _glimpse(key, counter, input, size, offsets, "uniform" if uniform_noise else "gaussian", start)


def _glimpse_start(offset: Node, extent: Node, window: Node, centered: bool, normalized: bool) -> Node:
    if not normalized:
        return apply("add", offset, extent * 0.5) if centered else offset
    pixels = apply("mul", offset, extent)
    return apply("sub", apply("add", pixels, extent) * 0.5, window * 0.5) if centered else pixels


def _glimpse(key: Node, counter: Node, image, size, offsets, noise: str, start) -> Node:
    """Windows that begin where ``start`` (offset, extent of the image, extent of the window) says."""
    op = "extract_glimpse"
    x, at = as_node(image), math.cast(as_node(offsets), dt.f32)
    wanted = shape_of(size, op)
    if len(x.shape) != 4 or len(at.shape) != 2 or len(wanted) != 2:
        what = f"{op}: needs input [n,h,w,c], two sizes and offsets [n,2], not {x.type} and {at.type}"
        raise ShapeError(explain(what, origins(input=x, offsets=at)))
    if noise not in ("uniform", "gaussian", "zero"):
        raise UsageError(explain(f"{op}: noise {noise!r} is not 'uniform', 'gaussian' or 'zero'", origins(input=x)))
    x, at = same_leading(x, ensure_shape(at, (None, 2)))
    full = (x.shape[0], *wanted)
    places = [_glimpse_places(at, k, x.shape[1 + k], wanted[k], start) for k in (0, 1)]
    index = [apply("reshape", apply("broadcast", p, shape=full, axes=(0, 1 + k)), shape=(*full, 1))
             for k, p in enumerate(places)]  # fmt: skip
    out = apply("gather", x, apply("concat", *index, axis=3), batch=1)
    if noise == "zero":
        return out
    inside = _outer("and", *[_within(math.cast(p, dt.f32), x.shape[1 + k]) for k, p in enumerate(places)], full)
    inside = apply("broadcast", inside, shape=out.shape, axes=(0, 1, 2))
    draw = random.normal if noise == "gaussian" else random.uniform
    return apply("select", inside, out, math.cast(draw(key, counter, out.shape), x.dtype))


def _glimpse_places(offsets: Node, k: int, n, m, start) -> Node:
    """The rows or columns of each window, i64 [batch, m]."""
    offset = part(offsets, 1, k, k + 1)
    extent, window = (broadcast_to(dim_node(d, dt.f32), offset.shape) for d in (n, m))
    full = (offsets.shape[0], m)
    first = broadcast_to(math.cast(start(offset, extent, window), dt.i64), full)
    return apply("add", first, apply("iota", shape=full, axis=1, dtype=dt.i64))


def extract_patches(images, sizes, strides, rates, padding) -> Node:
    """Windows of images side by side: [batch, rows, columns, height * width * channels of a window].

    Args:
        sizes, strides, rates: ``[1, rows, columns, 1]``: size, distance and spread of the windows.
        padding: ``VALID``, or ``SAME``: zeros around the images.

    Raises:
        ShapeError: not a batch of images. UsageError: another padding or other lists.
    """
    op = "extract_patches"
    x = as_node(images)
    if len(x.shape) != 4:
        raise ShapeError(explain(f"{op}: needs images [n,h,w,c], not {x.type}", origins(images=x)))
    window, step, spread = (_middle(op, name, v) for name, v in (("sizes", sizes), ("strides", strides),
                                                                 ("rates", rates)))  # fmt: skip
    if padding not in ("SAME", "VALID"):
        raise UsageError(explain(f"{op}: padding {padding!r} is not 'SAME' or 'VALID'", origins(images=x)))
    if padding == "SAME":
        x = _bordered(x, window, step, spread)
    found = apply("window", x, axes=(1, 2), size=window, stride=step, dilation=spread)
    moved = apply("transpose", found, perm=(0, 1, 2, 4, 5, 3))
    return apply("reshape", moved, shape=(*moved.shape[:3], simplified(window[0] * window[1] * x.shape[3])))


def extract_image_patches(images, ksizes=None, strides=None, rates=None, padding=None, name=None, sizes=None) -> Node:
    """``extract_patches`` with TensorFlow 1's arguments."""
    return extract_patches(images, ksizes if sizes is None else sizes, strides, rates, padding)


def _middle(op: str, name: str, values) -> tuple[int, int]:
    given = [integer(op, name, v) for v in listed(op, name, values)]
    if len(given) != 4 or given[0] != 1 or given[3] != 1 or min(given) < 1:
        raise UsageError(explain(f"{op}: {name} must be [1, rows, columns, 1], got {given}"))
    return given[1], given[2]


def _bordered(x: Node, window, step, spread) -> Node:
    """As many zeros around as give one window for each step, more of them behind than before."""
    low, high = [0] * 4, [0] * 4
    for axis, k, s, d in zip((1, 2), window, step, spread):
        n = x.shape[axis]
        count = simplified((n + (s - 1)) // s)
        missing = _extreme("max", simplified((count - 1) * s + (k - 1) * d + 1 - n), 0)
        low[axis] = simplified(missing // 2)
        high[axis] = simplified(missing - low[axis])
    return apply("pad", x, as_node(x.dtype.numpy.type(0), x.dtype), low=tuple(low), high=tuple(high))
