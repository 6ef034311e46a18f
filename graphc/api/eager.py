"""Eager evaluation, lazy inside: operations are recorded and compiled together when a value is asked for."""

from __future__ import annotations

import operator
import threading
import weakref
from collections.abc import Sequence

import numpy as np

from graphc.api.adopt import SMALL, adopted, dtype_within, holds_tensor, own_tensor
from graphc.api.body import Body
from graphc.api.effect import EFFECT, first_token
from graphc.api.evaluation import Evaluator, Walk
from graphc.api.learnt import BY_KEY, OF_STRUCTURE, Learnt, key_of, size_class, structural_key
from graphc.api.mode import MODE
from graphc.api.operators import Operators
from graphc.api.places import PLACES, home_place, options_for
from graphc.api.programs import Programs
from graphc.api.recording import RECORDING
from graphc.api.run import calling
from graphc.api.signature import OpenSizes, signature
from graphc.api.stream import SEEDS
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.transfers import Transfer, may_be_shape, stays
from graphc.api.values import (
    NUMBERS, Entry, Value, given, kind_of_type, location_of, value_of_leaf, value_of_node,
)  # fmt: skip
from graphc.compile import compile_graph
from graphc.errors import GraphcError, SymbolicError, explain, located, place, with_line
from graphc.ir.dtype import DType
from graphc.ir.graph import Graph, input_node, needed, substitute
from graphc.ir.node import Node, const
from graphc.ir.origin import built
from graphc.lib import math
from graphc.lib import shape as lib_shape
from graphc.lib.dims import DataDependent
from graphc.lib.promote import as_node, literal_array
from graphc.prims.interpret import interpret

_DEEPEST = 500  # operations that may wait on each other before they are carried out
_NUMBERS_KEPT = 512  # scalars of which it is known that they wait
_CONSTANTS = frozenset({bool, int, float, complex, str, bytes})
_NUMBER = operator.attrgetter("number")
_new = object.__new__


class _Waiting(threading.local):
    """What one thread recorded last.

    Attributes:
        scalars: those that may not be computed yet; ``total += loss`` must not hold the operands of every step.
        last: a Learnt, its operands, and the structure of the answer; or None.
    """

    def __init__(self):
        self.scalars: list[weakref.ref] = []
        self.last: tuple | None = None


class Eager:
    """The recorder outside of graphs and traced functions.

    Attributes:
        at_once: operations are carried out one by one by their NumPy definitions, see ``config.run_eagerly``.
        waiting: number -> variable whose new value is not computed yet.
    """

    is_eager, captures = True, False

    def __init__(self):
        self._evaluator = Evaluator()
        self._thread = _Waiting()
        self.at_once = False
        self.waiting = weakref.WeakValueDictionary()

    # --------------------------------------------------------------------------------------------- recording

    def call(self, kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None,
             outputs=None):  # fmt: skip
        """Record an operation at once typed, later computed; see ``graphc.api.recorder``.

        What was met before is recorded without Nodes. Operations with effects, and those whose sizes depend on data,
        are carried out now.
        """
        place = PLACES.top
        if place and effect is not EFFECT and place != home_place():
            return self._placed(place, kind, default_name, build, operands, labels, alike, groups)
        key, is_free = (None, False) if effect is EFFECT else key_of(build)
        if key is None:
            return self._first_time(None, False, default_name, build, operands, alike, groups, effect)
        kinds, values = self._given(operands, alike, groups, is_free)
        key = (key, alike, *kinds) if groups is None else (key, tuple(groups), *kinds)
        learnt = BY_KEY.get(key)
        if learnt is None:
            return self._first_time(key, is_free, default_name, build, operands, alike, groups, None)
        if learnt.structure is not None:
            build.structure = learnt.structure
        if learnt.drawn:
            values += [value_of_node(build.drawn[k]) for k in learnt.drawn]
        values = tuple(values)
        self._thread.last = learnt, values, learnt.structure
        return self.record(learnt, values)

    def _placed(self, place: str, kind, default_name, build, operands, labels, alike, groups):
        """Record an operation on another device than that of the process, with the way there and back."""
        with PLACES.entering(""):
            given = [self._moved(self.convert(x), "", place) if isinstance(x, Operators) else x for x in operands]
            made = self.call(kind, default_name, build, given, labels, alike=alike, groups=groups)
            self.last = None  # what Quick keeps knows nothing of devices
            if isinstance(made, list):
                return [self._moved(t, place, "") for t in made]
            return None if made is None else self._moved(made, place, "")

    def _moved(self, tensor: EagerTensor, source: str, device: str) -> EagerTensor:
        if stays(tensor.type) or may_be_shape(tensor.type):
            return tensor
        return self.call("_Transfer", "transfer", Transfer(source, device), [tensor], ["x"])

    def on(self, tensor: EagerTensor, place: str) -> EagerTensor:
        """A tensor on a device; gradients flow through."""
        with PLACES.entering(place):
            return self.call("Identity", "identity", math.identity, [tensor], ["input"])

    @property
    def last(self) -> tuple | None:
        """What this thread recorded last: a Learnt, its operands, and the structure of the answer."""
        return self._thread.last

    @last.setter
    def last(self, value: tuple | None) -> None:
        self._thread.last = value

    def _given(self, operands, alike, groups, is_free: bool) -> tuple[list, list]:
        """The operands as a key, and as Values and numbers."""
        key, values = [], []
        for x in operands:
            cls = type(x)
            if cls is EagerTensor:
                value = x._value
            elif cls in NUMBERS and is_free:
                key.append(size_class(x) if cls is int else cls)
                values.append(x)
                continue
            elif cls in _CONSTANTS:
                key.append((cls, repr(x)))
                continue
            elif isinstance(x, Operators) and x.graph is self:
                value = self.convert(x)._value
            elif cls is np.ndarray and alike and groups is None and values and type(values[0]) is Value:
                if x.dtype != values[0].kind.type.dtype.numpy:
                    return self._given(self._converted(operands, alike, groups), alike, groups, is_free)
                value = given(_frozen(x), place())
            else:
                return self._given(self._converted(operands, alike, groups), alike, groups, is_free)
            key.append(value._kind or value.kind)
            values.append(value)
        return key, values

    def _converted(self, operands, alike, groups) -> list:
        """The operands with tensors in place of all but single literals."""
        tensors = adopted(operands, self.convert, alike, groups)
        return [x if type(x) in _CONSTANTS else t for x, t in zip(operands, tensors)]

    def record(self, learnt: Learnt, operands: tuple):
        """The results of an operation on Values and numbers: one tensor, or a list of several."""
        entries, line, depth = learnt.entries, place(), 1
        for o in operands:
            if type(o) is Value and o.depth >= depth:
                depth = o.depth + 1
        tapes, made = RECORDING.tapes, []
        for entry in entries:
            value = Value(entry, operands, None, line, depth)
            value._kind = entry.kind
            tensor = _new(EagerTensor)
            tensor.graph, tensor._value = self, value
            made.append(tensor)
            for tape in tapes:
                records = getattr(tape, "records", None)
                if records is not None:
                    records.append((value, entry, operands))
                    value.taped += 1
            if entry.is_scalar:
                self._thread.scalars.append(weakref.ref(tensor))
        if depth > _DEEPEST or len(self._thread.scalars) > _NUMBERS_KEPT or self.at_once:
            self._relieve(made, depth)
        return made[0] if len(made) == 1 else made

    def _relieve(self, made: list, depth: int) -> None:
        """Carry out what waits too long."""
        thread = self._thread
        thread.scalars = [r for r in thread.scalars if (t := r()) is not None and not t.is_settled]
        if self.at_once:
            self._interpret(Walk([t.record for t in made]))
        elif depth > _DEEPEST or len(thread.scalars) > _NUMBERS_KEPT:
            crowd = thread.scalars if len(thread.scalars) > _NUMBERS_KEPT else ()
            held = [t for r in crowd if (t := r()) is not None]
            self._compute(list(dict.fromkeys([t.record for t in (*made, *held)])))

    def _first_time(self, key, is_free: bool, label: str, build, operands, alike, groups, effect):
        """Build the Nodes of an operation, which finds its errors, and record it."""
        tensors = adopted(operands, self.convert, alike, groups)
        given, inputs, nodes = [], [], []
        for x, t in zip(operands, tensors):
            is_number = type(x) in NUMBERS and is_free
            if type(x) in _CONSTANTS and not is_number:
                nodes.append(as_node(x, t.dtype))
                continue
            given.append(x if is_number else t.record)
            inputs.append(input_node(f"operand{len(inputs)}", t.type))
            nodes.append(inputs[-1])
        try:
            results = self._built(build, operands, nodes, effect)
        except DataDependent:
            key, known = None, self._known(tensors, nodes)
            results = self._built(build, operands, known, effect)
        foreign = self._foreign(build, results, inputs)
        values = (*given, *[value_of_node(x) for x in foreign])
        learnt = self._learnt(key, label, build, results, (*inputs, *foreign), len(foreign), is_free)
        if effect is EFFECT:
            return self._carried_out(learnt, values)
        if any(e.is_open for e in learnt.entries):
            return self.record_now(learnt, values)
        self._thread.last = (learnt, values, learnt.structure) if key is not None else None
        return self.record(learnt, values)

    @staticmethod
    def _built(build, operands, nodes, effect) -> list[Node]:
        """The results of an operation; those of one with an effect begin with the token."""
        if effect is EFFECT:
            return _listed(built(build, ("", *operands), [first_token(), *nodes]))
        return _listed(built(build, operands, nodes))

    @staticmethod
    def _foreign(build, results: list[Node], inputs: list[Node]) -> list[Node]:
        """Leaves that a function brings along, such as the place in a stream of random numbers."""
        known = set(inputs)
        return [n for n in needed(results) if n.op == "input" and n not in known]

    def _learnt(self, key, label: str, build, results: list[Node], inputs: tuple, foreign: int,
                is_free: bool) -> Learnt:  # fmt: skip
        """What an operation makes; it is found again by its key, or by its structure."""
        if key is None:
            return self._learnt_by_structure(label, results, inputs)
        places, brought = getattr(build, "drawn", ()), inputs[len(inputs) - foreign :]
        is_found = all(n in places for n in brought)
        drawn = tuple([places.index(n) for n in brought]) if is_found else ()
        if drawn:
            fresh = tuple([input_node(f"operand{k}", n.type) for k, n in enumerate(inputs)])
            results, inputs = substitute(results, dict(zip(inputs, fresh))), fresh
        entries = tuple([Entry(inputs, n, label, is_free) for n in results])
        learnt = Learnt(entries, getattr(build, "structure", None), drawn)
        if is_found and not any(e.is_open for e in entries):
            BY_KEY.put(key, learnt)
        return learnt

    @staticmethod
    def _learnt_by_structure(label: str, results: list[Node], inputs: tuple) -> Learnt:
        shape = structural_key(results, inputs)
        key = shape and (shape, tuple([kind_of_type(n.type) for n in inputs]), label)
        found = None if key is None else OF_STRUCTURE.get(key)
        if found is None:
            found = Learnt(tuple([Entry(inputs, n, label) for n in results]))
            if key is not None and not any(e.is_open for e in found.entries):
                OF_STRUCTURE.put(key, found)
        return found

    def _carried_out(self, learnt: Learnt, values: tuple):
        """Run an operation with an effect now."""
        line = place()
        made = [Value(entry, values, None, line, 1) for entry in learnt.entries]
        self._run(Walk(made))
        tensors = [EagerTensor(self, value=given(v.array, line)) for v in made[1:]]
        return tensors[0] if len(tensors) == 1 else tensors or None

    def record_now(self, learnt: Learnt, values: tuple):
        """The results, computed at once, of an operation whose sizes only a run tells."""
        line = place()
        made = [Value(entry, values, None, line, 1) for entry in learnt.entries]
        self._run(Walk(made))
        for tape in RECORDING.tapes:
            records = getattr(tape, "records", None)
            if records is not None:
                records.extend((v, v.entry, values) for v in made)
        tensors = [EagerTensor(self, value=v) for v in made]
        return tensors[0] if len(tensors) == 1 else tensors

    def _known(self, tensors: Sequence[EagerTensor], nodes: Sequence[Node]) -> list[Node]:
        """The operands with scalars and small integer ones as constants: their values may decide a shape or an axis."""
        known = []
        for tensor, node in zip(tensors, nodes):
            type = node.type
            if (type.dtype.is_integer or not type.rank) and type.rank <= 2 and type.size <= SMALL:
                node = const(tensor.array)
            known.append(node)
        return known

    def convert(self, value, dtype: DType | None = None) -> Tensor:
        """``value`` as a tensor of eager evaluation; literals take ``dtype``.

        Raises:
            DtypeError: it does not fit ``dtype``.
        """
        if isinstance(value, Operators):
            if not value.graph.is_eager:
                if isinstance(value.graph, Body):
                    raise value.graph.outside(value)
                raise SymbolicError(explain(f"{value.name} belongs to a graph and has no value outside of it"))
            return value if isinstance(value, Tensor) else value.value()
        if isinstance(value, (list, tuple)) and holds_tensor(value):
            dtype = dtype or dtype_within(value)
            parts = [self.convert(v, dtype) for v in value]
            return self.call("Pack", "packed", _packed, parts, ["values"] * len(parts))
        own = own_tensor(value, dtype)
        if own is not None:
            return self.convert(own)
        return EagerTensor(self, value=given(_frozen(literal_array(value, dtype)), place()))

    def __reduce__(self):
        return "EAGER"  # a copy is the same object, a pickle refers to it by name

    def read_state(self, variable) -> EagerTensor:
        """The value of a variable."""
        value = variable.as_tensor()
        RECORDING.read(variable, value=value)
        return value

    def write_states(self, variables: Sequence, values: Sequence[Tensor], results: Sequence[Tensor]) -> list[Tensor]:
        """Give variables their values after a branch or loop that assigns them; the results, as they are."""
        for variable, value in zip(variables, values):
            variable.assign(value)
        return list(results)

    def expect_creation(self) -> None:
        """Variables may be made anywhere."""

    def draw(self, seed: int | None, kind: str = "", blocks: int | None = None):
        """Key and counter of a new random operation, and None: it has no effect but on the counter."""
        key, counter = (EagerTensor(self, array=_frozen(a)).node for a in SEEDS.next(seed, kind, blocks))
        return key, counter, None

    # -------------------------------------------------------------------------------------------- evaluation

    def compute(self, value: Value) -> None:
        """Compute one recorded value.

        New values of variables that share operations with it are computed along, so that a training step and its loss
        are one program.
        """
        if value.is_there:
            return
        waiting = self._in_order()
        if waiting:
            walk = Walk([v for variable in waiting if (v := variable.new_value) is not None])
            if walk.meets(value):
                self._settle(walk, waiting, [value])
                return
        self._compute([value])

    def settle_waiting(self) -> None:
        """Compute the new values of all variables that were assigned to, by one program."""
        waiting = self._in_order()
        self._settle(Walk([v for variable in waiting if (v := variable.new_value) is not None]), waiting, [])

    def _in_order(self) -> list:
        if not self.waiting:
            return []
        found = [v for r in self.waiting.valuerefs() if (v := r()) is not None]  # a list: others add to it meanwhile
        return sorted(found, key=_NUMBER)

    def _settle(self, walk: Walk, waiting: list, values: list[Value]) -> None:
        """Compute new values of variables, to which a walk has led, other values, and scalars that somebody holds."""
        thread = self._thread
        scalars, thread.scalars = [t._value for r in thread.scalars if (t := r()) is not None], []
        needed_now = [*walk.wanted, *values]
        wanted = dict.fromkeys([v for v in (*walk.wanted, *scalars, *values) if not v.is_there])
        walk.add(list(wanted)[len(walk.wanted) :])
        walk.keep_held()
        try:
            self._run(walk)
        except GraphcError:  # perhaps because of a scalar that nobody asked for
            self._settle_one_by_one(waiting)
            if len(wanted) == len(dict.fromkeys(needed_now)):
                raise
            self._compute(needed_now)
        for variable in waiting:
            self.waiting.pop(variable.number, None)
            variable.settled()

    def _settle_one_by_one(self, waiting: list) -> None:
        """Compute the new values of variables that can be computed; the others have their values from before."""
        for variable in waiting:
            value = variable.new_value
            try:
                if value is not None:
                    self._compute([value])
            except GraphcError:
                variable.refused()
            else:
                variable.settled()
            self.waiting.pop(variable.number, None)

    def _compute(self, values: list[Value]) -> None:
        values = [v for v in values if not v.is_there]
        if values:
            walk = Walk(values)
            walk.keep_held()
            self._run(walk)

    def _run(self, walk: Walk) -> None:
        """Settle what a walk leads to."""
        if self.at_once:
            self._interpret(walk)
            return
        with with_line():
            for value, array in zip(walk.wanted, self._evaluator.arrays(walk, PROGRAMS)):
                value.settle(array)

    @staticmethod
    def _interpret(walk: Walk) -> None:
        """Carry out operations one by one by their NumPy definitions."""
        results: dict[int, list[Value]] = {}
        for value, operands in walk.steps:
            results.setdefault(id(operands), []).append(value)
        for value, operands in walk.steps:
            if operands is None or value.is_there:
                value.fetch()  # from its device
                continue
            together = results[id(operands)] if operands else [value]
            inputs = value.entry.inputs
            arrays = [o.array if type(o) is Value else np.asarray(o, x.dtype.numpy) for o, x in zip(operands, inputs)]
            with with_line(), located(location_of(value.line)):
                found = interpret(Graph("eager", inputs, tuple([v.entry.result for v in together])), *arrays)
            for one, array in zip(together, found):
                one.settle(np.array(array))

    def evaluate(self, nodes: Sequence[Node]) -> list[np.ndarray]:
        """The values of recorded Nodes, computed by one compiled graph."""
        with with_line():
            try:
                found = signature(nodes)
            except OpenSizes:
                return self._evaluator.once(nodes)
            return [np.asarray(a) for a in PROGRAMS.run(found, nodes, value_of_leaf)]


def _packed(*parts: Node) -> Node:
    return lib_shape.stack(list(parts))


def _listed(result) -> list[Node]:
    if result is None:
        return []
    return [result] if isinstance(result, Node) else list(result)


def _frozen(array: np.ndarray) -> np.ndarray:
    """A private copy that nobody writes to."""
    array = np.array(array, order="C")
    array.flags.writeable = False
    return array


EAGER = Eager()
PROGRAMS = Programs(lambda graph: calling(compile_graph(graph, options_for(home_place()))))  # looked up when called, as tests replace it
eager = MODE.or_else(lambda: EAGER)
