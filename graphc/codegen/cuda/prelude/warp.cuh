// Values of other threads of a warp; all 32 threads call together.
//   gc_shuffle_xor(x, mask)   of the thread whose number differs in the bits of mask
//   gc_shuffle(x, lane)       of the thread with this number, 0 to 31
// Types of 8 and 16 bits travel in words of 32.
__device__ __forceinline__ float gc_shuffle_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
__device__ __forceinline__ double gc_shuffle_xor(double x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
__device__ __forceinline__ long long gc_shuffle_xor(long long x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
__device__ __forceinline__ unsigned long long gc_shuffle_xor(unsigned long long x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}
template <class T> __device__ __forceinline__ T gc_shuffle_xor(T x, int mask) {
  return static_cast<T>(__shfl_xor_sync(0xffffffffu, static_cast<int>(x), mask));
}
__device__ __forceinline__ float gc_shuffle(float x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
__device__ __forceinline__ double gc_shuffle(double x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
__device__ __forceinline__ long long gc_shuffle(long long x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
__device__ __forceinline__ unsigned long long gc_shuffle(unsigned long long x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
template <class T> __device__ __forceinline__ T gc_shuffle(T x, int lane) {
  return static_cast<T>(__shfl_sync(0xffffffffu, static_cast<int>(x), lane));
}
