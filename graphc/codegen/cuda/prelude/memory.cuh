// Neighbouring elements of one thread, moved by one access of 4, 8 or 16 bytes where they are aligned to that.
//   gc_pack<T, N>                N elements, indexed like an array
//   gc_load<T, N>(p, i)          p[i] ... p[i + N - 1]; i is a multiple of as many elements as 16 bytes (or N elements) are
//   gc_store<T, N>(p, i, pack)   the same way back
template <class T, int N> struct __align__(sizeof(T) * N < 16 ? sizeof(T) * N : 16) gc_pack {
  T element[N];
#ifdef GC_EMULATE
  T& operator[](gc_index k) { return element[gc_emu::checked_index(k, N)]; }
  const T& operator[](gc_index k) const { return element[gc_emu::checked_index(k, N)]; }
#else
  __device__ __forceinline__ T& operator[](int k) { return element[k]; }
  __device__ __forceinline__ const T& operator[](int k) const { return element[k]; }
#endif
};
#ifdef GC_EMULATE
template <class T, int N, class P> inline gc_pack<T, N> gc_load(const P& p, long long i, int line = __builtin_LINE()) {
  gc_pack<T, N> pack;
  gc_emu::load<N>(p, i, pack.element, line);
  return pack;
}
template <class T, int N, class P> inline void gc_store(const P& p, long long i, const gc_pack<T, N>& pack, int line = __builtin_LINE()) {
  gc_emu::store<N>(p, i, pack.element, line);
}
#else
template <class T, int N> __device__ __forceinline__ gc_pack<T, N> gc_load(const T* p, long long i) {
  return *reinterpret_cast<const gc_pack<T, N>*>(p + i);
}
template <class T, int N> __device__ __forceinline__ void gc_store(T* p, long long i, const gc_pack<T, N>& pack) {
  *reinterpret_cast<gc_pack<T, N>*>(p + i) = pack;
}
#endif
