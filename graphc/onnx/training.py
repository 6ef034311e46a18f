"""An imported model as a function that can be trained: variables in the place of its weights, calls on tensors."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from graphc.api.eager import eager
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.scope import init_scope
from graphc.api.variable import Variable
from graphc.compile import compile_graph
from graphc.errors import DtypeError, FeedError, ShapeError, UsageError, explain
from graphc.ir.graph import Graph, close, input_node, instantiate
from graphc.ir.node import Node
from graphc.lib.draw import words
from graphc.onnx.draws import KEY
from graphc.onnx.feeds import Feed, absent, arrays_of, feed_of
from graphc.onnx.results import Results
from graphc.onnx.signature import Declared
from graphc.onnx.static import NeedsValue
from graphc.onnx.values import ELEMENTS, element_of
from graphc.prims.control import call, results_of

_FLOATS = {"float16", "bfloat16", "float32", "float64"}
# inputs of operators that describe what is computed rather than being learnt
_FIXED = {
    "BatchNormalization": (3, 4), "Resize": (1, 2), "Upsample": (1,), "Clip": (1, 2), "Dropout": (1,),
    "Range": (0, 1, 2), "QuantizeLinear": (1,), "DequantizeLinear": (1,), "Pad": (2,), "OneHot": (2,),
}  # fmt: skip
_numbers = itertools.count()


class Training:
    """The variables of a Model, and its traces in which they stand for initialisers.

    Attributes:
        variables: name of an initialiser, or of the result of a Constant, of floats -> Variable.
    """

    def __init__(self, model):
        self.model = model
        graph = model.file.model.graph
        fixed = {node.input[k] for node in graph.node for k in _FIXED.get(node.op_type, ()) if k < len(node.input)}
        self.variables: dict[str, Variable] = {}
        with init_scope():
            for name, tensor, least in _weights(graph):
                if tensor.data_type in ELEMENTS and ELEMENTS[tensor.data_type].name in _FLOATS:
                    array = np.asarray(model.file.array(tensor))
                    trainable = array.ndim > 0 and array.size >= least and name not in fixed
                    self.variables[name] = Variable(array, trainable=trainable, name=name)
        self._first = {name: v.as_tensor() for name, v in self.variables.items()}
        self._needed: set[str] = set()  # initialisers whose values decide what is computed
        self._traces: dict[tuple, _Trace] = {}

    @property
    def is_changed(self) -> bool:
        """Whether a variable was assigned to."""
        return any(v.as_tensor() is not self._first[name] for name, v in self.variables.items())

    # --------------------------------------------------------------------------------------------- tracing

    def trace(self, feeds: dict[str, Feed], stand_ins: frozenset[str] = frozenset()) -> _Trace:
        """The trace that serves these feeds.

        Raises:
            UsageError: it depends on the value of a stand-in.
        """
        traces = self.model.traces
        key = traces.key(feeds)
        found = self._traces.get(key)
        while found is None:
            names = tuple([n for n in self.variables if n not in self._needed and n not in feeds])
            nodes = {n: input_node(f"variable {n}", self.variables[n].type) for n in names}
            try:
                traced = traces.trace(feeds, stand_ins, nodes)
            except NeedsValue as need:
                self._needed |= {n for n in names if f"variable {n}" in need.names}
                continue
            found = self._traces[traces.key(feeds)] = _Trace(traced, tuple(self.variables[n] for n in names))
        self._refuse_needed()
        return found

    def _refuse_needed(self) -> None:
        """Refuse that a variable was changed whose first value is a part of the programs."""
        changed = sorted(n for n in self._needed if self.variables[n].as_tensor() is not self._first[n])
        if changed:
            what = f"{self.model.name}: the value of {', '.join(changed)} decides sizes or axes and cannot be changed"
            raise UsageError(explain(what))

    # ---------------------------------------------------------------------------------------------- running

    def run(self, feeds: dict[str, Feed]) -> list:
        """The values of all outputs for arrays, with the variables as they are now."""
        trace = self.trace(feeds)
        given = arrays_of(feeds, trace.fed)
        arrays = iter(trace.program(self.model.options)(*given, *[v.as_tensor().array for v in trace.variables]))
        return [r.value(arrays) for r in trace.results]

    # ---------------------------------------------------------------------------------------------- calling

    def __call__(self, args: tuple, kwargs: Mapping):
        """The outputs for tensors, as tensors; see ``Model.__call__``."""
        model = self.model
        given = self._named(args, kwargs)
        recorder = recorder_for([v for v in given.values() if isinstance(v, Operators)], eager)
        feeds, tensors, stand_ins = {}, {}, set()
        for item in model.signature.by_name.values():
            if item.name not in given:
                if item in model.inputs:
                    feeds[item.name] = absent(item)
                continue
            tensors[item.name] = tensor = _fitting(recorder, model.name, item, given[item.name])
            if tensor.graph.is_eager:
                feeds[item.name] = feed_of(item, np.asarray(tensor.array))
            else:
                stand_ins.add(item.name)
                empty = np.broadcast_to(np.zeros((), tensor.dtype.numpy), (0,) * len(tensor.type.shape))
                feeds[item.name] = Feed("tensor", (empty,), element_of(tensor.dtype), False)
        trace = self.trace(feeds, frozenset(stand_ins))
        trace.check_results(model)
        operands = [*[tensors[name] for name in trace.fed if name != KEY], *trace.variables]
        build = trace.build(recorder, [t.type for t in operands])
        made = recorder.call("PartitionedCall", "onnx", build, operands, ["args"] * len(operands), alike=False)
        made = iter(made if isinstance(made, list) else [made])
        found = [_packed(r, made) for r in trace.results]
        return found[0] if len(found) == 1 else found

    def _named(self, args: tuple, kwargs: Mapping) -> dict[str, object]:
        """The values by the names of the inputs.

        Raises:
            FeedError: there are too few, too many or unknown ones. UsageError: an input is no tensor.
        """
        model = self.model
        names = [i.name for i in model.inputs]
        if len(args) > len(names):
            raise FeedError(explain(f"{model.name}: {len(args)} inputs given; it takes {len(names)}"))
        given = dict(zip(names, args))
        known = model.signature.by_name
        wrong = [name for name in kwargs if name in given or name not in known]
        if wrong:
            what = f"{model.name}: {wrong[0]!r} is given twice or is no input; it has {', '.join(names)}"
            raise FeedError(explain(what))
        given.update(kwargs)
        for item in model.inputs:
            if item.name not in given and item.kind != "optional":
                raise FeedError(explain(f"{model.name}: input {item} is missing"))
            if item.name in given and (item.kind != "tensor" or (item.element is not None and item.element.is_narrow)):
                what = f"{model.name}: input {item} is not an ordinary tensor; give it to run, which takes arrays"
                raise UsageError(explain(what))
        return given


def _weights(graph):
    """Initialisers and constants: (name, TensorProto, how many elements it has at least if it is learnt)."""
    for tensor in graph.initializer:
        yield tensor.name, tensor, 1
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx") and len(node.output) == 1:
            for attribute in node.attribute:
                if attribute.name == "value" and attribute.type == 4:
                    yield node.output[0], attribute.t, 2


def _fitting(recorder, model: str, item: Declared, value):
    """A value as a tensor that fits what an input declares."""
    wanted = item.element.carrier if item.element is not None else None
    is_array = isinstance(value, Operators) or hasattr(value, "dtype")
    tensor = recorder.convert(value, None if is_array else wanted)
    if wanted is not None and tensor.dtype is not wanted:
        raise DtypeError(explain(f"{model}: input {item} must be {wanted.name}, got {tensor.dtype.name}"))
    have = tensor.type.shape
    if item.shape is not None:
        pairs = list(zip(have, item.shape))
        if len(have) != len(item.shape) or any(type(a) is int and type(b) is int and a != b for a, b in pairs):
            raise ShapeError(explain(f"{model}: input {item} does not fit {tensor.type}"))
    return tensor


def _packed(result: Results, tensors):
    if result.kind == "nothing":
        return None
    return [_packed(r, tensors) for r in result.items] if result.kind == "sequence" else next(tensors)


class _Trace:
    """A trace with variables, and the forms in which it is used.

    Attributes:
        graph: of the inputs ``fed``, then the variables. results: what its outputs mean.
    """

    def __init__(self, traced, variables: tuple[Variable, ...]):
        self.graph, self.fed, self.results = close(traced.graph), traced.fed, traced.results
        self.variables, self._number, self._exact, self._program = variables, next(_numbers), {}, None
        self._key_at = self.fed.index(KEY) if KEY in self.fed else None

    def program(self, options):
        """What runs it for arrays."""
        if self._program is None:
            self._program = compile_graph(self.graph, options)
        return self._program

    def check_results(self, model) -> None:
        """Refuse results that no tensor holds.

        Raises:
            UsageError: there are such.
        """
        waiting = list(self.results)
        while waiting:
            result = waiting.pop()
            waiting += result.items
            if result.kind == "tensor" and result.element.is_narrow:
                what = f"{model.name}: no tensor holds {result.element}; ask run, which gives arrays"
                raise UsageError(explain(what))

    def build(self, recorder, types: list):
        """The function of Nodes that computes the results for operands of these types."""
        place = recorder.draw(None, "onnx", 1)[:2] if self._key_at is not None else ()
        sizes = self._sizes(types)
        is_eager = recorder is eager() and all(type(d) is int for d in sizes.values())
        graph = self._for_sizes(sizes) if is_eager else self.graph

        def build(*nodes: Node) -> list[Node]:
            nodes = list(nodes)
            if place:
                nodes.insert(self._key_at, words(*place, (2,)))
            if is_eager and not graph.measures:
                return list(results_of(call(*nodes, graph=graph)))
            return instantiate(graph, nodes, {} if is_eager else sizes)[len(graph.measures) :]

        build.key, build.drawn = ("onnx", self._number, graph.inputs), place
        return build

    def _sizes(self, types: list) -> dict:
        """{symbol of an input: size, or dimension, of the operand}.

        Raises:
            ShapeError: one name stands for two sizes.
        """
        inputs = [x for k, x in enumerate(self.graph.inputs) if k != self._key_at]
        found: dict = {}
        for x, type_ in zip(inputs, types):
            for inner, outer in zip(x.shape, type_.shape):
                if isinstance(inner, Node) and inner.op == "symbol":
                    have = found.setdefault(inner, outer)
                    if have is not outer and type(have) is type(outer) is int and have != outer:
                        what = f"input {x.attr('name')} {type_}: size {inner} is {have} elsewhere"
                        raise ShapeError(explain(what))
        return found

    def _for_sizes(self, sizes: dict) -> Graph:
        """The graph for known sizes."""
        key = tuple(sizes.values())
        if key not in self._exact:
            graph = self.graph
            types = [x.type.with_shape(tuple([sizes.get(d, d) for d in x.shape])) for x in graph.inputs]
            inputs = tuple([input_node(x.attr("name"), t) for x, t in zip(graph.inputs, types)])
            roots = instantiate(graph, inputs, sizes)
            first = len(graph.measures)
            self._exact[key] = Graph(graph.name, inputs, tuple(roots[first:]), measures=tuple(roots[:first]))
        return self._exact[key]
