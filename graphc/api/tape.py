"""Gradients of eager computations: GradientTape and ForwardAccumulator."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from contextlib import contextmanager

from graphc.api.eager import EAGER
from graphc.api.history import History, derived
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.recording import RECORDING
from graphc.api.structure import leaves, pack
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.values import Value
from graphc.autodiff import batch_jacobian, grad, jacobian, jvp
from graphc.errors import DtypeError, ShapeError, StateError, UsageError, explain
from graphc.ir.node import Node, binary
from graphc.ir.order import toposort
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
        self.records: list[tuple] = []  # operations, and values that are watched, in their order
        self._is_used = self._is_recording = False
        self._read: dict[int, tuple] = {}  # id of a variable -> it, and what stood for its values
        self._nodes: dict[Node, object] = {}  # what is watched inside a function that is being traced
        self._recorder = _innermost()

    @property
    def recorder(self):
        """Where what it records is recorded."""
        return self._recorder

    def __enter__(self):
        if self._is_recording:
            raise StateError(explain("GradientTape: it is recording already"))
        self._is_recording, self._recorder = True, _innermost()
        RECORDING.begin(self)
        return self

    def __exit__(self, *exception):
        if self._is_recording:
            self._is_recording = False
            RECORDING.end(self)

    def watch(self, tensor) -> None:
        """Let gradients be taken with respect to tensors (or a structure of them).

        What is not floating or complex has no gradients; a warning says so.

        Raises:
            DtypeError: one is no tensor.
        """
        for t in _leaves(tensor):
            if not isinstance(t, Operators):
                raise DtypeError(explain(f"GradientTape.watch: needs tensors or variables, got {t!r}"))
            if not t.dtype.is_inexact:
                what = f"GradientTape.watch: {t.dtype.name} has no gradients: {t!r}"
                logging.getLogger("graphc").warning(explain(what))
                continue
            if isinstance(t, EagerTensor):
                self.records.append((t.record, None, None))
            elif isinstance(t, Tensor):
                self._nodes[t.node if self._recorder is EAGER else self._recorder.watched(t)] = t
            else:
                self._watch_variable(t)

    def read(self, variable, value=None) -> None:
        """A variable was read while recording; outside of functions ``value`` is the tensor that was read."""
        if self._variables and variable.trainable:
            self._watch_variable(variable, value)

    def _watch_variable(self, variable, value=None) -> None:
        if self._recorder is not EAGER:
            stands = self._recorder.source_of(variable)
            self._nodes[stands] = variable
        else:
            stands = (variable.as_tensor() if value is None else value).record
        known = self._read.setdefault(id(variable), (variable, {}))[1]
        if stands not in known:
            known[stands] = True
            if isinstance(stands, Value):
                self.records.append((stands, None, None))

    def _target(self, value) -> Tensor:
        """What gradients are taken of; a variable is as if it had been read inside of the tape."""
        if not isinstance(value, Tensor) and value.dtype.is_inexact:
            self._watch_variable(value)
        return _tensor(value)

    def watched_variables(self) -> tuple:
        """The variables that were read or watched, in order."""
        return tuple([variable for variable, _ in self._read.values()])

    def reset(self) -> None:
        """Forget everything recorded so far."""
        self.records.clear()
        self._read.clear()
        self._nodes.clear()

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
            StateError: the tape is used up.
            UsageError: ``unconnected_gradients`` is neither of its values, or there are not as many output gradients as
                targets.
            ShapeError, DtypeError: an output gradient is not of its target's type.
        """
        if unconnected_gradients not in (UnconnectedGradients.NONE, UnconnectedGradients.ZERO):
            raise UsageError(explain(f"gradient: unconnected_gradients {unconnected_gradients!r} is not none or zero"))
        _expect_tensors("gradient", target=target, sources=sources)
        self._use()
        targets, xs = [self._target(t) for t in _leaves(target)], list(_leaves(sources))
        seeds = [None] * len(targets) if output_gradients is None else list(_leaves(output_gradients))
        if len(seeds) != len(targets):
            what = f"gradient: {len(seeds)} output gradients for {len(targets)} targets; they must be tensors"
            raise UsageError(explain(what))
        kept = [(t, None if s is None else _cotangent(s, t)) for t, s in zip(targets, seeds) if t.dtype.is_inexact]
        found = self._derivatives(kept, xs)
        if not self._persistent:
            self.records.clear()
        return self._packed(sources, xs, found, unconnected_gradients, lambda x: x.type)

    def _derivatives(self, kept: Sequence[tuple], xs: Sequence) -> list[Tensor | None]:
        """The gradients of pairs of target and cotangent (or None), added up."""
        if not all(isinstance(t, EagerTensor) for t, _ in kept):
            return self._inside(kept, lambda ys, places, seeds: grad(ys, places, seeds, unconnected=None), xs)
        history = History(self.records)
        kept = [(place, s) for t, s in kept if (place := history.place(t.record)) is not None]
        given = [s for _, s in kept if s is not None]
        has = tuple([s is not None for _, s in kept])

        def derive(ys, places, nodes):
            nodes = iter(nodes)
            return grad(ys, places, [next(nodes) if has_seed else None for has_seed in has], unconnected=None)

        return derived(history, ("gradient", has), [s.record for s in given], [p for p, _ in kept],
                       self._sources(history, xs), derive)  # fmt: skip

    def _sources(self, history: History, xs: Sequence) -> list[tuple]:
        """For each source the places of what stands for it."""
        found = []
        for x in xs:
            if isinstance(x, EagerTensor):
                stands = [x.record]
            else:
                stands = [v for v in self._read.get(id(x), (x, {}))[1] if isinstance(v, Value)]
            found.append(tuple([p for v in stands if (p := history.place(v)) is not None]))
        return found

    def _inside(self, kept: Sequence[tuple], derive: Callable, xs: Sequence) -> list[Tensor | None]:
        """Derivatives inside a function that is being traced, where tensors are Nodes."""
        recorder = self._recorder
        ys = [recorder.convert(t).node for t, _ in kept]
        seeds = [None if s is None else recorder.convert(s).node for _, s in kept]
        order = toposort(ys)
        reached = set(self._nodes)
        for node in order:
            if any(n in reached for n in node.inputs):
                reached.add(node)
        places = [[n for n in self._stand_ins(x) if n in reached] for x in xs]
        found = iter(derive(ys, [n for own in places for n in own], seeds))
        answers = []
        for own in places:
            parts = [n for n in [next(found) for _ in own] if n is not None]
            total = functools.reduce(functools.partial(binary, "add"), parts) if parts else None
            answers.append(None if total is None else Tensor(recorder, total))
        return answers

    def _stand_ins(self, x) -> list[Node]:
        if not isinstance(x, Tensor):
            return [n for n in self._read.get(id(x), (x, {}))[1] if isinstance(n, Node)]
        return [self._recorder.convert(x).node]

    @staticmethod
    def _packed(sources, xs: Sequence, found: Sequence, unconnected: str, type_of: Callable):
        """Derivatives in the structure of the sources; zeros for None if these are asked for."""
        if unconnected == UnconnectedGradients.ZERO:
            found = [_zeros(type_of(x)) if g is None else g for g, x in zip(found, xs)]
        return pack(sources, iter(found))

    def jacobian(self, target, sources, unconnected_gradients=UnconnectedGradients.NONE, parallel_iterations=None,
                 experimental_use_pfor=True):  # fmt: skip
        """For each source ``[*target.shape, *source.shape]``: all derivatives of the elements of ``target``."""
        return self._matrices(jacobian, target, sources, unconnected_gradients)

    def batch_jacobian(self, target, source, unconnected_gradients=UnconnectedGradients.NONE, parallel_iterations=None,
                       experimental_use_pfor=True):  # fmt: skip
        """``[b, *target.shape[1:], *source.shape[1:]]``: the derivatives of each row by the same row of ``source``."""
        return self._matrices(batch_jacobian, target, source, unconnected_gradients)

    def _matrices(self, function: Callable, target, sources, unconnected):
        _expect_tensors(function.__name__, target=target, sources=sources)
        self._use()
        y, xs = self._target(target), list(_leaves(sources))

        def derive(ys, places, _):
            return [function(ys[0], x) for x in places]

        if not isinstance(y, EagerTensor):
            found = self._inside([(y, None)], derive, xs)
        else:
            history = History(self.records)
            place = history.place(y.record)
            found = [None] * len(xs)
            if place is not None:
                found = derived(history, (function,), (), (place,), self._sources(history, xs), derive)
        if not self._persistent:
            self.records.clear()
        lead = y.type.shape if function is jacobian else y.type.shape[:1]

        def type_of(x):
            rest = x.type.shape if function is jacobian else (*y.type.shape[1:], *x.type.shape[1:])
            return y.type.with_shape((*lead, *rest))

        return self._packed(sources, xs, found, unconnected, type_of)

    def _use(self) -> None:
        if self._is_used and not self._persistent:
            raise StateError(explain("GradientTape: gradients were taken already; use GradientTape(persistent=True)"))
        self._is_used = True


def _innermost():
    """The recorder of a function that is being traced here, or eager evaluation."""
    top = RECORDERS.top
    return top if top is not None and top.captures else EAGER


def _expect_tensors(op: str, **given) -> None:
    """Refuse what cannot be differentiated or be differentiated by.

    Raises:
        DtypeError: there is something else than tensors and variables.
    """
    for name, structure in given.items():
        for x in _leaves(structure):
            if not isinstance(x, Operators):
                wanted = "tensors or variables, or lists, tuples and dictionaries of them"
                raise DtypeError(explain(f"{op}: {name} must be {wanted}, got {x!r}"))


def _tensor(value) -> Tensor:
    return value if isinstance(value, Tensor) else _innermost().convert(value)


def _cotangent(seed, target: Tensor) -> Tensor:
    """The gradient of a target that was given.

    Raises:
        DtypeError, ShapeError: it is not of the target's type.
    """
    seed = (EAGER if isinstance(target, EagerTensor) else _innermost()).convert(seed, target.dtype)
    if seed.type != target.type:
        kind = DtypeError if seed.dtype is not target.dtype else ShapeError
        raise kind(explain(f"gradient: an output gradient of {seed.type} given for a target of {target.type}"))
    return seed


def _zeros(type) -> Tensor:
    recorder = _innermost()
    return EagerTensor(EAGER, node=zeros(type)) if recorder is EAGER else Tensor(recorder, zeros(type))


class ForwardAccumulator:
    """Directional derivatives: how what is computed inside ``with`` moves when ``primals`` move along ``tangents``.

    Args:
        primals: a tensor, a variable or a structure of them; ``tangents``: directions of the same structure.
    """

    def __init__(self, primals, tangents):
        self._primals, self._directions = list(_leaves(primals)), list(_leaves(tangents))
        if len(self._primals) != len(self._directions):
            what = f"{len(self._primals)} primals and {len(self._directions)} tangents"
            raise UsageError(explain(f"ForwardAccumulator: {what}"))
        self.recorder = _innermost()
        self._tensors = [_tensor(p) for p in self._primals] if self.recorder is EAGER else []
        self._nodes: list[Node] = []  # what stands for the primals inside a function that is being traced

    def __enter__(self):
        if self.recorder is EAGER:
            self.records = [(t.record, None, None) for t in self._tensors]
        else:
            self._nodes = [self._stand_in(p) for p in self._primals]
        RECORDING.begin(self)
        return self

    def _stand_in(self, primal) -> Node:
        if not isinstance(primal, Operators) or isinstance(primal, Tensor):
            return self.recorder.watched(_tensor(primal))
        return self.recorder.source_of(primal)

    def __exit__(self, *exception):
        RECORDING.end(self)

    def read(self, variable, value=None) -> None:
        """A variable was read while recording: nothing to do, the primals are known."""

    def jvp(self, primals, unconnected_gradients=UnconnectedGradients.NONE):
        """The directional derivative of values that were computed inside, in their structure."""
        if self.recorder is not EAGER:
            return self._jvp_inside(primals, unconnected_gradients)
        history = History(self.records)
        places = tuple([history.place(t.record) for t in self._tensors])
        tangents = [EAGER.convert(d, t.dtype).record for d, t in zip(self._directions, self._tensors)]
        zero, found = unconnected_gradients == UnconnectedGradients.ZERO, []
        for y in [_tensor(p) for p in _leaves(primals)]:
            place = history.place(y.record)
            if place is None:
                found.append(_zeros(y.type) if zero else None)
                continue
            found += derived(history, ("jvp", places), tangents, (place,), (places,), _moved)
        return pack(primals, iter(found))

    def _jvp_inside(self, primals, unconnected):
        recorder = self.recorder
        tangents = [recorder.convert(d, x.dtype).node for d, x in zip(self._directions, self._nodes)]
        found: list[Tensor | None] = []
        for y in [recorder.convert(p) for p in _leaves(primals)]:
            if y.dtype.is_inexact and not set(self._nodes).isdisjoint(toposort([y.node])):
                found.append(Tensor(recorder, jvp([y.node], self._nodes, tangents)[0]))
            else:
                found.append(_zeros(y.type) if unconnected == UnconnectedGradients.ZERO else None)
        return pack(primals, iter(found))


def _moved(ys: Sequence[Node], by: Sequence[Node], tangents: Sequence[Node]) -> list[Node | None]:
    """The directional derivative of one value; it stands first for what is moved."""
    return [*jvp(ys, by, tangents), *[None] * (len(by) - 1)]


def _leaves(structure) -> list:
    """The values of a structure; a variable of another library stands for the one of ours that it holds."""
    return [getattr(x, "__graphc_variable__", x) for x in leaves(structure)]
