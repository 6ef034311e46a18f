"""Reading image files into tensors, under TensorFlow's names: JPEG, PNG, BMP, GIF. All of it runs on the host.

One host step reads the size of the image from its header, so that the size is known before the step that reads the
pixels. JPEG, GIF and most PNG files need Pillow (``graphc[image]``). JPEG files are decoded with accurate integer
transforms and smooth chroma, which is what TensorFlow's ``dct_method="INTEGER_ACCURATE"`` means.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import INDEX, Node, const, origins
from graphc.ir.type import Type
from graphc.lib.color import convert_image_dtype
from graphc.lib.crop import crop_to_bounding_box
from graphc.lib.dims import integer, shape_of
from graphc.lib.promote import as_node
from graphc.prims.data import measured
from graphc.prims.host import host
from graphc.prims.images import FIRST, FRAMES, STILL
from graphc.prims.table import apply

_KINDS = {dt.u8: "u8", dt.u16: "u16", dt.f32: "f32"}


def _decoded(op: str, contents, channels, kind: dt.DType, frames: int = STILL, ratio: int = 1) -> Node:
    """[height, width, channels], or [frames, height, width, 3], in a dtype of ``_KINDS``.

    Raises:
        ShapeError: ``contents`` is not one string. UsageError: channels that no file has.
    """
    x = as_node(contents)
    if x.dtype is not dt.string or x.shape:
        raise ShapeError(explain(f"{op}: contents must be one string, not {x.type}", origins(contents=x)))
    count = 0 if channels is None else integer(op, "channels", channels)
    if count not in (0, 1, 3, 4):
        raise UsageError(explain(f"{op}: channels must be 0, 1, 3 or 4, got {count}", origins(contents=x)))
    settings = const(np.array([count, ratio, frames], np.int64))
    rank = 4 if frames == FRAMES else 3
    extent = host(x, settings, callback="image.shape", types=(Type(dt.i64, (rank,)),))
    shape = [measured(_element(extent, k)) for k in range(rank - 1)]
    last = 3 if frames == FRAMES else count or measured(_element(extent, rank - 1))
    return host(x, settings, callback=f"image.decode_{_KINDS[kind]}", types=(Type(kind, (*shape, last)),))


def _element(vector: Node, k: int) -> Node:
    one = apply("slice", vector, start=(k,), stop=(k + 1,), step=(1,))
    return apply("reshape", one, shape=INDEX.shape)







# ------------------------------------------------------------------------------------------ the operations


def decode_jpeg(contents, channels=0, ratio=1, fancy_upscaling=True, try_recover_truncated=False,
                acceptable_fraction=1, dct_method="") -> Node:  # fmt: skip
    """The pixels of a JPEG file (or another image), u8[height, width, channels]. Runs on the host.

    Args:
        contents: the file as a string.
        channels: 0 (those of the file), 1 or 3.
        ratio: 1, 2, 4 or 8: how far the image is reduced.
        fancy_upscaling, try_recover_truncated, acceptable_fraction, dct_method: accepted for compatibility.

    Raises:
        ShapeError: not one string. UsageError: other channels or another ratio. FormatError (while running): damaged.
    """
    return _decoded("decode_jpeg", contents, channels, dt.u8, ratio=_ratio("decode_jpeg", ratio))


def _ratio(op: str, value) -> int:
    ratio = integer(op, "ratio", value)
    if ratio not in (1, 2, 4, 8):
        raise UsageError(explain(f"{op}: ratio must be 1, 2, 4 or 8, got {ratio}"))
    return ratio


def decode_and_crop_jpeg(contents, crop_window, channels=0, ratio=1, fancy_upscaling=True, try_recover_truncated=False,
                         acceptable_fraction=1, dct_method="") -> Node:  # fmt: skip
    """``decode_jpeg``, and of that the part ``crop_window``: y, x, height, width. Runs on the host.

    Raises:
        UsageError: ``crop_window`` is not known before running, besides what ``decode_jpeg`` raises.
    """
    op = "decode_and_crop_jpeg"
    window = shape_of(crop_window, op)
    if len(window) != 4:
        raise ShapeError(explain(f"{op}: crop_window must be y, x, height, width, got {len(window)} numbers"))
    y, x, height, width = window
    pixels = _decoded(op, contents, channels, dt.u8, ratio=_ratio(op, ratio))
    return crop_to_bounding_box(pixels, y, x, height, width)


def decode_png(contents, channels=0, dtype=dt.u8) -> Node:
    """The pixels of a PNG file (or another image), u8 or u16 [height, width, channels]. Runs on the host.

    Args:
        channels: 0 (those of the file), 1, 3 or 4.

    Raises:
        DtypeError: neither u8 nor u16, besides what ``decode_jpeg`` raises.
    """
    kind = dt.as_dtype(dtype)
    if kind not in (dt.u8, dt.u16):
        raise DtypeError(explain(f"decode_png: dtype must be uint8 or uint16, not {kind.name}"))
    return _decoded("decode_png", contents, channels, kind)


def decode_bmp(contents, channels=0) -> Node:
    """The pixels of an uncompressed BMP file (or another image), u8[height, width, channels]. Runs on the host."""
    return _decoded("decode_bmp", contents, channels, dt.u8)


def decode_gif(contents) -> Node:
    """The frames of a GIF file, u8[frames, height, width, 3]. Runs on the host."""
    return _decoded("decode_gif", contents, 3, dt.u8, FRAMES)


def decode_image(contents, channels=None, dtype=dt.u8, name=None, expand_animations=True) -> Node:
    """The pixels of a JPEG, PNG, BMP or GIF file, [height, width, channels]. Runs on the host.

    Args:
        channels: None or 0 (those of the file), 1, 3 or 4.
        dtype: any image dtype; floats lie in [0, 1].
        expand_animations: False: the first frame of a GIF of several; True: such a file is refused while running,
            except where the contents are a constant, which gives [frames, height, width, 3] as ``decode_gif`` does.

    Raises:
        ShapeError: not one string. UsageError: other channels. FormatError (while running): damaged or unknown.
    """
    op, kind = "decode_image", dt.as_dtype(dtype)
    frames = STILL if expand_animations else FIRST
    x = as_node(contents)
    if expand_animations and x.op == "const" and not x.shape and bytes(x.attrs[0][1].array.item()).startswith(b"GIF8"):
        return convert_image_dtype(decode_gif(x), kind)
    if kind in _KINDS:
        return _decoded(op, x, channels, kind, frames)
    return convert_image_dtype(_decoded(op, x, channels, dt.u16, frames), kind)


def decode_any(contents, pixel_format="RGB") -> Node:
    """The pixels of an image file of any kind that Pillow reads, u8[height, width, channels]. Runs on the host.

    Args:
        contents: the bytes of the file, u8[n].
        pixel_format: RGB, BGR or Grayscale.

    Returns:
        What cannot be read has height and width 0.

    Raises:
        UsageError (while running): Pillow is not installed.
    """
    x = as_node(contents)
    channels = 1 if pixel_format == "Grayscale" else 3
    count = const(np.array(channels, np.int64))
    extent = host(x, count, callback="image.any_shape", types=(Type(dt.i64, (2,)),))
    shape = [measured(_element(extent, k)) for k in range(2)]
    pixels = host(x, count, extent, callback="image.decode_any", types=(Type(dt.u8, (*shape, channels)),))
    return apply("reverse", pixels, axes=(2,)) if pixel_format == "BGR" else pixels
