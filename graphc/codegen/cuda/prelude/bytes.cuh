// gc_byte_products(x, y, z)   z plus the four products of the bytes of x (unsigned) and y (signed), wrapping
__device__ __forceinline__ int gc_byte_products(int x, int y, int z) {
#ifdef GC_EMULATE
  unsigned int total = static_cast<unsigned int>(z);
  for (int k = 0; k < 32; k += 8) total += static_cast<unsigned int>((x >> k & 255) * static_cast<signed char>(y >> k));
  return static_cast<int>(total);
#else
  int total;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(total) : "r"(x), "r"(y), "r"(z));
  return total;
#endif
}
