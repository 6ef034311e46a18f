"""Model: an ONNX model that runs, can be looked at, and can be differentiated."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Mapping, Sequence as Values
from dataclasses import dataclass

import numpy as np

from graphc.api.variable import Variable
from graphc.compile import compile_graph, recall, remember
from graphc.errors import FeedError, GraphcError, ShapeError, UnimplementedError, UsageError, with_line
from graphc.formats import onnx_file
from graphc.formats.onnx_check import check_model
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node
from graphc.onnx import ops  # noqa: F401  fills the registry
from graphc.onnx.draws import KEY, fresh_key, key_node
from graphc.onnx.feeds import Feed, absent, feed_of
from graphc.onnx.limits import check_graph
from graphc.onnx.results import Results, flattened
from graphc.onnx.signature import Declared, declared, symbols_of, type_of
from graphc.onnx.static import NeedsValue
from graphc.onnx.trace import Problem, Tracer
from graphc.onnx.training import Training
from graphc.onnx.values import UNKNOWN, Optional, Sequence, constant, typed
from graphc.options import INEXACT, Options

_FRONT = ("formats", "lib", "onnx")  # whose code decides what graph a model becomes
_CONSTANT = 1 << 16  # elements of an input whose value may be a part of the program
INFERENCE = Options(allow=INEXACT)


@dataclass(frozen=True)
class Traced:
    """A trace for one kind of call: its Graph, which feeds are its inputs, and what its outputs mean."""

    graph: Graph
    fed: tuple[str, ...]
    results: tuple[Results, ...]


class Model:
    """An ONNX model, made by ``graphc.onnx.load``.

    Attributes:
        name: of the file, for messages.
        inputs, outputs: what it takes and answers with: objects with ``name``, ``dtype``, ``shape`` (ints, names of
            symbolic sizes, None where unknown) and ``kind``.
        metadata: what the file says of itself besides the graph, text by name.
    """

    def __init__(self, file: onnx_file.OnnxFile, name: str, options: Options = INFERENCE):
        self.file, self.name, self.options = file, name, options
        graph = file.model.graph
        defaults = {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
        self.inputs = tuple(declared(v) for v in graph.input if v.name not in defaults)
        self.outputs = tuple(declared(v) for v in graph.output)
        self._overridable = tuple(declared(v) for v in graph.input if v.name in defaults)
        self.metadata = {p.key: p.value for p in file.model.metadata_props}
        self._by_value: set[str] = set()  # inputs whose values are constants of a trace
        self._by_shape: set[str] = set()  # inputs whose sizes are
        self._is_exact = False  # whether each kind of sizes needs a program of its own
        self._programs: dict[tuple, tuple] = {}
        self._quick: tuple | None = None
        self._training: Training | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<onnx model {self.name}: {', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))}>"

    # ---------------------------------------------------------------------------------------------- running

    def run(self, inputs: Values | Mapping[str, object], outputs: Values[str] | None = None) -> list:
        """The outputs for arrays of the inputs.

        Args:
            inputs: arrays in the order of ``inputs``, or by name; a list of arrays for a sequence, None for an optional
                input without a value.
            outputs: names of the outputs that are wanted; by default all.

        Returns:
            For each output an array, a list of arrays (a sequence), or None (an empty optional).

        Raises:
            FeedError: an input is missing or unknown. DtypeError, ShapeError: an array does not fit.
        """
        if self._quick is not None and outputs is None and self._training is None:
            found = self._run_quickly(inputs)
            if found is not None:
                return found
        with with_line():  # also tells of a lack of memory
            found = self._run(self._feeds(inputs))
        return found if outputs is None else [found[k] for k in self._positions(outputs)]

    def _run(self, feeds: dict[str, Feed]) -> list:
        if self._training is not None and self._training.is_changed:
            return self._training.run(feeds)
        if not self._is_exact:
            try:
                return self._called(feeds, self._program(feeds))
            except (ShapeError, UnimplementedError):
                if not self._has_open_sizes(feeds):
                    raise
        return self._called(feeds, self._program(feeds, exact=True))

    @staticmethod
    def _called(feeds: dict[str, Feed], program: tuple) -> list:
        run, fed, results = program
        arrays = iter(run(*[a for name in fed for a in ((fresh_key(),) if name == KEY else feeds[name].arrays)]))
        return [r.value(arrays) for r in results]

    def _has_open_sizes(self, feeds: dict[str, Feed]) -> bool:
        """Whether knowing the sizes of this call could help: some are open, and all others are those declared."""
        found = False
        for item in self.accepted:
            if item.name in feeds and feeds[item.name].kind == "tensor":
                pairs = list(zip(_declared_shape(item, feeds[item.name]), feeds[item.name].arrays[0].shape))
                if any(isinstance(d, int) and d != n for d, n in pairs):
                    return False
                found |= any(not isinstance(d, int) for d, _ in pairs) and item.name not in self._by_shape
        return found

    def _run_quickly(self, inputs) -> list | None:
        """The outputs, where one program serves every call; None where something about the inputs is unusual."""
        names, call = self._quick
        try:
            if len(inputs) == len(names):
                return list(call(*inputs) if isinstance(inputs, (list, tuple)) else call(*[inputs[n] for n in names]))
        except (GraphcError, KeyError, TypeError, AttributeError, ValueError, MemoryError):
            pass  # the thorough way says what is wrong
        return None

    def _find_quick(self, run, fed: tuple[str, ...], results: tuple[Results, ...]) -> None:
        """Remember a program that serves every call: it takes and gives plain arrays of a known number of axes."""
        plain = all(i.kind == "tensor" and i.shape is not None and i.element is not None and not i.element.is_narrow
                    and i.element.name != "string" for i in self.inputs)  # fmt: skip
        if plain and not self._by_value and fed == tuple(i.name for i in self.inputs) and all(r.is_plain for r in results):
            self._quick = fed, run.bind()

    # --------------------------------------------------------------------------------------------- training

    @property
    def training(self) -> Training:
        """Its variables and the traces with them."""
        if self._training is None:
            with self._lock:
                self._training = self._training or Training(self)
        return self._training

    @property
    def variables(self) -> dict[str, Variable]:
        """A Variable for each initialiser or constant of floats, by name, made when they are first asked for.

        ``run`` and calls use their values. Those of scalars, of running moments and of what only says how to compute are
        not trainable.
        """
        return self.training.variables

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those that optimizers change."""
        return tuple(v for v in self.variables.values() if v.trainable)

    def __call__(self, *args, **kwargs):
        """The outputs for tensors, as tensors, which tapes record and functions trace.

        Args:
            args, kwargs: tensors or arrays, in the order of ``inputs`` or by name.

        Returns:
            The tensor if there is one output, else a list; for a sequence a list of tensors.

        Raises:
            FeedError: an input is missing or unknown. DtypeError, ShapeError: a tensor does not fit. UsageError: an input or
            output is not an ordinary tensor, or what is computed depends on the value of a tensor that is not known yet.
        """
        return self.training(args, kwargs)

    def _positions(self, names: Values[str]) -> list[int]:
        known = [o.name for o in self.outputs]
        for name in names:
            if name not in known:
                raise UsageError(f"{self.name} has no output {name!r}; it has {', '.join(known)}")
        return [known.index(name) for name in names]

    def _feeds(self, inputs, optional: bool = False) -> dict[str, Feed]:
        if not isinstance(inputs, Mapping):
            if not isinstance(inputs, (list, tuple)):
                raise UsageError(f"{self.name}: give the inputs as a list or as a dict, not {type(inputs).__name__}")
            if len(inputs) > len(self.inputs):
                raise FeedError(f"{self.name}: {len(inputs)} inputs given; it takes {len(self.inputs)}")
            inputs = dict(zip([i.name for i in self.inputs], inputs))
        feeds = {}
        for item in self.inputs:
            if item.name in inputs:
                feeds[item.name] = feed_of(item, inputs[item.name])
            elif optional:
                continue
            elif item.kind == "optional":
                feeds[item.name] = absent(item)
            else:
                raise FeedError(f"{self.name}: input {item} is missing")
        for item in self._overridable:
            if item.name in inputs:
                feeds[item.name] = feed_of(item, inputs[item.name])
        unknown = [str(name) for name in inputs if name not in feeds]
        if unknown:
            raise FeedError(f"{self.name} has no input {', '.join(unknown)}; it has {', '.join(i.name for i in self.inputs)}")
        return feeds

    def _program(self, feeds: dict[str, Feed], exact: bool = False) -> tuple:
        """What serves a call, as does every call of the same key.

        Args:
            exact: for these very sizes, as what serves all sizes cannot be made, or refuses these.
        """
        found = self._programs.get(self.key(feeds, exact))
        if found is None:
            with self._lock:
                found = self._recalled(feeds, exact) or self._made(feeds, exact)
                self._programs[self.key(feeds, exact)] = found  # which inputs count by value may have become known
                if not exact:
                    self._find_quick(*found)
        return found

    def _made(self, feeds: dict[str, Feed], exact: bool) -> tuple:
        known = self._by_value | self._by_shape
        try:
            traced = self._trace(feeds, exact=exact)
        except (ShapeError, UnimplementedError):
            self._is_exact = not exact and self._has_open_sizes(feeds)  # of no use for other sizes either
            raise
        run = compile_graph(traced.graph, self.options)
        if self._digest is not None:
            if known != self._by_value | self._by_shape:
                note = {"by_value": sorted(self._by_value), "by_shape": sorted(self._by_shape)}
                remember(self._source("inputs"), _FRONT, self.options, note, None)
            note = {"fed": traced.fed, "results": [r.as_json() for r in traced.results]}
            remember(self._source(repr(self.key(feeds, exact))), _FRONT, self.options, note, traced.graph)
        return run, traced.fed, traced.results

    def _recalled(self, feeds: dict[str, Feed], exact: bool) -> tuple | None:
        """The program as another process has left it in the cache."""
        if self._digest is None:
            return None
        known = recall(self._source("inputs"), _FRONT, self.options)
        if known is not None:
            self._by_value |= set(known[1]["by_value"]) & set(feeds)
            self._by_shape |= set(known[1].get("by_shape", ())) & set(feeds)
        found = recall(self._source(repr(self.key(feeds, exact))), _FRONT, self.options)
        if found is None:
            return None
        run, note = found
        return run, tuple(note["fed"]), tuple(Results.from_json(r) for r in note["results"])

    def _source(self, call: str) -> dict[str, str]:
        return {"model": self._digest, "call": call}

    @functools.cached_property
    def _digest(self) -> str | None:
        """A digest of all that the model is made of."""
        return self.file.digest()

    @property
    def accepted(self) -> tuple[Declared, ...]:
        """All that can be given: the inputs, and inputs that have initialisers."""
        return (*self.inputs, *self._overridable)

    def traced(self, feeds: dict[str, Feed], stand_ins: frozenset[str], parameters: dict[str, Node]) -> Traced:
        """The trace for feeds in which Nodes stand for initialisers; they are its last inputs.

        Args:
            stand_ins: names of the feeds whose values and sizes are not known.

        Raises:
            NeedsValue: the value of one of the parameters must be known.
        """
        return self._trace(feeds, stand_ins, parameters)

    def key(self, feeds: dict[str, Feed], exact: bool = False) -> tuple:
        """What calls have in common that one trace serves."""
        return tuple([(name, feed.key(name in self._by_value, exact or name in self._by_shape)) for name, feed in feeds.items()])

    # ---------------------------------------------------------------------------------------------- tracing

    @property
    def graph(self) -> Graph:
        """The Graph that the model becomes, sizes symbolic.

        Raises:
            UsageError: it depends on the values of some inputs, or on how long a sequence is; see ``trace``.
            UnimplementedError: parts of it are not supported; the message lists all of them.
        """
        return self.trace().graph

    def trace(self, inputs: Mapping[str, object] | Values | None = None) -> Traced:
        """The trace that serves a call with these inputs; those not given are tensors of the declared types."""
        given = inputs if isinstance(inputs, Mapping) else dict(zip([i.name for i in self.inputs], inputs or ()))
        rest = {item.name: item for item in self.inputs if item.name not in given}
        feeds = self._feeds(given, optional=True) | {name: _any_value(self.name, item) for name, item in rest.items()}
        return self._trace({item.name: feeds[item.name] for item in (*self.inputs, *self._overridable) if item.name in feeds},
                           frozenset(rest))  # fmt: skip

    def problems(self) -> list[Problem]:
        """Everything in the model that is not supported; empty if there is nothing."""
        tracer = Tracer(self.file, self.name, lenient=True)
        given = {}
        for item in self.inputs:
            known = item.kind == "tensor" and item.shape is not None and item.element is not None
            given[item.name] = _stand_in(item, _any_value(self.name, item), False)[0] if known else UNKNOWN
        tracer.run(given)
        return tracer.problems

    def _trace(self, feeds: dict[str, Feed], stand_ins: frozenset[str] = frozenset(), parameters=None,
               exact: bool = False) -> Traced:  # fmt: skip
        while True:
            self._need_values(stand_ins)
            try:
                traced, problems = self._attempt(feeds, parameters, exact)
                break
            except NeedsValue as need:
                if parameters and {n.attr("name") for n in parameters.values()} & set(need.names):
                    raise
                self._fix(need, feeds)
        if problems:
            raise UnimplementedError(report(self.name, problems))
        return traced

    def _need_values(self, stand_ins: frozenset[str]) -> None:
        """Refuse a trace without the values that it depends on."""
        missing = sorted(stand_ins & (self._by_value | self._by_shape))
        if missing:
            raise UsageError(f"{self.name}: what it computes depends on the value or the sizes of input {', '.join(missing)}: give it")

    def _fix(self, need: NeedsValue, feeds: dict[str, Feed]) -> None:
        """Make the values, or the sizes, of some inputs constants of the trace.

        Raises:
            UnimplementedError: what is needed is no input, or a large one.
        """
        if need.sizes:
            items = {item.name: item for item in (*self.inputs, *self._overridable)}
            sized = {name for name, feed in feeds.items() if feed.kind == "tensor"
                     and set(symbols_of(items[name], _declared_shape(items[name], feed)).values()) & set(need.sizes)}  # fmt: skip
            if sized <= self._by_shape:
                raise UnimplementedError(f"{self.name}: {need.why} must be known before running")
            self._by_shape |= sized
            return
        names = {name for name, feed in feeds.items() if need.names and set(need.names) & set(_node_names(name, feed))}
        if not names or names <= self._by_value or sum(a.size for n in names for a in feeds[n].arrays) > _CONSTANT:
            raise UnimplementedError(f"{self.name}: {need.why} must be known before running")
        self._by_value |= names

    def _attempt(self, feeds: dict[str, Feed], parameters=None, exact: bool = False) -> tuple[Traced, list[Problem]]:
        tracer = Tracer(self.file, self.name, parameters)
        items = {item.name: item for item in (*self.inputs, *self._overridable)}
        nodes, fed, given = [], [], {}
        for name, feed in feeds.items():
            given[name], made = _stand_in(items[name], feed, name in self._by_value, exact or name in self._by_shape)
            nodes += made
            fed += [name] * bool(made)
        values = tracer.run(given)
        if tracer.problems:
            return Traced(Graph("main", (), ()), (), ()), tracer.problems
        if tracer.draws:
            nodes.append(key_node)
            fed.append(KEY)
        nodes += (parameters or {}).values()
        parts = [flattened(v) for v in values]
        outputs = tuple(n for _, found in parts for n in found)
        names = tuple(_output_names(self.outputs, [len(found) for _, found in parts]))
        graph = Graph("main", tuple(nodes), outputs, names)
        check_graph(graph)
        return Traced(graph, tuple(fed), tuple(r for r, _ in parts)), []


def _any_value(model: str, item: Declared) -> Feed:
    """A stand-in for a value of an input that is not there yet."""
    if item.kind != "tensor" or item.shape is None or item.element is None:
        raise UsageError(f"{model}: input {item} has no type that a graph could be made for; give a value to trace")
    return Feed("tensor", (np.broadcast_to(np.zeros((), item.element.carrier.numpy), (0,) * len(item.shape)),),
                item.element, False)  # fmt: skip


def _node_names(name: str, feed: Feed) -> list[str]:
    return [name] if feed.kind == "tensor" else [f"{name}.{k}" for k in range(len(feed.arrays))]


def _declared_shape(item: Declared, feed: Feed) -> tuple:
    return item.shape if item.shape is not None else (None,) * feed.arrays[0].ndim


def _stand_in(item: Declared, feed: Feed, by_value: bool, by_shape: bool = False) -> tuple[object, list[Node]]:
    """What stands for an input while tracing, and the Nodes that are fed."""
    if feed.kind == "nothing":
        return (Optional(None, item.element) if item.kind == "optional" else None), []
    if by_value:
        nodes = []
        values = [typed(constant(a), feed.element) for a in feed.arrays]
    elif feed.kind == "tensor":
        shape = feed.arrays[0].shape if by_shape else _declared_shape(item, feed)
        nodes = [input_node(item.name, type_of(item, feed.element, shape))]
        values = [typed(nodes[0], feed.element)]
    else:
        nodes = [input_node(name, type_of(item, feed.element, a.shape)) for name, a in zip(_node_names(item.name, feed), feed.arrays)]
        values = [typed(n, feed.element) for n in nodes]
    value = values[0] if feed.kind == "tensor" else Sequence(tuple(values), feed.element)
    return (Optional(value, feed.element) if feed.wrapped else value), nodes


def _output_names(outputs: Values[Declared], counts: Values[int]):
    for item, count in zip(outputs, counts):
        yield from [item.name] if count == 1 else [f"{item.name}.{k}" for k in range(count)]


def report(name: str, problems: Values[Problem]) -> str:
    """All problems of a model as one message."""
    operators = {p.operator for p in problems}
    return "\n  ".join([f"{name}: {_counted(problems)} of {_counted(operators, 'operator')} cannot be compiled", *kinds_of(problems)])


def kinds_of(problems: Values[Problem]) -> list[str]:
    """A line for each kind of problem: the operator, how many nodes and which, why."""
    kinds: dict[tuple, list[str]] = {}
    for p in problems:
        kinds.setdefault((p.operator, p.why), []).append(p.node)
    lines = []
    for (operator, why), nodes in kinds.items():
        shown = ", ".join(nodes[:3]) + (f" and {len(nodes) - 3} more" if len(nodes) > 3 else "")
        lines.append(f"{operator} ({_counted(nodes)}: {shown}): {why.removeprefix(operator + ': ')}")
    return lines


def _counted(items, what: str = "node") -> str:
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"


def load(source, *, folder: str | os.PathLike | None = None, options: Options = INFERENCE) -> Model:
    """An ONNX model from a file.

    Args:
        source: a path, the bytes of a model, or a ``ModelProto`` of the ``onnx`` package.
        folder: where files of external data lie, for a model that is no file itself.
        options: how to compile it. By default, what changes last bits and serves inference is allowed: normalisation is
            folded into weights, and sums take the order of the layout; ``Options()`` follows the model to the bit.

    Raises:
        FormatError: the file is damaged, or no ONNX model; the message says where.
        UnimplementedError: parts of it are not supported; the message lists all of them, with their nodes.
        OSError: it cannot be read.
    """
    file = onnx_file.read_model(source, folder=folder)
    check_model(file)
    return Model(file, file.name, options)
