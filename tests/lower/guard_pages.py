"""Runs convolutions on arrays that touch pages nobody may read or write; a process of its own, as an access ends it.

python tests/lower/guard_pages.py            every form of convolution
python tests/lower/guard_pages.py 0:500      random networks
python tests/lower/guard_pages.py empty          arrays without elements
python tests/lower/guard_pages.py behind     one byte behind an array, which ends the process
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from graphc import prims as p  # noqa: E402  (the path comes first)
from graphc.compile import optimise  # noqa: E402
from graphc.ir import dtype as dt  # noqa: E402
from graphc.ir.graph import Graph, input_node  # noqa: E402
from graphc.ir.node import const, symbol  # noqa: E402
from graphc.ir.type import Type  # noqa: E402
from tests import native  # noqa: E402
from tests.fuzz.checks import HARNESS  # noqa: E402
from tests.fuzz.conv_networks import random_network  # noqa: E402
from tests.lower import test_conv_tiles as forms  # noqa: E402

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
FORBIDDEN = 0  # PROT_NONE


class Memory:
    """A buffer as ``tests.native`` wants it, whose first byte follows, or whose last one precedes, a forbidden page."""

    at_end = True

    def __init__(self, size: int, shift: int = 0):
        self.size = size
        pages = -(-size // PAGE) + 1
        self.raw = mmap.mmap(-1, (pages + 2) * PAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.raw))
        room = pages * PAGE
        step = 64 if shift == 0 else 1  # what is aligned ends a little before the page
        self.begin = PAGE + ((room - size) // step * step if self.at_end else 0)
        for page in (0, pages + 1):
            if _libc.mprotect(self.start + page * PAGE, PAGE, FORBIDDEN):
                raise OSError(ctypes.get_errno(), "mprotect")
        inside = (ctypes.c_uint8 * room).from_address(self.start + PAGE)
        np.frombuffer(inside, np.uint8)[:] = 0xFF

    @property
    def address(self) -> int:
        return self.start + self.begin

    def array(self, dtype, shape) -> np.ndarray:
        """A view of the first bytes."""
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        inside = (ctypes.c_uint8 * count).from_address(self.address)
        return np.frombuffer(inside, np.uint8).view(dtype).reshape(shape)

    def check(self, what: str) -> None:
        """The forbidden pages have checked."""


def run(graph: Graph, arrays: list, plain: bool = False) -> None:
    """Both ends of every buffer, on every target with vectors; ``plain``: on the one without as well."""
    for target in native.host_targets():
        if not (target.vector_bits or plain):
            continue
        program = native.Native(graph, target)
        for Memory.at_end in (True, False):
            for sizes in arrays:
                program(*sizes, parts=2)


def conv_cases():
    """Every form with known and given weights, known and symbolic sizes, and what often follows."""
    chosen = [forms.DENSE[k] for k in (0, 2, 5, 7, 8, 10, 13, 16)] + forms.GROUPED[:1] + forms.GROUPED[3:]
    chosen += [forms.DEPTHWISE_CASES[k] for k in (0, 4, 8, 10, 12, 15)] + [forms.TRANSPOSED[k] for k in (0, 1, 3, 4)]
    for k, (shape, kernel, window) in enumerate(chosen):
        dtype = (dt.f32, dt.f32, dt.f16, dt.f32, dt.f64)[k % 5]
        for known, (spread, sizes) in ((k % 3 != 0, (shape, {})), (k % 3 != 1, forms.symbolic(shape))):
            inputs, node = forms.convolution(spread, kernel, window, dtype, known)
            graph = Graph("conv", inputs, (forms.relu(forms.add(node, forms.vector(node, 1))), node))
            many = [sizes] + ([{s: n for s, n in zip(sizes, (1, 2, 9))}] if sizes and min(window["low"]) >= 0 else [])
            yield f"{shape} {kernel} {dtype} known={known}", graph, [forms.arrays_for(graph, values) for values in many]


def empty_cases():
    """Guarded reads of arrays that have no element at all."""
    n = symbol("n")
    for dtype in (dt.f32, dt.f16, dt.i8):
        x, y = (input_node(name, Type(dtype, (9, n))) for name in "xy")
        padded = p.pad(x, const(1, Type(dtype, ())), (5, 5), (1, 1))
        outputs = padded, p.reduce(padded, "sum", (0,)), p.reduce(p.add(x, y), "min", (0, 1)), p.reduce(x, "max", (1,))
        many = [[np.ones((9, size), dtype.numpy)] * 2 for size in (0, 1, 17)]
        yield f"empty {dtype}", Graph("empty", (x, y), outputs), many


def network_cases(seeds: range):
    for seed in seeds:
        network = random_network(seed)
        graph = optimise(network.graph)
        if graph.nodes and not any(n.op in HARNESS for n in graph.nodes):
            usual = [a for a in network.arrays[:1]]
            yield f"seed {seed}", graph, usual


def main(words: list[str]) -> None:
    native.Memory = Memory
    if words == ["behind"]:  # what all the rest rests on: a page that is forbidden ends the process
        ctypes.c_uint8.from_address(Memory(100, 1).address + 100).value  # noqa: B018
    empty = words == ["empty"]
    seeds = range(*map(int, words[0].split(":"))) if words and not empty else None
    for name, graph, arrays in empty_cases() if empty else network_cases(seeds) if seeds else conv_cases():
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        run(graph, arrays, plain=empty)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1:])
