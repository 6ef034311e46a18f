"""SaveV2 and RestoreV2: checkpoints written and read by operations of a graph."""

from __future__ import annotations

import itertools

import numpy as np

from graphc.api.effect import EFFECT
from graphc.errors import InvalidArgumentError, explain
from graphc.formats.bundle import BundleReader
from graphc.formats.bundle_writer import BundleWriter
from graphc.formats.slices import Slice
from graphc.ir import dtype as dt
from graphc.prims.act import python
from graphc.prims.running import Ranks
from graphc.v1.graph import get_default_graph
from graphc.v1.tensor import Operation, Tensor

_numbers = itertools.count()


def save_v2(prefix, tensor_names, shape_and_slices, tensors, name=None) -> Operation:
    """An operation that writes tensors as a checkpoint.

    Args:
        prefix: a scalar string; tensor_names: a vector of strings; shape_and_slices: a vector of strings, each empty or
            the part of a partitioned variable that the tensor is, such as ``"4 3 0,2:0,3"``.
    """
    graph = get_default_graph()
    full = graph.unique_name(name or "SaveV2")
    key = f"{full}#{next(_numbers)}"

    def build(token, *nodes):
        return python(token, *nodes, callback=_save, key=key, results=())

    inputs = _texts_of(graph, full, (prefix, tensor_names, shape_and_slices))
    return graph.create("SaveV2", full, (*inputs, *tensors), build, EFFECT, ())


def restore_v2(prefix, tensor_names, shape_and_slices, dtypes, name=None, shapes=None) -> list[Tensor]:
    """The tensors of a checkpoint.

    Args:
        prefix, tensor_names, shape_and_slices: see ``save_v2``; dtypes: of the tensors.
        shapes: what is known of their shapes, lists of sizes with None; found out by a run where it is None.
    """
    graph = get_default_graph()
    full = graph.unique_name(name or "RestoreV2")
    kinds, sizes = [dt.as_dtype(d) for d in dtypes], list(shapes or [None] * len(dtypes))
    known = tuple((d, None if n is None else tuple(-1 if k is None else k for k in n)) for d, n in zip(kinds, sizes))
    results = Ranks(full, known) if None in sizes else None
    key = f"{full}#{next(_numbers)}" if results is None else results.key

    def build(token, *nodes):
        found = known if results is None else results.results()
        return python(token, *nodes, callback=_restore, key=key, results=found)

    inputs = _texts_of(graph, full, (prefix, tensor_names, shape_and_slices))
    op = graph.create("RestoreV2", full, inputs, build, EFFECT, list(zip(kinds, sizes)))
    if results is not None:
        results.op, results.is_inside, results.tensors = op, graph.body is not None, lambda: op.outputs
    return op.outputs


def _texts_of(graph, full: str, values) -> list[Tensor]:
    labels = ("prefix", "tensor_names", "shape_and_slices")
    return [graph.convert(x, dt.string, f"{full}/{label}") for x, label in zip(values, labels)]


def _texts(op: str, prefix, names, specs, count: int | None = None) -> tuple[str, list[tuple[str, str]]]:
    """The prefix, and pairs of name and slice.

    Raises:
        InvalidArgumentError: there is another number of names than of slices or tensors.
    """
    pairs = [(n.decode(), s.decode()) for n, s in zip(names.reshape(-1).tolist(), specs.reshape(-1).tolist())]
    if names.size != specs.size or (count is not None and names.size != count):
        raise InvalidArgumentError(explain(f"{op}: {names.size} names, {specs.size} slices, {count} tensors"))
    return prefix.reshape(-1)[0].decode(), pairs


def _save(prefix, names, specs, *arrays) -> list:
    path, pairs = _texts("SaveV2", prefix, names, specs, len(arrays))
    with BundleWriter(path) as writer:
        for (name, spec), array in sorted(zip(pairs, arrays), key=lambda item: item[0]):
            shape, part = Slice.parse(spec) if spec else ((), None)
            writer.add(name, array, part, shape)
    return []


def _restore(prefix, names, specs) -> list[np.ndarray]:
    path, pairs = _texts("RestoreV2", prefix, names, specs)
    reader = BundleReader(path)
    found = []
    for name, spec in pairs:
        if not spec:
            found.append(reader.read(name))
            continue
        shape, part = Slice.parse(spec)
        reader.verify(name)
        out = np.empty([s.stop - s.start for s in part.place(shape)], reader.entry(name).dtype.numpy)
        reader.copy_to(name, out, part)
        found.append(out)
    return found
