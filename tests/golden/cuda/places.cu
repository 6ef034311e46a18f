extern "C" __global__ void __launch_bounds__(32) places0(
    const int* __restrict__ x0,
    long long* __restrict__ out0,
    int* __restrict__ out1,
    const long long n,
    const long long m) {
  for (int b = blockIdx.x; b < 2; b += gridDim.x) {
    const int t = threadIdx.x;
    const int i = b * 32 + t;
    const long long k = i - n;
    out0[i * 8] = k >> 3;
    out0[i * 8 + 1] = k & 7;
    out0[i * 8 + 2] = gc_floordiv_i64_7(k);
    out0[i * 8 + 3] = gc_mod_i64_7(k);
    out0[i * 8 + 4] = gc_quotient(i * 1000 + 5, m);
    out0[i * 8 + 5] = gc_remainder(i * 1000 + 5, m);
    out0[i * 8 + 6] = gc_smaller<long long>(k, 3 - i) - gc_larger<long long>(k * 2, i);
    out0[i * 8 + 7] = gc_mod_i32_7(40 - b * 5 - t * 3) + gc_floordiv_i32_3(t - b);
    out1[i] = i < n ? x0[b - i * 2 + 126] : 0;
  }
}
