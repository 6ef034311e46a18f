"""Images: sampling by grids, affine grids, blocks of pixels, deformable convolution, cropping, image files."""

from __future__ import annotations

import math as python_math

from graphc.ir import dtype as dt
from graphc.ir.node import Node, simplified
from graphc.lib import linalg, math
from graphc.lib.decode import decode_any
from graphc.lib.dims import dim_node, smaller
from graphc.lib.dims import size as size_of
from graphc.lib.patches import fold
from graphc.lib.promote import broadcast_to
from graphc.lib.sampling import clamped, interpolated, reflected
from graphc.lib.shape import ensure_shape, pad, part, reshape, transpose, unstack
from graphc.lib.window import extent, windows_in
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axes_in
from graphc.onnx.ops.precision import floats_of, working
from graphc.onnx.ops.windows import pads_of, strides_of
from graphc.onnx.registry import operator
from graphc.prims.table import apply

# ------------------------------------------------------------------------------------------- sampling by grids

_METHODS = {"bilinear": "linear", "bicubic": "cubic"}


@operator("GridSample", since=16)
def grid_sample(call: Call):
    """Values at positions given by a grid, from -1 to 1 along each axis, the last axis first."""
    x, grid = call[0], call[1]
    count = len(x.shape) - 2
    if count < 1 or len(grid.shape) != count + 2 or grid.shape[-1] not in (count, None) and type(grid.shape[-1]) is int:
        raise call.wrong("needs X [batch, channels, *sizes] and a grid [batch, *sizes, number of sizes]")
    grid = ensure_shape(grid, (x.shape[0], *[None] * count, count))
    default = "bilinear" if call.version < 20 else "linear"
    method = call.choice("mode", default, "bilinear", "bicubic", "linear", "nearest", "cubic")
    method = _METHODS.get(method, method)
    border = call.choice("padding_mode", "zeros", "border", "reflection")
    is_aligned = bool(call.int("align_corners", 0))
    sizes = x.shape[2:]
    points = grid.shape[1:-1]
    flat = reshape(grid, (grid.shape[0], size_of(points), count))
    positions = [_position(p, n, is_aligned) for p, n in zip(unstack(floats_of(flat), count, 2)[::-1], sizes)]
    if method == "nearest":
        positions = [math.round(p) for p in positions]
    positions = [_settled(p, n, border, is_aligned, method) for p, n in zip(positions, sizes)]
    rows = transpose(x, (0, *range(2, count + 2), 1))
    wide = rows if method == "nearest" or x.dtype in (dt.f32, dt.f64, dt.c64, dt.c128) else math.cast(rows, dt.f32)

    def settle(k: int, place: Node) -> Node:
        mirrored = _mirrored(place, sizes[k], is_aligned) if border == "reflection" else place
        return clamped(mirrored, sizes[k])

    out = interpolated(wide, positions, method, None if border == "zeros" else settle)
    out = transpose(out, (0, 2, 1))
    return math.cast(reshape(out, (x.shape[0], x.shape[1], *points)), x.dtype)


def _position(p: Node, n, is_aligned: bool) -> Node:
    """A number from -1 to 1 as a place among ``n`` elements."""
    length = dim_node(n, p.dtype)
    if is_aligned:
        return math.multiply(math.multiply(math.add(p, 1.0), 0.5), math.subtract(length, 1.0))
    return math.multiply(math.subtract(math.multiply(math.add(p, 1.0), length), 1.0), 0.5)


def _settled(p: Node, n, border: str, is_aligned: bool, method: str) -> Node:
    """A position after the border has had its say; that of ``cubic`` is about each element around the position."""
    if border == "reflection":
        return _mirrored(p, n, is_aligned)
    return clamped(p, n) if border == "border" and method != "cubic" else p


def _mirrored(p: Node, n, is_aligned: bool) -> Node:
    return reflected(p, n, 0.0 if is_aligned else 0.5)


@operator("AffineGrid", since=20)
def affine_grid(call: Call):
    """The grid of an affine map of every image."""
    theta, sizes = call[0], call.sizes(1)[2:]
    count = len(sizes)
    if count not in (2, 3) or len(theta.shape) != 3 or theta.shape[1:] != (count, count + 1):
        raise call.wrong(f"needs theta [batch, {count}, {count + 1}] for {count} sizes; 2 or 3 are possible")
    is_aligned = bool(call.int("align_corners", 0))
    full = (theta.shape[0], *sizes)
    columns = [reshape(part(theta, 2, k, k + 1), (theta.shape[0], *(1,) * count, count)) for k in range(count + 1)]
    total = broadcast_to(columns[-1], (*full, count))
    for k, n in enumerate(reversed(sizes)):
        line = _line(n, is_aligned, theta.dtype)
        axis = count - k
        line = reshape(line, tuple(n if a == axis else 1 for a in range(count + 2)))
        total = math.add(total, math.multiply(line, columns[k]))
    return total


def _line(n, is_aligned: bool, kind) -> Node:
    """``n`` positions between -1 and 1."""
    wide = working(kind)
    k = apply("iota", shape=(n,), axis=0, dtype=wide)
    length = dim_node(n, wide)
    if is_aligned:
        step = math.divide(2.0, math.maximum(math.subtract(length, 1.0), 1.0))
        found = math.add(math.multiply(k, step), -1.0)
    else:
        found = math.add(math.divide(math.add(math.multiply(k, 2.0), 1.0), length), -1.0)
    return math.cast(found, kind)


# --------------------------------------------------------------------------------------- deformable convolution


@operator("DeformConv", since=19)
def deform_conv(call: Call):
    """A convolution whose every tap is moved by an offset and scaled by a mask."""
    x, w, offset = call[0], call[1], call[2]
    count = len(x.shape) - 2
    if count < 1 or len(w.shape) != count + 2 or len(offset.shape) != count + 2:
        raise call.wrong("X, W and offset must have the same rank of at least 3")
    kernel = w.shape[2:]
    groups, spread = call.int("group", 1), call.int("offset_group", 1)
    batch, channels = x.shape[:2]
    known = (channels, w.shape[0], *w.shape[1:])
    if any(type(d) is not int for d in known) or groups < 1 or spread < 1:
        raise call.refuse("channels and kernel must be of known sizes")
    taps = python_math.prod(kernel)
    if channels % groups or channels % spread or w.shape[0] % groups or w.shape[1] * groups != channels:
        raise call.wrong(f"{channels} channels do not fit {groups} groups and {spread} groups of offsets")
    if call.ints("kernel_shape", list(kernel)) != list(kernel) or offset.shape[1] != spread * taps * count:
        raise call.wrong(f"offset must have {spread * taps * count} channels for a kernel of {kernel}")
    offset = ensure_shape(offset, (batch, *[None] * (count + 1)))
    out = offset.shape[2:]
    positions = _deformed(call, reshape(offset, (batch, spread, taps, count, *out)), kernel, count)
    share = channels // spread
    rows = reshape(x, (simplified(batch * spread), share, *x.shape[2:]))
    rows = transpose(rows, (0, *range(2, count + 2), 1))
    taken = interpolated(floats_of(rows), positions)
    taken = reshape(taken, (batch, spread, taps, size_of(out), share))
    if call.has(4):
        mask = reshape(ensure_shape(call[4], (batch, None, *out)), (batch, spread, taps, size_of(out), 1))
        taken = math.multiply(taken, math.cast(mask, taken.dtype))
    # [batch, places, channels * taps] for each group of the convolution
    taken = reshape(transpose(taken, (0, 3, 1, 4, 2)), (batch, size_of(out), groups, channels // groups * taps))
    factors = math.cast(reshape(w, (1, groups, w.shape[0] // groups, w.shape[1] * taps)), taken.dtype)
    made = linalg.matmul(factors, transpose(taken, (0, 2, 1, 3)), transpose_b=True)
    made = reshape(made, (batch, w.shape[0], *out))
    if call.has(3):
        made = math.add(made, math.cast(reshape(call[3], (w.shape[0], *(1,) * count)), made.dtype))
    return math.cast(made, x.dtype)


def _deformed(call: Call, offset: Node, kernel: tuple, count: int) -> list[Node]:
    """For every axis the positions [batch * offset groups, taps * places] that the taps look at."""
    batch, spread, taps = offset.shape[:3]
    out = offset.shape[4:]
    strides, dilations = strides_of(call, count)
    pads = pads_of(call, count)
    found = []
    for k in range(count):
        wide = working(offset.dtype)
        moved = math.cast(reshape(part(offset, 3, k, k + 1), (batch, spread, *kernel, *out)), wide)
        tap = apply("iota", shape=moved.shape, axis=2 + k, dtype=wide)
        place = apply("iota", shape=moved.shape, axis=2 + count + k, dtype=wide)
        start = math.add(math.multiply(place, float(strides[k])), float(-pads[k]))
        position = math.add(math.add(start, math.multiply(tap, float(dilations[k]))), moved)
        found.append(reshape(position, (simplified(batch * spread), simplified(taps * size_of(out)))))
    return found


# ---------------------------------------------------------------------------------------------- blocks


@operator("DepthToSpace", moves=True)
def depth_to_space(call: Call):
    """Channels become blocks of pixels."""
    x, size = call[0], call.int("blocksize")
    mode = call.choice("mode", "DCR", "CRD")
    batch, depth, height, width = _image(call, x)
    if size < 1 or type(depth) is int and depth % (size * size):
        raise call.wrong(f"{depth} channels do not make blocks of {size} x {size}")
    left = simplified(depth // (size * size))
    if mode == "DCR":
        out = transpose(reshape(x, (batch, size, size, left, height, width)), (0, 3, 4, 1, 5, 2))
    else:
        out = transpose(reshape(x, (batch, left, size, size, height, width)), (0, 1, 4, 2, 5, 3))
    return reshape(out, (batch, left, simplified(height * size), simplified(width * size)))


@operator("SpaceToDepth", moves=True)
def space_to_depth(call: Call):
    """Blocks of pixels become channels."""
    x, size = call[0], call.int("blocksize")
    mode = call.choice("mode", "DCR", "CRD")
    batch, depth, height, width = _image(call, x)
    if size < 1 or any(type(d) is int and d % size for d in (height, width)):
        raise call.wrong(f"{height} x {width} pixels do not make blocks of {size} x {size}")
    rows, columns = simplified(height // size), simplified(width // size)
    out = reshape(x, (batch, depth, rows, size, columns, size))
    out = transpose(out, (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return reshape(out, (batch, simplified(depth * (size * size)), rows, columns))


def _image(call: Call, x: Node) -> tuple:
    if len(x.shape) != 4:
        raise call.wrong("the input must be [batch, channels, height, width]")
    return x.shape


@operator("Col2Im", since=18)
def col2im(call: Call):
    """Blocks added up at their places in an image."""
    x, sizes, block = call[0], call.sizes(1), call.static_ints(2)
    count = len(block)
    if len(x.shape) != 3 or len(sizes) != count or any(b < 1 for b in block):
        raise call.wrong(f"needs blocks [batch, channels * block, number] and a block {block} for sizes {sizes}")
    strides, dilations = strides_of(call, count)
    pads = pads_of(call, count)
    whole = [simplified(n + pads[k] + pads[k + count]) for k, n in enumerate(sizes)]
    counts = [windows_in(n, extent(b, d), s) for n, b, d, s in zip(whole, block, dilations, strides)]
    _, depth, number = x.shape
    taps = python_math.prod(block)
    if type(depth) is int and depth % taps:
        raise call.wrong(f"{depth} channels are no multiple of {taps}, the elements of a block")
    total = size_of(counts)
    if any(type(n) is int and n < 1 for n in counts) or type(total) is type(number) is int and total != number:
        raise call.wrong(f"sizes {sizes} have {total} blocks of {block}, not {number}")
    return fold(x, sizes, tuple(block), tuple(strides), tuple(dilations), pads[:count], pads[count:])


# --------------------------------------------------------------------------------------------- cropping, files


@operator("CenterCropPad", since=18, moves=True)
def center_crop_pad(call: Call):
    """The middle of a tensor, or the tensor in the middle of zeros, for each axis."""
    x, sizes = call[0], call.sizes(1)
    rank = len(x.shape)
    axes = axes_in(call, call.ints("axes", None) or list(range(rank)), rank)
    if len(sizes) != len(axes):
        raise call.wrong(f"{len(sizes)} sizes for axes {axes} of a tensor of rank {rank}")
    for a, m in zip(axes, sizes):
        x = _centred(x, a, m)
    return x


def _centred(x: Node, axis: int, m) -> Node:
    n = x.shape[axis]
    if m is n or m == n:
        return x
    kept = smaller(m, n)
    start = simplified((n - kept) // 2)
    x = part(x, axis, start, simplified(start + kept))
    low = simplified((m - kept) // 2)
    border = [(0, 0)] * len(x.shape)
    border[axis] = (low, simplified(m - kept - low))
    return x if border[axis] == (0, 0) else pad(x, border)


@operator("ImageDecoder", since=20)
def image_decoder(call: Call):
    """The pixels [height, width, channels] of an image file; an empty tensor if it cannot be read. Runs on the host."""
    if len(call[0].shape) != 1 or call[0].dtype is not dt.u8:
        raise call.wrong("the file must be a vector of uint8")
    return decode_any(call[0], call.choice("pixel_format", "RGB", "BGR", "Grayscale"))
