"""What the kernels of the golden texts compute on the emulator, whose arrays look at every access."""

import ml_dtypes
import numpy as np
import pytest
from emitted import Emitted
from emitted_kernels import KERNELS
from emulated_kernels import needs_compiler

from graphc.ir import dtype as dt
from graphc.ir.kernel import Array, For, Kernel, Let, Store, load, shuffle, shuffle_xor
from graphc.ir.node import make, var
from graphc.ir.parser import parse
from graphc.ir.type import Type

pytestmark = [needs_compiler, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
SHUFFLED = [d for d in dt.ALL if d.is_native]
DRAW = np.random.default_rng(0)


def shuffling(dtype):
    """``out0`` has each element from its neighbour, ``out1`` from the thread whose number is three times as large."""
    block, thread, x, y = var("b", extent=1), var("t", extent=64), var("x", Type(dtype, ())), var("y", Type(dtype, ()))
    value = load("x0", (thread,), dtype)
    body = (
        Let(x, shuffle_xor(value, 1)), Let(y, shuffle(value, thread * 3 % 32)),
        Store("out0", (thread,), x), Store("out1", (thread,), y),
    )  # fmt: skip
    arrays = [Array(name, Type(dtype, (64,)), written=name != "x0") for name in ("x0", "out0", "out1")]
    return Kernel(f"shuffle_{dtype.short}", tuple(arrays), (), (For(block, 1, (For(thread, 64, body, "thread"),), "block"),))


def rounding():
    """Halves as ``out0`` in f32, and numbers rounded to f16 and bf16."""
    block, thread = var("b", extent=512), var("t", extent=256)
    at = (block * 256 + thread,)
    types = {"x0": dt.f16, "x1": dt.f32, "out0": dt.f32, "out1": dt.f16, "out2": dt.bf16}
    made = [(name, make("cast", (load(of, at, types[of]),), (("dtype", types[name]),), Type(types[name], ()))) for name, of in
            (("out0", "x0"), ("out1", "x1"), ("out2", "x1"))]  # fmt: skip
    arrays = [Array(name, Type(dtype, (1 << 17,)), written=name[0] == "o") for name, dtype in types.items()]
    body = tuple([Store(name, at, value) for name, value in made])
    return Kernel("rounding", tuple(arrays), (), (For(block, 512, (For(thread, 256, body, "thread"),), "block"),))


@pytest.fixture(scope="module")
def emitted():
    return Emitted([*map(parse, KERNELS.values()), *map(shuffling, SHUFFLED), rounding()])


def floats(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_map(n, emitted):
    x, y = floats(n, 512), floats(512)
    result = emitted.run("map0", {"x0": x, "x1": y, "out0": np.zeros_like(x)}, n=n)["out0"]
    np.testing.assert_allclose(result, np.exp(x + y) * x, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 3, 1024, 1027, 3000])
def test_packs_and_guarded_tails(n, emitted):
    x, chosen = floats(n).astype(np.float16), DRAW.integers(0, 2, n).astype(bool)
    result = emitted.run("tail0", {"x0": x, "x1": chosen, "out0": np.zeros(n, np.float32), "out1": np.zeros(n, bool)}, n=n)
    whole = n // 4 * 4 if n >= 4 else 0
    kept = np.where(chosen, np.where(np.arange(n) < whole, x.astype(np.float32), 2), np.float32(0.5)).astype(np.float32)
    np.testing.assert_array_equal(result["out0"], np.where(np.arange(n) < whole, kept * kept, kept))
    np.testing.assert_array_equal(result["out1"], (np.arange(n) < whole) & (kept > 1))


@pytest.mark.parametrize("grid", [None, 1])
def test_rows_and_shuffles(grid, emitted):
    x = np.abs(floats(7, 256)) + 1
    result = emitted.run("row0", {"x0": x, "out0": np.zeros_like(x)}, grid, n=7)["out0"]
    own = x.reshape(7, 4, 64).sum(1)  # of each lane
    pairs = own + own.reshape(7, 2, 2, 16)[:, :, ::-1].reshape(7, 64)
    held = pairs.reshape(7, 4, 16)[:, :, 0].repeat(16, 1)
    np.testing.assert_allclose(result, (x.reshape(7, 4, 64) / held[:, None]).reshape(7, 256), rtol=1e-6)


@pytest.mark.parametrize("grid", [None, 1, 5])
def test_tiles_in_shared_memory(grid, emitted):
    x = floats(2, 64, 96)
    result = emitted.run("turn0", {"x0": x, "out0": np.zeros((2, 96, 64), np.float32)}, grid)["out0"]
    np.testing.assert_array_equal(result, x.transpose(0, 2, 1))


def test_places_that_are_read(emitted):
    n, m = 9, 5
    x, at, other = floats(m, 64), DRAW.integers(0, m + 3, n).astype(np.int32), DRAW.integers(0, m, n)
    given = {"x0": x, "x1": at, "x2": np.where(at < m, other, 1 << 62), "out0": np.zeros((n, 64), np.float32), "out1": np.zeros(n, np.int64)}
    result = emitted.run("gather0", given, n=n, m=m)
    expected = np.where((at < m)[:, None], x[np.minimum(at, m - 1)] + x[other], np.float32(0))
    np.testing.assert_array_equal(result["out0"], expected)
    np.testing.assert_array_equal(result["out1"], given["x2"] * 3 - at + np.arange(n) // m % 5)


def test_folds_and_turns_of_registers(emitted):
    x, y = floats(3, 16), DRAW.integers(-128, 128, (3, 4, 4)).astype(np.int8)
    result = emitted.run("fold0", {"x0": x, "x1": y, "out0": np.zeros(3, np.float32), "out1": np.zeros_like(y)}, n=3)
    total = x
    while total.shape[1] > 1:
        total = total[:, : total.shape[1] // 2] + total[:, total.shape[1] // 2 :]
    np.testing.assert_array_equal(result["out0"], total[:, 0])
    np.testing.assert_array_equal(result["out1"], y.transpose(0, 2, 1))


def test_loops_and_branches(emitted):
    n, m = 6, 11
    x, stop = DRAW.standard_normal((n, m)), np.array([0, 3, 11, 40, -1, 1 << 40])
    result = emitted.run("loops0", {"x0": stop, "x1": x, "out0": np.zeros(n), "out1": np.zeros(n, np.int64)}, n=n, m=m)
    for row in range(n):
        total, most = 0.0, 0
        for k in range(min(int(stop[row]), m)):
            value = float(x[row, k])
            total, most = (total + value, most) if value > 0 else (total * 0.5 + value, max(most, k))
        np.testing.assert_allclose(result["out0"][row], total, rtol=1e-14)
        assert result["out1"][row] == most * int(stop[row]) - most // 2 % 3


def test_every_half_widens_and_narrows(emitted):
    """Numbers half way between two neighbours, and those beside them, tell how they are rounded."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    middle = (bits.astype(np.uint32) << 16 | 0x8000).view(np.float32)
    with np.errstate(all="ignore"):
        halves = bits.view(np.float16).astype(np.float32)
        between = np.where(np.isfinite(halves), halves * (1 + 2.0**-11), halves).astype(np.float32)
    for numbers in (middle, np.nextafter(middle, np.float32(0)), between):
        x = np.concatenate([numbers, halves])
        given = {"x0": np.tile(bits, 2).view(np.float16), "x1": x, "out0": x, "out1": x.astype(np.float16), "out2": x.astype(ml_dtypes.bfloat16)}
        given |= {name: np.zeros_like(given[name]) for name in ("out0", "out1", "out2")}
        result = emitted.run("rounding", given)
        np.testing.assert_array_equal(result["out0"], np.tile(halves, 2))
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(result["out1"], x.astype(np.float16))
            np.testing.assert_array_equal(result["out2"].astype(np.float32), x.astype(ml_dtypes.bfloat16).astype(np.float32))


@pytest.mark.parametrize("m", [0, 1, 7, 1 << 33])
def test_quotients_of_every_sign(m, emitted):
    n, i = 127, np.arange(64)
    x = DRAW.integers(0, 9, n).astype(np.int32)
    result = emitted.run("places0", {"x0": x, "out0": np.zeros((64, 8), np.int64), "out1": np.zeros(64, np.int32)}, n=n, m=m)
    k, b, t = i - n, i // 32, i % 32
    large = (i * 1000 + 5) // m if m else i * 0, (i * 1000 + 5) % m if m else i * 0
    last = np.minimum(k, 3 - i) - np.maximum(k * 2, i), (b * -5 + 40 - t * 3) % 7 + (t - b) // 3
    np.testing.assert_array_equal(result["out0"].T, [k // 8, k % 8, k // 7, k % 7, *large, *last])
    np.testing.assert_array_equal(result["out1"], x[(63 - i) * 2 + b])


@pytest.mark.parametrize("dtype", SHUFFLED, ids=lambda d: d.short)
def test_values_of_other_threads(dtype, emitted):
    bits = DRAW.integers(0, 2 if dtype is dt.b1 else 256, (64, dtype.size), np.uint8)
    x, threads = bits.view(dtype.numpy)[:, 0], np.arange(64)
    result = emitted.run(f"shuffle_{dtype.short}", {"x0": x, "out0": x.copy(), "out1": x.copy()})
    assert result["out0"].tobytes() == x[threads ^ 1].tobytes()
    assert result["out1"].tobytes() == x[threads // 32 * 32 + threads * 3 % 32].tobytes()
