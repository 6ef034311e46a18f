extern "C" __global__ void __launch_bounds__(32) loops0(
    const long long* __restrict__ x0,
    const double* __restrict__ x1,
    double* __restrict__ out0,
    long long* __restrict__ out1,
    const long long n,
    const long long m) {
  for (long long b = blockIdx.x; b < n; b += gridDim.x) {
    const int t = threadIdx.x;
    double sum = 0.0;
    long long most = 0;
    const long long k_stop = x0[b];
    const long long k_end0 = gc_min_i64(k_stop, m);
    for (long long k = 0; k < k_end0; ++k) {
      if (0.0 < x1[b * m + k]) {
        sum = sum + x1[b * m + k];
      } else {
        most = gc_max_i64(most, k);
        sum = fma(sum, 0.5, x1[b * m + k]);
      }
    }
    if (t == 31) {
      out0[b] = sum;
    }
    if (t == 31) {
      out1[b] = gc_add_i64(gc_mul_i64(most, k_stop), gc_mul_i64(gc_mod_i64_3(gc_floordiv_i64_2(most)), -1));
    }
  }
}
