// Kernels of the exact tier: f32 arithmetic, shared memory, shuffles, atomics.

extern "C" __global__ void __launch_bounds__(128) scale(ARRAY(const float) x, ARRAY(float) out, const long long n) {
  for (long long block = blockIdx.x; block * 512 < n; block += gridDim.x) {
    const long long i = (block * 128 + threadIdx.x) * 4;
    if (i + 4 <= n) {
      const gc_pack<float, 4> a = gc_load<float, 4>(x, i);
      gc_pack<float, 4> b;
      for (int k = 0; k < 4; ++k) b[k] = fmaf(a[k], 2.0f, 1.0f);
      gc_store<float, 4>(out, i, b);
    } else {
      for (int k = 0; k < 4; ++k)
        if (i + k < n) out[i + k] = fmaf(x[i + k], 2.0f, 1.0f);  // scale (model.py:7)
    }
  }
}

extern "C" __global__ void __launch_bounds__(128) normalise(ARRAY(const float) x, ARRAY(float) out, const long long rows, const long long n) {
  TILE(float, part, 0, 4);
  const int thread = threadIdx.x, warp = thread / 32;
  for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
    float sum = 0.0f;
    for (long long i = thread; i < n; i += 128) sum += x[row * n + i];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (thread % 32 == 0) part[warp] = sum;
    __syncthreads();  // parts are there
    float total = 0.0f;
    for (int k = 0; k < 4; ++k) total += part[k];
    __syncthreads();  // and may be written again
    for (long long i = thread; i < n; i += 128) out[row * n + i] = x[row * n + i] / total;
  }
}

extern "C" __global__ void __launch_bounds__(64) product(ARRAY(const float) a, ARRAY(const float) b, ARRAY(float) out, const long long m, const long long n, const long long k) {
  TILE(float, left, 0, 16 * 33);
  TILE(float, right, 2112, 16 * 32);
  const int thread = threadIdx.x, y = thread / 8 * 4, x = thread % 8 * 4;
  const int wide = (n + 31) / 32, high = (m + 31) / 32;
  for (int block = blockIdx.x; block < wide * high; block += gridDim.x) {
    const int row = block / wide * 32, column = block % wide * 32;
    float sum[16];
    for (int i = 0; i < 16; ++i) sum[i] = 0.0f;
    for (int step = 0; step < k; step += 16) {
      for (int i = thread; i < 512; i += 64) {
        const int r = row + i / 16, c = step + i % 16;
        left[i % 16 * 33 + i / 16] = r < m && c < k ? (float)a[r * k + c] : 0.0f;
      }
      for (int i = thread; i < 512; i += 64) {
        const int r = step + i / 32, c = column + i % 32;
        right[i] = r < k && c < n ? (float)b[r * n + c] : 0.0f;
      }
      __syncthreads();  // tiles are there
      for (int z = 0; z < 16; ++z)
        for (int i = 0; i < 16; ++i) sum[i] = fmaf(left[z * 33 + y + i / 4], right[z * 32 + x + i % 4], sum[i]);
      __syncthreads();  // tiles were read
    }
    for (int i = 0; i < 16; ++i) {
      const int r = row + y + i / 4, c = column + x + i % 4;
      if (r < m && c < n) out[r * n + c] = sum[i];
    }
  }
}

extern "C" __global__ void __launch_bounds__(64) turn(ARRAY(const float) x, ARRAY(float) out, const long long m, const long long n) {
  TILE(float, tile, 0, 32 * 33);
  const int thread = threadIdx.x, wide = (n + 31) / 32, high = (m + 31) / 32;
  for (int block = blockIdx.x; block < wide * high; block += gridDim.x) {
    const int row = block / wide * 32, column = block % wide * 32;
    for (int i = thread; i < 1024; i += 64)
      if (row + i / 32 < m && column + i % 32 < n) tile[i / 32 * 33 + i % 32] = x[(row + i / 32) * n + column + i % 32];
    __syncthreads();  // the tile is there
    for (int i = thread; i < 1024; i += 64)
      if (column + i / 32 < n && row + i % 32 < m) out[(column + i / 32) * m + row + i % 32] = tile[i % 32 * 33 + i / 32];
    __syncthreads();  // the tile was read
  }
}

extern "C" __global__ void __launch_bounds__(64) columns(ARRAY(const float) x, ARRAY(float) out, const long long m, const long long n) {
  const long long column = threadIdx.x;
  for (long long block = blockIdx.x; block * 16 < m; block += gridDim.x) {
    float sum = 0.0f;
    for (long long row = block * 16; row < block * 16 + 16 && row < m; ++row)
      if (column < n) sum += x[row * n + column];
    if (column < n) atomicAdd(&out[column], sum);
  }
}
