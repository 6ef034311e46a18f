"""A device that has memory and nothing else, and programs of the CPU that look as if they ran on it."""

from __future__ import annotations

import threading

import numpy as np

from graphc.errors import ResourceExhaustedError
from graphc.runtime.executable import Executable
from graphc.runtime.resident import Resident


class MemoryDevice:
    """Memory as arrays of bytes by address; ``copies`` counts bytes that went up, down, and across."""

    def __init__(self, name: str, limit: int = 1 << 20):
        self.name, self.limit, self._memory, self._next = name, limit, {}, 256
        self.copies = {"up": 0, "down": 0, "across": 0}

    def allocate(self, size: int) -> int:
        if sum(len(m) for m in self._memory.values()) + size > self.limit:
            raise ResourceExhaustedError(f"{self.name}: out of memory")
        address, self._next = self._next, self._next + 256 + size // 256 * 256
        self._memory[address] = np.full(size, 0xFF, np.uint8)
        return address

    def free(self, address: int) -> None:
        del self._memory[address]

    def content(self, resident: Resident) -> np.ndarray:
        """What a Resident has here, seen without a copy that counts."""
        memory = self._memory[resident.address()][: resident.nbytes]
        return memory.view(resident.dtype).reshape(resident.shape)

    def upload(self, address: int, array: np.ndarray) -> None:
        assert array.flags.c_contiguous
        self._memory[address][: array.nbytes] = array.reshape(-1).view(np.uint8)
        self.copies["up"] += array.nbytes

    def download(self, array: np.ndarray, address: int) -> None:
        assert array.flags.c_contiguous and array.flags.writeable
        array.reshape(-1).view(np.uint8)[:] = self._memory[address][: array.nbytes]
        self.copies["down"] += array.nbytes

    def copy(self, target: int, source: int, size: int) -> None:
        self._memory[target][:size] = self._memory[source][:size]
        self.copies["across"] += size


class MemoryExecutable(Executable):
    """A program of the CPU whose inputs and outputs are on a device."""

    resides = True

    def __init__(self, program: Executable, device: MemoryDevice):
        self.name, self.signature, self.device, self.program = program.name, program.signature, device, program
        self.release_gil, self._native, self._plain, self._lock = False, False, None, threading.Lock()
        self._portable = self

    def run(self, inputs, dims, known, in_place, residents=False):
        """See ``PortableProgram.run``."""
        given = [self.device.content(a) if isinstance(a, Resident) else np.array(a) for a in inputs]
        outputs = [np.array(a) for a in self.program(*given)]
        for output, position in self.signature.donated:
            if position in in_place:
                state = inputs[position]
                if isinstance(state, Resident):
                    self.device.upload(state.address(), outputs[output])
                    state.written()
                else:
                    state[...] = outputs[output]
                outputs[output] = state
        if residents:
            outputs = [Resident.of(self.device, a) if isinstance(a, np.ndarray) and a.dtype != object else a for a in outputs]
        return outputs
