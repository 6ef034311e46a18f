"""What queues and accumulators have in common: objects that operations reach by name, in a graph or at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from graphc.api.eager import EAGER, eager
from graphc.api.effect import EFFECT
from graphc.api.recorder import recorder_for
from graphc.api.shape import TensorShape
from graphc.api.tensor import EagerTensor
from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.prims.act import act, made
from graphc.prims.running import COMMON, Ranks

_numbers = itertools.count()


class Resource:
    """One such object.

    In a graph it is a name: every session has an object of its own under it. Eagerly it is that object.

    Attributes:
        fallback: answers with the recorder where no operand decides.
    """

    fallback = staticmethod(eager)

    def _define(self, define: Callable, name: str, shared_name: str | None) -> None:
        """Become the resource with the text ``define(name, recorder)``."""
        recorder = recorder_for((), self.fallback)
        self._recorder, self._count, self._object = recorder, itertools.count(), None
        if recorder.is_eager:
            self._name = self._full = shared_name or name
            full = shared_name or f"{name}_{next(_numbers)}"
        else:
            full = shared_name or recorder.unique_name(name)
            self._full, self._name = full, full.rpartition("/")[2]
        self._definition = define(full, recorder)
        if recorder.is_eager:
            self._object = COMMON.get(self._definition, made)

    @property
    def name(self) -> str:
        """Its name, in a graph with the scopes."""
        return self._full

    @property
    def graph(self):
        """The graph that it belongs to, or eager evaluation."""
        return self._recorder

    def _tensor(self, op: str, value, dtype: DType, recorder=None):
        """An operand of this dtype.

        Raises:
            DtypeError: it is of another one.
        """
        tensor = (recorder or self._recorder).convert(value, dtype)
        if tensor.dtype is not dtype:
            raise DtypeError(explain(f"{op}: {self._name} holds {dtype.name}, not {tensor.dtype.name}"))
        return tensor

    def _call(self, kind: str, label: str, method: str, tensors: Sequence, results: Callable | tuple | Ranks = (),
              name=None, partner: Resource | None = None):  # fmt: skip
        """Carry out a method, or record that.

        Args:
            results: pairs of dtype and sizes (-1: unknown), a function of the operand Nodes that answers with them, or
                Ranks.
            partner: another resource that the method is given first.

        Returns:
            A list of tensors; in a graph the operation itself if there are none, None eagerly.
        """
        recorder = recorder_for([*tensors, self], self.fallback)
        if recorder.is_eager:
            others = () if partner is None else (partner._object,)
            found = getattr(self._object, method)(*others, *[EAGER.convert(t).array for t in tensors])
            return [EagerTensor(EAGER, array=a) for a in found] or None
        key = results.key if isinstance(results, Ranks) else f"{self._full}#{next(self._count)}"

        def build(token: Node, *nodes: Node) -> list[Node]:
            known = results.results() if isinstance(results, Ranks) else results(*nodes) if callable(results) else results
            other = "" if partner is None else partner._definition
            return act(
                token, *nodes, definition=self._definition, method=method, key=key, results=known, partner=other
            )

        return record(recorder, kind, label, build, tensors, results, name)


def record(recorder, kind: str, label: str, build: Callable, tensors: Sequence, results, name):
    """Record an operation with effects whose results may be of unknown rank; a list of tensors, or the operation."""
    outputs = None
    if isinstance(results, Ranks):
        outputs = [(dtype, None if sizes is None else tuple([None if n == -1 else n for n in sizes]))
                   for dtype, sizes in results.declared]  # fmt: skip
    made = recorder.call(kind, label, build, list(tensors), [f"component_{k}" for k in range(len(tensors))], name,
                         groups=range(len(tensors)), effect=EFFECT, outputs=outputs)  # fmt: skip
    has_op = hasattr(made, "outputs")
    if isinstance(results, Ranks):
        made = made if isinstance(made, list) else [made]
        results.op = getattr(made[0], "op", None)  # a function that is traced has no operations
        results.is_inside = getattr(recorder, "body", None) is not None
        results.tensors = lambda: results.op.outputs
    return made if has_op or isinstance(made, list) else [made]


def fitting(op: str, what: str, tensor, shape: TensorShape) -> None:
    """Refuse a tensor that is not of this shape.

    Raises:
        ShapeError: naming both.
    """
    if not shape.is_compatible_with(tensor.shape):
        raise ShapeError(explain(f"{op}: {what} has shape {tensor.shape}, but {shape} is expected"))
