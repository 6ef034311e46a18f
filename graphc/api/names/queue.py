"""Names of queues."""

from graphc.api import queue

FUNCTIONS = {
    f"queue.{kind.__name__}": kind
    for kind in (queue.QueueBase, queue.FIFOQueue, queue.RandomShuffleQueue, queue.PaddingFIFOQueue, queue.PriorityQueue)
}
