"""Image files as tensors and back, under TensorFlow's names: JPEG, PNG, BMP, GIF. All of it runs on the host.

JPEG and GIF, and reading PNG, need Pillow (``graphc[image]``). JPEG files are decoded with accurate integer transforms
and smooth chroma, which is what TensorFlow's ``dct_method="INTEGER_ACCURATE"`` means.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.color import convert_image_dtype
from graphc.lib.dims import integer
from graphc.lib.promote import as_node
from graphc.prims.host import host

_UNITS = {"in": 1.0, "cm": 2.54}
_FORMATS = {"": (1, 3), "grayscale": (1,), "rgb": (3,)}



def _integers(*values) -> Node:
    return const(np.array(values, np.int64))


def _contents(op: str, contents) -> Node:
    x = as_node(contents)
    if x.dtype is not dt.string or x.shape:
        raise ShapeError(explain(f"{op}: contents must be one string, not {x.type}", origins(contents=x)))
    return x


def _one_of(op: str, name: str, value, allowed) -> int:
    found = integer(op, name, value)
    if found not in allowed:
        span = f"{allowed[0]}..{allowed[-1]}" if isinstance(allowed, range) else " or ".join(map(str, allowed))
        raise UsageError(explain(f"{op}: {name} must be {span}, got {found}"))
    return found


# --------------------------------------------------------------------------------------------- writing


def encode_jpeg(image, format="", quality=95, progressive=False, optimize_size=False,  # noqa: A002
                chroma_downsampling=True, density_unit="in", x_density=300, y_density=300,
                xmp_metadata="") -> Node:  # fmt: skip
    """A JPEG file of an image u8[height, width, 1 or 3], as a string. Runs on the host.

    Args:
        format: ``grayscale``, ``rgb``, or empty: by the number of channels.
        quality: 0 to 100. progressive, optimize_size, chroma_downsampling: how it is compressed.
        density_unit: ``in`` or ``cm``, of ``x_density`` and ``y_density`` (pixels). xmp_metadata: embedded as it is.

    Raises:
        DtypeError: not u8. ShapeError: other axes or channels. UsageError: an unknown option.
    """
    op, x = "encode_jpeg", as_node(image)
    if x.dtype is not dt.u8:
        raise DtypeError(explain(f"{op}: needs u8, not {x.type}", origins(image=x)))
    if format not in _FORMATS or density_unit not in _UNITS:
        known = "'grayscale', 'rgb' or '', density_unit 'in' or 'cm'"
        raise UsageError(explain(f"{op}: format must be {known}; got {format!r}, {density_unit!r}", origins(image=x)))
    allowed = _FORMATS[format]
    if len(x.shape) != 3 or (type(x.shape[2]) is int and x.shape[2] not in allowed):
        count = " or ".join(map(str, allowed))
        raise ShapeError(explain(f"{op}: needs [height,width,{count}], not {x.type}", origins(image=x)))
    dots = [round(integer(op, "a density", d) * _UNITS[density_unit]) for d in (x_density, y_density)]
    level = _one_of(op, "quality", quality, range(101))
    options = _integers(level, int(progressive), int(optimize_size), int(chroma_downsampling), *dots)
    text = xmp_metadata.encode() if isinstance(xmp_metadata, str) else bytes(xmp_metadata)
    letters = const(np.frombuffer(text, np.uint8))
    return host(x, options, letters, callback="image.encode_jpeg", types=(Type(dt.string, ()),))



def encode_png(image, compression=-1) -> Node:
    """PNG files of images u8 or u16 [..., height, width, 1 to 4], as strings [...]. Runs on the host.

    Args:
        compression: 0 (none) to 9 (smallest); -1: a compromise.

    Raises:
        DtypeError: another dtype. ShapeError: other axes or channels.
    """
    op, x = "encode_png", as_node(image)
    if x.dtype not in (dt.u8, dt.u16):
        raise DtypeError(explain(f"{op}: needs u8 or u16, not {x.type}", origins(image=x)))
    if len(x.shape) < 3 or (type(x.shape[-1]) is int and not 1 <= x.shape[-1] <= 4):
        raise ShapeError(explain(f"{op}: needs [...,height,width,1 to 4], not {x.type}", origins(image=x)))
    level = _integers(_one_of(op, "compression", compression, range(-1, 10)))
    return host(x, level, callback="image.encode_png", types=(Type(dt.string, x.shape[:-3]),))



def adjust_jpeg_quality(image, jpeg_quality, dct_method="") -> Node:
    """An RGB or grey image as it looks after JPEG compression of a quality 0 to 100. Runs on the host.

    Args:
        dct_method: accepted for compatibility.

    Raises:
        ShapeError: other axes or channels.
    """
    op, x = "adjust_jpeg_quality", as_node(image)
    if len(x.shape) != 3 or (type(x.shape[2]) is int and x.shape[2] not in (1, 3)):
        raise ShapeError(explain(f"{op}: needs [height,width,1 or 3], not {x.type}", origins(image=x)))
    level = math.cast(as_node(jpeg_quality), dt.i64)
    if level.shape:
        raise ShapeError(explain(f"{op}: jpeg_quality must be a scalar, not {level.type}", origins(image=x)))
    pixels = convert_image_dtype(x, dt.u8, True)
    out = host(pixels, level, callback="image.adjust_jpeg_quality", types=(pixels.type,))
    return convert_image_dtype(out, x.dtype, True)



# ------------------------------------------------------------------------------------- looking into files


def is_jpeg(contents) -> Node:
    """Whether strings are JPEG files, by their first bytes. Runs on the host."""
    x = as_node(contents)
    if x.dtype is not dt.string:
        raise DtypeError(explain(f"is_jpeg: needs strings, not {x.type}", origins(contents=x)))
    return host(x, callback="image.is_jpeg", types=(Type(dt.b1, x.shape),))



def extract_jpeg_shape(contents, output_type=dt.i32) -> Node:
    """Height, width and channels of a JPEG file, from its header alone. Runs on the host."""
    op, kind = "extract_jpeg_shape", dt.as_dtype(output_type)
    if kind not in (dt.i32, dt.i64):
        raise DtypeError(explain(f"{op}: output_type must be int32 or int64, not {kind.name}"))
    x = _contents(op, contents)
    return host(x, callback="image.extract_jpeg_shape", types=(Type(kind, (3,)),))

