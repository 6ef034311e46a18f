"""TensorFlow 1's queues, accumulators and Python functions: those of the default graph."""

from __future__ import annotations

from graphc.api import accumulator, queue
from graphc.api.callbacks import Callbacks
from graphc.v1.mode import default_recorder


class QueueBase(queue.QueueBase):
    """A queue of tuples of tensors; see ``graphc.queue.QueueBase``. Every session has its own."""

    fallback = staticmethod(default_recorder)


class FIFOQueue(QueueBase, queue.FIFOQueue):
    """A queue that gives elements in the order in which they came; see ``graphc.queue.FIFOQueue``."""


class RandomShuffleQueue(QueueBase, queue.RandomShuffleQueue):
    """A queue that gives elements in a random order; see ``graphc.queue.RandomShuffleQueue``."""


class PaddingFIFOQueue(QueueBase, queue.PaddingFIFOQueue):
    """A queue whose elements may differ in size; see ``graphc.queue.PaddingFIFOQueue``."""


class PriorityQueue(QueueBase, queue.PriorityQueue):
    """A queue that gives the smallest priority first; see ``graphc.queue.PriorityQueue``."""


class ConditionalAccumulatorBase(accumulator.ConditionalAccumulatorBase):
    """An accumulator of gradients; every session has its own."""

    fallback = staticmethod(default_recorder)


class ConditionalAccumulator(ConditionalAccumulatorBase, accumulator.ConditionalAccumulator):
    """Gradients of one shape; see ``graphc.api.accumulator``."""


class SparseConditionalAccumulator(ConditionalAccumulatorBase, accumulator.SparseConditionalAccumulator):
    """Gradients of some rows; see ``graphc.api.accumulator``."""


_CALLBACKS = Callbacks(default_recorder)
py_func, py_function, numpy_function = _CALLBACKS.py_func, _CALLBACKS.py_function, _CALLBACKS.numpy_function
