extern "C" __global__ void __launch_bounds__(256, 2) turn0(const float* __restrict__ x0, float* __restrict__ out0) {
  for (int block0 = blockIdx.x; block0 < 12; block0 += gridDim.x) {
    const int j = block0 % 3;
    const int i = block0 / 3 % 2;
    const int k = block0 / 3 / 2;
    float* const tile = (float*)(gc_shared + 0);
    const int t = threadIdx.x;
    #pragma unroll
    for (int r = 0; r < 4; ++r) {
      const int i0 = t % 32;
      const int i1 = t / 32;
      tile[r * 264 + i1 * 33 + i0] = x0[k * 6144 + i * 3072 + r * 768 + i1 * 96 + j * 32 + i0];
    }
    __syncthreads();
    #pragma unroll
    for (int r = 0; r < 4; ++r) {
      const int i2 = t % 32;
      const int i3 = t / 32;
      out0[k * 6144 + j * 2048 + r * 512 + i3 * 64 + i * 32 + i2] = tile[i2 * 33 + r * 8 + i3];
    }
    __syncthreads();
  }
}
