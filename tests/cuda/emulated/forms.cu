// Forms of products and copies that the larger kernels do not use. Every thread stores its own part of the results.

extern "C" __global__ void __launch_bounds__(32) small(ARRAY(const float) a, ARRAY(const float) b, ARRAY(float) out) {
  const int lane = threadIdx.x, g = lane / 4, c = lane % 4;
  unsigned x[4], y[2];
  for (int i = 0; i < 4; ++i) x[i] = gc_tf32(a[(g + i % 2 * 8) * 8 + c + i / 2 * 4]);
  for (int i = 0; i < 2; ++i) y[i] = gc_tf32(b[(c + i * 4) * 8 + g]);
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = 0.0f;
  gc_mma_m16n8k8_tf32(d, x, y);
  for (int i = 0; i < 4; ++i) out[(g + i / 2 * 8) * 8 + c * 2 + i % 2] = d[i];
}

extern "C" __global__ void __launch_bounds__(32) halves(ARRAY(const float) a, ARRAY(const float) b, ARRAY(float) out) {
  TILE(unsigned short, right, 0, 128);
  const int lane = threadIdx.x, g = lane / 4, c = lane % 4 * 2;
  for (int i = lane; i < 128; i += 32) right[i] = gc_pack_f16(b[i], 0.0f) & 0xffff;
  __syncwarp();
  unsigned x[4], y[2], z[2];
  for (int i = 0; i < 4; ++i) x[i] = gc_pack_f16(a[(g + i % 2 * 8) * 16 + c + i / 2 * 8], a[(g + i % 2 * 8) * 16 + c + i / 2 * 8 + 1]);
  gc_ldmatrix_x2_trans(y, right + lane % 16 * 8);
  gc_ldmatrix_x1(z, right + lane % 8 * 8);
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = z[0] == gc_pack_f16(b[g * 8 + c], b[g * 8 + c + 1]) ? 0.0f : 1e9f;
  gc_mma_m16n8k16_f16(d, x, y);
  for (int i = 0; i < 4; ++i) out[(g + i / 2 * 8) * 8 + c + i % 2] = d[i];
}

extern "C" __global__ void __launch_bounds__(128) groups(ARRAY(const float) a, ARRAY(const float) b, ARRAY(float) out) {
  TILE(unsigned short, right, 0, 1024);
  TILE(float, left, 2048, 2048);
  TILE(float, turned, 10240, 512);
  const int thread = threadIdx.x, row = thread / 32 * 16 + thread % 32 / 4, c = thread % 4 * 2;
  for (int i = thread; i < 256; i += 128) {  // b: 16 columns x 16 of k, in rows of 128 bytes
    const int n = i / 16, k = i % 16;
    right[n * 64 + (k / 8 ^ n % 8) * 8 + k % 8] = gc_pack_bf16(b[k * 16 + n], 0.0f) & 0xffff;
    turned[n * 32 + (k / 4 ^ n % 8) * 4 + k % 4] = b[k * 16 + n];
  }
  for (int i = thread; i < 1024; i += 128) left[i / 16 * 32 + (i % 16 / 4 ^ i / 16 % 8) * 4 + i % 4] = a[i];
  gc_fence_async();
  __syncthreads();
  unsigned x[4];
  for (int i = 0; i < 4; ++i) x[i] = gc_pack_bf16(a[(row + i % 2 * 8) * 16 + c + i / 2 * 8], a[(row + i % 2 * 8) * 16 + c + i / 2 * 8 + 1]);
  float d[8], e[8];
  gc_wgmma_fence();
  gc_wgmma_bf16_registers<16>(d, x, gc_wgmma_tile(right + 0), false);
  for (int z = 0; z < 2; ++z) gc_wgmma_tf32<16>(e, gc_wgmma_tile(left + z * 8), gc_wgmma_tile(turned + z * 8), z > 0);
  gc_wgmma_commit();
  gc_wgmma_wait<0>();
  for (int i = 0; i < 8; ++i) out[(row + i / 2 % 2 * 8) * 16 + i / 4 * 8 + c + i % 2] = d[i] + e[i];
}

extern "C" __global__ void __launch_bounds__(32) boxes(ARRAY(const unsigned long long) maps, ARRAY(const float) x, ARRAY(float) out) {
  TILE(float, tile, 0, 64);
  TILE(float, line, 256, 32);
  TILE(unsigned long long, bar, 512, 1);
  const int lane = threadIdx.x;
  if (lane == 0) {
    gc_mbarrier_init(bar + 0, 1);
    gc_mbarrier_init_fence();
  }
  __syncthreads();
  if (lane == 0) {
    gc_mbarrier_expect(bar + 0, 384);
    gc_tma_load_3d(tile + 0, maps + 0, bar + 0, 6, -1, 2);
    gc_tma_load_1d(line + 0, x + 32, 128, bar + 0);
  }
  gc_mbarrier_wait(bar + 0, 0);
  out[lane] = tile[lane];
  out[32 + lane] = tile[32 + lane];
  out[64 + lane] = line[lane];
}
