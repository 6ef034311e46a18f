// Copies from global to shared memory that run beside the program (sm_80 and up).
//   gc_cp_async_4/8/16(to, from)              so many bytes, both aligned to them; done at a wait
//   gc_cp_async_4/8/16_if(to, from, inside)   zeros where not inside; `from` is not read then and may be any address
//   gc_cp_async_commit()                      what was started since the last commit is a group
//   gc_cp_async_wait<N>()                     all groups of this thread but the N last ones are done
// Other threads see the bytes after a barrier that follows the wait.
#ifdef GC_EMULATE
template <class D, class S> inline void gc_cp_async_4(const D& to, const S& from, int line = __builtin_LINE()) { gc_emu::cp_async<4>(to, from, true, line); }
template <class D, class S> inline void gc_cp_async_8(const D& to, const S& from, int line = __builtin_LINE()) { gc_emu::cp_async<8>(to, from, true, line); }
template <class D, class S> inline void gc_cp_async_16(const D& to, const S& from, int line = __builtin_LINE()) { gc_emu::cp_async<16>(to, from, true, line); }
template <class D, class S> inline void gc_cp_async_4_if(const D& to, const S& from, bool inside, int line = __builtin_LINE()) { gc_emu::cp_async<4>(to, from, inside, line); }
template <class D, class S> inline void gc_cp_async_8_if(const D& to, const S& from, bool inside, int line = __builtin_LINE()) { gc_emu::cp_async<8>(to, from, inside, line); }
template <class D, class S> inline void gc_cp_async_16_if(const D& to, const S& from, bool inside, int line = __builtin_LINE()) { gc_emu::cp_async<16>(to, from, inside, line); }
inline void gc_cp_async_commit() { gc_emu::cp_async_commit(); }
template <int N> inline void gc_cp_async_wait(int line = __builtin_LINE()) { gc_emu::cp_async_wait(N, line); }
#else
__device__ __forceinline__ unsigned gc_async_shared(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }
__device__ __forceinline__ void gc_cp_async_4(void* to, const void* from) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(gc_async_shared(to)), "l"(from) : "memory");
}
__device__ __forceinline__ void gc_cp_async_8(void* to, const void* from) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(gc_async_shared(to)), "l"(from) : "memory");
}
__device__ __forceinline__ void gc_cp_async_16(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(gc_async_shared(to)), "l"(from) : "memory");
}
__device__ __forceinline__ void gc_cp_async_4_if(void* to, const void* from, bool inside) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(gc_async_shared(to)), "l"(from), "r"(inside ? 4 : 0) : "memory");
}
__device__ __forceinline__ void gc_cp_async_8_if(void* to, const void* from, bool inside) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(gc_async_shared(to)), "l"(from), "r"(inside ? 8 : 0) : "memory");
}
__device__ __forceinline__ void gc_cp_async_16_if(void* to, const void* from, bool inside) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(gc_async_shared(to)), "l"(from), "r"(inside ? 16 : 0) : "memory");
}
__device__ __forceinline__ void gc_cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ __forceinline__ void gc_cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
#endif
