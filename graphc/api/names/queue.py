"""Names of queues."""

from graphc.api import queue

_KINDS = (queue.QueueBase, queue.FIFOQueue, queue.RandomShuffleQueue, queue.PaddingFIFOQueue, queue.PriorityQueue)
FUNCTIONS = {f"queue.{kind.__name__}": kind for kind in _KINDS}
