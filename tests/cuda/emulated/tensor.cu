// bf16 products by warps: tiles of 64 x 32 come by cp.async in three stages, each row of 64 bytes padded to 80.

extern "C" __global__ void __launch_bounds__(64) tensor(ARRAY(const unsigned short) a, ARRAY(const unsigned short) b, ARRAY(float) out, const long long m, const long long n, const long long k) {
  TILE(unsigned short, left, 0, 3 * 64 * 40);
  TILE(unsigned short, right, 15360, 3 * 64 * 40);
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  const int wide = (n + 63) / 64, high = (m + 63) / 64, steps = (k + 31) / 32;
  for (int block = blockIdx.x; block < wide * high; block += gridDim.x) {
    const int row = block / wide * 64, column = block % wide * 64;
    float sums[2][8][4];
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 8; ++j)
        for (int e = 0; e < 4; ++e) sums[i][j][e] = 0.0f;
    for (int next = 0; next < 2; ++next) {
      for (int i = thread; i < 256; i += 64) {
        const int r = i / 4, c = next * 32 + i % 4 * 8;
        gc_cp_async_16_if(left + (next * 64 + r) * 40 + i % 4 * 8, a + (row + r) * k + c, row + r < m && c < k);
        gc_cp_async_16_if(right + (next * 64 + r) * 40 + i % 4 * 8, b + (column + r) * k + c, column + r < n && c < k);
      }
      gc_cp_async_commit();
    }
    for (int step = 0; step < steps; ++step) {
      gc_cp_async_wait<1>();
      __syncthreads();  // the stage is there, and the one before was read
      const int next = step + 2, stage = step % 3;
      if (next < steps) {
        for (int i = thread; i < 256; i += 64) {
          const int r = i / 4, c = next * 32 + i % 4 * 8;
          gc_cp_async_16_if(left + (next % 3 * 64 + r) * 40 + i % 4 * 8, a + (row + r) * k + c, row + r < m && c < k);
          gc_cp_async_16_if(right + (next % 3 * 64 + r) * 40 + i % 4 * 8, b + (column + r) * k + c, column + r < n && c < k);
        }
      }
      gc_cp_async_commit();
      for (int z = 0; z < 32; z += 16) {
        unsigned x[2][4], y[4][4];
        for (int i = 0; i < 2; ++i) gc_ldmatrix_x4(x[i], left + (stage * 64 + warp * 32 + i * 16 + lane % 16) * 40 + z + lane / 16 * 8);
        for (int j = 0; j < 4; ++j) gc_ldmatrix_x4(y[j], right + (stage * 64 + j * 16 + lane / 16 * 8 + lane % 8) * 40 + z + lane / 8 % 2 * 8);
        for (int i = 0; i < 2; ++i)
          for (int j = 0; j < 8; ++j) gc_mma_m16n8k16_bf16(sums[i][j], x[i], y[j / 2] + j % 2 * 2);
      }
    }
    gc_cp_async_wait<0>();
    __syncthreads();  // all stages were read
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 8; ++j)
        for (int e = 0; e < 4; ++e) {
          const int r = row + warp * 32 + i * 16 + e / 2 * 8 + lane / 4, c = column + j * 8 + lane % 4 * 2 + e % 2;
          if (r < m && c < n) out[r * n + c] = sums[i][j][e];
        }
  }
}
