// Products of bytes.
//   gc_madd4(x, y, z)   z and the products of the four bytes of x, which are unsigned, with those of y, which are signed; it wraps
#ifdef GC_EMULATE
inline int gc_madd4(int x, int y, int z) {
  unsigned total = static_cast<unsigned>(z);
  for (int shift = 0; shift < 32; shift += 8)
    total += static_cast<unsigned>(static_cast<int>(static_cast<unsigned char>(x >> shift)) * static_cast<signed char>(y >> shift));
  return static_cast<int>(total);
}
#else
__device__ __forceinline__ int gc_madd4(int x, int y, int z) {
  int total;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(total) : "r"(x), "r"(y), "r"(z));
  return total;
}
#endif
