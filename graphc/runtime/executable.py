"""Executables: loaded programs that can be called with NumPy arrays."""

from __future__ import annotations

import functools
import os
import threading
from typing import Callable, Mapping, Sequence

import numpy as np

from graphc.errors import CompileError, FeedError, GraphcError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.program import Signature
from graphc.runtime.arena import Arena
from graphc.runtime.arguments import Arguments
from graphc.runtime.box import Box
from graphc.runtime.library import Library
from graphc.runtime.native_call import address_of, gated_callable, native_callable
from graphc.runtime.portable_call import HostStep, LateSizes, PortableProgram, aligned_bytes
from graphc.runtime.resident import Resident, hosted
from graphc.runtime.support import load_support
from graphc.runtime.turn import Turn

_ALIGN = 64


class Executable:
    """A compiled program, ready to run from any number of threads.

    It keeps its scratch memory, and up to two arrays for each output: one of them is handed out again once nobody
    else can see it any more, so that a steady state allocates nothing.

    Args:
        name: the program's name, which its native functions carry.
        constants: the program's constants; copied unless they lie at a multiple of 64 bytes (as mapped ones do).
        segments: for a program with host steps: ints (native segment ``NAME_i``) and HostSteps in order.
        release_gil: let other Python threads run meanwhile; worth it from some 50 microseconds of work on.
        explain_failure: makes the exception for the nonzero code with which a program stopped.
        late: what follows from sizes that host steps make.
        early: positions of inputs that are written before the last host step ends; any of them if None.

    Attributes:
        resides: whether arrays on devices are taken as they are, and made.
    """

    resides = False

    def __init__(
        self,
        name: str,
        signature: Signature,
        library: Library,
        constants=b"",
        segments: Sequence[int | HostStep] | None = None,
        *,
        release_gil: bool = False,
        explain_failure: Callable[[int], Exception] | None = None,
        late: LateSizes | None = None,
        early: frozenset[int] | None = None,
    ):
        self.name, self.signature, self.library = name, signature, library
        self.release_gil = release_gil
        self._failed = functools.partial(fail, name, explain_failure)
        self.constants = aligned(constants)
        self._support = load_support()
        self._portable = PortableProgram(name, signature, library, self.constants, segments, self._failed, late, early)
        self._native = segments is None and call_path() == "native" and _is_numeric(signature)
        if segments is None:
            missing = len(signature.symbols) - len(Arguments(name, signature).known_symbols)
            if missing:
                raise CompileError(f"{name}: {missing} of the symbols {', '.join(signature.symbols)} occur in no input")
        self._arena = Arena(self._support.library) if self._native else None
        self._plain: Callable | None = None
        self._lock = threading.Lock()

    def __call__(self, *arrays) -> tuple[np.ndarray, ...]:
        """Run on all inputs; answers all outputs. Nothing that is given is written to.

        Raises:
            FeedError, DtypeError, ShapeError: an argument does not fit.
        """
        if self._plain is None:
            with self._lock:
                if self._plain is None:
                    self._plain = self.bind()
        return self._plain(*arrays)

    def bind(
        self,
        state: Mapping[int, np.ndarray] | None = None,
        *,
        returned: Sequence[int] | None = None,
        single: bool = False,
        turn: Turn | None = None,
        sealed: bool = False,
        box: Box | None = None,
        numbers: bool = True,
        residents: bool = False,
    ) -> Callable | None:
        """A callable that takes the inputs not in ``state`` by position, and is as fast as a call can be.

        It may be called from any number of threads. A run that writes state is alone with it, so that each finds the
        state as the last one left it; others go side by side. That holds for the callables of one ``turn``: two without
        a common one that are bound to the same arrays must not run at once if one writes them.

        When a run fails in a host step, state is as it was before the run. When native code after the last of them
        stops with an error code, state that it was about to write may hold anything.

        Args:
            state: arrays or Residents for some inputs, by position. They are used where they lie in every call; an output donated
                over one of them is written there. Two of them, or one and an argument, must not overlap if so.
            returned: positions of the outputs to hand out, ascending; by default all that are not state. A state
                output asked for is handed out as a copy.
            single: hand out the one returned output itself instead of a tuple.
            turn: keeps the runs of several callables apart that share state; one of its own if None.
            sealed: nobody may write to what is handed out.
            box: take boxes as arguments as well, hand out boxes, and answer NotImplemented where the arguments do not
                fit as they are. Where calls are not native, there is no such callable: None.
            numbers: take Python numbers for scalars.
            residents: hand out what was made on a device as Residents.

        Raises:
            FeedError, DtypeError, ShapeError: an array in ``state`` does not fit as it is.
        """
        bound = dict(state or {})
        self._check_bound(bound)
        if not self.resides and any(isinstance(a, Resident) for a in bound.values()):
            if box is not None:
                return None
            again = functools.partial(self.bind, returned=returned, single=single, sealed=sealed, numbers=numbers)
            written = frozenset(position for _, position in self.signature.donated if position in bound)
            return hosted(again, bound, written, turn)
        arguments = Arguments(self.name, self.signature, bound, self.resides)
        in_state = {output for output, position in self.signature.donated if position in bound}
        count = len(self.signature.outputs)
        chosen = tuple(k for k in range(count) if k not in in_state) if returned is None else tuple(returned)
        if list(chosen) != sorted(set(chosen)) or any(not 0 <= k < count for k in chosen):
            raise UsageError(f"{self.name}: returned={chosen} must be ascending positions of the {count} outputs")
        if single and len(chosen) != 1:
            raise UsageError(f"{self.name}: single=True needs exactly one returned output, not {len(chosen)}")
        writes = bool(in_state)
        turn = (turn or new_turn()) if writes or (turn is not None and bound) else None
        portable = _PortableCall(self, arguments, chosen, single, turn, writes, sealed, residents)
        if not self._native or (turn is not None and not turn.is_native):
            return portable.convert_and_run if box is None else None
        if box is not None and box.words is None:
            return None

        def slow(exact, *given):
            arrays, dims = arguments.convert(given)
            result = exact(*arrays)
            return portable.run(arrays, dims) if result is NotImplemented else result

        return native_callable(
            self._support.library, self.name, self.signature, self.library, address_of(self.constants), self._arena, arguments,
            chosen, single, self.release_gil, turn, writes, slow, self._failed, (self.constants,), sealed,
            box, numbers,
        )  # fmt: skip

    def gated(self, boxed: Callable, gate: np.ndarray) -> Callable:
        """What ``bind`` answered with for a box, behind a gate; see ``gated_callable``."""
        return gated_callable(self._support.library, boxed, gate)

    def _check_bound(self, bound: dict) -> None:
        for position in bound:
            if not isinstance(position, int) or not 0 <= position < len(self.signature.inputs):
                raise FeedError(f"{self.name}: there is no input {position!r} to bind; it has {len(self.signature.inputs)}")


class _PortableCall:
    """The same callable as the native one, in Python."""

    def __init__(
        self, executable: Executable, arguments: Arguments, returned: tuple[int, ...], single: bool, turn: Turn | None,
        writes: bool, sealed: bool, residents: bool,
    ):  # fmt: skip
        self.program, self.arguments, self.returned, self.single = executable._portable, arguments, returned, single
        self.turn, self.shared, self.sealed = turn, not writes, sealed
        self.options = {"residents": residents} if executable.resides else {}
        self.in_place = frozenset(arguments.bound)
        self.copied = {output for output, position in executable.signature.donated if position in arguments.bound}

    def convert_and_run(self, *given):
        """Run on whatever can be converted."""
        return self.run(*self.arguments.convert(given))

    def run(self, arrays: list[np.ndarray], dims: list[int]):
        """Run on arrays that fit."""
        inputs = [None] * len(self.arguments.signature.inputs)
        for position, array in self.arguments.bound.items():
            inputs[position] = array
        for rule, array in zip(self.arguments.rules, arrays):
            inputs[rule.position] = array
        if self.turn is None:
            return self._results(inputs, dims)
        hold = self.turn.hold(self.shared)
        try:
            hold.enter()
            return self._results(inputs, dims)
        finally:
            hold.leave()

    def _results(self, inputs: list, dims: list[int]):
        outputs = self.program.run(inputs, dims, self.arguments.known_symbols, self.in_place, **self.options)
        chosen = tuple([self._handed(outputs[k], k in self.copied) for k in self.returned])
        return chosen[0] if self.single else chosen

    def _handed(self, output, is_kept: bool):
        """An output as callers get it; ``is_kept``: it is state, of which they get a copy."""
        if isinstance(output, Resident):
            if self.options["residents"] and not is_kept:
                return output
            output = output.copied()
        elif is_kept:
            output = output.copy()
        if self.sealed:
            output.flags.writeable = False
        return output


def new_turn() -> Turn:
    """A turn for callables that share state."""
    return Turn(load_support().library if call_path() == "native" else None)


def call_path() -> str:
    """How programs are called here: ``native``, or ``ctypes`` where GRAPHC_CALL_PATH or this Python wants that."""
    wanted = os.environ.get("GRAPHC_CALL_PATH", "native")
    if wanted not in ("native", "ctypes"):
        raise UsageError(f"GRAPHC_CALL_PATH={wanted}: must be native or ctypes")
    return wanted if load_support().native_calls else "ctypes"


def fail(name: str, explain_failure: Callable[[int], Exception] | None, code: int) -> None:
    """Raise what a program's error code means."""
    if explain_failure is not None:
        raise explain_failure(code)
    raise GraphcError(f"{name}: the program stopped with error code {code}")


def _is_numeric(signature: Signature) -> bool:
    return all(p.type.dtype is not dt.string for p in signature.inputs + signature.outputs)


def aligned(constants) -> np.ndarray:
    """The constants as bytes at a multiple of 64, which generated code relies on."""
    view = np.frombuffer(constants, dtype=np.uint8) if len(constants) else np.empty(0, dtype=np.uint8)
    if address_of(view) % _ALIGN == 0:
        return view
    copy = aligned_bytes(view.size)
    copy[:] = view
    return copy
