"""TensorFlow 2's summaries: tensors with a note how TensorBoard shows them, given to the default writer."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np

from graphc.api import profiler as profiles
from graphc.api.callbacks import numpy_function
from graphc.api.create import convert_to_tensor
from graphc.api.eager import EAGER
from graphc.api.function.collecting import COLLECTION
from graphc.api.operators import Operators
from graphc.api.scope import get_current_name_scope, name_scope
from graphc.api.summary import buckets, message
from graphc.api.summary.state import STATE, is_recording
from graphc.errors import DtypeError, GraphcWarning, ShapeError, UsageError, explain
from graphc.formats import protos
from graphc.ir import dtype as dt
from graphc.lib.color import convert_image_dtype
from graphc.lib.promote import as_node
from graphc.prims.image_files import write_png
from graphc.prims.sound import wav

_UNSCOPED = re.compile(r"[^-_/.A-Za-z0-9]")
_WAV = b"\x10\x0b"  # of AudioPluginData: the encoding is WAV
_tracing = {"on": False, "graph": False, "profiler": False}


def _step_of(op: str, step) -> int:
    """A step, or the one that was set."""
    step = STATE.step if step is None else step
    if step is None:
        what = f"{op}: no step is set; pass step=... or call tf.summary.experimental.set_step(...)"
        raise UsageError(explain(what))
    value = np.asarray(step.numpy() if hasattr(step, "numpy") else step)
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise UsageError(explain(f"{op}: step must be one number, got {step!r}"))
    return int(value.reshape(-1)[0])


@contextmanager
def summary_scope(name, default_name="summary", values=None):
    """The tag of a summary (the name after the names of the scopes around), and a scope of that name."""
    name = name or default_name
    around = get_current_name_scope()
    with name_scope(_UNSCOPED.sub("", name) or default_name) as scope:
        yield (f"{around}/{name}" if around else name), scope


def write(tag, tensor, step=None, metadata=None, name=None):
    """Give a tensor to the default writer.

    Args:
        tag: its name in TensorBoard. tensor: the value, or a function of nothing that makes it.
        step: see ``set_step``. metadata: a SummaryMetadata, as a message or serialized.

    Returns:
        A bool tensor: whether it was written.

    Raises:
        UsageError: there is a writer, but no step.
    """
    return _written("write", tag, tensor, step, _serialized(metadata), lambda array: array)


def _serialized(metadata) -> bytes:
    return metadata.SerializeToString() if hasattr(metadata, "SerializeToString") else bytes(metadata or b"")


def _written(op: str, tag, data, step, metadata: bytes, shape_up: Callable):
    """Write what ``shape_up`` makes of the array of ``data``; while a graph is built, whenever it runs."""
    writer = STATE.writer
    if writer is None or not is_recording():
        return convert_to_tensor(False)
    tensor = convert_to_tensor(data() if callable(data) else data)
    tag = tag.encode() if isinstance(tag, str) else bytes(tag)

    def put(array, step) -> bool:
        writer.write(int(step), message.SUMMARY, message.tensor(tag, np.asarray(shape_up(array)), metadata or None))
        return True

    chosen = STATE.step if step is None else step
    if not tensor.graph.is_eager or (isinstance(chosen, Operators) and not chosen.graph.is_eager):
        if chosen is None:
            _step_of(op, None)
        done = numpy_function(lambda a, s: np.array(put(a, s)), [tensor, chosen], dt.b1)
        done.set_shape(())
        if hasattr(done.graph, "add_to_collection"):
            done.graph.add_to_collection("_SUMMARY_V2", done)
        return done
    return convert_to_tensor(put(tensor.array, _step_of(op, step)))


def _summary(kind: str, plugin: str, content: bytes = b"") -> Callable:
    """A function that writes one kind of summary under a name in the scopes around."""

    def put(name, data, step, description, shape_up):
        about = message.metadata(plugin, content, None, description)
        if not isinstance(name, str) or not name:
            raise UsageError(explain(f"summary.{kind}: name must be a string, got {name!r}"))
        with summary_scope(name, f"{kind}_summary") as (tag, _):
            return _written(f"summary.{kind}", tag, data, step, about, shape_up)

    return put


_scalar, _histogram = _summary("scalar", "scalars"), _summary("histogram", "histograms")
_image, _audio, _text = _summary("image", "images"), _summary("audio", "audio", _WAV), _summary("text", "text")


def _ranked(op: str, array, rank: int) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim != rank:
        raise ShapeError(explain(f"{op}: needs a tensor of rank {rank}, got shape {list(array.shape)}"))
    return array


def scalar(name, data, step=None, description=None):
    """Write one number, shown as a curve over the steps; answers with whether it was written.

    Raises:
        ShapeError: no scalar. UsageError: no step. DtypeError: a string.
    """

    def number(array):
        array = _ranked("summary.scalar", array, 0)
        if array.dtype == object:
            raise DtypeError(explain(f"summary.scalar: needs a number, got {array.item()!r}"))
        return array.astype(np.float32)

    return _scalar(name, data, step, description, number)


def histogram(name, data, step=None, buckets=None, description=None):
    """Write how values of any shape are spread over ``buckets`` intervals of equal width (30 if None)."""
    count = 30 if buckets is None else int(buckets)
    return _histogram(name, data, step, description, lambda array: _equal(array, count))


def _equal(array, count: int) -> np.ndarray:
    return buckets.equal(np.asarray(array), count)


def image(name, data, step=None, max_outputs=3, description=None):
    """Write the first images of [batch, height, width, channels]: integers, or floats from 0 to 1.

    Raises:
        ShapeError: other axes.
    """

    def files(array):
        array = _ranked("summary.image", array, 4)
        (pixels,) = EAGER.evaluate([convert_image_dtype(as_node(array[: int(max_outputs)]), dt.u8, True)])
        sizes = [str(n).encode() for n in (array.shape[2], array.shape[1])]
        return np.array([*sizes, *[write_png(im) for im in pixels]], object)

    return _image(name, data, step, description, files)


def audio(name, data, sample_rate, step=None, max_outputs=3, encoding=None, description=None):
    """Write the first sounds of [batch, frames, channels] from -1 to 1 as WAV files.

    Raises:
        ShapeError: other axes. UsageError: another encoding.
    """
    if encoding not in (None, "wav"):
        raise UsageError(explain(f"summary.audio: encoding must be 'wav', got {encoding!r}"))
    rate = int(sample_rate.numpy() if hasattr(sample_rate, "numpy") else sample_rate)

    def files(array):
        array = _ranked("summary.audio", array, 3)[: int(max_outputs)]
        found = np.empty((len(array), 2), object)
        found[:, 0], found[:, 1] = [wav(sound, rate) for sound in array], b""
        return found

    return _audio(name, data, step, description, files)


def text(name, data, step=None, description=None):
    """Write strings, shown as Markdown; those of a matrix as a table.

    Raises:
        DtypeError: no strings.
    """

    def words(array):
        if np.asarray(array).dtype != object:
            raise DtypeError(explain(f"summary.text: needs strings, got {np.asarray(array).dtype}"))
        return array

    return _text(name, data, step, description, words)


def write_raw_pb(tensor, step=None, name=None):
    """Give a serialized Summary to the default writer; answers with whether it was written."""
    if STATE.writer is None or not is_recording():
        return convert_to_tensor(False)
    content = convert_to_tensor(tensor).numpy()
    STATE.writer.write(_step_of("write_raw_pb", step), message.SUMMARY, content)
    return convert_to_tensor(True)


def graph(graph_data):
    """Give a graph, or a GraphDef, to the default writer; answers with whether it was written.

    Raises:
        UsageError: it is neither.
    """
    if STATE.writer is None or not is_recording():
        return convert_to_tensor(False)
    found = graph_data.as_graph_def(add_shapes=True) if hasattr(graph_data, "as_graph_def") else graph_data
    if not hasattr(found, "SerializeToString"):
        raise UsageError(explain(f"summary.graph: needs a graph or a GraphDef, got {graph_data!r}"))
    STATE.writer.write(0, message.GRAPH_DEF, found.SerializeToString())
    return convert_to_tensor(True)


def trace_on(graph=True, profiler=False, profiler_outdir=None) -> None:
    """Begin a trace.

    Args:
        graph: collect the graphs of the functions that are traced from now on.
        profiler: begin a profile, see ``graphc.profiler.experimental``. profiler_outdir: the folder for it.

    Raises:
        UsageError: a profile without a folder. AlreadyExistsError: a profile is on.
    """
    if profiler and profiler_outdir is None:
        raise UsageError(explain("trace_on: a profile needs profiler_outdir, the folder that it is written to"))
    if profiler:
        profiles.start(profiler_outdir)
    if graph:
        COLLECTION.begin()
    _tracing.update(on=True, graph=bool(graph), profiler=bool(profiler))


def trace_export(name, step=None, profiler_outdir=None) -> None:
    """End a trace: graphs are written as a summary, the profile to the folder that ``trace_on`` was given.

    Warns where graphs alone were asked for, and there are none: functions were traced before, or not at all.

    Args:
        name: of the summary. step: see ``set_step``. profiler_outdir: for compatibility.

    Raises:
        UsageError: none was begun, or there is a graph, but no step.
    """
    if not _tracing["on"]:
        raise UsageError(explain("trace_export: call tf.summary.trace_on first"))
    traces = COLLECTION.end()
    if traces and STATE.writer is not None:
        _write_graphs(name, step, traces)
    with_profile, _tracing["profiler"] = _tracing["profiler"], False
    trace_off()
    if with_profile:
        profiles.stop()
    elif not traces:
        what = "no function was traced meanwhile, nothing was written; a function's get_concrete_function(...).graph shows it"
        warnings.warn(f"trace_export: {name}: {what}", GraphcWarning, stacklevel=2)


def _write_graphs(name: str, step, traces: list) -> None:
    """The graphs of traces, as TensorBoard shows those of functions; what TensorFlow has nothing for is left out."""
    found = protos.RunMetadata()
    for trace in traces:
        try:
            graph_def = trace.graph.as_graph_def()
        except UsageError as error:
            warnings.warn(f"trace_export: {name}: {str(error).splitlines()[0]}", GraphcWarning, stacklevel=3)
            continue
        found.partition_graphs.add().CopyFrom(graph_def)
        found.function_graphs.add(pre_optimization_graph=graph_def, partition_graphs=[graph_def])
    content = np.array(found.SerializeToString(), object)
    write(name, content, step, message.metadata("graph_run_metadata_graph", b"1"))


def trace_off() -> None:
    """Forget a trace that was begun."""
    with_profile = _tracing["profiler"]
    COLLECTION.end()
    _tracing.update(on=False, graph=False, profiler=False)
    if with_profile:
        profiles.stop(save=False)
