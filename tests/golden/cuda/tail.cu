extern "C" __global__ void __launch_bounds__(256) tail0(
    const unsigned short* __restrict__ x0,
    const unsigned char* __restrict__ x1,
    float* __restrict__ out0,
    unsigned char* __restrict__ out1,
    const long long n) {
  const long long b_end0 = (n + 1023) / 1024;
  for (long long b = blockIdx.x; b < b_end0; b += gridDim.x) {
    const int t = threadIdx.x;
    if (b * 1024 + t * 4 + 3 < n) {
      const gc_pack<unsigned char, 4> x1_0 = gc_load<unsigned char, 4>(x1, b * 1024 + t * 4);
      const gc_pack<unsigned short, 4> x0_0 = gc_load<unsigned short, 4>(x0, b * 1024 + t * 4);
      gc_pack<float, 4> out0_0;
      gc_pack<unsigned char, 4> out1_0;
      #pragma unroll
      for (int v = 0; v < 4; ++v) {
        const float x = x1_0[v] != 0 ? gc_float_of_half(x0_0[v]) : 0.5f;
        out0_0[v] = x * x;
        out1_0[v] = 1.0f < x;
      }
      gc_store<float, 4>(out0, b * 1024 + t * 4, out0_0);
      gc_store<unsigned char, 4>(out1, b * 1024 + t * 4, out1_0);
    } else {
      #pragma unroll
      for (int v = 0; v < 4; ++v) {
        const long long i0 = b * 1024 + t * 4 + v;
        const float x = (i0 < n ? x1[i0] != 0 : false) ? 2.0f : 0.5f;
        if (b * 1024 + t * 4 + v < n) {
          out0[b * 1024 + t * 4 + v] = x;
        }
      }
    }
  }
}
