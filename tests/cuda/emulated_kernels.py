"""Hand-written kernels for tests of the emulator: texts, data, and how each is launched and judged."""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from graphc.codegen.cuda.prelude import prelude_of
from graphc.ir import dtype as dtypes
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import EmulatedDevice

FOLDER = Path(__file__).with_name("emulated")
HEAD = """#ifdef GC_EMULATE
#define ARRAY(...) const gc_global<__VA_ARGS__>
#define TILE(T, name, offset, count) const gc_local_view<T> name(gc_shared + offset, count, #name)
#else
#define ARRAY(...) __VA_ARGS__* __restrict__
#define TILE(T, name, offset, count) T* const name = reinterpret_cast<T*>(gc_shared + offset)
#endif
extern __shared__ __align__(128) unsigned char gc_shared[];
"""
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which makes kernels into code for the CPU")


@dataclass(frozen=True)
class Case:
    """A kernel, its data, and how it is launched.

    Attributes:
        inputs: arrays; result: what the last array has to be, with a bound of the error relative to the largest value.
        dims: the numbers after the arrays. start: what the result's memory holds before (NaN where it is not given).
    """

    name: str
    inputs: tuple
    result: np.ndarray
    dims: tuple
    grid: int
    threads: int
    shared: int
    bound: float = 0.0
    start: float | None = None


def text_of(name: str) -> str:
    """A file of kernels without what they need."""
    return (FOLDER / f"{name}.cu").read_text()


def kernel_texts(text: str) -> dict[str, str]:
    """Each kernel of a file by name."""
    parts = text.split('extern "C"')[1:]
    return {part.split("(ARRAY")[0].split()[-1]: 'extern "C"' + part for part in parts}


def whole(body: str) -> str:
    """A text that can be compiled."""
    return prelude_of(body) + HEAD + body


def module(device: EmulatedDevice, body: str, kernels: tuple[str, ...]):
    """Kernels, compiled and loaded."""
    return device.load(build(whole(body), kernels), kernels)


def bf16(x: np.ndarray) -> np.ndarray:
    """Bits of values rounded to bf16."""
    return x.astype(ml_dtypes.bfloat16).view(np.uint16)


def rounded(x: np.ndarray) -> np.ndarray:
    """Values of bf16 in double precision."""
    return x.astype(ml_dtypes.bfloat16).astype(np.float64)


def chains(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b as one chain of fused multiply-adds for each element; exact where products and sums of small integers are."""
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)


def cases() -> dict[str, Case]:
    """By name of a kernel."""
    draw = np.random.default_rng(7)
    x, rows, wide = draw.standard_normal(1029, dtype=np.float32), whole_numbers(draw, 5, 300), whole_numbers(draw, 70, 45)
    a, b = whole_numbers(draw, 37, 45), whole_numbers(draw, 45, 50)
    p, q = draw.standard_normal((100, 136), dtype=np.float32), draw.standard_normal((72, 136), dtype=np.float32)
    r, s = draw.standard_normal((200, 320), dtype=np.float32), draw.standard_normal((128, 320), dtype=np.float32)
    totals = rows.astype(np.float64).sum(1, keepdims=True).astype(np.float32)
    left, right, grid = whole_numbers(draw, 64, 16), whole_numbers(draw, 16, 16), whole_numbers(draw, 3, 4, 8)
    box = np.zeros((4, 4, 4), np.float32)  # two planes beyond the last one, one line before the first, two columns beyond the last
    box[0, 1:, :2] = grid[2, :3, 6:]
    made = (
        Case("small", (left[:16, :8], right[:8, :8]), left[:16, :8] @ right[:8, :8], (), 1, 32, 0),
        Case("halves", (left[:16], right[:, :8]), left[:16] @ right[:, :8], (), 1, 32, 256),
        Case("groups", (left, right), 2 * (left @ right), (), 1, 128, 12288),
        Case("boxes", (grid,), np.concatenate((box.reshape(-1), grid.reshape(-1)[32:64])), (), 1, 32, 520),
        Case("scale", (x,), (x.astype(np.float64) * 2 + 1).astype(np.float32), (1029,), 2, 128, 0),
        Case("normalise", (rows,), rows / totals, rows.shape, 2, 128, 128),
        Case("product", (a, b), chains(a, b), (37, 50, 45), 3, 64, 4224),
        Case("turn", (wide,), np.ascontiguousarray(wide.T), wide.shape, 2, 64, 4224),
        Case("columns", (wide,), wide.sum(0), wide.shape, 3, 64, 0, start=0.0),
        Case("tensor", (bf16(p), bf16(q)), (rounded(p) @ rounded(q).T).astype(np.float32), (100, 72, 136), 3, 64, 30720, 1e-6),
        Case("hopper", (bf16(r), bf16(s)), (rounded(r) @ rounded(s).T).astype(np.float32), (200, 128, 320), 2, 384, 81952, 1e-6),
    )  # fmt: skip
    return {case.name: case for case in made}


def whole_numbers(draw, *shape) -> np.ndarray:
    """Small integers in f32, whose sums are exact in any order; none is 0."""
    return draw.integers(1, 9, shape).astype(np.float32)


def run(device: EmulatedDevice, kernel, case: Case) -> np.ndarray:
    """The result of one launch on fresh memory."""
    start = np.full(case.result.shape, np.nan if case.start is None else case.start, case.result.dtype)
    arrays = (*map(np.ascontiguousarray, case.inputs), start)
    addresses = [device.allocate(array.nbytes) for array in arrays]
    try:
        for address, array in zip(addresses, arrays):
            device.upload(address, array)
        given, sizes = addresses, tuple([array.nbytes for array in arrays])
        if case.name.startswith("hopper"):
            given, sizes = [_maps(device, addresses, case)], (384,)
            addresses.append(given[0])
        if case.name == "boxes":
            given, sizes = [_box(device, addresses[0]), *addresses], (128, *sizes)
            addresses.append(given[0])
        device.launch(kernel, case.grid, case.threads, case.shared, struct.pack(f"<{len(given) + len(case.dims)}q", *given, *case.dims), sizes)
        result = np.empty_like(case.result)
        device.download(result, addresses[len(case.inputs)])
        return result
    finally:
        for address in addresses:
            device.free(address)


def _maps(device: EmulatedDevice, addresses: list[int], case: Case) -> int:
    m, n, k = case.dims
    maps = (
        device.tensor_map(addresses[0], dtypes.bf16, (k, m), (2 * k,), (64, 128))
        + device.tensor_map(addresses[1], dtypes.bf16, (k, n), (2 * k,), (64, 64))
        + device.tensor_map(addresses[2], dtypes.f32, (n, m), (4 * n,), (32, 64), swizzle=False)
    )
    address = device.allocate(len(maps))
    device.upload(address, np.frombuffer(maps, np.uint8))
    return address


def _box(device: EmulatedDevice, address: int) -> int:
    """A map of f32[3,4,8], of which boxes of f32[4,4,4] are copied."""
    content = device.tensor_map(address, dtypes.f32, (8, 4, 3), (32, 128), (4, 4, 4), swizzle=False)
    place = device.allocate(len(content))
    device.upload(place, np.frombuffer(content, np.uint8))
    return place


def is_right(case: Case, result: np.ndarray) -> bool:
    """Whether a result is what the case demands."""
    if case.bound == 0:
        return np.array_equal(result, case.result)
    return bool(np.max(np.abs(result.astype(np.float64) - case.result)) <= case.bound * np.max(np.abs(case.result)))
