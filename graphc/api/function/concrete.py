"""ConcreteFunction: one trace of a function, and the ways to call it."""

from __future__ import annotations

import functools
import importlib
import itertools
import threading
from collections.abc import Callable, Sequence
from threading import get_ident

import numpy as np

from graphc.api.eager import EAGER
from graphc.api.effect import EFFECT
from graphc.api.function.arguments import described, packer, put_together
from graphc.api.function.inlining import called, exact_graph, inlined, sizes_between
from graphc.api.function.running import Draws, Runner
from graphc.api.function.trace import FUNCTION, Traced
from graphc.api.learnt import Library
from graphc.api.operators import Composed
from graphc.api.places import PLACES, default_place, options_for
from graphc.api.recorder import RECORDERS
from graphc.api.recording import RECORDING
from graphc.api.spec import TensorSpec
from graphc.api.storage import CHANGES, RUNNING
from graphc.api.structure import map_structure
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.values import of_array
from graphc.compile import compile_graph, lower_graph, optimise
from graphc.errors import DtypeError, GraphcError, ShapeError, UsageError, explain, with_line
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.picture import bundle

_numbers = itertools.count()
_EXACT_KEPT = 1024


class ConcreteFunction:
    """A function for arguments of known dtypes and shapes.

    Attributes:
        name: of the Python function.
        graph: what it computes: a pure Graph (``graph.ir``), in which arguments, what is captured and variables go in,
            results and new values of variables come out; its ``str`` is the text that ``graphc inspect`` shows. It also
            tells of the same as TensorFlow's operations.
        structured_input_signature: ``(args, kwargs)`` with TensorSpecs in the places of tensors.
        structured_outputs: the structure of the answer, with TensorSpecs in the places of tensors.
        is_general: it was made for any size because sizes changed.
        enclosing: the trace of a function around it whose tensors it uses, or None.
    """

    def __init__(self, name: str, traced: Traced, inputs: tuple, specs: Sequence[TensorSpec], outputs, enclosing=None):
        self.is_general, self.enclosing = False, enclosing
        self.name, self.traced = name, traced
        self.structured_input_signature, self._template = inputs, outputs
        self._specs = tuple(specs)
        self.structured_outputs = put_together(outputs, iter(self.outputs), described)
        self._number = next(_numbers)
        self._exact = Library(_EXACT_KEPT)  # sizes -> the graph for them
        self._flexible = tuple((v, v.type) for v in traced.variables if v.declared is not None)
        self._lock = threading.Lock()
        self._draws = Draws()
        self._runners: dict[str | None, Runner] = {}  # by the devices that are open, None for that of the process
        self._defined: tuple | None = None  # as messages

    # --------------------------------------------------------------------------------------- what it is

    @functools.cached_property
    def graph(self):
        """What it computes."""
        return _view().GraphView(self.traced.graph, self._definitions)

    @property
    def function_def(self):
        """The FunctionDef.

        Raises:
            UsageError: TensorFlow has nothing for parts of it; the message lists them.
        """
        return self._definitions()[0]

    def _definitions(self) -> tuple:
        if self._defined is None:
            self._defined = _view().definitions_of(f"{self.name}_{self._number}", self.name, self.traced, self._specs)
        return self._defined

    @property
    def inputs(self) -> list[TensorSpec]:
        """The tensors that it takes."""
        return list(self._specs)

    @property
    def outputs(self) -> list[TensorSpec]:
        """The tensors that it answers with."""
        first = int(self.traced.acts)
        return [TensorSpec(tuple(_size(d) for d in y.shape), y.dtype)
                for y in self.traced.graph.outputs[first : first + self.traced.results]]  # fmt: skip

    @property
    def is_flexible(self) -> bool:
        """Whether it uses variables whose shapes may change."""
        return bool(self._flexible)

    @property
    def is_current(self) -> bool:
        """Whether they have the shapes that it was made for."""
        return all(v.type == type for v, type in self._flexible)

    @property
    def output_shapes(self):
        """The shapes of the answer, in its structure."""
        return map_structure(lambda s: None if s is None else s.shape, self.structured_outputs)

    @property
    def output_dtypes(self):
        """The dtypes of the answer, in its structure."""
        return map_structure(lambda s: None if s is None else s.dtype, self.structured_outputs)

    @property
    def variables(self) -> tuple:
        """The variables that it reads or assigns."""
        return self.traced.variables

    @property
    def trainable_variables(self) -> tuple:
        """Those of them that optimizers change."""
        return tuple(v for v in self.traced.variables if v.trainable)

    @property
    def captured_inputs(self) -> list:
        """The tensors and variables from outside that it uses."""
        return [*self.traced.captured, *self.traced.variables]

    @property
    def runner(self) -> Runner:
        """What runs it for arrays, on the device that is open."""
        opened = PLACES.top
        found = self._runners.get(opened)
        if found is None:
            with self._lock:
                found = self._runners.get(opened) or self._runners.setdefault(opened, Runner(self.traced, default_place(), self._draws))
        return found

    def lower(self):
        """The Program that it becomes on the device that is open."""
        options = options_for(default_place())
        return lower_graph(optimise(self.traced.graph, options), options)

    def compile(self):
        """The Executable that it becomes on the device that is open: of all inputs of ``graph``, it changes none of them."""
        return compile_graph(self.traced.graph, options_for(default_place()))

    def pretty_printed_signature(self, verbose: bool = True) -> str:
        """What it takes and answers with, in words."""
        args, kwargs = self.structured_input_signature
        inside = [*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())]
        return f"{self.name}({', '.join(inside)}) -> {self.structured_outputs!r}"

    def __repr__(self):
        return f"<ConcreteFunction {self.pretty_printed_signature()}>"

    def _repr_html_(self) -> str:
        return self.traced.graph._repr_html_()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return bundle(repr(self), self._repr_html_())

    # ------------------------------------------------------------------------------------------- calling

    def __call__(self, *args, **kwargs):
        """The answer for tensors, by position or by the names of the arguments.

        Raises:
            UsageError: there are too few or too many. DtypeError, ShapeError: one does not fit.
        """
        if not (kwargs or self._flexible or RECORDERS.entered or RECORDING.tapes or PLACES.entered):
            found = self._called(args)
            if found is not NotImplemented:
                return found
        names = [s.name for s in self._specs]
        args = [part for a in args for part in (a.parts if isinstance(a, Composed) else (a,))]
        given = dict(zip(names, args))
        wrong = [k for k in kwargs if k in given or k not in names]
        given.update(kwargs)
        if len(args) > len(names) or wrong or len(given) < len(names):
            what = f"takes {len(names)} tensors ({', '.join(names)}), got {len(args)} by position"
            raise UsageError(explain(f"{self.name}: {what}" + (f" and {', '.join(kwargs)}" if kwargs else "")))
        return self.answer([self.fitting(self.name, given[s.name], s) for s in self._specs])

    def _called(self, args: tuple):
        """The answer for tensors and arrays that are as the program takes them, where no device is open; else NotImplemented."""
        runner = self._runners.get(None) or self.runner
        if runner.boxed is None or runner.seen != CHANGES.now or get_ident() not in RUNNING:
            return NotImplemented
        try:
            found = runner.boxed(*args)
        except (GraphcError, MemoryError):
            with with_line():
                raise
        return found if found is NotImplemented or self._packer is None else self._packer(found)

    @staticmethod
    def fitting(function: str, value, spec: TensorSpec) -> Tensor:
        """A value as a tensor that fits a specification.

        Raises:
            DtypeError, ShapeError: it does not; the message names the function and the argument.
        """
        top = RECORDERS.top
        tensor = (top if top is not None and top.captures else EAGER).convert(value, spec.dtype)
        if tensor.dtype is not spec.dtype:
            raise DtypeError(explain(f"{function}: {spec.name} must be {spec.dtype.name}, got {tensor.type}"))
        if not spec.shape.is_compatible_with(tensor.shape):
            raise ShapeError(explain(f"{function}: {spec.name} must have shape {spec.shape}, got {tensor.type}"))
        return tensor

    def answer(self, tensors: Sequence[Tensor]):
        """The structured answer for one tensor for each of ``inputs``."""
        top = RECORDERS.top
        if top is not None and top.captures:
            found = self._inlined(top, tensors)
        elif RECORDING.is_on or not all(t.graph.is_eager for t in tensors):
            found = self._recorded([EAGER.convert(t) for t in tensors])
        else:
            found = self.runner.run([t.carried for t in tensors])
            found = [EagerTensor(EAGER, value=of_array(a)) for a in found]
        return self.packed(found)

    def quick(self) -> Callable:
        """A function of the list of arrays, for calls outside of tapes and other functions."""
        runner, packed, called = self.runner, self._packer, self._called

        def quick(arrays):
            found = called(arrays)
            if found is not NotImplemented:
                return found
            found = [EagerTensor(EAGER, value=of_array(a)) for a in runner.run(arrays)]
            return found[0] if packed is None else packed(found)

        return quick

    def direct(self) -> tuple[Runner, Callable | None] | None:
        """What runs it for tensors and arrays of its types and no others, and what packs the answer where that is needed.

        None where ``Runner.boxed`` does not tell other arguments apart, as it takes more than one size, or is not there.
        """
        is_exact = all(x.type.is_static for x in self.traced.graph.inputs)
        return (self.runner, self._packer) if is_exact and self.runner.boxed is not None else None

    @functools.cached_property
    def _packer(self) -> Callable | None:
        """Makes the structured answer of what ``Runner.boxed`` answers with; None where that is the answer."""
        if isinstance(self._template, TensorSpec):
            return None
        pack, single = packer(self._template), self.runner.is_single
        return lambda found: pack(iter((found,) if single and not isinstance(found, (tuple, list)) else found))

    def packed(self, results: Sequence[Tensor]):
        """The results in their structure."""
        return put_together(self._template, iter(results))

    def _inlined(self, recorder, tensors: Sequence[Tensor]) -> list:
        """The results inside a function that is being traced, a branch or a loop: what this one does is done there."""
        traced = self.traced
        states = [recorder.read_state(v) for v in traced.variables]
        place = recorder.draw(None, FUNCTION)[:2] if traced.draws else None
        operands = [*tensors, *traced.captured, *states]

        def build(*nodes: Node) -> list[Node]:
            return inlined(traced, nodes, place)

        made = recorder.call("PartitionedCall", self.name, build, operands, ["args"] * len(operands), alike=False,
                             effect=EFFECT if traced.acts else None)  # fmt: skip
        made = made if isinstance(made, list) else [made]
        for variable, value in zip(traced.written, made[traced.results :]):
            recorder.write_state(variable, value)
        return made[: traced.results]

    def _recorded(self, tensors: Sequence[EagerTensor]) -> list:
        """The results as tapes record them: one operation, differentiated as a whole, and computed when asked for."""
        traced = self.traced
        graph = self._exact_for(tensors)
        states = [EAGER.read_state(v) if v in traced.read else v.as_tensor() for v in traced.variables]
        random = [EagerTensor(EAGER, array=a) for a in self.runner.next_random(advance=not traced.acts)]
        operands = [*tensors, *traced.captured, *states, *random, *self._readings()]

        def build(*nodes: Node) -> list[Node]:
            return called(graph, nodes)

        build.key = "function", self._number, graph.inputs
        made = EAGER.call("PartitionedCall", self.name, build, operands, ["args"] * len(operands), alike=False)
        made = made if isinstance(made, list) else [made]
        if traced.acts:
            found = self.runner.run([t.carried for t in tensors])
            for tensor, array in zip(made, found):
                tensor.record.settle(array)
        else:
            for variable, value in zip(traced.written, made[traced.results :]):
                variable.assign(value)
        return made[: traced.results]

    def _readings(self) -> list[EagerTensor]:
        """What tapes take gradients by for readings of variables after an assignment: zeros that are added to these."""
        found = []
        for variable in self.traced.again:
            array = np.zeros(variable.type.shape, variable.dtype.numpy)
            array.flags.writeable = False
            found.append(EagerTensor(EAGER, array=array))
            RECORDING.read(variable, value=found[-1])
        return found

    def _exact_for(self, tensors: Sequence[EagerTensor]) -> Graph:
        """The graph without effects for the sizes of these arguments."""
        sizes = sizes_between(self.traced.graph.inputs, [t.type for t in tensors])
        key = tuple(sizes.values())
        graph = self._exact.get(key)
        if graph is None:
            graph = exact_graph(self.traced, sizes)
            self._exact.put(key, graph)
        return graph


@functools.cache
def _view():
    """TensorFlow's view of functions, imported when somebody looks."""
    return importlib.import_module("graphc.api.function.view")


def _size(d) -> int | None:
    return d if type(d) is int else None
