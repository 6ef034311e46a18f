"""Hand-written texts, and whether there is something here that compiles them."""

import pytest

from graphc.errors import DeviceUnavailable
from graphc.runtime.cuda.compilers import choose
from graphc.runtime.cuda.nvrtc import found
from graphc.runtime.cuda.toolkit import program

try:
    NVRTC = choose(found(), None)
except DeviceUnavailable:
    NVRTC = None
needs_nvrtc = pytest.mark.skipif(NVRTC is None, reason="NVRTC is not installed (nvidia-cuda-nvrtc)")
needs_nvcc = pytest.mark.skipif(program("nvcc") is None, reason="nvcc is not installed")
needs_nvdisasm = pytest.mark.skipif(program("nvdisasm") is None, reason="nvdisasm is not installed (nvidia-cuda-nvdisasm)")

PRELUDE = """\
struct __align__(16) four { float x, y, z, w; };
"""
SCALE = """\
// scale.py:3  y = 2 * x
extern "C" __global__ void __launch_bounds__(256) scale(const float* __restrict__ x, float* __restrict__ y, const long long n) {
  for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll) {
    four v = reinterpret_cast<const four*>(x)[i];
    v.x = 3.0f * v.x + 1.0f;
    reinterpret_cast<four*>(y)[i] = v;
  }
}
"""
TURN = """\
extern "C" __global__ void __launch_bounds__(256) turn(const float* __restrict__ x, float* __restrict__ y) {
  extern __shared__ __align__(128) unsigned char gc_shared[];
  float* tile = reinterpret_cast<float*>(gc_shared);
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = fmaf(tile[255 - threadIdx.x], 2.0f, 1.0f);
}
"""
TEXT = PRELUDE + SCALE + TURN
ARCHS = ("sm_80", "sm_90a", "sm_100", "sm_120")
