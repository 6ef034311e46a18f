"""TensorFlow 1's input producers: queues of slices, numbers and names, filled epoch after epoch by threads."""

from __future__ import annotations

from graphc.api.shape import TensorShape
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import grid, index, random, shape
from graphc.prims.table import apply
from graphc.v1.catalogue import SHARED
from graphc.v1.define import construct, random_op
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.queue_runner import QueueRunner, add_queue_runner
from graphc.v1.queues import FIFOQueue
from graphc.v1.summary.ops import scalar
from graphc.v1.tensor import Tensor, Write
from graphc.v1.variables import Variable


def count_up_to(ref: Variable, limit: int, name=None) -> Tensor:
    """The value of an integer variable, which then becomes one more.

    Raises:
        OutOfRangeError: when running: the value is ``limit``, and stays that.
    """
    return _counted("count_up_to", ref, limit, name) - 1


def _counted(op: str, ref: Variable, limit: int, name=None) -> Tensor:
    """The value of a variable after it became one more."""
    if not isinstance(ref, Variable):
        raise UsageError(explain(f"{op}: needs a variable, got {ref!r}"))
    graph, limit = ref.graph, int(limit)

    def build(current: Node) -> Node:
        return apply("count_up_to", current, limit=limit)

    build(ref.start)  # refuses other dtypes and shapes, at this line
    full = graph.unique_name(name or "CountUpTo")
    return graph.create("CountUpTo", full, (), build, Write(ref, True), [(ref.dtype, ref.start)]).outputs[0]


def limit_epochs(tensor, num_epochs=None, name=None) -> Tensor:
    """``tensor``, which can be had ``num_epochs`` times; any number of times if None.

    It counts in a local variable, so ``local_variables_initializer`` must run first.

    Raises:
        UsageError: ``num_epochs`` is not positive. OutOfRangeError: when running: it was had so often.
    """
    graph = get_default_graph()
    tensor = graph.convert(tensor)
    if num_epochs is None:
        return tensor
    if num_epochs <= 0:
        raise UsageError(explain(f"limit_epochs: num_epochs must be positive, got {num_epochs}"))
    with graph.name_scope(name or "limit_epochs"):
        epochs = Variable(0, trainable=False, collections=[GraphKeys.LOCAL_VARIABLES], name="epochs", dtype=dt.i64)
        counted = _counted("limit_epochs", epochs, num_epochs)
        operands = {"value": tensor, "counted": counted}
        return construct("Identity", "Identity", _after, operands, {"value": 0, "counted": 1})


def _after(value: Node, counted: Node) -> Node:
    """A value that is known only when another is."""
    return apply("after", value, counted)


def input_producer(input_tensor, element_shape=None, num_epochs=None, shuffle=True, seed=None, capacity=32,
                   shared_name=None, summary_name=None, name=None, cancel_op=None):  # fmt: skip
    """A queue of the slices of a tensor, filled again and again (``num_epochs`` times) by a QueueRunner.

    Args:
        element_shape: of a slice, where the tensor's shape does not say it.
        shuffle: in another order every time.
        summary_name: tag of the summary of how full the queue is.

    Raises:
        ShapeError: the shape of a slice is not known.
    """
    graph = get_default_graph()
    with graph.name_scope(name or "input_producer"):
        tensor = graph.convert(input_tensor)
        element = TensorShape(None if tensor.shape.rank is None else tensor.shape.as_list()[1:])
        if element_shape is not None:
            element = element.merge_with(TensorShape(element_shape))
        if not element.is_fully_defined():
            raise ShapeError(explain(f"input_producer: the shape of a slice must be known, not {element}"))
        if shuffle:
            tensor = random_op("RandomShuffle", "RandomShuffle", random.shuffle, {"value": tensor}, {"value": 0}, seed)
        tensor = limit_epochs(tensor, num_epochs)
        queue = FIFOQueue(capacity, [tensor.dtype], [element], shared_name=shared_name, name="input_producer")
        add_queue_runner(QueueRunner(queue, [queue.enqueue_many([tensor])], cancel_op=cancel_op))
        full = SHARED.get("cast")(queue.size(), dt.f32) * (1.0 / capacity)
        scalar(summary_name or f"fraction_of_{capacity}_full", full)
        return queue


def string_input_producer(string_tensor, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None,
                          name=None, cancel_op=None):  # fmt: skip
    """A queue of strings, such as names of files; see ``input_producer``.

    Raises:
        UsageError: there are none.
    """
    if not isinstance(string_tensor, Tensor) and not len(string_tensor):
        raise UsageError(explain("string_input_producer: there are no strings"))
    tensor = get_default_graph().convert(string_tensor, None if isinstance(string_tensor, Tensor) else dt.string)
    return input_producer(tensor, [], num_epochs, shuffle, seed, capacity, shared_name, None, name, cancel_op)


def match_filenames_once(pattern, name=None) -> Tensor:
    """The names of the files that match a pattern, or one of several: a vector in order of the names.

    They are looked for in every run that needs them.
    """
    return SHARED.get("io.matching_files")(pattern, name=name or "matching_filenames")


def range_input_producer(limit, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None):
    """A queue of the numbers 0 to ``limit - 1``; see ``input_producer``."""
    numbers = construct("Range", "range", grid.range_, {"start": limit}, {"start": 0})
    return input_producer(numbers, [], num_epochs, shuffle, seed, capacity, shared_name, None, name)


def slice_input_producer(tensor_list, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None,
                         name=None):  # fmt: skip
    """The next slice of every tensor, all at the same place; see ``input_producer``.

    Raises:
        UsageError: there are no tensors.
    """
    if not len(tensor_list):
        raise UsageError(explain("slice_input_producer: there are no tensors"))
    graph = get_default_graph()
    with graph.name_scope(name or "input_producer"):
        tensors = [graph.convert(t) for t in tensor_list]
        count = construct("Shape", "count", _rows, {"x": tensors[0]}, {"x": 0})
        place = range_input_producer(count, num_epochs, shuffle, seed, capacity, shared_name).dequeue()
        return [_slice(t, place) for t in tensors]


def _slice(params: Tensor, indices: Tensor) -> Tensor:
    operands = {"params": params, "indices": indices}
    return construct("GatherV2", "GatherV2", index.gather, operands, {"params": 0, "indices": 1})


def _rows(x: Node) -> Node:
    return apply("reshape", apply("slice", shape.shape(x), start=(0,), stop=(1,), step=(1,)), shape=())
