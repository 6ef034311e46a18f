// Products of warpgroups from tiles in shared memory, as kernels have them: rows of 64 16-bit values, swizzled by 128 bytes.
//   gc_wgmma_product_f16/bf16<N, TA, TB>(d, a, b, add)   d[N / 2] (+)= A (64 x 16) B (16 x N); a, b: where the first rows begin, moved
//                                                        along k; TA, TB: 1 where the rows of a tile are 64 values along m or n,
//                                                        64 of them for as many k before the tile of the next 64
template <int T, class P> __device__ __forceinline__ unsigned long long gc_wgmma_tile_of(const P& p) {
  if constexpr (T) return gc_wgmma_tile_turned(p, 8192);
  else return gc_wgmma_tile(p);
}
template <int N, int TA, int TB, class A, class B>
__device__ __forceinline__ void gc_wgmma_product_f16(float* d, const A& a, const B& b, bool add) {
  gc_wgmma_f16<N, TA, TB>(d, gc_wgmma_tile_of<TA>(a), gc_wgmma_tile_of<TB>(b), add);
}
template <int N, int TA, int TB, class A, class B>
__device__ __forceinline__ void gc_wgmma_product_bf16(float* d, const A& a, const B& b, bool add) {
  gc_wgmma_bf16<N, TA, TB>(d, gc_wgmma_tile_of<TA>(a), gc_wgmma_tile_of<TB>(b), add);
}
