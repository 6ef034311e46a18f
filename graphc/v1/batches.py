"""TensorFlow 1's batching: threads put single examples (or small batches) into a queue, and whole batches come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphc.api.shape import TensorShape
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import select, shape
from graphc.prims.table import apply
from graphc.v1.catalogue import SHARED
from graphc.v1.define import construct
from graphc.v1.graph import get_default_graph
from graphc.v1.queue_runner import QueueRunner, add_queue_runner
from graphc.v1.queues import FIFOQueue, PaddingFIFOQueue, RandomShuffleQueue
from graphc.v1.summary.ops import scalar


@dataclass(frozen=True)
class _Kind:
    """What sort of queue the examples wait in."""

    capacity: int
    pads: bool
    shared_name: str | None
    shuffling: dict = field(default_factory=dict)

    @property
    def least(self) -> int:
        """How many examples stay when others are taken."""
        return self.shuffling.get("min_after_dequeue", 0)

    def queue(self, dtypes: list, shapes: list):
        """Such a queue for examples of these types."""
        if self.shuffling:
            kind, name = RandomShuffleQueue, "random_shuffle_queue"
        else:
            kind, name = (PaddingFIFOQueue, "padding_fifo_queue") if self.pads else (FIFOQueue, "fifo_queue")
        return kind(self.capacity, dtypes=dtypes, shapes=shapes, shared_name=self.shared_name, name=name,
                    **self.shuffling)  # fmt: skip


def _shuffling(capacity, least, seed, shared_name) -> _Kind:
    return _Kind(capacity, False, shared_name, {"min_after_dequeue": least, "seed": seed})


def batch(tensors, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
          allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches of examples.

    Args:
        tensors: one example: a tensor, a list or a dictionary of them.
        enqueue_many: they are many examples, along the first axis.
        shapes: of an example's components, where they do not say so themselves.
        dynamic_pad: examples may differ in size; a batch is filled up with zeros.
        allow_smaller_final_batch: what is left at the end is a batch too.

    Returns:
        The structure of ``tensors``, with a batch for every tensor; the batch itself for a list of one.

    Raises:
        ShapeError: the shape of an example is not known, without ``dynamic_pad``.
    """
    return _batched([tensors] * num_threads, True, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "batch", _Kind(capacity, dynamic_pad, shared_name))  # fmt: skip


def batch_join(tensors_list, batch_size, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
               allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """``batch`` with one thread for each of several sources."""
    return _batched(tensors_list, True, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "batch_join", _Kind(capacity, dynamic_pad, shared_name))  # fmt: skip


def maybe_batch(tensors, keep_input, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None,
                dynamic_pad=False, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """``batch`` of the examples for which ``keep_input`` (a bool, or a vector of them for many examples) is true."""
    return _batched([tensors] * num_threads, keep_input, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "batch", _Kind(capacity, dynamic_pad, shared_name))  # fmt: skip


def maybe_batch_join(tensors_list, keep_input, batch_size, capacity=32, enqueue_many=False, shapes=None,
                     dynamic_pad=False, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """``batch_join`` of the examples for which ``keep_input`` is true."""
    return _batched(tensors_list, keep_input, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "batch_join", _Kind(capacity, dynamic_pad, shared_name))  # fmt: skip


def shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, num_threads=1, seed=None, enqueue_many=False,
                  shapes=None, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """``batch`` of examples drawn at random from a queue in which at least ``min_after_dequeue`` others stay."""
    return _batched([tensors] * num_threads, True, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "shuffle_batch", _shuffling(capacity, min_after_dequeue, seed, shared_name))  # fmt: skip


def shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, seed=None, enqueue_many=False,
                       shapes=None, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """``shuffle_batch`` with one thread for each of several sources."""
    return _batched(tensors_list, True, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "shuffle_batch_join",
                    _shuffling(capacity, min_after_dequeue, seed, shared_name))  # fmt: skip


def maybe_shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, keep_input, num_threads=1, seed=None,
                        enqueue_many=False, shapes=None, allow_smaller_final_batch=False, shared_name=None,
                        name=None):  # fmt: skip
    """``shuffle_batch`` of the examples for which ``keep_input`` is true."""
    return _batched([tensors] * num_threads, keep_input, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "shuffle_batch",
                    _shuffling(capacity, min_after_dequeue, seed, shared_name))  # fmt: skip


def maybe_shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, keep_input, seed=None,
                             enqueue_many=False, shapes=None, allow_smaller_final_batch=False, shared_name=None,
                             name=None):  # fmt: skip
    """``shuffle_batch_join`` of the examples for which ``keep_input`` is true."""
    return _batched(tensors_list, keep_input, batch_size, enqueue_many, shapes, allow_smaller_final_batch,
                    name or "shuffle_batch_join",
                    _shuffling(capacity, min_after_dequeue, seed, shared_name))  # fmt: skip


def _batched(sources, keep, batch_size, are_many: bool, shapes, smaller: bool, name: str, kind: _Kind):
    """The batches that come out of a queue which a thread for each of the sources fills."""
    if not isinstance(sources, (list, tuple)) or not sources:
        raise UsageError(explain(f"{name}: there are no tensors"))
    if kind.capacity <= kind.least:
        what = f"{name}: capacity {kind.capacity} must be bigger than min_after_dequeue {kind.least}"
        raise UsageError(explain(what))
    graph = get_default_graph()
    with graph.name_scope(name) as scope:
        examples = [[graph.convert(t) for t in _parts(source)] for source in sources]
        dtypes = [t.dtype for t in examples[0]]
        if any([t.dtype for t in e] != dtypes for e in examples):
            raise UsageError(explain(f"{name}: the dtypes of the sources differ"))
        known = [TensorShape(s) for s in shapes] if shapes is not None else _shapes(name, examples, are_many)
        for t, s in zip(examples[0], known):
            if not s.is_fully_defined() and not (kind.pads and s.rank is not None):
                what = f"{name}: the shape of {t.name}, {s}, must be known; call set_shape on it, or pass shapes="
                raise ShapeError(explain(what))
        queue = kind.queue(dtypes, known)
        add_queue_runner(QueueRunner(queue, [_put(queue, e, keep, are_many) for e in examples]))
        _report(queue, kind)
        found = (queue.dequeue_up_to if smaller else queue.dequeue_many)(batch_size, name=scope)
    return dict(zip(sorted(sources[0]), _parts(found))) if isinstance(sources[0], Mapping) else found


def _parts(source) -> list:
    if isinstance(source, Mapping):
        return [source[key] for key in sorted(source)]
    return list(source) if isinstance(source, (list, tuple)) else [source]


def _report(queue, kind: _Kind) -> None:
    """A summary of how full the queue is."""
    size = queue.size()
    room = kind.capacity - kind.least
    if kind.shuffling:
        name, size = f"fraction_over_{kind.least}_of_{room}_full", SHARED.get("maximum")(0, size - kind.least)
    else:
        name = f"fraction_of_{room}_full"
    scalar(name, SHARED.get("cast")(size, dt.f32) * (1.0 / room))


def _shapes(name: str, examples: list, are_many: bool) -> list[TensorShape]:
    """The shape of each component, as far as all sources agree."""
    found = []
    for component in zip(*examples):
        shapes = [t.shape for t in component]
        if any(s.rank is None for s in shapes) or len({s.rank for s in shapes}) > 1:
            found.append(TensorShape(None))
            continue
        sizes = zip(*[s.as_list()[1:] if are_many else s.as_list() for s in shapes])
        found.append(TensorShape([s[0] if len(set(s)) == 1 else None for s in sizes]))
    return found


def _put(queue, example: list, keep, are_many: bool):
    """The operation that adds an example (or many) to the queue, if it is to be kept."""
    if keep is True:
        return queue.enqueue_many(example) if are_many else queue.enqueue(example)
    kept = [construct("BooleanMask", "kept", lambda x, k: _kept(x, k, are_many), {"x": t, "k": keep}, {"x": 0, "k": 1})
            for t in example]  # fmt: skip
    return queue.enqueue_many(kept)


def _kept(x: Node, keep: Node, are_many: bool) -> Node:
    """The slices to be kept: those of ``x``, or ``x`` itself as the only one."""
    if not are_many:
        x = apply("reshape", x, shape=(1, *x.shape))
    if not keep.shape:
        keep = shape.fill((x.shape[0],), keep)
    return select.boolean_mask(x, keep)
