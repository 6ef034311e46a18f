"""WAV files as tensors and back, under TensorFlow's names. All of it runs on the host.

One host step reads the size from the header, so that it is known before the step that reads the samples.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import integer, measured
from graphc.lib.promote import as_node
from graphc.lib.shape import part
from graphc.prims import sound as _sound  # noqa: F401  registers the callbacks
from graphc.prims.host import host
from graphc.prims.order import item


def decode_wav(contents, desired_channels=-1, desired_samples=-1) -> tuple[Node, Node]:
    """The samples of a WAV file of 16 bits in [-1, 1], f32[samples, channels], and how many of them make a second, i32.

    Runs on the host.

    Args:
        contents: the file as a string.
        desired_channels: -1 for those of the file; else surplus ones are dropped, and the last one is repeated.
        desired_samples: -1 for those of the file; else the end is cut off, or silence is added.

    Raises:
        ShapeError: not one string. UsageError: sizes below -1. FormatError (while running): damaged, or not 16 bits.
    """
    x = as_node(contents)
    if x.dtype is not dt.string or x.shape:
        raise ShapeError(explain(f"decode_wav: contents must be one string, not {x.type}", origins(contents=x)))
    channels = integer("decode_wav", "desired_channels", desired_channels)
    samples = integer("decode_wav", "desired_samples", desired_samples)
    if channels < -1 or samples < -1:
        what = f"decode_wav: desired_channels and desired_samples must be -1 or sizes, got {channels} and {samples}"
        raise UsageError(explain(what, origins(contents=x)))
    extent = host(x, const(np.array([samples, channels], np.int64)), callback="audio.wav_extent",
                  types=(Type(dt.i64, (3,)),))  # fmt: skip
    shape = tuple([
        measured(part(extent, 0, k, k + 1), "decode_wav") if wanted < 0 else wanted
        for k, wanted in enumerate((samples, channels))
    ])  # fmt: skip
    found = host(x, extent, callback="audio.decode_wav", types=(Type(dt.f32, shape), Type(dt.i32, ())))
    return item(found, 0), item(found, 1)


def encode_wav(audio, sample_rate) -> Node:
    """A WAV file of 16 bits a sample of floats [samples, channels] in [-1, 1], as a string. Runs on the host.

    Args:
        sample_rate: how many samples make a second, an integer.

    Raises:
        ShapeError, DtypeError: operands of other ranks or dtypes. UsageError (while running): no channels, or too much.
    """
    x, rate = as_node(audio), as_node(sample_rate)
    if len(x.shape) != 2 or rate.shape:
        what = f"encode_wav: needs [samples,channels] and a scalar rate, not {x.type} and {rate.type}"
        raise ShapeError(explain(what, origins(audio=x, sample_rate=rate)))
    if not x.dtype.is_float or not rate.dtype.is_integer:
        what = f"encode_wav: needs floats and an integer rate, not {x.type} and {rate.type}"
        raise DtypeError(explain(what, origins(audio=x, sample_rate=rate)))
    return host(math.cast(x, dt.f32), rate, callback="audio.encode_wav", types=(Type(dt.string, ()),))
