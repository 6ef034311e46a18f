"""CUDA C++ text compiled for this machine: kernels without barriers and shuffles, threads one after the other."""

import ctypes
import hashlib
import itertools
import shutil
import subprocess
from functools import cache

import pytest

from tests.machine_code import host_targets

CXX = shutil.which("g++")
needs_cxx = pytest.mark.skipif(CXX is None, reason="g++ is not installed")
SHIM = """
#include <cmath>
#include <cstring>
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
struct place { int x; };
static place threadIdx, blockIdx, gridDim;
template <class To, class From> static inline To bits(From x) { To y; memcpy(&y, &x, sizeof(y)); return y; }
static inline int __float_as_int(float x) { return bits<int>(x); }
static inline float __int_as_float(int x) { return bits<float>(x); }
static inline long long __double_as_longlong(double x) { return bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return bits<double>(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
extern "C" void place_at(int block, int thread, int grid) { blockIdx.x = block; threadIdx.x = thread; gridDim.x = grid; }
"""


@cache
def library(text: str, folder) -> ctypes.CDLL:
    """The text as a loaded library."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    source, target = folder / f"{name}.cc", folder / f"{name}.so"
    source.write_text(SHIM + text)
    flags = ["-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-ffp-contract=off", "-DGC_EMULATE"]
    flags += ["-mfma"] if "avx2" in host_targets()[0].features else []
    subprocess.run([CXX, *flags, str(source), "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))


def launch(loaded: ctypes.CDLL, name: str, grid: int, threads: int, *args) -> None:
    """Run a kernel; arguments are arrays, which it reads and writes in place, and numbers."""
    values = [ctypes.c_int64(a) if isinstance(a, int) else ctypes.c_void_p(a.ctypes.data) for a in args]
    for block, thread in itertools.product(range(grid), range(threads)):
        loaded.place_at(block, thread, grid)
        getattr(loaded, name)(*values)
