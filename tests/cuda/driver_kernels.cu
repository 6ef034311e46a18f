// The kernels of driver_kernels.c for a real device.
extern "C" __global__ void twice(const float* x, float* y, long long n) {
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) y[i] = 2 * x[i];
}

extern "C" __global__ void count(int* x, long long n) {
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) x[i] += 1;
}

extern "C" __global__ void geometry(int* x) {
  if (blockIdx.x || threadIdx.x) return;
  int shared;
  asm volatile("mov.u32 %0, %%dynamic_smem_size;" : "=r"(shared));
  x[0] = gridDim.x, x[1] = blockDim.x, x[2] = shared;
}

extern "C" __global__ void astray(int* x) { *(volatile int*)64 = 1; }

extern "C" __global__ void __launch_bounds__(128) small(int* x) {}
