extern "C" __global__ void __launch_bounds__(256) row0(const float* __restrict__ x0, float* __restrict__ out0, const long long n) {
  const long long b_end0 = (n + 3) / 4;
  for (long long b = blockIdx.x; b < b_end0; b += gridDim.x) {
    const int t = threadIdx.x;
    const long long row = b * 4 + t / 64;
    const int lane = t % 64;
    float held[4];
    #pragma unroll
    for (int u = 0; u < 4; ++u) {
      held[u] = row < n ? x0[row * 256 + u * 64 + lane] : 0.0f;
    }
    float sum = 0.0f;
    #pragma unroll
    for (int u = 0; u < 4; ++u) {
      sum = sum + held[u];
    }
    const float t0 = gc_shuffle_xor(sum, 16);
    const float s16 = sum + t0;
    const float all = gc_shuffle(s16, lane % 32 - lane % 16);
    #pragma unroll
    for (int u = 0; u < 4; ++u) {
      if (row < n) {
        out0[row * 256 + u * 64 + lane] = held[u] / all;
      }
    }
  }
}
