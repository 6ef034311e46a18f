"""The host emulator of CUDA: hand-written kernels give what they should, in any order of threads, and faults are reported."""

import itertools
import os
import struct
from types import SimpleNamespace

import numpy as np
import pytest

from graphc.codegen.cuda.prelude import parts
from graphc.errors import CompileError, DeviceError, DeviceUnavailable, ResourceExhaustedError
from graphc.ir import dtype as dtypes
from graphc.runtime.emulator import build as building
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import ORDERS, EmulatedDevice
from tests.cuda.emulated_kernels import cases, is_right, kernel_texts, module, needs_compiler, run, text_of

FILES = ("exact", "tensor", "hopper", "forms")


@pytest.fixture(scope="module")
def kernels():
    """Device and modules of the hand-written kernels by name."""
    device, loaded = EmulatedDevice(), {}
    for file in FILES:
        names = tuple(kernel_texts(text_of(file)))
        loaded |= dict.fromkeys(names, module(device, text_of(file), names))
    return device, loaded


@needs_compiler
@pytest.mark.parametrize("name", cases())
def test_kernels_are_right_in_any_order(kernels, name):
    device, loaded = kernels
    case = cases()[name]
    kernel = loaded[name].function(name, case.shared)
    try:
        for device.order, device.early in itertools.product(ORDERS, (False, True)):
            assert is_right(case, run(device, kernel, case))
    finally:
        device.order, device.early = ORDERS[0], False


@needs_compiler
def test_accesses_are_counted(kernels):
    device, loaded = kernels
    case = cases()["scale"]
    device.counts.clear()
    run(device, loaded["scale"].function("scale", 0), case)
    counts = device.counts["scale"]
    assert (counts.launches, counts.global_read, counts.global_written, counts.shared_read) == (1, 4 * 1029, 4 * 1029, 0)
    case = cases()["tensor"]
    run(device, loaded["tensor"].function("tensor", case.shared), case)
    counts = device.counts["tensor"]
    assert counts.tensor_products == 2 * 2 * 5 * 64 * 64 * 32  # tiles, steps of k, a tile's products
    assert counts.copied == 2 * 2 * 5 * 2 * 64 * 64


PLAIN = """
extern "C" __global__ void __launch_bounds__(64) twice(const float* x, float* out, const int n) {
  __shared__ float tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  tile[threadIdx.x] = i < n ? x[i] : 0.0f;
  __syncthreads();
  if (i < n) out[i] = 2.0f * tile[threadIdx.x ^ 1];
}
"""


@needs_compiler
def test_plain_pointers_and_several_workers():
    device = EmulatedDevice()
    kernel = device.load(build(PLAIN, ("twice",)), ("twice",)).function("twice", 0)
    x, result = np.arange(6400, dtype=np.float32), np.empty(6400, np.float32)
    given, out = device.allocate(x.nbytes), device.allocate(x.nbytes)
    device.upload(given, x)
    for device.workers in (1, 3):
        device.fill(out, x.nbytes, 255)
        device.launch(kernel, 100, 64, 0, struct.pack("<3q", given, out, 6400))
        device.download(result, out)
        assert np.array_equal(result, 2 * (x.reshape(-1, 2)[:, ::-1]).reshape(-1))


# ------------------------------------------------------------------------------------------------- reports

FAULTS = """
__device__ float total(float x) {
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}
extern "C" __global__ void __launch_bounds__(64) beyond(const gc_global<float> out, const long long n) {
  // softmax (model.py:3)
  const long long i = threadIdx.x;
  out[i + n] = 1.0f;
}
extern "C" __global__ void __launch_bounds__(64) half_barrier(const gc_global<float> out, const long long n) {
  if (threadIdx.x < n) __syncthreads();  // in a branch
  out[threadIdx.x] = 1.0f;
}
extern "C" __global__ void __launch_bounds__(64) half_shuffle(const gc_global<float> out, const long long n) {
  float x = 1.0f;
  if (threadIdx.x < n) x = total(x);
  out[threadIdx.x] = x;
}
extern "C" __global__ void __launch_bounds__(64) own_array(const gc_global<float> out, const long long n) {
  float kept[8];
  for (int k = 0; k < n; ++k) kept[k] = out[0] + k;
  out[threadIdx.x + 1] = kept[n / 2];
}
extern "C" __global__ void __launch_bounds__(64) neighbours(const gc_global<float> out, const long long n) {
  out[threadIdx.x] = 1.0f;
  const float x = out[threadIdx.x ^ n];
  __syncthreads();
  out[threadIdx.x] = x;
}
extern "C" __global__ void __launch_bounds__(64) blocks(const gc_global<float> out, const long long n) {
  if (threadIdx.x == 0) out[blockIdx.x / n] = 1.0f;
}
extern "C" __global__ void __launch_bounds__(64) bytes(const gc_global<unsigned char> out, const long long n) {
  out[threadIdx.x] = 1;
  out[64 + threadIdx.x / n] = 1;
}
extern __shared__ __align__(128) unsigned char gc_shared[];
extern "C" __global__ void __launch_bounds__(64) fresh(const gc_global<float> out, const long long n) {
  const gc_local_view<float> tile(gc_shared, 64, "tile");
  if (threadIdx.x < n) tile[threadIdx.x] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}
extern "C" __global__ void __launch_bounds__(64) stages(const gc_global<float> out, const long long n) {
  const gc_local_view<float> tile(gc_shared, 64, "tile");
  if (threadIdx.x < 32) tile[threadIdx.x] = 1.0f;
  __syncwarp();
  if (threadIdx.x < 32) out[threadIdx.x] = tile[31 - threadIdx.x];
  if (threadIdx.x >= 32) out[threadIdx.x] = n == 0 ? 1.0f : (float)tile[threadIdx.x - 32];
}
extern "C" __global__ void __launch_bounds__(64) own_part(const gc_global<float> out, const long long n) {
  gc_own<float, 8> kept;
  for (int k = 0; k < 8; ++k) kept[k] = n;
  gc_emu::own(kept + n, 4, __LINE__);
  out[threadIdx.x] = kept[2 * n];
}
"""
NAMES = tuple("own_part beyond half_barrier half_shuffle own_array neighbours blocks bytes fresh stages".split())


@pytest.fixture(scope="module")
def faulty():
    """A function that launches one of the faulty kernels with a number, on 256 bytes."""
    device = EmulatedDevice()
    loaded = device.load(build(FAULTS, NAMES), NAMES)

    def launch(name: str, n: int, grid: int = 1, size: int = 512):
        out = device.allocate(512)
        device.fill(out, 512)
        device.launch(loaded.function(name, 256), grid, 64, 256, struct.pack("<2q", out, n), (size,))
        result = np.empty(128, np.float32)
        device.download(result, out)
        return result

    return launch


REPORTS = (
    ("beyond", 65, 1, "kernel beyond, thread 63 of block 0, line 9: out\\[128\\] of an array of 128 elements is written: out of bounds"),
    ("beyond", -1, 1, "out\\[-1\\] of an array"),
    ("half_barrier", 40, 1, "no thread can go on; threads 0 to 39: waits at __syncthreads \\(line 12\\); threads 40 to 63: has ended"),
    ("half_barrier", 32, 1, "threads 0 to 31: waits at __syncthreads"),
    ("half_shuffle", 20, 1, "no thread can go on; threads 0 to 19: a shuffle \\(line 3\\); threads 20 to 63: has ended"),
    ("own_array", 9, 1, "line 22: element 8 of an array of the thread: out of bounds"),
    ("own_part", 5, 1, "line 55: elements 5 to 8 of 8 values of the thread: out of bounds"),
    ("own_part", 4, 1, "line 56: element 8 of 8 values of the thread: out of bounds"),
    ("neighbours", 1, 1, "race: out\\[0\\] is read here and was written by thread 1|race: out\\[1\\] is written here and was read by thread 0"),
    ("blocks", 2, 4, "block 1, line 32: race: out\\[0\\] is written here and was written by another block; blocks run in any order"),
    ("bytes", 2, 1, "race: out\\[64\\] is written here and was written by thread 0"),
    ("fresh", 63, 1, "thread 0 of block 0, line 43: tile\\[63\\] is read and was not written in this block"),
    ("stages", 1, 1, "line 50: race: tile\\[31\\] is read here and was written by thread 31, with no barrier between"),
)


@needs_compiler
@pytest.mark.parametrize("name, n, grid, says", REPORTS)
def test_faults_are_reported(faulty, name, n, grid, says):
    with pytest.raises(DeviceError, match=says):
        faulty(name, n, grid)


@needs_compiler
@pytest.mark.parametrize(
    "name, n, grid", [("beyond", 64, 1), ("half_barrier", 64, 1), ("half_barrier", 0, 1), ("half_shuffle", 32, 1), ("own_array", 8, 1), ("own_part", 3, 1),
                      ("neighbours", 0, 1), ("blocks", 1, 4), ("bytes", 1, 1), ("fresh", 64, 1), ("stages", 0, 1)]
)  # fmt: skip
def test_kernels_without_the_fault_run_after_one_with_it(faulty, name, n, grid):
    with pytest.raises(DeviceError):
        faulty("beyond", 1000)
    faulty(name, n, grid)


@needs_compiler
def test_reports_show_the_users_line(faulty):
    with pytest.raises(DeviceError) as caught:
        faulty("beyond", 65)
    assert "7 | // softmax (model.py:3)" in str(caught.value) and "9 | out[i + n] = 1.0f;" in str(caught.value)


@needs_compiler
def test_launches_are_limited(faulty):
    device = EmulatedDevice("sm_80")
    loaded = device.load(build(FAULTS, NAMES), NAMES)
    with pytest.raises(DeviceError, match="wants 200000 bytes of shared memory for a block; the device has 166912"):
        loaded.function("beyond", 200000)
    with pytest.raises(CompileError, match="there is no kernel missing"):
        loaded.function("missing", 0)
    kernel, out = loaded.function("beyond", 0), device.allocate(256)
    for threads, grid, shared, says in ((2048, 1, 0, "1 to 1024 threads"), (64, 0, 0, "0 blocks"), (128, 1, 0, "compiled for 64 threads"),
                                        (64, 1, 16, "launched with 16 bytes")):  # fmt: skip
        with pytest.raises(DeviceError, match=says):
            device.launch(kernel, grid, threads, shared, struct.pack("<2q", out, 0), (256,))
    with pytest.raises(DeviceError, match="takes 2 arguments, not 1"):
        device.launch(kernel, 1, 64, 0, struct.pack("<q", out), (256,))
    with pytest.raises(DeviceError, match="of out is not one of the device's memory"):
        device.launch(kernel, 1, 64, 0, struct.pack("<2q", 64, 0), (256,))
    with pytest.raises(DeviceError, match="out has 512 bytes, its memory ends after 256"):
        device.launch(kernel, 1, 64, 0, struct.pack("<2q", out, 0), (512,))
    device.launch(kernel, 1, 64, 0, struct.pack("<2q", out, 0))  # as far as its memory goes


# -------------------------------------------------------------------------------------------------- memory


def test_addresses_are_looked_at():
    device = EmulatedDevice(memory=4096)
    a, b, values = device.allocate(1024), device.allocate(1024), np.arange(256, dtype=np.float32)
    fresh, result = np.empty(256, np.float32), np.empty(256, np.float32)
    device.download(fresh, a)
    assert np.isnan(fresh).all() and a % 256 == 0
    device.upload(a, values)
    device.copy(b, a, 1024)
    device.fill(b, 512)
    device.download(result, b)
    assert np.array_equal(result, np.where(np.arange(256) < 128, 0, values))
    for wrong in (lambda: device.upload(a + 4, values), lambda: device.download(result, b + 4), lambda: device.copy(a, b + 512, 1024),
                  lambda: device.fill(a, 1025), lambda: device.free(a + 256), lambda: device.copy(a, a + 16, 64)):  # fmt: skip
        with pytest.raises(DeviceError):
            wrong()
    with pytest.raises(ResourceExhaustedError, match="4096 bytes are wanted, 2048 of 4096 are left"):
        device.allocate(4096)
    device.free(a)
    with pytest.raises(DeviceError, match="not within memory that is allocated"):
        device.upload(a, values)
    device.allocate(3072)


@needs_compiler
def test_what_was_captured_is_played_back(kernels):
    device, loaded = kernels
    case = cases()["scale"]
    kernel, out = loaded["scale"].function("scale", 0), np.empty(1029, np.float32)
    given, result = device.allocate(case.inputs[0].nbytes), device.allocate(out.nbytes)
    device.upload(given, case.inputs[0])
    with device.capture() as captured:
        device.launch(kernel, 2, 128, 0, struct.pack("<3q", given, result, 1029), (4116, 4116))
        device.copy(given, result, 4116)
        with pytest.raises(DeviceError, match="allocate while work is captured"):
            device.allocate(16)
    device.download(out, result)
    assert np.isnan(out).all()  # recorded, not done
    for _ in range(2):
        device.replay(captured.graph)
    device.synchronise()
    device.download(out, result)
    assert np.array_equal(out, (case.result.astype(np.float64) * 2 + 1).astype(np.float32))


def test_tensor_maps_keep_the_rules():
    device = EmulatedDevice()
    base = device.allocate(4096)
    assert len(device.tensor_map(base, dtypes.bf16, (64, 32), (128,), (64, 8))) == 128
    for sizes, strides, box, says in (((64, 32), (120,), (64, 8), "strides"), ((64, 32), (128,), (128, 8), "at most 128"),
                                      ((64, 33), (128,), (64, 8), "not within memory"), ((64, 32), (), (64, 8), "0 strides"),
                                      ((64, 32), (128,), (64, 512), "1 to 256"), ((64, 32), (128,), (4, 8), "8 bytes a row")):  # fmt: skip
        with pytest.raises(DeviceError, match=says):
            device.tensor_map(base, dtypes.bf16, sizes, strides, box)


# ------------------------------------------------------------------------------------------------ building


@needs_compiler
def test_errors_of_the_compiler_show_the_text():
    with pytest.raises(CompileError, match=r"line 2: .*nonsense.*\n    out\[0\] = nonsense;"):
        build('extern "C" __global__ void k(float* out) {\n  out[0] = nonsense;\n}\n', ("k",))
    with pytest.raises(CompileError, match="no kernel other in the text"):
        build('extern "C" __global__ void k(float* out) {}\n', ("other",))


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    building.compiler.cache_clear()
    try:
        with pytest.raises(DeviceUnavailable, match="'no-such-compiler', which the environment variable CXX names, is not there"):
            building.compiler()
    finally:
        building.compiler.cache_clear()


def test_an_image_of_something_else_is_refused():
    with pytest.raises(DeviceUnavailable, match="no image of the emulator"):
        EmulatedDevice().load(b"\x7fELF nothing", ("k",))


@needs_compiler
def test_the_whole_prelude_compiles_for_the_emulator():
    text = "\n".join(part.text for part in sorted(parts(), key=lambda part: part.name != "memory"))
    build(text + 'extern "C" __global__ void nothing(float* out) {}\n', ("nothing",))


@needs_compiler
def test_what_modules_share_is_made_where_it_can_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(building.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0, stdout="", stderr=""))
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    old = tmp_path / "emulator-old"
    old.mkdir()
    os.utime(old, (0, 0))
    folder = building._prepared()
    assert folder.parent == tmp_path and (folder / "core.o").exists() and not old.exists()
    monkeypatch.setenv("GRAPHC_CACHE", "off")
    try:
        assert building._prepared().parent != tmp_path
    finally:
        building._own_folder.cache_clear()
