"""CUDA devices through pycuda: modules, launches, memory and recorded work, on one stream for each device."""

from __future__ import annotations

import atexit
import ctypes
import importlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import ModuleType

import numpy as np

from graphc.errors import CompileError, DeviceError, StateError, UsageError
from graphc.ir.dtype import DType
from graphc.ir.gpu import CUDA
from graphc.runtime.cuda.errors import CODES, INVALID_IMAGE, OUT_OF_MEMORY, Failures, no_pycuda
from graphc.runtime.cuda.graphs import Graph, Graphs
from graphc.runtime.cuda.memory import NON_BLOCKING, Pool, Staging
from graphc.runtime.cuda.tensor_maps import tensor_map
from graphc.runtime.gpus import code_for, driver_version, error_text, expect_gpu, libcuda

_REMEMBERED = 32  # launches whose kernels a message about a fault can name
_MOST_THREADS = 1024
_open: dict[int, "CudaDevice"] = {}
_opening = threading.Lock()


def open_device(index: int = 0) -> "CudaDevice":
    """The device of this number, the same object for all who ask.

    Raises:
        DeviceUnavailable: there is no such device, no driver, or no pycuda.
    """
    with _opening:
        if index not in _open:
            _open[index] = CudaDevice(index)
        return _open[index]


class CudaFunction:
    """A kernel that ``CudaDevice.launch`` takes; its module stays loaded as long as somebody has this.

    Attributes:
        registers, local_bytes: what a thread has; memory of a thread beside registers means that they were too few.
    """

    __slots__ = ("name", "registers", "local_bytes", "launch", "_module")

    def __init__(self, name: str, registers: int, local_bytes: int, launch: Callable, module: "CudaModule"):
        self.name, self.registers, self.local_bytes, self.launch, self._module = name, registers, local_bytes, launch, module


class CudaModule:
    """Loaded kernels of one image."""

    def __init__(self, device: "CudaDevice", module, handles: dict[str, object]):
        self._device, self._module, self._handles = device, module, handles
        self._shared = dict.fromkeys(handles, 0)

    def function(self, name: str, shared: int) -> CudaFunction:
        """What ``launch`` takes for a kernel whose blocks have so many bytes of shared memory.

        Raises:
            CompileError: there is no kernel of this name. DeviceError: the device has less shared memory.
        """
        if name not in self._handles:
            raise CompileError(f"{self._device.name}: the module has no kernel {name}; it has {', '.join(self._handles)}")
        return self._device._function(self, name, shared)

    def __del__(self):
        self._device._drop_later(partial(_unload, self._device._stream, [*self._handles.values(), self._module]))


class Mark:
    """A point in the stream of work.

    Attributes:
        event: pycuda's.
    """

    __slots__ = ("event", "_drop")

    def __init__(self, event, drop: Callable[[Callable], None]):
        self.event, self._drop = event, drop

    def __del__(self):
        self._drop([self.event].clear)


class _Captured:
    """What ``capture`` recorded.

    Attributes:
        graph: what ``replay`` takes; None until the recording has ended.
    """

    graph: Graph | None = None


class _Active(threading.local):
    """Makes the device's context the current one of a thread, however deep such blocks are in each other.

    Nothing else keeps a context current: pycuda ends the process when a thread ends that still has one.
    """

    depth = 0

    def __init__(self, device: "CudaDevice"):
        self._device = device

    def __enter__(self) -> None:
        if not self.depth:
            self._device._enter()
        self.depth += 1

    def __exit__(self, *_) -> None:
        self.depth -= 1
        if not self.depth:
            self._device._leave()


class CudaDevice:
    """A ``graphc.runtime.device.Device``; ``open_device`` makes them.

    Work is put on one stream. Copies of large arrays go through another one, and are in order with it all the same.

    Attributes:
        facts: what the driver tells of the device.
    """

    def __init__(self, index: int = 0):
        if index < 0:
            raise UsageError(f"{CUDA}:{index}: devices are numbered from 0")
        self.name, self._index = f"{CUDA}:{index}", index
        self.facts = expect_gpu(index, self.name)
        self.gpu = code_for(self.facts, self.name)
        library, self._pycuda = libcuda(), _pycuda()
        numbers = {error_text(library, code): code for code in CODES}
        numbers.pop("", None)  # what this driver does not know
        self._failures = Failures(self.name, self.gpu.arch, numbers, driver_version())
        self._process = os.getpid()
        self._sees_faults_at_once = os.environ.get("GRAPHC_CUDA_SYNC", "") not in ("", "0")
        self._recent: deque[str | tuple[str, ...]] = deque(maxlen=_REMEMBERED)
        self._dropped: deque[Callable[[], None]] = deque()  # finalizers may run in any thread, at any time
        self._capturing = False
        self.active = _Active(self)
        self._context = None
        with self._explained("opening the device"):
            self._context = self._pycuda.Device(index).retain_primary_context()
            atexit.register(self.close)
        with self.active, self._explained("opening the device"):
            self._stream = self._pycuda.Stream(NON_BLOCKING)
            self._graphs = Graphs(library, self._pycuda, self._stream)
            self._staging = Staging(self._pycuda, self._stream)
            self._pool = Pool(self.name, self._pycuda.mem_alloc, self._is_shortage, self._pycuda.mem_get_info)

    def load(self, image: bytes, kernels: tuple[str, ...]) -> CudaModule:
        """Load a cubin or fatbin with these kernels.

        Raises:
            DeviceUnavailable: it was made for another architecture, or by a compiler newer than the driver.
            CompileError: it lacks one of the kernels.
        """
        self._expect_no_capture("a module cannot be loaded")
        with self.active, self._explained("loading a module"):
            try:
                module = self._pycuda.module_from_buffer(image)
            except UnicodeDecodeError:  # a log that the driver left empty
                raise self._pycuda.Error(f"cuModuleLoadDataEx failed: {self._failures.words(INVALID_IMAGE)}") from None
            handles = {}
            for name in kernels:
                try:
                    handles[name] = module.get_function(name)
                except self._pycuda.LogicError:
                    raise CompileError(f"{self.name}: the image has no kernel {name}") from None
        return CudaModule(self, module, handles)

    def allocate(self, size: int) -> int:
        """The address of ``size`` fresh bytes, a multiple of 256; never 0.

        Raises:
            ResourceExhaustedError: the device has not so many left. All else goes on.
        """
        self._expect_no_capture("memory cannot be allocated")
        with self.active, self._explained(f"allocating {size} bytes"):
            return self._pool.allocate(size)

    def free(self, address: int) -> None:
        """Give memory back, which what was asked for before may still use. A finalizer may call this."""
        if self._context is not None:
            self._pool.free(address)

    def memory(self) -> dict[str, int]:
        """Bytes: ``used`` and their ``peak``, ``kept`` for reuse, ``free`` and ``total`` of the device."""
        with self.active, self._explained("asking for memory"):
            free, total = self._pycuda.mem_get_info()
        return {"used": self._pool.used, "peak": self._pool.peak, "kept": self._pool.kept, "free": free, "total": total}

    def trim(self) -> None:
        """Give memory that is kept for reuse back to the driver, and so to other processes."""
        self._expect_no_capture("memory cannot be given back")
        with self.active, self._explained("freeing memory"):
            self._pool.trim()

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy a C-contiguous array to the device; it may be changed as soon as this returns."""
        _expect_contiguous(array)
        if array.nbytes:
            with self.active, self._explained(f"uploading {array.nbytes} bytes"):
                if self._capturing:
                    self._graphs.upload(address, array)
                else:
                    self._staging.upload(address, array)

    def download(self, array: np.ndarray, address: int) -> None:
        """Copy from the device into a C-contiguous array, which is complete when this returns."""
        self._expect_no_capture("arrays cannot be downloaded")
        _expect_contiguous(array)
        if array.nbytes:
            with self.active, self._explained(f"downloading {array.nbytes} bytes"):
                self._staging.download(array, address)

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy bytes on the device; the two must not overlap."""
        if size:
            with self.active, self._explained(f"copying {size} bytes"):
                self._pycuda.memcpy_dtod_async(target, source, size, self._stream)

    def fill(self, address: int, size: int, byte: int = 0) -> None:
        """Set bytes on the device."""
        if size:
            with self.active, self._explained(f"filling {size} bytes"):
                self._pycuda.memset_d8_async(address, byte, size, self._stream)

    def launch(
        self, function: CudaFunction, grid: int, threads: int, shared: int, arguments: bytes, sizes: tuple[int, ...] | None = None
    ) -> None:
        """Run a kernel on ``grid`` blocks; nothing happens for 0.

        Args:
            arguments: addresses of its arrays, or tensor maps of them, then values of its dims.
            sizes: not needed; the device does not check accesses.

        Raises:
            DeviceError: the launch is beyond a limit of the device.
        """
        if not grid:
            return
        self._recent.append(function.name)
        with self.active:
            try:
                function.launch((grid,), (threads, 1, 1), arguments, shared, self._stream)
            except self._pycuda.Error as error:
                if not 1 <= threads <= _MOST_THREADS:
                    raise DeviceError(f"{self.name}: kernel {function.name} cannot have {threads} threads in a block") from error
                doing = f"launching {function.name} on {grid} blocks of {threads} threads with {shared} bytes of shared memory"
                raise self._failures.explain(error, doing, self._suspects()) from error
            if self._sees_faults_at_once and not self._capturing:
                self.synchronise()

    @contextmanager
    def capture(self) -> Iterator[_Captured]:
        """Record uploads, copies, fills and launches instead of doing them.

        Raises:
            StateError: something is asked for that no recording can have, such as memory or a download.
        """
        self._expect_no_capture("another graph cannot be captured")
        captured = _Captured()
        before, self._recent = self._recent, deque()
        with self.active, self._explained("capturing a graph"):
            self._graphs.begin()
            self._capturing = True
            try:
                yield captured
            except BaseException:
                self._graphs.abandon()
                raise
            finally:
                self._capturing = False
                names, self._recent = tuple(dict.fromkeys(self._recent)), before
            captured.graph = self._graphs.end(names, lambda handle: self._drop_later(partial(self._graphs.destroy, handle)))

    def replay(self, graph: Graph) -> None:
        """Do what was recorded."""
        self._recent.append(graph.kernels)
        with self.active, self._explained("replaying a graph"):
            self._graphs.replay(graph)
            if self._sees_faults_at_once:
                self.synchronise()

    def synchronise(self) -> None:
        """Wait until all is done.

        Raises:
            DeviceError: something went wrong since the last call; the message names the kernels that ran since then.
        """
        self._expect_no_capture("nothing can be waited for")
        with self.active, self._explained("waiting"):
            self._stream.synchronize()
            self._recent.clear()

    def mark(self) -> Mark:
        """This point in the stream of work, for ``seconds_between``."""
        with self.active, self._explained("timing"):
            event = self._pycuda.Event()
            event.record(self._stream)
        return Mark(event, self._drop_later)

    def seconds_between(self, first: Mark, last: Mark) -> float:
        """Time that the device took from one mark to another, for which it waits."""
        with self.active, self._explained("timing"):
            last.event.synchronize()
            return last.event.time_since(first.event) * 1e-3

    def tensor_map(
        self, address: int, dtype: DType, sizes: Sequence[int], strides: Sequence[int], box: Sequence[int], swizzle: bool = True
    ) -> bytes:
        """What ``graphc.runtime.cuda.tensor_maps.tensor_map`` makes, for arrays on this device."""
        with self.active:
            return tensor_map(address, dtype, sizes, strides, box, swizzle)

    def close(self) -> None:
        """Give the device back. What is asked of it later is refused; happens by itself when the process ends."""
        if self._context is None or os.getpid() != self._process:
            return
        context, self._context = self._context, None
        self._failures.lost = self._failures.lost or f"{self.name} was closed"
        atexit.unregister(self.close)
        with _opening:
            if _open.get(self._index) is self:
                del _open[self._index]
        try:
            context.push()
        except self._pycuda.Error:
            context.detach()
        else:
            self._detach(context)

    def _detach(self, context) -> None:
        """Release a context that is current.

        What was made in it dies with it, without a word; freed one by one it would be complained about where a device is lost.
        pycuda detaches a context that is current from any thread, and leaves it with the driver as current.
        """
        context.detach()
        libcuda().cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))

    def _function(self, module: CudaModule, name: str, shared: int) -> CudaFunction:
        handle, attributes = module._handles[name], self._pycuda.function_attribute
        with self.active, self._explained(f"preparing kernel {name} with {shared} bytes of shared memory"):
            if shared > self.facts.shared_bytes:
                raise DeviceError(
                    f"{self.name}: kernel {name} wants {shared} bytes of shared memory for a block; the device has {self.facts.shared_bytes}"
                )
            if shared > module._shared[name]:
                handle.set_attribute(attributes.MAX_DYNAMIC_SHARED_SIZE_BYTES, shared)
                module._shared[name] = shared
            registers, local = handle.get_attribute(attributes.NUM_REGS), handle.get_attribute(attributes.LOCAL_SIZE_BYTES)
        return CudaFunction(name, registers, local, getattr(handle, "_launch_kernel", None) or _public_launch(handle), module)

    def _enter(self) -> None:
        if os.getpid() != self._process:
            raise DeviceError(
                f"{self.name}: a process cannot use a device that its parent opened before os.fork(). Start it by "
                'multiprocessing.get_context("spawn"), or open the device in the child only'
            )
        self._failures.expect_usable()
        with self._explained("using the device"):
            self._context.push()
        try:
            while self._dropped and not self._capturing:
                self._dropped.popleft()()
        except self._pycuda.Error as error:
            self._leave()
            raise self._failures.explain(error, "unloading", self._suspects()) from error

    def _leave(self) -> None:
        if self._context is None:
            return
        try:
            self._pycuda.Context.pop()
        except self._pycuda.Error as error:  # a lost device may refuse even that; what pycuda believes current ends the process
            self._failures.give_up(error, self._suspects())
            context, self._context = self._context, None
            self._detach(context)

    def _drop_later(self, drop: Callable[[], None]) -> None:
        """Free something as soon as the context is current again."""
        if self._context is not None:
            self._dropped.append(drop)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except self._pycuda.Error as error:
            raise self._failures.explain(error, doing, self._suspects()) from error

    def _suspects(self) -> tuple[str, ...]:
        """The kernels that ran since the last synchronisation, each once."""
        names: dict[str, None] = {}
        for item in self._recent:
            names.update(dict.fromkeys((item,) if isinstance(item, str) else item))
        return tuple(names)

    def _is_shortage(self, error: Exception) -> bool:
        return isinstance(error, self._pycuda.Error) and self._failures.code(error) == OUT_OF_MEMORY

    def _expect_no_capture(self, what: str) -> None:
        if self._capturing:
            raise StateError(f"{self.name}: {what} while a graph is captured")


def _pycuda() -> ModuleType:
    """``pycuda.driver``, ready to be used; nothing imports it before a device is asked for."""
    try:
        driver = importlib.import_module("pycuda.driver")
    except ImportError as error:
        raise no_pycuda(error, driver_version()) from error
    driver.init()
    return driver


def _unload(stream, parts: list) -> None:
    """Unload a module once what was asked of it is done."""
    stream.synchronize()
    parts.clear()


def _public_launch(handle) -> Callable:
    """What launches with packed arguments in a pycuda without ``_launch_kernel``."""

    def launch(grid: tuple, block: tuple, arguments: bytes, shared: int, stream) -> None:
        handle.prepare([f"{len(arguments)}s"]).prepared_async_call(grid, block, stream, arguments, shared_size=shared)

    return launch


def _expect_contiguous(array: np.ndarray) -> None:
    if not array.flags.c_contiguous:
        raise UsageError(f"only C-contiguous arrays are copied to and from devices, not one with strides {array.strides}")
