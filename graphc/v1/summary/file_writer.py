"""FileWriter: summaries, graphs and notes of a TensorFlow 1 program in an event file."""

from __future__ import annotations

import threading
import time
import warnings

import numpy as np

from graphc.api.attributes import Guessing
from graphc.api.operators import Symbolic
from graphc.api.summary import message
from graphc.api.summary.event_file import EventFile
from graphc.api.summary.state import STATE
from graphc.errors import DtypeError, FormatError, GraphcWarning, StateError, UsageError, explain
from graphc.formats import protos
from graphc.v1.default import SESSIONS
from graphc.v1.graph import Graph, get_default_graph
from graphc.v1.graph_def.write import as_graph_def
from graphc.v1.mode import executing_eagerly

_V2_SUMMARIES = "_SUMMARY_V2"  # a collection


def _serialized(op: str, value, what: str) -> bytes:
    """The bytes of a message.

    Raises:
        DtypeError: it is none.
    """
    if hasattr(value, "SerializeToString"):
        return value.SerializeToString()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    hint = ""
    if value is None:
        hint = "; merge_all() answers with None where no summary was made before"
    elif isinstance(value, Symbolic):
        hint = "; run it in a session and pass its value"
    raise DtypeError(explain(f"{op}: needs {what} or its bytes, got {value!r}{hint}"))


def _step(op: str, step) -> int:
    if step is None:
        return 0
    try:
        return int(step)
    except (TypeError, ValueError):
        raise UsageError(explain(f"{op}: global_step must be a number, got {step!r}")) from None


def _graph_def(op: str, graph):
    """The GraphDef of a graph, or a GraphDef as it is."""
    found = as_graph_def(graph, add_shapes=True) if isinstance(graph, Graph) else graph
    if getattr(getattr(found, "DESCRIPTOR", None), "name", "") != "GraphDef":
        raise DtypeError(explain(f"{op}: needs a tf.Graph, such as sess.graph, or a GraphDef, got {graph!r}"))
    return found


class FileWriter(Guessing):
    """Adds events to a file of the folder ``logdir``, which is made if it is missing. Any thread may use it.

    Args:
        graph: a tf.Graph to be shown by TensorBoard. graph_def: the same as a GraphDef.
        flush_secs: readers see what is older than this when the next event comes.
        filename_suffix: the end of the file's name.
        max_queue, session: without effect: an event is written when it is added.

    Raises:
        UnavailableError: tensorboardX is not installed.
        StateError, PermissionDeniedError: the folder cannot be used, or eager evaluation is on.

    Example::

        writer = tf.summary.FileWriter("logs", sess.graph)
        writer.add_summary(sess.run(merged), step)
        writer.close()
    """

    def __init__(self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None, filename_suffix=None,
                 session=None):  # fmt: skip
        if executing_eagerly():
            what = "FileWriter: not with eager evaluation; use tf.summary.create_file_writer, or a graph"
            raise StateError(explain(what))
        seconds = 120.0 if flush_secs is None else float(flush_secs)
        self._file = EventFile("FileWriter", logdir, seconds, filename_suffix)
        self._shown_tags: set[bytes] = set()  # whose metadata were written
        self._run_tags: set[str] = set()
        self._lock = threading.Lock()
        if graph is not None or graph_def is not None:
            self.add_graph(graph, graph_def=graph_def)
            given = _graph_def("FileWriter", graph if graph is not None else graph_def)
            self.add_meta_graph(protos.MetaGraphDef(graph_def=protos.GraphDef.FromString(given.SerializeToString())))

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def get_logdir(self) -> str:
        """The folder."""
        return self._file.logdir

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is written, until it is reopened."""
        return self._file.is_closed

    def _warn_if_closed(self) -> None:
        if self.is_closed:
            warnings.warn("FileWriter: it is closed, so nothing is written; reopen() opens a new file", GraphcWarning,
                          stacklevel=4)  # fmt: skip

    def _add(self, op: str, field: int, content: bytes, step) -> None:
        self._warn_if_closed()
        self._file.add(message.event(time.time(), _step(op, step), field, content))

    def add_summary(self, summary, global_step=None) -> None:
        """Add a summary: what a session answered for ``merge_all()``, or a tf.Summary.

        Raises:
            DtypeError: something else. FormatError: no Summary.
            ResourceExhaustedError, StateError: it cannot be written.
        """
        content = _serialized("add_summary", summary, "a tf.Summary")
        try:
            values = [self._first_metadata_only(v) for v in message.values_of(content)]
        except FormatError as error:
            raise FormatError(explain(f"add_summary: the bytes are no Summary: {error}")) from None
        self._add("add_summary", message.SUMMARY, message.joined(values), global_step)

    def _first_metadata_only(self, value: bytes) -> bytes:
        """A value without the metadata that an earlier one of its tag had already."""
        plain = message.without_metadata(value)
        if plain is value:
            return value
        tag = message.tag_of(value)
        with self._lock:
            is_new = tag not in self._shown_tags
            self._shown_tags.add(tag)
        return value if is_new else plain

    def add_graph(self, graph, global_step=None, graph_def=None) -> None:
        """Add a graph, to be shown by TensorBoard.

        Raises:
            UsageError: both are given. DtypeError: no graph.
        """
        if graph is not None and graph_def is not None:
            raise UsageError(explain("add_graph: pass graph or graph_def, not both"))
        found = _graph_def("add_graph", graph if graph is not None else graph_def)
        self._add("add_graph", message.GRAPH_DEF, found.SerializeToString(), global_step)

    def add_meta_graph(self, meta_graph_def, global_step=None) -> None:
        """Add a MetaGraphDef.

        Raises:
            DtypeError: something else.
        """
        if getattr(getattr(meta_graph_def, "DESCRIPTOR", None), "name", "") != "MetaGraphDef":
            raise DtypeError(explain(f"add_meta_graph: needs a MetaGraphDef, got {meta_graph_def!r}"))
        self._add("add_meta_graph", message.META_GRAPH_DEF, meta_graph_def.SerializeToString(), global_step)

    def add_session_log(self, session_log, global_step=None) -> None:
        """Add a tf.SessionLog."""
        content = _serialized("add_session_log", session_log, "a SessionLog")
        self._add("add_session_log", message.SESSION_LOG, content, global_step)

    def add_run_metadata(self, run_metadata, tag, global_step=None) -> None:
        """Add what a run reported, under a tag.

        Raises:
            UsageError: the tag was used before.
        """
        content = _serialized("add_run_metadata", run_metadata, "a RunMetadata")
        with self._lock:
            if tag in self._run_tags:
                raise UsageError(explain(f"add_run_metadata: the tag {tag!r} was used before"))
            self._run_tags.add(tag)
        packed = message.tagged_run_metadata(tag, content)
        self._add("add_run_metadata", message.TAGGED_RUN_METADATA, packed, global_step)

    def add_event(self, event) -> None:
        """Add a tf.Event as it is."""
        content = _serialized("add_event", event, "a tf.Event")
        self._warn_if_closed()
        self._file.add(content)

    def flush(self) -> None:
        """Let readers see all events.

        Raises:
            ResourceExhaustedError, StateError: they cannot be written.
        """
        self._warn_if_closed()
        self._file.flush()

    def close(self) -> None:
        """Complete the file; what is added later is dropped with a warning."""
        self._file.close()

    def reopen(self) -> None:
        """Go on in a new file, if this writer was closed."""
        self._file.reopen()


class SummaryWriter(FileWriter):
    """``FileWriter``, as it was called before; the graph may be a GraphDef."""

    def __init__(self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None):
        super().__init__(logdir, graph, max_queue, flush_secs, graph_def)


class FileWriterCache:
    """One FileWriter for each folder."""

    _writers: dict[str, FileWriter] = {}
    _lock = threading.RLock()

    @staticmethod
    def get(logdir) -> FileWriter:
        """The writer of a folder, made with the default graph if there is none."""
        with FileWriterCache._lock:
            found = FileWriterCache._writers.get(logdir)
            if found is None:
                found = FileWriterCache._writers[logdir] = FileWriter(logdir, graph=get_default_graph())
            return found

    @staticmethod
    def clear() -> None:
        """Close and forget all writers."""
        with FileWriterCache._lock:
            for writer in FileWriterCache._writers.values():
                writer.close()
            FileWriterCache._writers.clear()


def initialize(graph=None, session=None) -> None:
    """Write ``graph`` to the default writer of TensorFlow 2's summaries; writers are ready when they are made.

    Raises:
        StateError: there is no writer. UsageError: there is no session.
    """
    if executing_eagerly():
        return
    if STATE.writer is None:
        raise StateError(explain("summary.initialize: there is no default summary writer"))
    if session is None and SESSIONS.top is None:
        raise UsageError(explain("summary.initialize: pass a session, or call it in a 'with tf.Session()' block"))
    STATE.writer.init()
    if graph is not None:
        STATE.writer.write(0, message.GRAPH_DEF, _graph_def("summary.initialize", graph).SerializeToString())


def all_v2_summary_ops() -> list | None:
    """The operations of TensorFlow 2's summaries in the default graph; None with eager evaluation."""
    return None if executing_eagerly() else get_default_graph().get_collection(_V2_SUMMARIES)
