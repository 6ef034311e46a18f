// f16 and bf16 are their bits in an unsigned short; conversions round to nearest, ties to even.
__device__ __forceinline__ unsigned short gc_brain_of_float(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  unsigned short result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
#else
  const unsigned int bits = static_cast<unsigned int>(__float_as_int(x));
  return static_cast<unsigned short>((x != x ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1)) >> 16);
#endif
}
#ifdef GC_EMULATE
inline float gc_float_of_half(unsigned short x) {
  const unsigned int sign = static_cast<unsigned int>(x & 0x8000) << 16, size = x & 0x7fff;
  if (size >= 0x400) return __int_as_float(static_cast<int>(sign | ((size << 13) + (size >= 0x7c00 ? 0x70000000u : 0x38000000u))));
  const float tiny = static_cast<float>(size) * 5.9604644775390625e-08f;
  return __int_as_float(static_cast<int>(sign | static_cast<unsigned int>(__float_as_int(tiny))));
}
inline unsigned short gc_half_of_float(float x) {
  const unsigned int bits = static_cast<unsigned int>(__float_as_int(x)), size = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
  if (size > 0x7f800000) return static_cast<unsigned short>(sign | 0x7e00);
  if (size >= 0x477ff000) return static_cast<unsigned short>(sign | 0x7c00);
  if (size >= 0x38800000) return static_cast<unsigned short>(sign | ((size + 0xfff + (size >> 13 & 1) - 0x38000000) >> 13));
  const float tiny = __int_as_float(static_cast<int>(size)) + 0.5f;
  return static_cast<unsigned short>(sign | (static_cast<unsigned int>(__float_as_int(tiny)) - 0x3f000000));
}
#else
__device__ __forceinline__ float gc_float_of_half(unsigned short x) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x));
  return result;
}
__device__ __forceinline__ unsigned short gc_half_of_float(float x) {
  unsigned short result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
}
#endif
