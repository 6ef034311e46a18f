"""Summary operations as functions from Node to Node: steps on the host that make a serialized Summary of a value."""

from __future__ import annotations

import numpy as np

from graphc.api.summary import buckets, message, picture
from graphc.errors import DtypeError, InvalidArgumentError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.ir.type import Type
from graphc.lib.promote import as_node
from graphc.prims.host import host, register_callback
from graphc.prims.sound import wav

_SUMMARY = (Type(dt.string, ()),)
_REAL = (dt.f32, dt.f64, dt.i32, dt.u8, dt.i16, dt.i8, dt.i64, dt.bf16, dt.u16, dt.f16, dt.u32, dt.u64)
_PIXELS = (dt.u8, dt.f32, dt.f16, dt.f64)


def _one(content: bytes) -> np.ndarray:
    out = np.empty((), object)
    out[()] = content
    return out


def _name(tag: np.ndarray) -> str:
    return tag.reshape(-1)[0].decode("utf-8", "replace") if tag.size else ""


def _scalar(tags, values):
    if tags.shape != values.shape:
        shapes = " and ".join(str(list(a.shape)) for a in (tags, values))
        what = f"a scalar summary needs one value, tags and values differ in shape: {shapes} (tag {_name(tags)!r})"
        raise InvalidArgumentError(explain(what))
    pairs = zip(tags.reshape(-1).tolist(), values.reshape(-1))
    return _one(b"".join(message.scalar(t, v) for t, v in pairs))


def _histogram(tag, values):
    finite = np.isfinite(values)
    if not finite.all():
        place = tuple(int(k) for k in np.argwhere(~finite)[0])
        word = "NaN" if np.isnan(values[place]) else "Infinity"
        what = f"{word} in a histogram summary, tag {_name(tag)!r}: the first at {place} of {list(values.shape)}"
        raise InvalidArgumentError(explain(what))
    return _one(message.histogram(tag.item(), *buckets.exponential(values)))


def _tags(tag: np.ndarray, kind: str, count: int, most: int) -> list[bytes]:
    base = tag.item() + b"/" + kind.encode()
    return [base + b"/%d" % k for k in range(count)] if most > 1 else [base] * count


def _image(tag, images, most):
    files = picture.encoded(images, int(most))
    _, *sizes = images.shape
    return _one(b"".join(message.image(t, *sizes, f) for t, f in zip(_tags(tag, "image", len(files), most), files)))


def _audio(tag, sounds, rate, most):
    if sounds.ndim not in (2, 3):
        what = f"an audio summary needs a 2-D or 3-D tensor, not {list(sounds.shape)} (tag {_name(tag)!r})"
        raise InvalidArgumentError(explain(what))
    sounds = sounds.reshape(*sounds.shape, 1) if sounds.ndim == 2 else sounds
    rate, shown = float(rate), sounds[: int(most)]
    tags = _tags(tag, "audio", len(shown), most)
    _, frames, channels = sounds.shape
    return _one(b"".join(message.audio(t, rate, channels, frames, wav(s, round(rate))) for t, s in zip(tags, shown)))


def _tensor(tag, array, metadata):
    return _one(message.tensor(tag.item(), array, metadata.item()))


def _merged(*summaries):
    found: dict[bytes, bytes] = {}
    for part in (p for s in summaries for p in s.reshape(-1).tolist()):
        for value in message.values_of(part):
            tag = message.tag_of(value)
            if tag in found:
                what = f"merge: two of the summaries have the tag {tag.decode('utf-8', 'replace')!r}"
                raise InvalidArgumentError(explain(what))
            found[tag] = value
    return _one(message.joined(found.values()))


_STEPS = {"scalar": _scalar, "histogram": _histogram, "image": _image, "audio": _audio, "tensor": _tensor,
          "merge": _merged}  # fmt: skip
for _key, _function in _STEPS.items():
    register_callback(f"summary.{_key}", _function)


def _of(kind: str, value, allowed) -> Node:
    x = as_node(value)
    if x.dtype not in allowed:
        names = ", ".join(d.name for d in allowed)
        raise DtypeError(explain(f"{kind} summary: {x.type} is not of one of the types {names}", origins(value=x)))
    return x


def scalar_summary(tags, values) -> Node:
    """A serialized Summary of one number, or of as many as there are tags. Runs on the host.

    Raises:
        DtypeError: no real number. InvalidArgumentError (while running): tags and values differ in shape.
    """
    return host(as_node(tags), _of("scalar", values, _REAL), callback="summary.scalar", types=_SUMMARY)


def histogram_summary(tag, values) -> Node:
    """A serialized Summary of how values are spread. Runs on the host.

    Raises:
        DtypeError: no real numbers. InvalidArgumentError (while running): a value is not finite.
    """
    x = _of("histogram", values, (*_REAL, dt.b1))
    return host(as_node(tag), x, callback="summary.histogram", types=_SUMMARY)


def image_summary(tag, tensor, max_images) -> Node:
    """A serialized Summary of the first images [batch, height, width, 1, 3 or 4], u8 or floating. Runs on the host.

    Raises:
        DtypeError: other pixels. InvalidArgumentError (while running): other axes.
    """
    most = _positive("image", max_images)
    return host(as_node(tag), _of("image", tensor, _PIXELS), as_node(most), callback="summary.image", types=_SUMMARY)


def audio_summary(tag, tensor, sample_rate, max_outputs) -> Node:
    """A serialized Summary of the first sounds [batch, frames] or [batch, frames, channels]. Runs on the host.

    Raises:
        DtypeError: not f32. InvalidArgumentError (while running): other axes.
    """
    x, most = _of("audio", tensor, (dt.f32,)), _positive("audio", max_outputs)
    return host(as_node(tag), x, as_node(sample_rate), as_node(most), callback="summary.audio", types=_SUMMARY)


def _positive(kind: str, most) -> int:
    if isinstance(most, bool) or not isinstance(most, (int, np.integer)) or most < 1:
        raise UsageError(explain(f"{kind} summary: max_outputs must be an int of at least 1, got {most!r}"))
    return int(most)


def tensor_summary(tag, tensor, serialized_summary_metadata) -> Node:
    """A serialized Summary of a whole tensor. Runs on the host."""
    operands = [as_node(v) for v in (tag, tensor, serialized_summary_metadata)]
    return host(*operands, callback="summary.tensor", types=_SUMMARY)


def merge_summary(inputs) -> Node:
    """A serialized Summary of the values of several. Runs on the host.

    Raises:
        DtypeError: no strings. InvalidArgumentError (while running): two values have the same tag.
    """
    nodes = [_of("merge: a", x, (dt.string,)) for x in inputs]
    return host(*nodes, callback="summary.merge", types=_SUMMARY)
