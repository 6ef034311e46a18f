"""Summary operations of TensorFlow 1: strings of a graph, each a serialized Summary."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import contextmanager

from graphc.api import lift
from graphc.api.operators import Operators
from graphc.api.summary import message, rows, write
from graphc.api.summary.state import STATE
from graphc.errors import DtypeError, FormatError, UsageError, explain
from graphc.formats import protos
from graphc.ir import dtype as dt
from graphc.v1.define import graph_of
from graphc.v1.global_step import get_global_step
from graphc.v1.graph_keys import GraphKeys

_ILLEGAL = re.compile(r"[^-/\w.]")


def clean_tag(name: str | None) -> str | None:
    """A name with what no tag may have replaced."""
    if name is None:
        return None
    if not isinstance(name, str):
        raise UsageError(explain(f"summary: a name must be a string, got {name!r}"))
    new = _ILLEGAL.sub("_", name).lstrip("/")
    if new != name:
        logging.getLogger("graphc").info("Summary name %s is illegal; using %s instead.", name, new)
    return new


@contextmanager
def _scope(graph, name, family, default_name=None):
    """The tag of a summary, and the name of its operation."""
    name, family = clean_tag(name), clean_tag(family)
    base = name if family is None else f"{family}/{name}"
    if not (base or default_name):
        raise UsageError(explain("summary: a name is missing"))
    with graph.name_scope(base or default_name) as scope:
        tag = scope.rstrip("/")
        yield (tag if family is None else f"{family}/{tag}"), scope


def _collected(graph, value, collections, default):
    for key in default if collections is None else collections:
        graph.add_to_collection(key, value)
    return value


def _recorded(kind: str, function: Callable, name, operands: dict, collections, family, default_name=None, **static):
    """The operation ``function(tag, **operands, **static)`` under the summary's name, added to the collections."""
    graph = graph_of(operands.values())
    label = "tags" if kind == "ScalarSummary" else "tag"
    if graph.is_eager:
        values = {label: clean_tag(name) or default_name, **operands, **static}
        return lift.construct(graph, kind, kind, function, values, {k: k for k in (label, *operands)})
    with _scope(graph, name, family, default_name) as (tag, scope):
        values = {label: tag, **operands, **static}
        made = lift.construct(graph, kind, kind, function, values, {k: k for k in (label, *operands)}, (), scope)
    return _collected(graph, made, collections, [GraphKeys.SUMMARIES])


def _forwarded(function: Callable, name, *values, **options):
    """With eager evaluation, and a writer and a step of TensorFlow 2: writes the summary, answers with an empty one."""
    graph = graph_of(values)
    step = STATE.step if STATE.step is not None or not graph.is_eager else get_global_step()
    if not graph.is_eager or STATE.writer is None or step is None:
        return None
    function(clean_tag(name), *values, step=step, **options)
    return graph.convert(b"")


def scalar(name, tensor, collections=None, family=None):
    """A serialized Summary with one number, tagged with the scopes around and ``name``.

    Args:
        collections: where it goes; ``[GraphKeys.SUMMARIES]`` if None. family: put before the tag, groups curves.

    Raises:
        DtypeError: no real number. ShapeError, InvalidArgumentError: no scalar.
    """
    done = _forwarded(write.scalar, name, tensor)
    return _recorded("ScalarSummary", rows.scalar_summary, name, {"values": tensor}, collections, family) \
        if done is None else done  # fmt: skip


def histogram(name, values, collections=None, family=None):
    """A serialized Summary with a histogram of values of any shape.

    Raises:
        DtypeError: no real numbers. InvalidArgumentError: when running: a value is NaN or infinite.
    """
    done = _forwarded(write.histogram, name, values)
    return _recorded("HistogramSummary", rows.histogram_summary, name, {"values": values}, collections, family,
                     "HistogramSummary") if done is None else done  # fmt: skip


def image(name, tensor, max_outputs=3, collections=None, family=None):
    """A serialized Summary with the first images of [batch, height, width, 1, 3 or 4].

    Bytes are shown as they are; floats are stretched, an image at a time: the largest value is 255, and where there are
    negative values, zero is 128.

    Raises:
        DtypeError: other pixels. ShapeError, InvalidArgumentError: other axes. UsageError: ``max_outputs`` below 1.
    """
    done = _forwarded(write.image, name, tensor, max_outputs=max_outputs)
    return _recorded("ImageSummary", rows.image_summary, name, {"tensor": tensor}, collections, family,
                     max_images=max_outputs) if done is None else done  # fmt: skip


def audio(name, tensor, sample_rate, max_outputs=3, collections=None, family=None):
    """A serialized Summary with the first sounds of [batch, frames] or [batch, frames, channels], from -1 to 1.

    Raises:
        DtypeError: not float32. ShapeError, InvalidArgumentError: other axes. UsageError: ``max_outputs`` below 1.
    """
    rate = sample_rate if isinstance(sample_rate, Operators) else float(sample_rate)
    operands = {"tensor": tensor, "sample_rate": rate}
    return _recorded("AudioSummaryV2", rows.audio_summary, name, operands, collections, family,
                     max_outputs=max_outputs)  # fmt: skip


def text(name, tensor, collections=None):
    """A serialized Summary with strings, which TensorBoard shows as Markdown.

    Raises:
        DtypeError: no strings.
    """
    done = _forwarded(write.text, name, tensor)
    if done is not None:
        return done
    tensor = graph_of([tensor]).convert(tensor)
    if tensor.dtype is not dt.string:
        raise DtypeError(explain(f"summary.text: expected strings, got {tensor.name} of dtype {tensor.dtype.name}"))
    return tensor_summary(name, tensor, collections=collections, summary_metadata=message.metadata("text"))


def tensor_summary(name, tensor, summary_description=None, collections=None, summary_metadata=None, family=None,
                   display_name=None):  # fmt: skip
    """A serialized Summary with a whole tensor.

    Args:
        summary_metadata: a SummaryMetadata, as a message or serialized.
        summary_description, display_name: put into it.
    """
    about = summary_metadata.SerializeToString() if hasattr(summary_metadata, "SerializeToString") else summary_metadata
    about = bytes(about or b"") + message.metadata("", b"", display_name, summary_description)
    operands = {"tensor": tensor, "serialized_summary_metadata": about}
    return _recorded("TensorSummaryV2", rows.tensor_summary, name, operands, collections, family)


def merge(inputs, collections=None, name=None):
    """A serialized Summary with the values of all ``inputs``.

    Raises:
        UsageError: there are none. InvalidArgumentError: when running: two of them have the same tag.
    """
    if isinstance(inputs, Operators) or not isinstance(inputs, (list, tuple)):
        raise UsageError(explain(f"merge: needs a list of summaries, got {inputs!r}"))
    graph = graph_of(inputs)
    if graph.is_eager:
        return lift.construct(graph, "MergeSummary", "MergeSummary", rows.merge_summary, {"inputs": list(inputs)},
                              {"inputs": 0}, ["inputs"])  # fmt: skip
    name = clean_tag(name)
    with graph.name_scope(name or "Merge"):
        made = lift.construct(graph, "MergeSummary", "MergeSummary", rows.merge_summary, {"inputs": list(inputs)},
                              {"inputs": 0}, ["inputs"], name)  # fmt: skip
    return _collected(graph, made, collections, [])


def merge_all(key=GraphKeys.SUMMARIES, scope=None, name=None):
    """A serialized Summary of what is in the collection ``key``, with names that match ``scope``; or None."""
    found = graph_of(()).get_collection(key, scope)
    return merge(found, name=name) if found else None


def get_summary_description(node_def):
    """The SummaryDescription in a node of type TensorSummary.

    Raises:
        UsageError: another node. FormatError: its description is damaged.
    """
    if node_def.op != "TensorSummary":
        raise UsageError(explain(f"get_summary_description: {node_def.op} is no TensorSummary"))
    found = re.fullmatch(rb'\s*\{\s*(?:"typeHint"\s*:\s*"([^"]*)")?\s*\}\s*', node_def.attr["description"].s or b"{}")
    if found is None:
        raise FormatError(explain(f"get_summary_description: {node_def.name} has no readable description"))
    return protos.SummaryDescription(type_hint=(found[1] or b"").decode())


def merge_all_summaries(key=GraphKeys.SUMMARIES):
    """``merge_all``, as it was called before."""
    return merge_all(key)


def merge_summary(inputs, collections=None, name=None):
    """``merge``, as it was called before."""
    return merge(inputs, collections, name)


def _tagged(kind: str, function: Callable, tag, operands: dict, collections, name, **static):
    """An operation of the first releases, whose tag is given apart from its name."""
    graph = graph_of(operands.values())
    values = {"tags" if kind == "ScalarSummary" else "tag": tag, **operands, **static}
    groups = {k: k for k in values if k not in static}
    made = lift.construct(graph, kind, kind, function, values, groups, (), name)
    return _collected(graph, made, collections, [GraphKeys.SUMMARIES])


def scalar_summary(tags, values, collections=None, name=None):
    """A serialized Summary of numbers, each with a tag of its own."""
    return _tagged("ScalarSummary", rows.scalar_summary, tags, {"values": values}, collections, name)


def histogram_summary(tag, values, collections=None, name=None):
    """A serialized Summary with a histogram, tagged as given."""
    return _tagged("HistogramSummary", rows.histogram_summary, tag, {"values": values}, collections, name)


def image_summary(tag, tensor, max_images=3, collections=None, name=None):
    """A serialized Summary of images, tagged as given."""
    operands = {"tensor": tensor}
    return _tagged("ImageSummary", rows.image_summary, tag, operands, collections, name, max_images=max_images)


def audio_summary(tag, tensor, sample_rate, max_outputs=3, collections=None, name=None):
    """A serialized Summary of sounds, tagged as given."""
    operands = {"tensor": tensor, "sample_rate": float(sample_rate)}
    return _tagged("AudioSummaryV2", rows.audio_summary, tag, operands, collections, name, max_outputs=max_outputs)
