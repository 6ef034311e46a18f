"""Queues under TensorFlow's names."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.api.resource import Resource, fitting
from graphc.api.shape import TensorShape
from graphc.api.stream import SEEDS
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib.dims import measured
from graphc.prims.queues import definition_of
from graphc.prims.running import Ranks

_SEED = 87654321  # TensorFlow's graph seed where only an operation has one


class QueueBase(Resource):
    """A queue of tuples of tensors; threads wait where there is no room or nothing to take.

    Attributes:
        dtypes, shapes, names: of the components; None for what was not given.
        queue_ref: what names the queue.
    """

    def __init__(self, dtypes, shapes, names, queue_ref):
        raise UsageError(explain("QueueBase: make one of its kinds, such as tf.queue.FIFOQueue"))

    def _make(self, label: str, capacity, dtypes, shapes, names, shared_name, name, least=0, seed=None) -> None:
        self._label = label
        self._dtypes = [dt.as_dtype(d) for d in (dtypes if isinstance(dtypes, (list, tuple)) else [dtypes])]
        self._shapes = None if shapes is None else _shape_list(label, shapes, len(self._dtypes))
        self._names = _name_list(label, names, len(self._dtypes))
        sizes = None if self._shapes is None else [s.as_list() for s in self._shapes]
        if sizes is not None and label != "PaddingFIFOQueue" and any(d is None for s in sizes for d in s):
            raise ShapeError(explain(f"{label}: all sizes of {[str(s) for s in self._shapes]} must be known"))
        capacity, least = int(capacity), int(least)

        def define(full: str, recorder) -> str:
            seeds = _seeds(recorder, seed) if label == "RandomShuffleQueue" else (0, 0)
            return definition_of(label, full, capacity, self._dtypes, sizes, least, seeds)

        self._define(define, name, shared_name)
        self.queue_ref = self._definition

    @property
    def dtypes(self) -> list:
        return self._dtypes

    @property
    def shapes(self) -> list:
        return [TensorShape(None)] * len(self._dtypes) if self._shapes is None else self._shapes

    @property
    def names(self):
        return self._names

    def enqueue(self, vals, name=None):
        """Add one element: a tensor, or a list or (in a queue with names) a dictionary of its components.

        Raises:
            CancelledError: the queue is closed, or closed while this waits for room.
            ShapeError, DtypeError: a component does not fit.
        """
        tensors = self._components("enqueue", vals)
        for k, (t, shape) in enumerate(zip(tensors, self._shapes or ())):
            fitting(f"{self._label}.enqueue", f"component {k}", t, shape)
        return self._call("QueueEnqueueV2", f"{self._name}_enqueue", "enqueue", tensors, name=name)

    def enqueue_many(self, vals, name=None):
        """Add the slices along the first axis of the components, as many elements; see ``enqueue``."""
        tensors = self._components("enqueue_many", vals)
        for k, (t, shape) in enumerate(zip(tensors, self.shapes)):
            fitting(f"{self._label}.enqueue_many", f"component {k}", t, _many(shape))
        return self._call("QueueEnqueueManyV2", f"{self._name}_EnqueueMany", "enqueue_many", tensors, name=name)

    def dequeue(self, name=None):
        """Take one element: a tensor, a list of its components, or a dictionary in a queue with names.

        Raises:
            OutOfRangeError: the queue is closed and empty.
        """
        shapes = [None] * len(self._dtypes) if self._shapes is None else map(_open_sizes, self._shapes)
        results = tuple(zip(self._dtypes, shapes))
        if self._shapes is None:
            results = Ranks(f"{self._name}_Dequeue", results)
        return self._answer(self._call("QueueDequeueV2", f"{self._name}_Dequeue", "dequeue", (), results, name))

    def dequeue_many(self, n, name=None):
        """Take ``n`` elements, stacked along a new first axis.

        Raises:
            OutOfRangeError: the queue is closed and has fewer. ShapeError: shapes were not given.
        """
        count, shapes = self._tensor("dequeue_many", n, dt.i32), self._batched("dequeue_many")

        def results(count):
            return tuple([(d, (measured(count, "dequeue_many"), *s)) for d, s in zip(self._dtypes, shapes)])

        label = f"{self._name}_DequeueMany"
        return self._answer(self._call("QueueDequeueManyV2", label, "dequeue_many", (count,), results, name))

    def dequeue_up_to(self, n, name=None):
        """Take ``n`` elements, or fewer (at least one) where the queue is closed and has no more."""
        count, shapes = self._tensor("dequeue_up_to", n, dt.i32), self._batched("dequeue_up_to")
        results = tuple([(d, (-1, *s)) for d, s in zip(self._dtypes, shapes)])
        label = f"{self._name}_DequeueUpTo"
        return self._answer(self._call("QueueDequeueUpToV2", label, "dequeue_up_to", (count,), results, name))

    def size(self, name=None):
        """How many elements there are: i32."""
        return self._call("QueueSizeV2", f"{self._name}_Size", "size", (), ((dt.i32, ()),), name)[0]

    def is_closed(self, name=None):
        """Whether it is closed: bool."""
        return self._call("QueueIsClosedV2", f"{self._name}_is_closed", "is_closed", (), ((dt.b1, ()),), name)[0]

    def close(self, cancel_pending_enqueues=False, name=None):
        """Let no more elements come: after those that wait, or (``cancel_pending_enqueues``) instead of them.

        Raises:
            CancelledError: the queue is closed already.
        """
        method = "close_now" if cancel_pending_enqueues else "close"
        return self._call("QueueCloseV2", f"{self._name}_Close", method, (), name=name)

    @staticmethod
    def from_list(index, queues):
        """The queue number ``index``, which must be known, of queues of the same dtypes."""
        if not queues or any(not isinstance(q, QueueBase) for q in queues):
            raise UsageError(explain(f"from_list: needs a list of queues, got {queues!r}"))
        if any(q.dtypes != queues[0].dtypes for q in queues):
            raise DtypeError(explain(f"from_list: dtypes of the queues differ: {[q.dtypes for q in queues]}"))
        return queues[int(index)]

    # ------------------------------------------------------------------------------------- components

    def _components(self, op: str, vals) -> list:
        if self._names is not None:
            if not isinstance(vals, Mapping):
                raise UsageError(explain(f"{self._label}.{op}: a queue with names takes a dictionary, not {vals!r}"))
            if sorted(vals) != sorted(self._names):
                what = f"{self._label}.{op}: the keys {sorted(vals)} are not the names {sorted(self._names)}"
                raise UsageError(explain(what))
            vals = [vals[n] for n in self._names]
        elif isinstance(vals, Mapping):
            raise UsageError(explain(f"{self._label}.{op}: a dictionary needs a queue with names"))
        elif not isinstance(vals, (list, tuple)) or (len(self._dtypes) == 1 and len(vals) != 1):
            vals = [vals]
        if len(vals) != len(self._dtypes):
            raise UsageError(explain(f"{self._label}.{op}: {len(vals)} components instead of {len(self._dtypes)}"))
        return [self._tensor(f"{self._label}.{op}", v, d) for v, d in zip(vals, self._dtypes)]

    def _batched(self, op: str) -> list:
        if self._shapes is None:
            raise ShapeError(explain(f"{self._label}.{op}: needs a queue whose shapes were given"))
        return [_open_sizes(s) for s in self._shapes]

    def _answer(self, tensors: list):
        if self._names is not None:
            return dict(zip(self._names, tensors))
        return tensors[0] if len(tensors) == 1 else tensors


class FIFOQueue(QueueBase):
    """A queue that gives elements in the order in which they came.

    Args:
        capacity: how many elements it holds; any number if negative.
        dtypes: of the components; shapes: theirs (dequeue_many needs them).
        names: of the components, which are dictionaries then.
        shared_name: queues of one name are one queue.
    """

    def __init__(self, capacity, dtypes, shapes=None, names=None, shared_name=None, name="fifo_queue"):
        self._make("FIFOQueue", capacity, dtypes, shapes, names, shared_name, name)


class RandomShuffleQueue(QueueBase):
    """A queue that gives elements in a random order; ``min_after_dequeue`` of them stay until it is closed.

    Args: as in FIFOQueue; with a seed, equal programs draw equal orders.
    """

    def __init__(self, capacity, min_after_dequeue, dtypes, shapes=None, names=None, seed=None, shared_name=None,
                 name="random_shuffle_queue"):  # fmt: skip
        self._make("RandomShuffleQueue", capacity, dtypes, shapes, names, shared_name, name, min_after_dequeue, seed)


class PaddingFIFOQueue(QueueBase):
    """A queue whose elements may differ in size: shapes have None there, and dequeue_many fills up with zeros."""

    def __init__(self, capacity, dtypes, shapes, names=None, shared_name=None, name="padding_fifo_queue"):
        if shapes is None:
            raise ShapeError(explain("PaddingFIFOQueue: shapes must be given, with None for unknown sizes"))
        self._make("PaddingFIFOQueue", capacity, dtypes, shapes, names, shared_name, name)


class PriorityQueue(QueueBase):
    """A queue that gives the element with the smallest priority first: its first component, an i64 scalar.

    Args:
        types, shapes: of the other components.
    """

    def __init__(self, capacity, types, shapes=None, names=None, shared_name=None, name="priority_queue"):
        types = list(types) if isinstance(types, (list, tuple)) else [types]
        if shapes is not None:
            shapes = [TensorShape([]), *_shape_list("PriorityQueue", shapes, len(types))]
        self._make("PriorityQueue", capacity, [dt.i64, *types], shapes, names, shared_name, name)


def _open_sizes(shape: TensorShape) -> tuple:
    return tuple([-1 if d is None else d for d in shape.as_list()])


def _many(shape: TensorShape) -> TensorShape:
    return TensorShape(None if shape.rank is None else [None, *shape.as_list()])


def _shape_list(label: str, shapes, count: int) -> list[TensorShape]:
    if isinstance(shapes, TensorShape) or all(s is None or isinstance(s, int) for s in shapes):
        shapes = [shapes]
    if len(shapes) != count:
        raise ShapeError(explain(f"{label}: {len(shapes)} shapes for {count} dtypes"))
    return [TensorShape(s) for s in shapes]


def _name_list(label: str, names, count: int):
    if not names:
        return None
    names = [names] if isinstance(names, str) else list(names)
    if len(names) != count:
        raise UsageError(explain(f"{label}: {len(names)} names for {count} dtypes"))
    return names


def _seeds(recorder, seed) -> tuple[int, int]:
    """TensorFlow's two seeds of an operation; 0 and 0 where nothing decides."""
    of_all = SEEDS.seed if recorder.is_eager else getattr(recorder, "seed", None)
    if of_all is None and seed is None:
        return 0, 0
    if seed is None:
        seed = SEEDS.count if recorder.is_eager else len(recorder.get_operations())
    first, second = (_SEED if of_all is None else int(of_all)) % (2**31 - 1), int(seed) % (2**31 - 1)
    return (first, second) if first or second else (0, 2**31 - 1)
