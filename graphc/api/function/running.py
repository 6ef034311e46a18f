"""Running a traced function for arrays: compiled, and bound to the memory of the variables that it uses."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Sequence
from threading import get_ident

import numpy as np

from graphc.api.eager import EAGER
from graphc.api.function.trace import Traced
from graphc.api.function.weights import with_weights
from graphc.api.gate import GATE
from graphc.api.places import HOST, device_at, options_for
from graphc.api.run import Resident, compile_graph
from graphc.api.storage import CHANGES, KEEPING, RUNNING, note_thread, shared_turn
from graphc.api.stream import SEEDS
from graphc.api.tensor import EagerTensor
from graphc.api.transfers import stays
from graphc.api.values import given
from graphc.errors import with_line
from graphc.runtime.box import Box
from graphc.runtime.device import Device
from graphc.runtime.native_call import let_pass


class Draws:
    """How far the runs of a function have come in drawing random numbers.

    Attributes:
        key: of the numbers of operations without a seed. count: of the runs.
    """

    def __init__(self):
        self._epoch = SEEDS.epoch
        self.key = np.array([secrets.randbits(32), secrets.randbits(32)], np.uint32)
        self.count = np.zeros((), np.uint64)

    def begin_anew(self) -> None:
        """Count from 0 where the global seed was set meanwhile."""
        if self._epoch != SEEDS.epoch:
            self._epoch = SEEDS.epoch
            self.count[...] = 0


class Runner:
    """The native function of a trace.

    Args:
        traced: nothing that it captures belongs to a function around it.
        place: the device that it runs on where it names no other.
        draws: where it has come to in drawing random numbers, if others draw with it.

    Attributes:
        call: the native function of the arguments' arrays; what it answers with ``unpacked`` makes a list of.
        boxed: the same of tensors and arrays, which answers with a tensor or a tuple of them, or with NotImplemented where
            an argument does not fit as it is; valid where ``current`` has nothing to do. None where there is none.
        gated: the same as ``boxed``, but to be called at any time: NotImplemented as well where something must be looked at
            first.
        seen: ``CHANGES.now`` when variables were brought there last.
        state: position of an input of the graph -> the array that it is bound to.
    """

    def __init__(self, traced: Traced, place: str = HOST, draws: "Draws | None" = None):
        self.traced, self.place = traced, place
        self.seen = -1
        self._draws = draws or Draws()
        self.state: dict[int, np.ndarray | Resident] = {}
        self.call: Callable | None = None
        self.boxed: Callable | None = None
        self.gated: Callable | None = None
        self.skipped = int(traced.acts)  # the token among the results
        self.is_single = traced.results == 1 and not traced.acts

    def current(self) -> Callable:
        """The native function, after all variables have been brought to the memory that it is bound to."""
        if CHANGES.now != self.seen or get_ident() not in RUNNING:
            self.refresh()
        return self.call

    def run(self, arrays: Sequence[np.ndarray | Resident]) -> list[np.ndarray | Resident]:
        """The arrays of the results, where they were made; variables have their new values afterwards."""
        with with_line():
            found = self.current()(*arrays)
        return self.unpacked(found)

    def unpacked(self, found) -> list[np.ndarray]:
        """The results among what the native function answers with."""
        found = [found] if self.is_single else list(found) if isinstance(found, tuple) else [found]
        return found[self.skipped :]

    def next_random(self, advance: bool) -> list[np.ndarray]:
        """Key and counter of the next run, if random numbers are drawn; ``advance``: that run happens elsewhere."""
        if not self.traced.draws:
            return []
        with KEEPING:
            self._draws.begin_anew()
            found = [self._draws.key.copy(), self._draws.count.copy()]
            self._draws.count += np.uint64(advance)
        return found

    def refresh(self) -> None:
        """Bring all variables to the memory that the native function is bound to, or bind another one."""
        executable = self._executable
        with KEEPING:
            note_thread()
            now, traced = CHANGES.now, self.traced
            self._draws.begin_anew()
            written, position = set(traced.written), traced.arguments
            state: dict[int, np.ndarray | Resident] = {}
            first = position + len(traced.captured)
            for k, variable in enumerate(traced.variables):
                state[first + k] = variable.stored(variable in written, self._home(variable))
            for k, tensor in enumerate(traced.captured):
                state[position + k] = self._captured(tensor, position + k)
            rest = [self._draws.key, self._draws.count] if traced.draws else []
            rest += [_TOKEN] if traced.acts else []
            state |= {first + len(traced.variables) + k: a for k, a in enumerate(rest)}
            if self.call is None or any(state[k] is not a for k, a in self.state.items()):
                self.retire()
                self.call, self.state = self._bound(executable, state), state
            if self.boxed is None and executable is not None and not traced.acts:
                self.boxed = self._bound(executable, self.state, box=_box(), numbers=False)
                self.gated = None if self.boxed is None else executable.gated(self.boxed, GATE.words)
            if self.gated is not None:
                let_pass(self.gated, now)
            self.seen = now

    def _home(self, variable) -> Device | None:
        """The device that the program wants a variable on."""
        if not self._resides:
            return None
        return device_at(self.place if self.place != HOST else variable.place)

    def _captured(self, tensor, position: int) -> np.ndarray | Resident:
        """A captured tensor as the program is bound to it: on the device of the function, where it lies on one."""
        before = self.state.get(position)
        device = device_at(self.place) if self._resides else None
        if device is None or stays(tensor.type):
            return _bindable(tensor.array, before)
        found = tensor.carried
        if isinstance(found, Resident) and found.device is device:
            return found
        return before if before is not None else Resident.of(device, tensor.array)

    def retire(self) -> None:
        """Let nobody call the native function of tensors any more; another one is made when variables are brought anew."""
        if self.gated is not None:
            let_pass(self.gated, None)
        self.boxed = self.gated = None

    @functools.cached_property
    def _executable(self):
        return compile_graph(with_weights(self.traced), options_for(self.place)) if self.traced.graph.outputs else None

    @property
    def _resides(self) -> bool:
        """Whether a part of it runs on a device."""
        return self._executable is not None and self._executable.resides

    def _bound(self, executable, state: dict, **form) -> Callable | None:
        """The native function over these arrays; ``form``: as of ``Executable.bind``."""
        traced = self.traced
        if executable is None:
            return _nothing
        turn = shared_turn() if traced.variables else None
        answers = len(traced.graph.outputs) - len(traced.graph.donated)
        return executable.bind(state, single=answers == 1, turn=turn, sealed=True, residents=executable.resides, **form)


_TOKEN = np.zeros(0, np.uint8)


@functools.cache
def _box() -> Box:
    """Tensors of arrays as native code takes and makes them."""
    array = np.zeros(0, np.uint8)
    value = given(array)
    return Box(EagerTensor(EAGER, value=value), value, array)


def _bindable(array: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """An array as native code uses it where it lies; ``before``, if that was made of the same one."""
    if array.flags.c_contiguous and array.flags.aligned and type(array) is np.ndarray:
        return array
    if before is not None and getattr(before, "base", None) is array:
        return before
    return np.require(array, requirements="CA")


def _nothing(*arrays) -> tuple:
    """The run of a function that computes and changes nothing."""
    return ()
