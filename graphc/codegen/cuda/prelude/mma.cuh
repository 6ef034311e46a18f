// Tensor cores by warps (sm_80 and up; sm_75 has ldmatrix only). All 32 threads of a warp call each function together.
// Fragments are register arrays: u32 words of two 16-bit values (the lower index in the lower half) or of one tf32 value.
//   gc_ldmatrix_x1/x2/x4(r, row)         8x8 matrices of 16-bit values from shared memory: thread t gives the address of row
//                                        t % 8 of matrix t / 8 (16 bytes, aligned); r[m] is row t / 4, columns 2 (t % 4) and + 1
//   gc_ldmatrix_x2/x4_trans(r, row)      the same of the transposed matrices
//   gc_mma_m16n8k16_f16/bf16(d, a, b)    d[4] += a[4] b[2], f32 sums; with g = t / 4, c = 2 (t % 4):
//                                        a: (g, c) (g + 8, c) (g, c + 8) (g + 8, c + 8), each with its right neighbour
//                                        b: (c, g) (c + 8, g), each with its lower neighbour;  d: (g, c) (g, c + 1) (g + 8, c) (g + 8, c + 1)
//   gc_mma_m16n8k8_tf32(d, a, b)         d[4] += a[4] b[2]; with c = t % 4: a: (g, c) (g + 8, c) (g, c + 4) (g + 8, c + 4), b: (c, g) (c + 4, g)
//   gc_tf32(x)                           f32 rounded to tf32 (nearest, ties away from 0), its bits
//   gc_pack_f16/bf16(low, high)          two f32 rounded to nearest even, as one word
#ifdef GC_EMULATE
template <class R, class S> inline void gc_ldmatrix_x1(const R& r, const S& row, int line = __builtin_LINE()) { gc_emu::ldmatrix(gc_emu::own(r, 1, line), row, 1, false, line); }
template <class R, class S> inline void gc_ldmatrix_x2(const R& r, const S& row, int line = __builtin_LINE()) { gc_emu::ldmatrix(gc_emu::own(r, 2, line), row, 2, false, line); }
template <class R, class S> inline void gc_ldmatrix_x4(const R& r, const S& row, int line = __builtin_LINE()) { gc_emu::ldmatrix(gc_emu::own(r, 4, line), row, 4, false, line); }
template <class R, class S> inline void gc_ldmatrix_x2_trans(const R& r, const S& row, int line = __builtin_LINE()) { gc_emu::ldmatrix(gc_emu::own(r, 2, line), row, 2, true, line); }
template <class R, class S> inline void gc_ldmatrix_x4_trans(const R& r, const S& row, int line = __builtin_LINE()) { gc_emu::ldmatrix(gc_emu::own(r, 4, line), row, 4, true, line); }
template <class D, class A, class B> inline void gc_mma_m16n8k16_f16(const D& d, const A& a, const B& b, int line = __builtin_LINE()) { gc_emu::mma_16(gc_emu::own(d, 4, line), gc_emu::own(a, 4, line), gc_emu::own(b, 2, line), gc_emu::from_f16, line); }
template <class D, class A, class B> inline void gc_mma_m16n8k16_bf16(const D& d, const A& a, const B& b, int line = __builtin_LINE()) { gc_emu::mma_16(gc_emu::own(d, 4, line), gc_emu::own(a, 4, line), gc_emu::own(b, 2, line), gc_emu::from_bf16, line); }
template <class D, class A, class B> inline void gc_mma_m16n8k8_tf32(const D& d, const A& a, const B& b, int line = __builtin_LINE()) { gc_emu::mma_tf32(gc_emu::own(d, 4, line), gc_emu::own(a, 4, line), gc_emu::own(b, 2, line), line); }
inline unsigned gc_tf32(float x) { return gc_emu::to_tf32(x); }
inline unsigned gc_pack_f16(float low, float high) { return gc_emu::to_f16(low) | static_cast<unsigned>(gc_emu::to_f16(high)) << 16; }
inline unsigned gc_pack_bf16(float low, float high) { return gc_emu::to_bf16(low) | static_cast<unsigned>(gc_emu::to_bf16(high)) << 16; }
#else
__device__ __forceinline__ unsigned gc_mma_shared(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }
__device__ __forceinline__ void gc_ldmatrix_x1(unsigned* r, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(gc_mma_shared(row)) : "memory");
}
__device__ __forceinline__ void gc_ldmatrix_x2(unsigned* r, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(gc_mma_shared(row)) : "memory");
}
__device__ __forceinline__ void gc_ldmatrix_x4(unsigned* r, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(gc_mma_shared(row)) : "memory");
}
__device__ __forceinline__ void gc_ldmatrix_x2_trans(unsigned* r, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(gc_mma_shared(row)) : "memory");
}
__device__ __forceinline__ void gc_ldmatrix_x4_trans(unsigned* r, const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(gc_mma_shared(row)) : "memory");
}
__device__ __forceinline__ void gc_mma_m16n8k16_f16(float* d, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void gc_mma_m16n8k16_bf16(float* d, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void gc_mma_m16n8k8_tf32(float* d, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ unsigned gc_tf32(float x) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}
__device__ __forceinline__ unsigned gc_pack_f16(float low, float high) {
  unsigned bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
__device__ __forceinline__ unsigned gc_pack_bf16(float low, float high) {
  unsigned bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
#endif
