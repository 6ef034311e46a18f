extern "C" __global__ void __launch_bounds__(32) fold0(
    const float* __restrict__ x0,
    const signed char* __restrict__ x1,
    float* __restrict__ out0,
    signed char* __restrict__ out1,
    const long long n) {
  for (long long b = blockIdx.x; b < n; b += gridDim.x) {
    const int t = threadIdx.x;
    float held[16];
    const gc_pack<float, 16> x0_0 = gc_load<float, 16>(x0, b * 16);
    #pragma unroll
    for (int v = 0; v < 16; ++v) {
      held[v] = x0_0[v];
    }
    signed char square[16];
    #pragma unroll
    for (int i = 0; i < 4; ++i) {
      const gc_pack<signed char, 4> x1_0 = gc_load<signed char, 4>(x1, b * 16 + i * 4);
      #pragma unroll
      for (int v = 0; v < 4; ++v) {
        square[i * 4 + v] = x1_0[v];
      }
    }
    #pragma unroll
    for (int row0 = 1; row0 < 4; ++row0) {
      #pragma unroll
      for (int column0 = 0; column0 < row0; ++column0) {
        const signed char kept0 = square[row0 * 4 + column0];
        square[row0 * 4 + column0] = square[column0 * 4 + row0];
        square[column0 * 4 + row0] = kept0;
      }
    }
    if (t == 0) {
      out0[b] = gc_fold_add_f32_16(held);
      #pragma unroll
      for (int i = 0; i < 4; ++i) {
        gc_pack<signed char, 4> out1_0;
        #pragma unroll
        for (int v = 0; v < 4; ++v) {
          out1_0[v] = square[i * 4 + v];
        }
        gc_store<signed char, 4>(out1, b * 16 + i * 4, out1_0);
      }
    }
  }
}
