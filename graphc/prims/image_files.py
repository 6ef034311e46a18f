"""Image files as arrays and back: JPEG and GIF through Pillow, PNG and BMP by hand where Pillow loses bits.

These run on the host; they know nothing of Nodes.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np

from graphc.errors import FormatError, UsageError

JPEG, PNG, BMP, GIF = "JPEG", "PNG", "BMP", "GIF"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAGIC = ((b"\xff\xd8\xff", JPEG), (_PNG_SIGNATURE[:3], PNG), (b"BM", BMP), (b"GIF8", GIF))
_LARGEST = 1 << 28  # pixels: more than any camera's, less than what would exhaust the memory


def pillow():
    """The module ``PIL.Image``.

    Raises:
        UsageError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UsageError("reading and writing JPEG, GIF and most PNG images needs Pillow: "
                         "pip install 'graphc[image]'") from None  # fmt: skip
    return Image


def format_of(contents: bytes) -> str:
    """Which kind of file this is.

    Raises:
        FormatError: none that is known.
    """
    for start, name in _MAGIC:
        if contents.startswith(start):
            return name
    raise FormatError(f"decode_image: no JPEG, PNG, BMP or GIF starts with {contents[:8]!r}")


def _opened(contents: bytes, name: str):
    image = pillow()
    try:
        picture = image.open(io.BytesIO(contents), formats=[name])
    except (OSError, SyntaxError, ValueError):
        raise FormatError(f"decode_{name.lower()}: the file is damaged: it cannot be read as {name}") from None
    _check_size(name, *picture.size)
    return picture


def _check_size(name: str, width: int, height: int) -> None:
    if width < 1 or height < 1 or width * height > _LARGEST:
        raise FormatError(f"decode_{name.lower()}: an image of {width} x {height} pixels is not supported")


def _pixels(picture, name: str) -> np.ndarray:
    try:
        out = np.asarray(picture)
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(f"decode_{name.lower()}: the file is damaged: {error}") from None
    return out[:, :, None] if out.ndim == 2 else out


# ------------------------------------------------------------------------------------------------- JPEG

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def read_jpeg(contents: bytes, channels: int = 0, ratio: int = 1) -> np.ndarray:
    """u8[height, width, channels]; ``ratio``: reduced by 2, 4 or 8 while decoding."""
    picture = _opened(contents, JPEG)
    mode = _MODES[channels] if channels else ("L" if picture.mode == "L" else "RGB")
    if picture.mode != "CMYK":
        width, height = picture.size
        picture.draft(mode, (max(1, width // ratio), max(1, height // ratio)))
    if picture.mode != mode:
        _pixels(picture, JPEG)
        picture = picture.convert(mode)
    return _pixels(picture, JPEG)


def jpeg_shape(contents: bytes) -> tuple[int, int, int]:
    """Height, width and channels, from the header alone."""
    picture = _opened(contents, JPEG)
    return picture.size[1], picture.size[0], len(picture.getbands())


def write_jpeg(pixels: np.ndarray, quality: int = 95, progressive: bool = False, optimize: bool = False,
               subsampling: bool = True, density: tuple[int, int] = (300, 300), xmp: bytes = b"") -> bytes:  # fmt: skip
    """A JPEG file of u8[height, width, 1 or 3]."""
    image, out = pillow(), io.BytesIO()
    extra = {"xmp": xmp} if xmp else {}
    picture = image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    picture.save(out, JPEG, quality=quality, progressive=progressive, optimize=optimize, dpi=density,
                 subsampling=2 if subsampling and pixels.shape[2] == 3 else 0, **extra)  # fmt: skip
    return out.getvalue()


# -------------------------------------------------------------------------------------------------- PNG


def write_png(pixels: np.ndarray, compression: int = -1) -> bytes:
    """A PNG file of u8 or u16 [height, width, 1 to 4]."""
    height, width, channels = pixels.shape
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, (0, 4, 2, 6)[channels - 1], 0, 0, 0)
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view(np.uint8).reshape(height, -1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    marked = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])  # every row as difference to the one above
    body = zlib.compress(marked.tobytes(), compression)
    parts = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
    return _PNG_SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_png(contents: bytes, channels: int = 0, wide: bool = False) -> np.ndarray:
    """u8 (``wide``: u16) [height, width, channels]; ``channels`` 0: those of the file."""
    width, height, depth, color, interlaced = _png_header(contents)
    own = _png_channels(contents, color)
    if depth == 16 and color in (2, 4, 6) and not interlaced:
        pixels = _read_deep(contents, width, height, own)
    else:
        pixels = _with_channels(_read_by_pillow(contents), own)
    pixels = _with_channels(pixels, channels or own)
    if wide:
        return pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * np.uint16(257)
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _png_header(contents: bytes) -> tuple[int, int, int, int, int]:
    """Width, height, bits a channel, kind of colour, and whether rows are interlaced."""
    if len(contents) < 29 or not contents.startswith(_PNG_SIGNATURE):
        raise FormatError("decode_png: the file is damaged: it does not start as a PNG")
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", contents[16:29])
    _check_size(PNG, width, height)
    if color not in (0, 2, 3, 4, 6):
        raise FormatError(f"decode_png: the file is damaged: there is no kind of colour {color}")
    return width, height, depth, color, interlaced


def _png_channels(contents: bytes, color: int) -> int:
    """Channels of a kind of colour; those of the colours in a palette."""
    if color == 3:
        return 4 if b"tRNS" in contents[: max(contents.find(b"IDAT"), 0)] else 3
    return {0: 1, 2: 3, 4: 2, 6: 4}[color]


def _read_by_pillow(contents: bytes) -> np.ndarray:
    picture = _opened(contents, PNG)
    transparent = "transparency" in picture.info
    if picture.mode.startswith("I"):
        return _pixels(picture, PNG).astype(np.uint16)
    if picture.mode == "P":
        picture = picture.convert("RGBA" if transparent else "RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    return _pixels(picture, PNG)


def _read_deep(contents: bytes, width: int, height: int, channels: int) -> np.ndarray:
    """The pixels of a colour PNG with 16 bits a channel, which Pillow would round to 8."""
    raw, at = [], 8
    while at + 8 <= len(contents):
        (size,) = struct.unpack(">I", contents[at : at + 4])
        if contents[at + 4 : at + 8] == b"IDAT":
            raw.append(contents[at + 8 : at + 8 + size])
        at += 12 + size
    step, line = 2 * channels, 2 * channels * width
    try:
        data = zlib.decompressobj().decompress(b"".join(raw), (line + 1) * height)
    except zlib.error as error:
        raise FormatError(f"decode_png: the file is damaged: {error}") from None
    if len(data) < (line + 1) * height:
        raise FormatError("decode_png: the file is damaged: pixels are missing")
    above, rows = bytearray(line), []
    for k in range(height):
        start = k * (line + 1)
        above = _unfiltered(data[start], bytearray(data[start + 1 : start + 1 + line]), above, step)
        rows.append(bytes(above))
    return np.frombuffer(b"".join(rows), ">u2").reshape(height, width, channels).astype(np.uint16)


def _unfiltered(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    """One row of a PNG without its filter."""
    if kind == 2:
        both = np.frombuffer(bytes(line), np.uint8) + np.frombuffer(bytes(above), np.uint8)
        return bytearray(both.tobytes())
    if kind not in (0, 1, 3, 4):
        raise FormatError(f"decode_png: the file is damaged: there is no filter {kind}")
    for k in range(len(line) if kind else 0):
        left = line[k - step] if k >= step else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above[k]) >> 1
        else:
            guess = _paeth(left, above[k], above[k - step] if k >= step else 0)
        line[k] = (line[k] + guess) & 255
    return line


def _paeth(left: int, up: int, corner: int) -> int:
    """Whichever neighbour is nearest to ``left + up - corner``."""
    estimate = left + up - corner
    a, b, c = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
    return left if a <= b and a <= c else up if b <= c else corner


def _with_channels(pixels: np.ndarray, wanted: int) -> np.ndarray:
    """Pixels with grey, grey and alpha, RGB or RGBA channels."""
    have = pixels.shape[2]
    if have == wanted:
        return pixels
    opaque = np.full_like(pixels[:, :, :1], np.iinfo(pixels.dtype).max)
    alpha = pixels[:, :, -1:] if have in (2, 4) else opaque
    colour = pixels[:, :, : 1 if have <= 2 else 3]
    if wanted >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    elif wanted <= 2 and colour.shape[2] == 3:
        colour = _gray(colour)
    return np.concatenate([colour, alpha], axis=2) if wanted in (2, 4) else colour


def _gray(colour: np.ndarray) -> np.ndarray:
    """Luminance in 15 bits, as the PNG library computes it."""
    red, green, blue = (colour[:, :, k : k + 1].astype(np.uint32) for k in range(3))
    half = 0 if colour.dtype == np.uint8 else 1 << 14  # it rounds only 16-bit channels
    mixed = (9797 * red + 19234 * green + 3737 * blue + np.uint32(half)) >> 15
    return np.where((red == green) & (green == blue), red, mixed).astype(colour.dtype)


# ------------------------------------------------------------------------------------------- BMP and GIF


def read_bmp(contents: bytes) -> np.ndarray:
    """u8[height, width, channels] of an uncompressed BMP with 8, 24 or 32 bits a pixel.

    Raises:
        FormatError: another kind of BMP, or a short file.
    """
    if len(contents) < 32 or not contents.startswith(b"BM"):
        raise FormatError("decode_bmp: the file is damaged: it does not start as a BMP")
    start, width, height = struct.unpack("<I", contents[10:14])[0], *struct.unpack("<ii", contents[18:26])
    (bits,) = struct.unpack("<H", contents[28:30])
    if bits not in (8, 24, 32):
        raise FormatError(f"decode_bmp: {bits} bits a pixel are not supported")
    _check_size(BMP, width, abs(height))
    have = bits // 8
    line = (width * bits + 31) // 32 * 4
    if len(contents) < start + line * abs(height):
        raise FormatError("decode_bmp: the file is damaged: pixels are missing")
    rows = np.frombuffer(contents, np.uint8, line * abs(height), start).reshape(abs(height), line)
    pixels = rows[:, : width * have].reshape(abs(height), width, have)
    pixels = pixels if height < 0 else pixels[::-1]
    return pixels.copy() if have == 1 else pixels[:, :, [2, 1, 0, 3][:have]].copy()


def read_gif(contents: bytes) -> np.ndarray:
    """u8[frames, height, width, 3]."""
    picture = _opened(contents, GIF)
    frames = []
    for k in range(getattr(picture, "n_frames", 1)):
        picture.seek(k)
        frames.append(_pixels(picture.convert("RGB"), GIF))
    return np.stack(frames)


# --------------------------------------------------------------------------------------------------- any


def read(contents: bytes, channels: int = 0, wide: bool = False, ratio: int = 1) -> np.ndarray:
    """u8 (``wide``: u16) [height, width, channels] of a file of any kind; [frames, height, width, 3] of a GIF.

    Args:
        channels: 0 for those of the file.
        ratio: how far a JPEG is reduced.

    Raises:
        FormatError: a damaged or unknown file. UsageError: channels that the kind of file has not.
    """
    kind = format_of(contents)
    allowed = {JPEG: (0, 1, 3), PNG: (0, 1, 3, 4), BMP: (0, 3, 4), GIF: (0, 3)}[kind]
    if channels not in allowed:
        raise UsageError(f"decode_image: channels must be one of {allowed} for {kind}, not {channels}")
    if kind == PNG:
        return read_png(contents, channels, wide)
    if kind == JPEG:
        pixels = read_jpeg(contents, channels, ratio)
    elif kind == GIF:
        pixels = read_gif(contents)
    else:
        pixels = read_bmp(contents)
        pixels = _with_channels(pixels, channels or pixels.shape[2])
    return pixels.astype(np.uint16) * np.uint16(256) if wide else pixels


def read_still(contents: bytes, channels: int = 0, wide: bool = False, ratio: int = 1,
               first: bool = False) -> np.ndarray:  # fmt: skip
    """``read`` for one image; ``first``: the first frame of an animation.

    Raises:
        FormatError: an animation, unless ``first`` is set.
    """
    pixels = read(contents, channels, wide, ratio)
    if pixels.ndim == 3:
        return pixels
    if not first and len(pixels) > 1:
        raise FormatError(f"decode_image: a GIF of {len(pixels)} frames; decode it with decode_gif, or pass "
                          "expand_animations=False for the first one")  # fmt: skip
    return pixels[0]


def read_floats(contents: bytes, channels: int = 0, first: bool = False) -> np.ndarray:
    """``read_still`` as float32 in [0, 1]; PNG files keep 16 bits."""
    wide = format_of(contents) == PNG
    return read_still(contents, channels, wide, 1, first).astype(np.float32) / np.float32(65535 if wide else 255)


def shape_of(contents: bytes, channels: int = 0, ratio: int = 1) -> tuple[int, int, int, int]:
    """Frames, height, width and channels that ``read`` gives, from the header alone.

    Raises:
        FormatError: a damaged or unknown file.
    """
    kind = format_of(contents)
    if kind == BMP:
        pixels = read_bmp(contents)
        return 1, *pixels.shape[:2], channels or pixels.shape[2]
    if kind == PNG:
        width, height, _, color, _ = _png_header(contents)
        return 1, height, width, channels or _png_channels(contents, color)
    picture = _opened(contents, kind)
    width, height = picture.size
    if kind == JPEG:
        return 1, -(-height // ratio), -(-width // ratio), channels or (1 if picture.mode == "L" else 3)
    return getattr(picture, "n_frames", 1), height, width, 3


def read_any(contents: bytes, channels: int) -> np.ndarray:
    """u8[height, width, channels] of a file of any kind that Pillow reads; [0, 0, channels] if it reads none of it."""
    image = pillow()
    try:
        with image.open(io.BytesIO(contents)) as picture:
            _check_size("image", *picture.size)
            out = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError):
        return np.zeros((0, 0, channels), np.uint8)
    return out.reshape(*out.shape[:2], channels)
