"""Image files: what is written reads back, every PNG filter, BMP by hand, damaged files are refused."""

import struct
import zlib

import numpy as np
import pytest

from graphc.errors import FormatError, UsageError
from graphc.prims import image_files as files

RNG = np.random.default_rng(0)


def pixels(channels, dtype=np.uint8, height=5, width=7):
    return RNG.integers(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image", reason="JPEG, GIF and most PNG files need Pillow (graphc[image])")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_reads_back(channels, dtype, pillow):
    x = pixels(channels, dtype)
    found = files.read_png(files.write_png(x), wide=dtype is np.uint16)
    assert found.dtype == dtype and (found == x).all()
    assert files.shape_of(files.write_png(x)) == (1, *x.shape)


def test_depths_and_channels_of_png(pillow):
    x = pixels(3, np.uint16)
    contents = files.write_png(x)
    assert (files.read_png(contents) == x >> 8).all()
    assert files.read_png(contents, 4).shape == (5, 7, 4) and (files.read_png(contents, 4)[..., 3] == 255).all()
    assert (files.read_png(files.write_png(pixels(3)), wide=True) % 257 == 0).all()
    gray = np.repeat(pixels(1), 3, axis=2)
    assert (files.read_png(files.write_png(gray), 1) == gray[..., :1]).all()


def filtered(x, kind):
    """A PNG with 16-bit colours whose rows all have one filter."""
    rows = x.astype(">u2").view(np.uint8).reshape(len(x), -1).astype(int)
    step, body = 2 * x.shape[2], b""
    for k, row in enumerate(rows):
        above = rows[k - 1] if k else row * 0
        left, corner = (np.concatenate([np.zeros(step, int), v[:-step]]) for v in (row, above))
        guess = [0 * row, left, above, (left + above) // 2,
                 np.array([files._paeth(*map(int, v)) for v in zip(left, above, corner)])][kind]  # fmt: skip
        body += bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", x.shape[1], x.shape[0], 16, {2: 4, 3: 2, 4: 6}[x.shape[2]], 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(files._chunk(*c) for c in chunks)


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_filters_of_png(kind, channels):
    x = pixels(channels, np.uint16)
    assert (files.read_png(filtered(x, kind), wide=True) == x).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_close(channels, pillow):
    y, x = np.mgrid[:24, :16]
    smooth = np.stack([(4 * x + 2 * y + 20 * c) % 256 for c in range(channels)], -1).astype(np.uint8)
    contents = files.write_jpeg(smooth, quality=100, subsampling=False)
    assert np.abs(files.read_jpeg(contents).astype(int) - smooth).max() <= 4
    assert files.jpeg_shape(contents) == smooth.shape
    assert files.read_jpeg(contents, 3, ratio=4).shape == (6, 4, 3) == files.shape_of(contents, 3, 4)[1:]


@pytest.mark.parametrize("mode, channels", [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_bmp(mode, channels, pillow, tmp_path):
    x = pixels(channels)
    pillow.fromarray(x[..., 0] if channels == 1 else x).save(tmp_path / "x.bmp")
    contents = (tmp_path / "x.bmp").read_bytes()
    assert (files.read(contents) == x).all()
    assert files.shape_of(contents) == (1, *x.shape)


def test_frames_of_gif(pillow, tmp_path):
    frames = [pillow.fromarray(np.full((4, 6, 3), v, np.uint8)) for v in (0, 100, 200)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    contents = (tmp_path / "x.gif").read_bytes()
    assert files.read_gif(contents)[:, 0, 0, 0].tolist() == [0, 100, 200]
    assert files.read_still(contents, first=True).max() == 0
    with pytest.raises(FormatError, match="a GIF of 3 frames"):
        files.read_still(contents)


@pytest.mark.parametrize("junk", [b"", b"text", b"\xff\xd8\xff", b"GIF89a12", b"BM" + b"1" * 40,
                                  b"\x89PNG\r\n\x1a\n" + b"0" * 40,
                                  files.write_png(pixels(3, np.uint16))[:60]])  # fmt: skip
def test_damaged_files_are_refused(junk, pillow):
    with pytest.raises(FormatError):
        files.read(junk)


def test_channels_that_a_kind_has_not_are_refused(pillow):
    with pytest.raises(UsageError, match="channels must be one of"):
        files.read(files.write_jpeg(pixels(3)), 4)
