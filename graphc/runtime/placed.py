"""Programs in parts, each of which runs on a device of its own, with the copies between them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphc.ir.program import Signature
from graphc.runtime.device import Device
from graphc.runtime.executable import Executable
from graphc.runtime.resident import Resident


@dataclass(frozen=True)
class Bring:
    """Bring the value ``source`` to a device, or to the host (None), as the value ``target``."""

    source: int
    target: int
    device: Device | None


@dataclass(frozen=True)
class Stage:
    """Call a program: from the values ``takes``, and the sizes in those slots, to the values ``makes``."""

    call: Callable
    takes: tuple[int, ...]
    sizes: tuple[int, ...]
    makes: tuple[int, ...]


class PlacedExecutable(Executable):
    """A program in parts.

    Args:
        steps: in order; values are numbered, the inputs first. count: of values.
        results: the value of each output.

    Attributes:
        parts: what was cut; its text shows what runs where.
    """

    resides = True

    def __init__(self, name: str, signature: Signature, steps: tuple, count: int, results: tuple[int, ...], parts: object):
        self.name, self.signature, self.library, self.parts = name, signature, None, parts
        self.release_gil, self._native, self._plain, self._lock = True, False, None, threading.Lock()
        self._portable = _PlacedProgram(signature, steps, count, results)


class _PlacedProgram:
    """The steps, as ``PortableProgram`` runs its own."""

    def __init__(self, signature: Signature, steps: tuple, count: int, results: tuple[int, ...]):
        self.donated = dict(signature.donated)
        self.steps, self.count, self.results = steps, count, results

    def run(self, inputs: list, dims: list[int], known: frozenset[int], in_place: frozenset[int], residents: bool = False) -> list:
        """The outputs, none of which is an input or another output; those donated by inputs ``in_place`` are written there.

        What is given is written to when all else has been done: where a part fails, it is as it was.
        """
        values: list = [*inputs, *[None] * (self.count - len(inputs))]
        for step in self.steps:
            if isinstance(step, Bring):
                values[step.target] = _brought(values[step.source], step.device)
                continue
            sizes = [np.empty((dims[slot], 0), np.uint8) for slot in step.sizes]
            found = step.call(*[values[k] for k in step.takes], *sizes)
            for place, value in zip(step.makes, found, strict=True):
                values[place] = value
        outputs, shared = [], {id(a) for a in inputs}
        for k in self.results:
            outputs.append(_copy(values[k]) if id(values[k]) in shared else values[k])
            shared.add(id(values[k]))
        for k, position in self.donated.items():
            if position in in_place:
                _keep(inputs[position], outputs[k])
                outputs[k] = inputs[position]
        return outputs


def _brought(value, device: Device | None):
    """A value where it is wanted."""
    if device is None:
        return value.array() if isinstance(value, Resident) else value
    if isinstance(value, Resident):
        return value if value.device is device else Resident.of(device, value.array())
    return Resident.of(device, value)


def _copy(value):
    return Resident.of(value.device, value.array()) if isinstance(value, Resident) else value.copy()


def _keep(state, value) -> None:
    """Make a value that nobody else needs the content of state."""
    if isinstance(state, Resident) and isinstance(value, Resident) and value.device is state.device:
        state.exchange(value)
        return
    array = value.array() if isinstance(value, Resident) else value
    if isinstance(state, Resident):
        state.put(array)
    else:
        state[...] = array
