"""WAV files of 16 bits a sample on the host: what writing, measuring and reading them means."""

from __future__ import annotations

import struct

import numpy as np

from graphc.errors import FormatError, UsageError
from graphc.prims.host import register_callback

_PCM = 1
_SCALE = 32768.0
_LARGEST = (1 << 31) - 64


def wav(audio: np.ndarray, rate: int) -> bytes:
    """A file of f32[samples, channels] in [-1, 1].

    Raises:
        UsageError: no channels, or too many samples.
    """
    frames, channels = audio.shape
    if not 0 < channels < 1 << 16 or not 0 < int(rate) or 2 * channels * frames > _LARGEST:
        what = f"{channels} channels of {frames} samples at rate {int(rate)} do not fit a WAV file"
        raise UsageError(f"encode_wav: {what}")
    scaled = np.clip(audio.astype(np.float64) * _SCALE, -_SCALE, _SCALE - 1)
    samples = np.trunc(scaled + np.copysign(0.5, scaled)).clip(-_SCALE, _SCALE - 1).astype("<i2").tobytes()
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, _PCM, channels,
                         int(rate), 2 * channels * int(rate), 2 * channels, 16, b"data", len(samples))  # fmt: skip
    return header + samples


def _encode(audio, rate):
    out = np.empty((), object)
    out[()] = wav(audio, rate)
    return out


def _damaged(what: str) -> FormatError:
    return FormatError(f"decode_wav: the file is damaged or not supported: {what}")


def _opened(contents: bytes) -> tuple[int, int, bytes]:
    """Channels, samples a second, and the bytes of the samples.

    Raises:
        FormatError: no WAV file of 16 bits a sample.
    """
    if len(contents) < 12 or contents[:4] != b"RIFF" or contents[8:12] != b"WAVE":
        raise _damaged(f"it starts with {contents[:12]!r}")
    at, form = 12, None
    while at + 8 <= len(contents):
        kind, size = struct.unpack_from("<4sI", contents, at)
        part = contents[at + 8 : at + 8 + size]
        if len(part) != size:
            raise _damaged(f"{kind!r} has {len(part)} bytes instead of {size}")
        if kind == b"fmt ":
            form = _form(part)
        elif kind == b"data" and form:
            channels, rate = form
            return channels, rate, part[: size // (2 * channels) * 2 * channels]
        at += 8 + size + size % 2
    raise _damaged("there are no samples")


def _form(part: bytes) -> tuple[int, int]:
    if len(part) < 16:
        raise _damaged("its format has too few bytes")
    kind, channels, rate, _, step, bits = struct.unpack_from("<HHIIHH", part)
    if kind != _PCM or bits != 16 or not channels or step != 2 * channels:
        raise _damaged(f"format {kind} of {bits} bits and {channels} channels; it must be 1 (PCM) of 16 bits")
    return channels, rate


def _extent(contents, wanted):
    channels, rate, samples = _opened(contents.item())
    found = len(samples) // (2 * channels), channels, rate
    return np.array([f if w < 0 else w for f, w in zip(found, (*wanted.tolist(), -1))], np.int64)


def _decode(contents, extent):
    channels, rate, samples = _opened(contents.item())
    length, width, _ = extent.tolist()
    found = np.frombuffer(samples, "<i2").reshape(-1, channels)[:length]
    audio = np.zeros((length, width), np.float32)
    audio[: len(found)] = found[:, np.minimum(np.arange(width), channels - 1)] / np.float32(_SCALE)
    return audio, np.array(rate, np.int32)


for _name, _function in {"encode_wav": _encode, "wav_extent": _extent, "decode_wav": _decode}.items():
    register_callback(f"audio.{_name}", _function)
