// bf16 products by warpgroups: one thread brings tiles by TMA, two warpgroups of consumers multiply them; sums go back by TMA.
// maps: tensor maps of a (m x k), b (n x k), out (m x n, boxes of 64 x 32, not swizzled).

extern "C" __global__ void __launch_bounds__(384, 1) hopper(ARRAY(const unsigned long long) maps, const long long m, const long long n, const long long k) {
  TILE(unsigned short, a, 0, 2 * 8192);
  TILE(unsigned short, b, 32768, 2 * 4096);
  TILE(float, sums, 49152, 8192);
  TILE(unsigned long long, full, 81920, 2);
  TILE(unsigned long long, empty, 81936, 2);
  const int thread = threadIdx.x, group = thread / 128;
  const int wide = n / 64, tiles = (m + 127) / 128 * wide, steps = (k + 63) / 64;
  if (thread == 0) {
    for (int s = 0; s < 2; ++s) {
      gc_mbarrier_init(full + s, 1);
      gc_mbarrier_init(empty + s, 2);
    }
    gc_mbarrier_init_fence();
  }
  __syncthreads();  // barriers are there
  int stage = 0, phase = 0;
  if (group == 2) {
    gc_registers_fewer<40>();
    if (thread == 256) {
      for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        for (int step = 0; step < steps; ++step) {
          gc_mbarrier_wait(empty + stage, phase ^ 1);
          gc_mbarrier_expect(full + stage, 24576);
          gc_tma_load_2d(a + stage * 8192, maps + 0, full + stage, step * 64, tile / wide * 128);
          gc_tma_load_2d(b + stage * 4096, maps + 16, full + stage, step * 64, tile % wide * 64);
          if (++stage == 2) stage = 0, phase ^= 1;
        }
      }
    }
  } else {
    gc_registers_more<232>();
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      float d[32];
      for (int step = 0; step < steps; ++step) {
        gc_mbarrier_wait(full + stage, phase);
        gc_wgmma_fence();
        for (int z = 0; z < 4; ++z)
          gc_wgmma_bf16<64>(d, gc_wgmma_tile(a + stage * 8192 + group * 4096 + z * 16), gc_wgmma_tile(b + stage * 4096 + z * 16), step + z > 0);
        gc_wgmma_commit();
        gc_wgmma_wait<0>();
        if (thread % 128 == 0) gc_mbarrier_arrive(empty + stage);
        if (++stage == 2) stage = 0, phase ^= 1;
      }
      if (thread % 128 == 0) gc_tma_store_read_wait<0>();
      if (group == 0) gc_named_barrier<1>(128); else gc_named_barrier<2>(128);  // the last sums have gone
      for (int i = 0; i < 32; ++i) {
        const int r = thread % 128 / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8, c = i / 4 * 8 + thread % 4 * 2 + i % 2;
        sums[group * 4096 + c / 32 * 2048 + r * 32 + c % 32] = d[i];
      }
      gc_fence_async();
      if (group == 0) gc_named_barrier<3>(128); else gc_named_barrier<4>(128);  // the sums are there
      if (thread % 128 == 0) {
        for (int half = 0; half < 2; ++half)
          gc_tma_store_2d(maps + 32, sums + group * 4096 + half * 2048, tile % wide * 64 + half * 32, tile / wide * 128 + group * 64);
        gc_tma_store_commit();
      }
    }
    if (thread % 128 == 0) gc_tma_store_wait<0>();
  }
}
