"""What programs for GPUs ask of a device; ``runtime.cuda`` has the real ones, ``runtime.emulator`` one on the CPU."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from graphc.ir.dtype import DType
from graphc.ir.gpu import Gpu


class Module(Protocol):
    """Loaded kernels. They stay loaded as long as somebody has this object."""

    def function(self, name: str, shared: int) -> object:
        """What ``Device.launch`` takes for a kernel whose blocks have so many bytes of shared memory.

        Raises:
            CompileError: there is no kernel of this name. DeviceError: the device has less shared memory.
        """


class Captured(Protocol):
    """What ``Device.capture`` recorded; ``graph`` is there when it has ended."""

    graph: object


class Device(Protocol):
    """A device with one stream of work: what is asked for is done in this order.

    Addresses are ints. Methods may be called from any thread, by one at a time.

    Attributes:
        name: ``cuda:0``, ``cuda-emulated:0``. gpu: what code for it is made for.
        active: a ``with`` block, in which many calls take less time than outside; such blocks may be within each other.
    """

    name: str
    gpu: Gpu
    active: AbstractContextManager

    def load(self, image: bytes, kernels: tuple[str, ...]) -> Module:
        """Load a compiled module with these kernels.

        Raises:
            DeviceUnavailable: it was made for another architecture, or by a compiler newer than the driver.
        """

    def allocate(self, size: int) -> int:
        """The address of ``size`` fresh bytes, a multiple of 256; never 0.

        Raises:
            ResourceExhaustedError: the device has not so many left.
        """

    def free(self, address: int) -> None:
        """Give memory back, which what was asked for before may still use."""

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy a C-contiguous array to the device; it may be changed as soon as this returns."""

    def download(self, array: np.ndarray, address: int) -> None:
        """Copy from the device into a C-contiguous array, which is complete when this returns."""

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy bytes on the device; the two must not overlap."""

    def fill(self, address: int, size: int, byte: int = 0) -> None:
        """Set bytes on the device."""

    def tensor_map(
        self, address: int, dtype: DType, sizes: tuple[int, ...], strides: tuple[int, ...], box: tuple[int, ...], swizzle: bool = True
    ) -> bytes:
        """What the copy engine of sm_90 and up is told of an array: 128 bytes, among the arguments of a launch or in memory, at a multiple of 64.

        Args:
            sizes, box: elements of the array (of 1 to 4 dimensions), and of what is copied at once; the innermost dimension first.
            strides: bytes between neighbours, for every dimension but the innermost.
            swizzle: rows of the box are 128 bytes at the most, and lie in shared memory as tiles of ``gc_wgmma_tile`` do.

        Raises:
            DeviceError: sizes, strides or address break a rule of the engine.
        """

    def launch(
        self, function: object, grid: int, threads: int, shared: int, arguments: bytes, sizes: tuple[int, ...] | None = None
    ) -> None:
        """Run a kernel on ``grid`` blocks.

        Args:
            arguments: addresses of its arrays, or tensor maps of them, then values of its dims; see ``ir.tensor_map.packed_arguments``.
            sizes: bytes of the arrays that are given by addresses, for devices that check accesses.

        Raises:
            DeviceError: the launch is beyond a limit of the device.
        """

    def capture(self) -> AbstractContextManager[Captured]:
        """Record what is asked for inside instead of doing it; allocations and downloads are no part of that."""

    def replay(self, graph: object) -> None:
        """Do what was recorded."""

    def synchronise(self) -> None:
        """Wait until all is done.

        Raises:
            DeviceError: something went wrong since the last call; the message names the kernel where that is known.
        """
