"""Running a program from Python through ctypes: for host steps, and where the fast call path cannot be used."""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass
from typing import Callable

import numpy as np

from graphc.errors import CompileError, GraphcError, ShapeError, explain, located
from graphc.ir import dtype as dt
from graphc.ir.node import Node, symbol_name
from graphc.ir.program import Signature
from graphc.ir.type import Type
from graphc.runtime.dims import evaluate, symbols_of
from graphc.runtime.host_graph import HostGraph
from graphc.runtime.library import Library

_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 5)
_ALIGN = 64
_LARGEST = 1 << 46  # bytes of one buffer, as in generated code


@dataclass(frozen=True)
class HostStep:
    """A step that Python does between two native segments.

    Attributes:
        fn: takes and returns NumPy arrays. It must neither write to nor keep what it is given: that is read-only and
            valid during the call alone. What it raises comes out of the run; state is then as it was before the run,
            and the program can be run again.
        args, results: pairs ``(Type, place)`` with places as in ``ir.program.Buffer``. A symbol that only the shape of
            a result determines gets its value here. A string result is kept beside the arena under its place, so two
            of them must not share one while both are needed.
        attrs: pairs of keyword arguments of ``fn``; dimensions in them are numbers by then.
    """

    fn: Callable
    args: tuple
    results: tuple
    op: str
    location: object = None
    attrs: tuple = ()


class LateSizes:
    """What must be found out again whenever a host step has given symbols their values.

    Args:
        checks: b1 conditions on the sizes.
        buffers: pairs ``(Type, place)``.
    """

    def __init__(self, checks: tuple, buffers: tuple):
        self._checks = [(k + 1, symbols_of((c,)), c) for k, c in enumerate(checks)]
        self._ends = [(symbols_of((*t.shape, where)), t.size * t.dtype.size, where) for t, (kind, where) in buffers if kind == "arena"]
        self._sizes = [(symbols_of(t.shape), t.size * max(1, t.dtype.size)) for t, _ in buffers]

    def refused(self, before: set[str], values: dict[str, int], known: dict) -> int:
        """The number of the check that fails, of those that could not be made before; 0 if none does."""
        for number, needs, condition in self._checks:
            if needs <= values.keys() and not needs <= before and not evaluate(condition, values, known):
                return number
        fits = all(evaluate(size, values, known) <= _LARGEST for needs, size in self._sizes if needs <= values.keys())
        return 0 if fits else len(self._checks) + 1

    def arena(self, values: dict[str, int], known: dict) -> int:
        """Bytes of arena that buffers of known size need."""
        ends = [evaluate(where, values, known) + evaluate(size, values, known)
                for needs, size, where in self._ends if needs <= values.keys()]  # fmt: skip
        return max(ends, default=0)


class PortableProgram:
    """A program as a sequence of native segments and host steps.

    Args:
        segments: None for one native function of this name, else ints (``NAME_i``) and HostSteps in order.
        constants: the program's constants, 64-byte aligned.
        failed: called with the error code of a segment that stopped; raises.
        late: what follows from sizes that host steps make; None where they make none.
        early: positions of inputs that are written before the last host step ends; any of them if None.

    Raises:
        CompileError: a string would have to be copied or made by native code.
    """

    def __init__(self, name: str, signature: Signature, library: Library, constants: np.ndarray, segments, failed: Callable,
                 late: LateSizes | None = None, early: frozenset[int] | None = None):  # fmt: skip
        self.name, self.signature, self.library, self.constants, self.failed = name, signature, library, constants, failed
        steps = [name] if segments is None else [f"{name}_{s}" if isinstance(s, int) else s for s in segments]
        self.steps = [_ENTRY(library.address(s)) if isinstance(s, str) else s for s in steps]
        self._arena_bytes = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(library.address(name + "_arena"))
        self.late = late
        self._needs = [symbols_of(p.type.shape) for p in signature.outputs]
        _check_strings(name, signature, self.steps)
        may_stop = any(isinstance(step, HostStep) for step in self.steps[1:])  # after something was written
        self._at_risk = frozenset(p for _, p in signature.donated if may_stop and (early is None or p in early))
        self._kept = np.empty(0, dtype=np.uint8)
        self._lock = threading.Lock()

    def run(self, inputs: list[np.ndarray], dims: list[int], known: frozenset[int], in_place: frozenset[int]) -> list[np.ndarray]:
        """Run on arrays that fit the signature exactly; answers all outputs.

        Args:
            dims: values of the symbols; those whose position is not in ``known`` are still to be determined.
            in_place: positions of inputs that may be written where they lie; other donated ones are copied. If a host
                step raises, they get back what they held before.
        """
        written = [inputs[position] for position in self._at_risk & in_place]
        before = [array.copy() for array in written]
        mine = self._lock.acquire(blocking=False)
        run = Run(self, list(inputs), list(dims), set(known), self._kept if mine else np.empty(0, dtype=np.uint8))
        try:
            run.place_donated(in_place)
            run.place()
            for step in self.steps:
                if isinstance(step, HostStep):
                    run.host(step)
                else:
                    run.native(step)
            if mine:
                self._kept = run.arena
        except BaseException:
            for array, old in zip(written, before):
                array[...] = old
            raise
        finally:
            if mine:
                self._lock.release()
        return run.outputs


class Run:
    """The state of one run: memory, symbols, and the outputs made so far."""

    def __init__(self, program: PortableProgram, inputs: list, dims: list[int], known: set[int], arena: np.ndarray):
        self.program, self.signature = program, program.signature
        self.inputs, self.dims, self.known, self.arena = inputs, dims, known, arena
        self.outputs: list = [None] * len(self.signature.outputs)
        self.objects: dict[tuple, np.ndarray] = {}  # strings, which have no bytes in the arena
        self.values = {name: dims[k] for k, name in enumerate(self.signature.symbols) if k in known}
        self._evaluated: dict = {}  # expressions of sizes; a symbol that has a value keeps it

    def size(self, dim) -> int:
        """What a dimension or offset comes to."""
        return evaluate(dim, self.values, self._evaluated) if isinstance(dim, Node) else dim

    def place_donated(self, in_place: frozenset[int]) -> None:
        for output, position in self.signature.donated:
            if position not in in_place:
                self.inputs[position] = self.inputs[position].copy()
            self.outputs[output] = self.inputs[position]

    def place(self) -> None:
        """Make the outputs whose size is known by now, and the arena at least as large as it must be by now."""
        values = self.values
        for k, (param, needs) in enumerate(zip(self.signature.outputs, self.program._needs)):
            if self.outputs[k] is None and needs <= values.keys():
                self.outputs[k] = np.empty([self.size(d) for d in param.type.shape], param.type.dtype.numpy)
        if self.program.late is None:
            wanted = self.program._arena_bytes((ctypes.c_int64 * max(1, len(self.dims)))(*self.dims))
        else:
            wanted = self.program.late.arena(values, self._evaluated)
        if wanted > self.arena.size:
            grown = aligned_bytes(wanted)
            grown[: self.arena.size] = self.arena  # what is there keeps its offset
            self.arena = grown

    def native(self, entry) -> None:
        inputs, outputs = (_pointers(arrays) for arrays in (self.inputs, self.outputs))
        dims = (ctypes.c_int64 * max(1, len(self.dims)))(*self.dims)
        code = entry(inputs, outputs, dims, _address(self.program.constants), _address(self.arena))
        if code:
            self.program.failed(code)

    def host(self, step: HostStep) -> None:
        args = [_read_only(self.view(type, place)) for type, place in step.args]
        attrs = {name: self.attribute(value) for name, value in step.attrs}
        with located(step.location), np.errstate(all="ignore"):
            try:
                results = step.fn(*args, **attrs)
            except GraphcError as error:
                if step.location is not None and str(step.location) not in str(error):
                    error.args = (explain(str(error)), *error.args[1:])  # it keeps its kind, its cause and what it carries
                raise
        if len(step.results) == 1 and not isinstance(results, (tuple, list)):
            results = (results,)
        if len(results) != len(step.results):
            what = f"{step.op}: the host step gave {len(results)} results, not {len(step.results)}"
            raise ShapeError(explain(what, location=step.location))
        arrays = [np.asarray(value, dtype=type.dtype.numpy) for (type, _), value in zip(step.results, results)]
        before = set(self.values)
        for (type, _), array in zip(step.results, arrays):
            self.bind(step, type, array)
        if self.program.late is not None and len(self.known) > len(before):
            code = self.program.late.refused(before, self.values, self._evaluated)
            if code:
                self.program.failed(code)
        self.place()
        for (type, place), array in zip(step.results, arrays):
            if type.dtype is dt.string and place[0] == "arena":
                self.objects[place] = array
            else:
                self.keep(type, place, array)

    def bind(self, step: HostStep, type: Type, array: np.ndarray) -> None:
        """Give symbols that only this result determines their values, and check all other sizes."""
        values = self.values
        for dim, extent in zip(type.shape, array.shape):
            name = symbol_name(dim)
            if name is not None and name not in values:
                slot = self.signature.symbols.index(name)
                self.dims[slot] = extent
                self.known.add(slot)
                values[name] = extent
        if array.ndim != type.rank or any(self.size(d) != e for d, e in zip(type.shape, array.shape)):
            got = f"{type.dtype.short}[{','.join(map(str, array.shape))}]"
            raise ShapeError(explain(f"{step.op}: the host step gave {got}, not {type}", location=step.location))

    def keep(self, type: Type, place: tuple, array: np.ndarray) -> None:
        """Put what a host step made where it belongs."""
        self.view(type, place)[...] = array

    def view(self, type: Type, place: tuple) -> np.ndarray:
        """The array that lies at a place."""
        where, what = place
        shape = tuple([self.size(d) for d in type.shape])
        if type.dtype is dt.string and where == "arena":
            return self.objects[place].reshape(shape)
        if where in ("input", "output"):
            array = (self.inputs if where == "input" else self.outputs)[what]
            return array if array.shape == shape and array.dtype == type.dtype.numpy else _seen_as(array, type, shape)
        memory = self.program.constants if where == "constant" else self.arena
        return np.ndarray(shape, type.dtype.numpy, buffer=memory, offset=self.size(what))

    def attribute(self, value):
        """An attribute with numbers in place of dimensions."""
        if isinstance(value, tuple):
            return tuple([self.attribute(v) for v in value])
        return value.at(self.values) if isinstance(value, HostGraph) else self.size(value)


def _seen_as(array: np.ndarray, type: Type, shape: tuple) -> np.ndarray:
    """The same memory under another type: a reshape or view of an input needs no copy."""
    return array.reshape(-1).view(type.dtype.numpy).reshape(shape)


def _check_strings(name: str, signature: Signature, steps: list) -> None:
    """Strings have no bytes, so each must come from an input or a host step."""
    made = {("input", k) for k in range(len(signature.inputs))}
    for step in steps:
        if not isinstance(step, HostStep):
            continue
        for type, place in step.args:
            if type.dtype is dt.string and place not in made:
                what = f"{name}: {step.op} reads a {type} that no host step made; native code has no strings"
                raise CompileError(explain(what, location=step.location))
        made.update(place for _, place in step.results)
    donated = dict(signature.donated)
    for k, param in enumerate(signature.outputs):
        place = ("input", donated[k]) if k in donated else ("output", k)
        if param.type.dtype is dt.string and place not in made:
            what = f"{name}: no host step makes output {param.name} {param.type}; native code has no strings"
            raise CompileError(explain(what, location=param.location))


def aligned_bytes(count: int) -> np.ndarray:
    """Uninitialised bytes that start at a multiple of 64."""
    memory = np.empty(count + _ALIGN, dtype=np.uint8)
    start = -_address(memory) % _ALIGN
    return memory[start : start + count]


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _pointers(arrays: list):
    return (ctypes.c_void_p * max(1, len(arrays)))(*[None if a is None else _address(a) for a in arrays])


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
