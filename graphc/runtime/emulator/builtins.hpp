// What CUDA C++ has without any header: qualifiers, indices, functions of warps, atomics, bits of numbers.
#pragma once
#include <cmath>
#include <cstring>

#include "views.hpp"

#define __global__
#define __device__
#define __host__
#define __shared__ thread_local
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

struct gc_index3 {
  unsigned x, y, z;
};
#define threadIdx (gc_index3{static_cast<unsigned>(gc_emu::block->me - gc_emu::block->threads), 0u, 0u})
#define blockIdx (gc_index3{static_cast<unsigned>(gc_emu::block->index), 0u, 0u})
#define blockDim (gc_index3{static_cast<unsigned>(gc_emu::block->count), 1u, 1u})
#define gridDim (gc_index3{static_cast<unsigned>(gc_emu::block->grid), 1u, 1u})
constexpr int warpSize = 32;

// --- warps ---------------------------------------------------------------------------------------------------------------------

namespace gc_emu {

template <class T> struct Shuffled {
  T value;
  int from;  // a lane
  T result;
};

template <class T> inline T shuffle(unsigned mask, T value, int from, int line) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move values of 4 or 8 bytes");
  ++block->counters.shuffles;
  Shuffled<T> mine{value, from, value};
  by_warp<Shuffled<T>>("a shuffle", mask, mine, line, [](Shuffled<T>** lanes, unsigned mask) {
    for (int i = 0; i < 32; ++i)
      if (lanes[i]) {
        int from = lanes[i]->from;
        if (!(mask >> from & 1)) fault(block->me->line, "a shuffle reads lane %d, which takes no part", from);
        lanes[i]->result = lanes[from]->value;
      }
  });
  return mine.result;
}

struct Voted {
  bool yes;
  unsigned result;
};

unsigned ballot(unsigned mask, bool yes, int line);

}  // namespace gc_emu

#define GC_LINE int gc_line = __builtin_LINE()
inline void __syncthreads(GC_LINE) { gc_emu::syncthreads(gc_line); }
inline void __syncwarp(unsigned mask = 0xffffffffu, GC_LINE) { gc_emu::syncwarp(mask, gc_line); }
inline int gc_lane() { return gc_emu::block->me->lane; }
template <class T> inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, GC_LINE) {
  return gc_emu::shuffle(mask, value, (gc_lane() & ~(width - 1)) | (lane & (width - 1)), gc_line);
}
template <class T> inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, GC_LINE) {
  int from = gc_lane() ^ bits;
  return gc_emu::shuffle(mask, value, from / width > gc_lane() / width ? gc_lane() : from & 31, gc_line);
}
template <class T> inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, GC_LINE) {
  int from = gc_lane() + static_cast<int>(by);
  return gc_emu::shuffle(mask, value, from / width != gc_lane() / width ? gc_lane() : from, gc_line);
}
template <class T> inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, GC_LINE) {
  int from = gc_lane() - static_cast<int>(by);
  return gc_emu::shuffle(mask, value, from < 0 || from / width != gc_lane() / width ? gc_lane() : from, gc_line);
}
inline unsigned __ballot_sync(unsigned mask, int yes, GC_LINE) { return gc_emu::ballot(mask, yes != 0, gc_line); }
inline int __any_sync(unsigned mask, int yes, GC_LINE) { return gc_emu::ballot(mask, yes != 0, gc_line) != 0; }
inline int __all_sync(unsigned mask, int yes, GC_LINE) { return gc_emu::ballot(mask, yes != 0, gc_line) == mask; }
[[noreturn]] inline void __trap(GC_LINE) { gc_emu::fault(gc_line, "__trap()"); }
inline void __threadfence() {}
inline void __threadfence_block() {}

// --- atomics ---------------------------------------------------------------------------------------------------------------------

namespace gc_emu {
template <class T, class F> inline T atomic(T* at, F change) {
  ++block->counters.atomics;
  T was, is;
  __atomic_load(at, &was, __ATOMIC_RELAXED);
  do is = change(was);
  while (!__atomic_compare_exchange(at, &was, &is, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return was;
}
template <class T, class F> inline T atomic(const View<T>& v, F change, int line) {
  check(*v.array, reinterpret_cast<const char*>(v.at), sizeof(T), true, ATOMIC, line);
  return atomic(v.at, change);
}
template <class T, class F> inline T atomic(T* at, F change, int) { return atomic(at, change); }
}  // namespace gc_emu

#define GC_ATOMIC(NAME, RESULT)                                                                                                    \
  template <class T> inline T NAME(T* at, std::common_type_t<T> x, GC_LINE) {                                                      \
    return gc_emu::atomic(at, [&](T was) -> T { return RESULT; }, gc_line);                                                        \
  }                                                                                                                                \
  template <class T> inline T NAME(const gc_emu::View<T>& at, std::common_type_t<T> x, GC_LINE) {                                  \
    return gc_emu::atomic(at, [&](T was) -> T { return RESULT; }, gc_line);                                                        \
  }
GC_ATOMIC(atomicAdd, was + x)
GC_ATOMIC(atomicSub, was - x)
GC_ATOMIC(atomicExch, (static_cast<void>(was), x))
GC_ATOMIC(atomicMax, was < x ? x : was)
GC_ATOMIC(atomicMin, x < was ? x : was)
GC_ATOMIC(atomicAnd, was & x)
GC_ATOMIC(atomicOr, was | x)
GC_ATOMIC(atomicXor, was ^ x)
template <class P, class T> inline T atomicCAS(const P& at, T compare, T x, GC_LINE) {
  return gc_emu::atomic(at, [&](T was) -> T { return was == compare ? x : was; }, gc_line);
}

// --- bits of numbers ---------------------------------------------------------------------------------------------------------------

template <class To, class From> inline To gc_bits(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &x, sizeof to);
  return to;
}
inline int __float_as_int(float x) { return gc_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return gc_bits<unsigned>(x); }
inline float __int_as_float(int x) { return gc_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return gc_bits<float>(x); }
inline long long __double_as_longlong(double x) { return gc_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return gc_bits<double>(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __umulhi(unsigned x, unsigned y) { return static_cast<unsigned>(static_cast<unsigned long long>(x) * y >> 32); }
inline int __mulhi(int x, int y) { return static_cast<int>(static_cast<long long>(x) * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(x) * y >> 64);
}
inline long long __mul64hi(long long x, long long y) { return static_cast<long long>(static_cast<__int128>(x) * y >> 64); }
inline int __dp4a(int x, int y, int sum) {
  for (int i = 0; i < 32; i += 8) sum += static_cast<signed char>(x >> i) * static_cast<signed char>(y >> i);
  return sum;
}
inline unsigned __dp4a(unsigned x, unsigned y, unsigned sum) {
  for (int i = 0; i < 32; i += 8) sum += (x >> i & 255) * (y >> i & 255);
  return sum;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  unsigned long long bytes = static_cast<unsigned long long>(y) << 32 | x;
  unsigned out = 0;
  for (int i = 0; i < 4; ++i) out |= static_cast<unsigned>(bytes >> (selector >> 4 * i & 7) * 8 & 255) << 8 * i;
  return out;
}
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T __ldg(const gc_emu::View<T>& p, GC_LINE) { return p[gc_index(0, gc_line)]; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline int min(int x, int y) { return y < x ? y : x; }
inline int max(int x, int y) { return x < y ? y : x; }
inline unsigned min(unsigned x, unsigned y) { return y < x ? y : x; }
inline unsigned max(unsigned x, unsigned y) { return x < y ? y : x; }
inline long long min(long long x, long long y) { return y < x ? y : x; }
inline long long max(long long x, long long y) { return x < y ? y : x; }
inline unsigned long long min(unsigned long long x, unsigned long long y) { return y < x ? y : x; }
inline unsigned long long max(unsigned long long x, unsigned long long y) { return x < y ? y : x; }
inline float min(float x, float y) { return fminf(x, y); }
inline float max(float x, float y) { return fmaxf(x, y); }
inline double min(double x, double y) { return fmin(x, y); }
inline double max(double x, double y) { return fmax(x, y); }

namespace gc_emu {

inline float from_bf16(unsigned short bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }
inline unsigned short to_bf16(float x) {
  unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float from_f16(unsigned short bits) {
  unsigned sign = static_cast<unsigned>(bits & 0x8000) << 16, size = bits & 0x7fff;
  if (size >= 0x7c00) return __uint_as_float(sign | 0x7f800000 | (size & 0x3ff) << 13);
  float magnitude = static_cast<float>(size & 0x3ff) * 0x1p-24f;
  if (size >= 0x400) magnitude = __uint_as_float((size << 13) + 0x38000000);
  return __uint_as_float(sign | __float_as_uint(magnitude));
}
inline unsigned short to_f16(float x) {
  unsigned bits = __float_as_uint(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) return 0x7fff;
  if (size >= 0x477ff000) return static_cast<unsigned short>(sign | 0x7c00);
  if (size < 0x38800000)  // a multiple of 2^-24, which the addition rounds to
    return static_cast<unsigned short>(sign | (__float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000));
  return static_cast<unsigned short>(sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13));
}
inline unsigned to_tf32(float x) {  // ties away from 0
  unsigned bits = __float_as_uint(x);
  if ((bits & 0x7f800000) == 0x7f800000) return bits;
  return (bits + 0x1000) & 0xffffe000;
}
inline float from_tf32(unsigned bits) { return __uint_as_float(bits & 0xffffe000); }  // the tensor cores pass over the rest

}  // namespace gc_emu
