"""Image files on the host: what encoding, decoding and looking into files mean, registered under names."""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError
from graphc.prims import image_files as files
from graphc.prims.host import register_callback

STILL, FIRST, FRAMES = range(3)  # the only image; the first frame; all frames


def _texts(array: np.ndarray, function, shape) -> np.ndarray:
    """The bytes that a function makes of every image of a batch, as an array of objects."""
    out = np.empty(shape, object)
    flat = array.reshape(-1, *array.shape[-3:])
    for k in range(out.size):
        out[np.unravel_index(k, shape)] = function(flat[k])
    return out


def _encode_jpeg(image, options, xmp):
    quality, progressive, optimize, smooth, *density = options.tolist()
    if image.shape[2] not in (1, 3):
        raise ShapeError(f"encode_jpeg: needs 1 or 3 channels, not {image.shape[2]}")
    return _texts(image, lambda one: files.write_jpeg(one, quality, bool(progressive), bool(optimize), bool(smooth),
                                                      tuple(density), xmp.tobytes()), ())  # fmt: skip


def _encode_png(image, level):
    return _texts(image, lambda one: files.write_png(one, int(level[0])), image.shape[:-3])


def _adjust_jpeg_quality(image, level):
    return files.read_jpeg(files.write_jpeg(image, min(max(int(level), 0), 100)), image.shape[2])


def _is_jpeg(contents):
    flat = [text[:3] == b"\xff\xd8\xff" for text in contents.reshape(-1)]
    return np.array(flat, bool).reshape(contents.shape)


def _extract_jpeg_shape(contents):
    return np.array(files.jpeg_shape(contents.item()))


def _shape(contents, settings):
    channels, ratio, frames = settings.tolist()
    found = files.shape_of(contents.item(), channels, ratio)
    return np.array(found if frames == FRAMES else found[-3:], np.int64)


def _decode_u8(contents, settings):
    return _read(contents, settings, False)


def _decode_u16(contents, settings):
    return _read(contents, settings, True)


def _read(contents, settings, wide: bool):
    channels, ratio, frames = settings.tolist()
    if frames == FRAMES:
        return files.read_gif(contents.item())
    return files.read_still(contents.item(), channels, wide, ratio, frames == FIRST)


def _decode_f32(contents, settings):
    channels, _, frames = settings.tolist()
    return files.read_floats(contents.item(), channels, frames == FIRST)


_READ: dict[tuple, np.ndarray] = {}  # the picture whose size was asked for last, until its pixels are


def _any_shape(contents, channels):
    picture = files.read_any(contents.tobytes(), int(channels))
    _READ.clear()
    _READ[contents.tobytes(), int(channels)] = picture
    return np.array(picture.shape[:2], np.int64)


def _decode_any(contents, channels, extent):
    found = _READ.pop((contents.tobytes(), int(channels)), None)
    return files.read_any(contents.tobytes(), int(channels)) if found is None else found


_MEANINGS = {
    "encode_jpeg": _encode_jpeg,
    "encode_png": _encode_png,
    "adjust_jpeg_quality": _adjust_jpeg_quality,
    "is_jpeg": _is_jpeg,
    "extract_jpeg_shape": _extract_jpeg_shape,
    "any_shape": _any_shape,
    "decode_any": _decode_any,
    "shape": _shape,
    "decode_u8": _decode_u8,
    "decode_u16": _decode_u16,
    "decode_f32": _decode_f32,
}

for _name, _function in _MEANINGS.items():
    register_callback(f"image.{_name}", _function)
