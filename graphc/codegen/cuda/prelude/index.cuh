// Quotients of sizes that are known only when a kernel runs, of a dividend that is not negative: by 32-bit division where
// both fit. A divisor of 0 gives 0.
__device__ __forceinline__ long long gc_quotient(long long x, long long y) {
  if (((static_cast<unsigned long long>(x) | static_cast<unsigned long long>(y)) >> 32) == 0) {
    return y == 0 ? 0 : static_cast<unsigned int>(x) / static_cast<unsigned int>(y);
  }
  return y == 0 ? 0 : x / y;
}
__device__ __forceinline__ long long gc_remainder(long long x, long long y) {
  return y == 0 ? 0 : x - gc_quotient(x, y) * y;
}
template <class T> __device__ __forceinline__ T gc_smaller(T x, T y) { return y < x ? y : x; }
template <class T> __device__ __forceinline__ T gc_larger(T x, T y) { return x < y ? y : x; }
