"""Runs kernels natively for the tests, on memory that ends at a page nobody may touch."""

from __future__ import annotations

import ctypes
import dataclasses
import mmap

import numpy as np

from graphc.codegen.llvm.emit import kernel_text
from graphc.codegen.python import run_kernel
from graphc.ir.kernel import Kernel
from graphc.ir.target import X86_64, X86_64_V3, Target
from graphc.ir.verify_kernel import verify_kernel
from graphc.prims import cast, scalar  # noqa: F401  (they fill the table)
from graphc.prims.table import TABLE
from tests import machine_code

# One lane, but with fma: everything must give the bits of the vector targets.
ONE_LANE = dataclasses.replace(X86_64_V3, name="one-lane", vector_bits=0)
POOL = """
define void @gc_parallel(ptr %f, ptr %c, i64 %n, i64 %g) nounwind {
  %h = sdiv i64 %n, 2
  call void %f(ptr %c, i64 %h, i64 %n)
  call void %f(ptr %c, i64 0, i64 %h)
  ret void
}
"""
FUNCTIONS = {name: row.numpy for name, row in TABLE.items() if row.scalar is not None}
PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)


def host_targets() -> list[Target]:
    """The targets whose code this CPU can run; with fma, so that all give the same bits."""
    found = [t for t in reversed(machine_code.host_targets()) if t.vector_bits >= 256]
    return [ONE_LANE, *found] if found else []


PLAIN = X86_64


class Fenced:
    """A flat array that ends where readable memory ends, with at least 64 readable bytes."""

    def __init__(self, data: np.ndarray):
        size = max(data.nbytes, 64)
        pages = -(-size // PAGE) + 1
        self.map = mmap.mmap(-1, pages * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        fence = start + (pages - 1) * PAGE
        if _libc.mprotect(ctypes.c_void_p(fence), ctypes.c_size_t(PAGE), 0):
            raise OSError("mprotect failed")
        self.pointer = fence - size
        self.view = np.frombuffer(self.map, data.dtype, data.size, (pages - 1) * PAGE - size)
        self.view[:] = data.reshape(-1)


def visible(kernel: Kernel, target: Target) -> str:
    """The text of a kernel that can be called from outside, with a pool of one thread."""
    head = f"void @k_{kernel.name}("
    text = kernel_text(kernel, target).replace("define internal " + head, "define " + head)
    return text.replace("declare void @gc_parallel(ptr, ptr, i64, i64)", "") + POOL


def run_native(kernel: Kernel, target: Target, arrays: dict, dims: dict) -> dict:
    """The arrays after the kernel ran."""
    library = machine_code.loaded(visible(kernel, target), target, "k_" + kernel.name)
    memory = {name: Fenced(data) for name, data in arrays.items()}
    names = [d.attr("name") for d in kernel.dims]
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(kernel.arrays), *[ctypes.c_int64] * len(names))(
        library.address("k_" + kernel.name))
    function(*[memory[a.name].pointer for a in kernel.arrays], *[dims[n] for n in names])
    return {name: m.view.copy() for name, m in memory.items()}


def agree(kernel: Kernel, arrays: dict, targets=None, verify: bool = True, **dims: int) -> dict:
    """All targets give the bits of the oracle; returns its arrays."""
    if verify:
        verify_kernel(kernel)
    expected = {name: np.array(data).reshape(-1).copy() for name, data in arrays.items()}
    run_kernel(kernel, expected, dims, FUNCTIONS)
    for target in targets or host_targets():
        found = run_native(kernel, target, arrays, dims)
        for array in kernel.arrays:
            want, got = expected[array.name], found[array.name]
            same = (want.view(np.uint8) == got.view(np.uint8)) if want.size else np.array([True])
            if not same.all():
                nan = want.dtype.kind == "f" and (np.isnan(want) == np.isnan(got)).all() and (
                    (want == got) | np.isnan(want)).all()
                assert nan, (f"{target.name}: {array.name} differs for {dims}\n{want}\n{got}\n{kernel}\n"
                             f"{kernel_text(kernel, target)}")
    return expected


