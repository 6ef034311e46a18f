"""Gradients of eager computations: GradientTape and ForwardAccumulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager


from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.recording import RECORDING
from graphc.api.structure import leaves, pack
from graphc.api.tensor import EagerTensor
from graphc.autodiff import batch_jacobian, grad, jacobian, jvp
from graphc.errors import DtypeError, StateError, UsageError, explain
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.lib.shape import zeros_like
from graphc.prims.dims import zeros


class UnconnectedGradients:
    """What stands for a gradient that does not exist."""

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Records what is computed inside ``with``, for gradients afterwards.

    Args:
        persistent: whether gradients may be asked for more than once.
        watch_accessed_variables: whether trainable variables are watched without being asked for.

    Example::

        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * w)
        slope = tape.gradient(loss, w)
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent, self._variables = persistent, watch_accessed_variables
        self._watched: dict[Node, EagerTensor] = {}
        self._is_used = self._is_recording = False
        self._seen: dict[int, object] = {}

    def __enter__(self):
        if self._is_recording:
            raise StateError(explain("GradientTape: it is recording already"))
        self._is_recording = True
        RECORDING.begin(self)
        return self

    def __exit__(self, *exception):
        if self._is_recording:
            self._is_recording = False
            RECORDING.end(self)

    def watch(self, tensor) -> None:
        """Let gradients be taken with respect to tensors (or a structure of them).

        Raises:
            DtypeError: one is not floating or complex.
        """
        for t in leaves(tensor):
            if not isinstance(t, Operators) or not t.dtype.is_inexact:
                raise DtypeError(explain(f"GradientTape.watch: needs floating tensors, got {t!r}"))
            if isinstance(t, EagerTensor):
                self._watched[t.marked()] = t
            else:
                self._watched[t.as_tensor().node] = t

    def read(self, variable) -> None:
        """A variable was read while recording."""
        if self._variables and variable.trainable:
            self._watched[variable.as_tensor().node] = variable
            self._seen[id(variable)] = variable

    def watched_variables(self) -> tuple:
        """The variables that were read or watched, in order."""
        return tuple(self._seen.values())

    def reset(self) -> None:
        """Forget everything recorded so far."""
        self._watched.clear()
        self._seen.clear()

    @contextmanager
    def stop_recording(self):
        """What is computed inside has no gradient."""
        self.__exit__()
        try:
            yield
        finally:
            self._is_recording = True
            RECORDING.begin(self)

    def gradient(self, target, sources, output_gradients=None, unconnected_gradients=UnconnectedGradients.NONE):
        """The gradient of ``target`` (summed, for several) by each of ``sources``, in their structure.

        Args:
            output_gradients: cotangents of the targets; ones if None.

        Returns:
            Tensors of the sources' shapes; None (or zeros, as asked) where nothing connects.

        Raises:
            StateError: the tape is used up. UsageError: ``unconnected_gradients`` is neither of its values.
        """
        if unconnected_gradients not in (UnconnectedGradients.NONE, UnconnectedGradients.ZERO):
            raise UsageError(explain(f"gradient: unconnected_gradients {unconnected_gradients!r} is not none or zero"))
        self._use()
        targets = [_tensor(t) for t in leaves(target)]
        xs = list(leaves(sources))
        seeds = [None] * len(targets) if output_gradients is None else list(leaves(output_gradients))
        kept = [(t, s) for t, s in zip(targets, seeds) if t.dtype.is_inexact]
        ys = [t.history for t, _ in kept]
        cotangents = [None if s is None else EAGER.convert(s, t.dtype).node for t, s in kept]
        places = [self._place(ys, x) for x in xs]
        found = iter(grad(ys, [p for p in places if p is not None], cotangents, unconnected=None))
        slopes = [None if p is None else next(found) for p in places]
        zero = unconnected_gradients == UnconnectedGradients.ZERO
        filled = [zeros_like(_tensor(x).node) if g is None and zero else g for g, x in zip(slopes, xs)]
        return pack(sources, iter([None if g is None else EagerTensor(EAGER, g) for g in filled]))

    def jacobian(self, target, sources, unconnected_gradients=UnconnectedGradients.NONE, parallel_iterations=None,
                 experimental_use_pfor=True):  # fmt: skip
        """For each source ``[*target.shape, *source.shape]``: all derivatives of the elements of ``target``."""
        return self._matrices(jacobian, target, sources, unconnected_gradients)

    def batch_jacobian(self, target, source, unconnected_gradients=UnconnectedGradients.NONE, parallel_iterations=None,
                       experimental_use_pfor=True):  # fmt: skip
        """``[b, *target.shape[1:], *source.shape[1:]]``: the derivatives of each row by the same row of ``source``."""
        return self._matrices(batch_jacobian, target, source, unconnected_gradients)

    def _matrices(self, function: Callable, target, sources, unconnected):
        self._use()
        y = _tensor(target).history
        found = []
        for x in leaves(sources):
            place = self._place([y], x)
            matrix = None if place is None else function(y, place)
            if matrix is None and unconnected == UnconnectedGradients.ZERO:
                x = _tensor(x)
                lead = y.shape if function is jacobian else y.shape[:1]
                rest = x.type.shape if function is jacobian else (*y.shape[1:], *x.type.shape[1:])
                matrix = zeros(y.type.with_shape((*lead, *rest)))
            found.append(None if matrix is None else EagerTensor(EAGER, matrix))
        return pack(sources, iter(found))

    def _use(self) -> None:
        if self._is_used and not self._persistent:
            raise StateError(explain("GradientTape: gradients were taken already; use GradientTape(persistent=True)"))
        self._is_used = True

    def _place(self, ys: Sequence[Node], x) -> Node | None:
        """The Node to differentiate by; None where ``x`` neither is watched nor depends on what is."""
        node = _tensor(x).history
        if node in self._watched or any(n in self._watched for n in toposort([node])):
            return node
        return None


def _tensor(value) -> EagerTensor:
    return value if isinstance(value, EagerTensor) else EAGER.convert(value)


class ForwardAccumulator:
    """Directional derivatives: how what is computed inside ``with`` moves when ``primals`` move along ``tangents``.

    Args:
        primals: a tensor, a variable or a structure of them; ``tangents``: directions of the same structure.
    """

    def __init__(self, primals, tangents):
        self._tensors = [_tensor(p) for p in leaves(primals)]
        self._directions = list(leaves(tangents))
        if len(self._tensors) != len(self._directions):
            what = f"{len(self._tensors)} primals and {len(self._directions)} tangents"
            raise UsageError(explain(f"ForwardAccumulator: {what}"))

    def __enter__(self):
        RECORDING.begin(self)
        self._places = [t.marked() for t in self._tensors]
        return self

    def __exit__(self, *exception):
        RECORDING.end(self)

    def read(self, variable) -> None:
        """A variable was read while recording: nothing to do, the primals are known."""

    def jvp(self, primals, unconnected_gradients=UnconnectedGradients.NONE):
        """The directional derivative of values that were computed inside, in their structure."""
        ys = [_tensor(p) for p in leaves(primals)]
        tangents = [EAGER.convert(d, t.dtype).node for d, t in zip(self._directions, self._tensors)]
        found = []
        for y in ys:
            nodes = set(toposort([y.history]))
            if not any(p in nodes for p in self._places):
                zero = unconnected_gradients == UnconnectedGradients.ZERO
                found.append(EagerTensor(EAGER, zeros_like(y.node)) if zero else None)
                continue
            (moved,) = jvp([y.history], self._places, tangents)
            found.append(EagerTensor(EAGER, moved))
        return pack(primals, iter(found))
