"""A CUDA device that is none: kernels run on the CPU, and every address and limit is looked at."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import re
import signal
import tempfile
import threading
from bisect import bisect_right
from dataclasses import dataclass, fields

import numpy as np

from graphc.errors import CompileError, DeviceError, DeviceUnavailable, ResourceExhaustedError
from graphc.ir.gpu import EMULATED, GPUS
from graphc.runtime.emulator.tensor_map import encode_tensor_map

ORDERS = ("ascending", "descending", "shuffled")
_MOST_THREADS = 1024
_MOST_BLOCKS = (1 << 31) - 1
_ALIGNMENT = 256
_CELL, _GRANULE = 24, 4  # shadow.hpp: bytes of what is known about so many bytes of memory
_LINE = re.compile(r"line (\d+): ?")


@dataclass
class Counts:
    """What a kernel did in all of its launches so far: bytes of checked accesses, and events of single threads.

    ``copied`` are bytes of asynchronous copies, ``tensor_products`` products of tensor cores.
    """

    launches: int = 0
    global_read: int = 0
    global_written: int = 0
    shared_read: int = 0
    shared_written: int = 0
    barriers: int = 0
    shuffles: int = 0
    atomics: int = 0
    copied: int = 0
    tensor_products: int = 0

    def add(self, numbers) -> None:
        """Count one launch."""
        self.launches += 1
        for field, number in zip(fields(self)[1:], numbers):
            setattr(self, field.name, getattr(self, field.name) + number)


class _Allocation(ctypes.Structure):
    _fields_ = [("base", ctypes.c_uint64), ("bytes", ctypes.c_int64), ("cells", ctypes.c_uint64)]


class _Device(ctypes.Structure):
    _fields_ = [
        ("allocations", ctypes.POINTER(_Allocation)), ("count", ctypes.c_int64), ("time", ctypes.c_uint64),
        ("order", ctypes.c_int32), ("early", ctypes.c_int32), ("workers", ctypes.c_int32), ("stoppable", ctypes.c_int32),
    ]  # fmt: skip


class Memory:
    """One allocation, and what is known about it."""

    def __init__(self, size: int):
        self.size = size
        self._bytes, self._cells = mmap.mmap(-1, max(size, 1)), mmap.mmap(-1, -(-max(size, 1) // _GRANULE) * _CELL)
        self.address, self.cells = [ctypes.addressof(ctypes.c_char.from_buffer(m)) for m in (self._bytes, self._cells)]
        ctypes.memset(self.address, 0xFF, size)


class EmulatedModule:
    """A loaded image of ``build``."""

    def __init__(self, image: bytes, kernels: tuple[str, ...], shared_bytes: int):
        with tempfile.NamedTemporaryFile(prefix="graphc-emulated-", suffix=".so") as file:
            file.write(image)
            file.flush()
            try:
                library = ctypes.CDLL(file.name, mode=os.RTLD_NOW | os.RTLD_LOCAL)
                self._launch = library.gc_emulated_launch
            except (OSError, AttributeError) as error:
                raise DeviceUnavailable(f"cuda-emulated: this is no image of the emulator for this machine ({error})") from None
        self._kernels, self._shared_bytes = frozenset(kernels), shared_bytes
        self._text = _text_of(image)

    def function(self, name: str, shared: int) -> "Kernel":
        """See ``Module``."""
        if name not in self._kernels:
            raise CompileError(f"cuda-emulated: there is no kernel {name} in the module")
        if shared > self._shared_bytes:
            raise DeviceError(f"cuda-emulated: kernel {name} wants {shared} bytes of shared memory for a block; the device has {self._shared_bytes}")
        return Kernel(self, name, shared)

    def run(self, name: str, numbers: tuple, arguments: bytes, sizes: tuple[int, ...] | None, device: _Device) -> tuple[str, list[int]]:
        """One launch: what went wrong, or nothing, and its counts."""
        error, counted = ctypes.create_string_buffer(4096), (ctypes.c_uint64 * (len(fields(Counts)) - 1))()
        packed = (ctypes.c_uint64 * (len(arguments) // 8)).from_buffer_copy(arguments) if arguments else None
        extents = (ctypes.c_int64 * len(sizes))(*sizes) if sizes else None
        failed = self._launch(
            name.encode(), *numbers, packed, len(arguments) // 8, extents, len(sizes or ()), ctypes.byref(device), counted, error, len(error)
        )
        return self._with_lines(error.value.decode(errors="replace")) if failed else "", list(counted)

    def _with_lines(self, message: str) -> str:
        """The message with the lines of the text that it speaks of, and the nearest comment, which tells what they compute."""
        lines = [int(number) for number in _LINE.findall(message)]
        message = re.sub(r" \(line (\d+): \)", r" (line \1)", message)
        shown = [f"\n  {number:5d} | {text}" for line in dict.fromkeys(lines) for number, text in self._around(line)]
        return message + "".join(shown)

    def _around(self, line: int) -> list[tuple[int, str]]:
        if not 1 <= line <= len(self._text):
            return []
        found, at = [(line, self._text[line - 1].strip())], line
        while "//" not in self._text[at - 1] and at > 1 and "__global__" not in self._text[at - 1]:
            at -= 1
        if at != line and "//" in self._text[at - 1]:
            found.insert(0, (at, self._text[at - 1].strip()))
        return found


def _stoppable() -> bool:
    """Whether Ctrl-C raises KeyboardInterrupt in this thread: a handler of the program's own may want the launch to go on."""
    return threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _text_of(image: bytes) -> list[str]:
    """The lines of the text that an image was made from, which stand in it."""
    begin = image.find(b"\nGC_TEXT_BEGIN\n")
    end = image.find(b"\nGC_TEXT_END", begin)
    return image[begin + 15 : end].decode(errors="replace").split("\n") if 0 <= begin < end else []


@dataclass(frozen=True)
class Kernel:
    """A kernel of a module, as ``EmulatedDevice.launch`` takes it; ``shared`` is the most that it may be launched with."""

    module: EmulatedModule
    name: str
    shared: int


class Recording:
    """What ``EmulatedDevice.capture`` recorded."""

    def __init__(self):
        self.graph: tuple | None = None
        self.calls: list[tuple] = []


class EmulatedDevice:
    """Implements ``graphc.runtime.device.Device``. Work is done at once, and what goes wrong is raised by the call that did it.

    Args:
        arch: the architecture whose limits hold, such as ``sm_90a``.
        memory: bytes that can be allocated; None for what the machine has.

    Attributes:
        order: in which the threads and warps of a block run, and blocks: one of ``ORDERS``.
        early: asynchronous copies land when they are started; else as late as they may.
        workers: threads of the CPU that run blocks, where a module was not compiled to be checked.
        counts: by name of a kernel.
    """

    def __init__(self, arch: str = "sm_90a", index: int = 0, memory: int | None = None):
        self.name, self.gpu = f"{EMULATED}:{index}", GPUS[f"{EMULATED}:{arch}"]
        self.active = contextlib.nullcontext()
        self.order, self.early, self.workers = ORDERS[0], False, 1
        self.counts: dict[str, Counts] = {}
        self._limit, self._used = memory, 0
        self._memory: dict[int, Memory] = {}
        self._bases: list[int] = []
        self._state = _Device(time=1)
        self._recording: Recording | None = None

    def load(self, image: bytes, kernels: tuple[str, ...]) -> EmulatedModule:
        """See ``Device``."""
        return EmulatedModule(image, kernels, self.gpu.shared_bytes)

    # ------------------------------------------------------------------------------------------ memory

    def allocate(self, size: int) -> int:
        """See ``Device``. Fresh bytes are 0xff: floats are NaN."""
        self._not_while_recording("allocate")
        if self._limit is not None and self._used + size > self._limit:
            raise ResourceExhaustedError(f"{self.name}: {size} bytes are wanted, {self._limit - self._used} of {self._limit} are left")
        try:
            memory = Memory(size)
        except (OSError, ValueError, OverflowError) as error:
            raise ResourceExhaustedError(f"{self.name}: there is no memory for {size} bytes ({error})") from None
        self._memory[memory.address] = memory
        self._used += size
        self._list()
        return memory.address

    def free(self, address: int) -> None:
        """See ``Device``."""
        self._not_while_recording("free")
        memory = self._memory.pop(address, None)
        if memory is None:
            raise DeviceError(f"{self.name}: free of {address:#x}, which is no address that allocate gave")
        self._used -= memory.size
        self._list()

    def _list(self) -> None:
        """The table of allocations that launches look at."""
        self._bases = sorted(self._memory)
        rows = [_Allocation(base, self._memory[base].size, self._memory[base].cells) for base in self._bases]
        self._table = (_Allocation * max(len(rows), 1))(*rows)
        self._state.allocations, self._state.count = ctypes.cast(self._table, ctypes.POINTER(_Allocation)), len(rows)

    def _check(self, what: str, address: int, size: int) -> None:
        at = bisect_right(self._bases, address) - 1
        inside = at >= 0 and address + size <= self._bases[at] + self._memory[self._bases[at]].size
        if size < 0 or (size and not inside):
            raise DeviceError(f"{self.name}: {what} of {size} bytes at {address:#x} is not within memory that is allocated")

    def upload(self, address: int, array: np.ndarray) -> None:
        """See ``Device``."""
        self._check("upload", address, array.nbytes)
        if self._recording is not None:
            self._recording.calls.append((self._write, address, array.tobytes()))
        elif array.nbytes:
            ctypes.memmove(address, np.ascontiguousarray(array).ctypes.data, array.nbytes)

    def _write(self, address: int, content: bytes) -> None:
        self._check("upload", address, len(content))
        ctypes.memmove(address, content, len(content))

    def download(self, array: np.ndarray, address: int) -> None:
        """See ``Device``."""
        self._not_while_recording("download")
        self._check("download", address, array.nbytes)
        if not array.flags.c_contiguous:
            raise DeviceError(f"{self.name}: download into an array that is not C-contiguous")
        if array.nbytes:
            ctypes.memmove(array.ctypes.data, address, array.nbytes)

    def copy(self, target: int, source: int, size: int) -> None:
        """See ``Device``."""
        if self._recording is not None:
            return self._recording.calls.append((self.copy, target, source, size))
        self._check("copy to", target, size)
        self._check("copy from", source, size)
        if size and target < source + size and source < target + size:
            raise DeviceError(f"{self.name}: copy of {size} bytes from {source:#x} to {target:#x}, which overlap")
        ctypes.memmove(target, source, size)

    def fill(self, address: int, size: int, byte: int = 0) -> None:
        """See ``Device``."""
        if self._recording is not None:
            return self._recording.calls.append((self.fill, address, size, byte))
        self._check("fill", address, size)
        ctypes.memset(address, byte, size)

    def tensor_map(self, address: int, dtype, sizes, strides, box, swizzle: bool = True) -> bytes:
        """See ``Device``."""
        content, extent = encode_tensor_map(address, dtype.size, sizes, strides, box, swizzle)
        self._check("tensor map", address, extent)
        return content

    # -------------------------------------------------------------------------------------------- work

    def launch(
        self, function: Kernel, grid: int, threads: int, shared: int, arguments: bytes, sizes: tuple[int, ...] | None = None
    ) -> None:
        """See ``Device``.

        Raises:
            DeviceError: also where the kernel did what it must not; the message names kernel, array, index, thread, block and line.
            KeyboardInterrupt: Ctrl-C stopped it; what it had written stays.
        """
        if not 1 <= threads <= _MOST_THREADS or not 1 <= grid <= _MOST_BLOCKS:
            raise DeviceError(f"{self.name}: kernel {function.name} launched with {grid} blocks of {threads} threads; 1 to {_MOST_THREADS} threads are possible")
        if shared > function.shared:
            raise DeviceError(f"{self.name}: kernel {function.name} launched with {shared} bytes of shared memory, and it was asked for with {function.shared}")
        if self._recording is not None:
            return self._recording.calls.append((self.launch, function, grid, threads, shared, arguments, sizes))
        state = self._state
        state.order, state.early, state.workers = ORDERS.index(self.order), self.early, self.workers
        state.stoppable = _stoppable()
        failed, counted = function.module.run(function.name, (grid, threads, shared), arguments, sizes, state)
        if failed:
            raise DeviceError(f"{self.name}: {failed}", kernels=(function.name,))
        self.counts.setdefault(function.name, Counts()).add(counted)

    @contextlib.contextmanager
    def capture(self):
        """See ``Device``."""
        self._not_while_recording("capture")
        self._recording = recording = Recording()
        try:
            yield recording
        finally:
            self._recording = None
        recording.graph = tuple(recording.calls)

    def replay(self, graph: tuple) -> None:
        """See ``Device``."""
        self._not_while_recording("replay")
        for function, *arguments in graph:
            function(*arguments)

    def synchronise(self) -> None:
        """Nothing is ever left to be done."""
        self._not_while_recording("synchronise")

    def _not_while_recording(self, what: str) -> None:
        if self._recording is not None:
            raise DeviceError(f"{self.name}: {what} while work is captured")
