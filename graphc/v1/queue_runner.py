"""QueueRunner: threads that fill a queue while a session is used."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

from graphc.errors import CANCELLED, OUT_OF_RANGE, CancelledError, OutOfRangeError, StateError, UsageError, explain
from graphc.formats import protos
from graphc.v1.config import is_message
from graphc.v1.default import SESSIONS
from graphc.v1.graph import GraphKeys, get_default_graph


class QueueRunner:
    """One thread for each of ``enqueue_ops`` that runs it again and again, until the queue is closed.

    Args:
        queue: the queue; enqueue_ops: operations that add to it.
        close_op, cancel_op: close it after what waits, or at once; made if None.
        queue_closed_exception_types: errors that mean that there is nothing more to add; OutOfRangeError if None.
        queue_runner_def: a QueueRunnerDef instead, with the names of all this in the default graph (``import_scope``).

    Raises:
        UsageError: there is no queue or no operation. GraphError: there is no operation of a name.
    """

    def __init__(self, queue=None, enqueue_ops=None, close_op=None, cancel_op=None, queue_closed_exception_types=None,
                 queue_runner_def=None, import_scope=None):  # fmt: skip
        if queue_runner_def is not None and (queue is not None or enqueue_ops):
            raise UsageError(explain("QueueRunner: give queue_runner_def, or queue and enqueue_ops, not both"))
        if queue_runner_def is not None:
            queue, enqueue_ops, close_op, cancel_op, kinds = _named(queue_runner_def, import_scope)
            queue_closed_exception_types = kinds
        if queue is None or not enqueue_ops:
            raise UsageError(explain("QueueRunner: needs a queue and a list of operations that add to it"))
        self._queue, self._enqueue_ops = queue, list(enqueue_ops)
        self._close_op = queue.close() if close_op is None else close_op
        self._cancel_op = queue.close(cancel_pending_enqueues=True) if cancel_op is None else cancel_op
        types = (OutOfRangeError,) if queue_closed_exception_types is None else queue_closed_exception_types
        if not types or not all(isinstance(t, type) and issubclass(t, Exception) for t in types):
            raise UsageError(explain(f"QueueRunner: queue_closed_exception_types must be errors, got {types!r}"))
        self._closed_types = tuple(types)
        self._lock, self._running, self._errors = threading.Lock(), weakref.WeakKeyDictionary(), []

    queue = property(lambda self: self._queue)
    enqueue_ops = property(lambda self: self._enqueue_ops)
    close_op = property(lambda self: self._close_op)
    cancel_op = property(lambda self: self._cancel_op)
    queue_closed_exception_types = property(lambda self: self._closed_types)
    exceptions_raised = property(lambda self: self._errors, doc="Errors of threads that had no coordinator.")

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._queue.name

    def to_proto(self, export_scope=None):
        """The names of its operations as a QueueRunnerDef; None where they are not in ``export_scope``."""
        scope = f"{export_scope}/" if export_scope else ""
        if not self.name.startswith(scope):
            return None
        return protos.QueueRunnerDef(
            queue_name=self.name[len(scope) :],
            enqueue_op_name=[op.name[len(scope) :] for op in self._enqueue_ops],
            close_op_name=self._close_op.name[len(scope) :],
            cancel_op_name=self._cancel_op.name[len(scope) :],
            queue_closed_exception_types=[_CODES.get(t, protos.OUT_OF_RANGE) for t in self._closed_types],
        )

    @staticmethod
    def from_proto(queue_runner_def, import_scope=None) -> "QueueRunner":
        """The queue runner that a QueueRunnerDef names."""
        return QueueRunner(queue_runner_def=queue_runner_def, import_scope=import_scope)

    def create_threads(self, sess, coord=None, daemon=False, start=False) -> list[threading.Thread]:
        """The threads for a session; none if those of an earlier call still run.

        Args:
            coord: a Coordinator that stops them, is told their errors, and waits for them.
        """
        with self._lock:
            if self._running.get(sess, 0) > 0:
                return []
            self._running[sess] = len(self._enqueue_ops)
            self._errors = []
        made = [self._thread(self._fill, (sess, op, coord), f"{self.name}-{op.name}") for op in self._enqueue_ops]
        if coord is not None:
            made.append(self._thread(self._cancel_on_stop, (sess, coord), f"{self.name}-close_on_stop"))
        for thread in made:
            if coord is not None:
                coord.register_thread(thread)
            thread.daemon = bool(daemon)
            if start:
                thread.start()
        return made

    @staticmethod
    def _thread(target, args, name: str) -> threading.Thread:
        return threading.Thread(target=target, args=args, name=f"QueueRunnerThread-{name}")

    def _fill(self, sess, op, coord) -> None:
        is_over = False
        try:
            while coord is None or not coord.should_stop():
                try:
                    sess.run(op)
                except self._closed_types:
                    is_over = True
                    self._end(sess)
                    return
        except Exception as error:
            if coord is None:
                self._errors.append(error)
                raise
            coord.request_stop(error)
        finally:
            if not is_over:
                with self._lock:
                    self._running[sess] -= 1

    def _end(self, sess) -> None:
        """One thread has nothing more to add; the last one closes the queue."""
        with self._lock:
            self._running[sess] -= 1
            is_last = not self._running[sess]
        if is_last:
            _try(sess, self._close_op)

    def _cancel_on_stop(self, sess, coord) -> None:
        coord.wait_for_stop()
        _try(sess, self._cancel_op)


_CODES = {OutOfRangeError: OUT_OF_RANGE, CancelledError: CANCELLED}


@dataclass(frozen=True)
class _Queue:
    """A queue of which only the name is known."""

    name: str


def _named(definition, scope: str | None) -> tuple:
    """What a QueueRunnerDef names in the default graph."""
    if not is_message(definition, "QueueRunnerDef"):
        raise UsageError(explain(f"QueueRunner: queue_runner_def must be a QueueRunnerDef, got {definition!r}"))
    graph, lead = get_default_graph(), f"{scope}/" if scope else ""
    enqueue_ops = [graph.get_operation_by_name(lead + name) for name in definition.enqueue_op_name]
    close_op, cancel_op = (
        graph.get_operation_by_name(lead + name) for name in (definition.close_op_name, definition.cancel_op_name)
    )
    kinds = [kind for kind, code in _CODES.items() if code in definition.queue_closed_exception_types]
    return _Queue(lead + definition.queue_name), enqueue_ops, close_op, cancel_op, kinds or None


def _try(sess, op) -> None:
    """Run an operation that may find its queue closed or its session gone."""
    try:
        sess.run(op)
    except Exception:  # there is nothing left to close
        return


def add_queue_runner(qr: QueueRunner, collection=GraphKeys.QUEUE_RUNNERS) -> None:
    """Let ``start_queue_runners`` start it."""
    get_default_graph().add_to_collection(collection, qr)


def start_queue_runners(sess=None, coord=None, daemon=True, start=True, collection=GraphKeys.QUEUE_RUNNERS) -> list:
    """The threads of all queue runners of the session's graph.

    Args:
        sess: the default session if None.

    Raises:
        StateError: there is no session.
    """
    sess = SESSIONS.top if sess is None else sess
    if sess is None:
        raise StateError(explain("start_queue_runners: no session; pass sess= or use 'with tf.Session():'"))
    runners = sess.graph.get_collection(collection)
    return [t for runner in runners for t in runner.create_threads(sess, coord, daemon, start)]
