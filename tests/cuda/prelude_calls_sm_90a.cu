// Kernels that call every function of the prelude for sm_90a.
extern "C" __global__ void __launch_bounds__(256, 1) engines(const void* __restrict__ map, const float* __restrict__ x, float* __restrict__ out0) {
  extern __shared__ __align__(1024) unsigned char gc_shared[];
  unsigned long long* bar = reinterpret_cast<unsigned long long*>(gc_shared + 32768);
  if (threadIdx.x == 0) {
    gc_mbarrier_init(bar, 1);
    gc_mbarrier_init(bar + 1, 128);
    gc_mbarrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x < 128) {
    gc_registers_fewer<40>();
    if (threadIdx.x == 0) {
      gc_mbarrier_expect(bar, 32768);
      gc_tma_load_1d(gc_shared, x, 1024, bar);
      gc_tma_load_2d(gc_shared, map, bar, 0, 1);
      gc_tma_load_3d(gc_shared, map, bar, 0, 1, 2);
      gc_tma_load_4d(gc_shared, map, bar, 0, 1, 2, 3);
    }
    gc_mbarrier_wait(bar + 1, 0);
  } else {
    gc_registers_more<232>();
    gc_mbarrier_wait(bar, 0);
    gc_fence_async();
    gc_named_barrier<1>(128);
    if (threadIdx.x == 128) {
      gc_tma_store_2d(map, gc_shared, 0, 1);
      gc_tma_store_3d(map, gc_shared, 0, 1, 2);
      gc_tma_store_4d(map, gc_shared, 0, 1, 2, 3);
      gc_tma_store_commit();
      gc_tma_store_read_wait<0>();
      gc_tma_store_wait<0>();
    }
    out0[threadIdx.x] = reinterpret_cast<float*>(gc_shared)[threadIdx.x];
    gc_mbarrier_arrive(bar + 1);
  }
}
#define GC_GROUP(NAME, N, TYPE, DESCRIPTORS, REGISTERS) \
  extern "C" __global__ void __launch_bounds__(128, 1) NAME(const unsigned* __restrict__ x, float* __restrict__ out0) { \
    extern __shared__ __align__(1024) unsigned char gc_shared[]; \
    float d[N / 2]; \
    unsigned a[4] = {x[0], x[1], x[2], x[3]}; \
    const unsigned long long left = gc_wgmma_tile(gc_shared), right = gc_wgmma_tile(gc_shared + 16384); \
    const unsigned long long turned = gc_wgmma_tile_turned(gc_shared + 16384, 8192); \
    gc_wgmma_fence(); \
    DESCRIPTORS REGISTERS gc_wgmma_commit(); \
    gc_wgmma_wait<0>(); \
    for (int i = 0; i < N / 2; ++i) out0[threadIdx.x * (N / 2) + i] = d[i]; \
  }
#define GC_HALVES(N, TYPE) \
  GC_GROUP(TYPE##_##N, N, TYPE, \
           (gc_wgmma_##TYPE<N>(d, left, right, false)); (gc_wgmma_##TYPE<N, 0, 1>(d, left, turned, true)); (gc_wgmma_##TYPE<N, 1, 1>(d, turned, turned, true));, \
           (gc_wgmma_##TYPE##_registers<N>(d, a, right, true)); (gc_wgmma_##TYPE##_registers<N, 1>(d, a, turned, true));)
#define GC_ALL(N) \
  GC_HALVES(N, f16) \
  GC_HALVES(N, bf16) \
  GC_GROUP(tf32_##N, N, tf32, (gc_wgmma_tf32<N>(d, left, right, a[0] != 0));, )
GC_ALL(16)
GC_ALL(32)
GC_ALL(64)
GC_ALL(96)
GC_ALL(128)
GC_ALL(192)
GC_ALL(256)
